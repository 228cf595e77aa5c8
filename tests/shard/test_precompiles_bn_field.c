// alt_bn128's field and tower against GMP and against their own definitions.
#include "tests/shard/precompiles_fixture.h"
#include "tests/support/vectors.h"

#include "shard/evm/precompiles/bn254_digits.h"

#include <criterion/criterion.h>

static void value_of(mpz_t out, const fp *a)
{
    uint8_t be[32];
    fp_to_be(be, a);
    pc_read_word(out, be);
}

static bool stands_for(const fp *a, mpz_t expected, const mpz_t p)
{
    mpz_t value;
    mpz_init(value);
    value_of(value, a);
    mpz_mod(expected, expected, p);
    const bool equal = mpz_cmp(value, expected) == 0;
    mpz_clear(value);
    return equal;
}

Test(bn_field, computes_what_gmp_computes)
{
    uint64_t random = test_seed("computes_what_gmp_computes");
    mpz_t p, r, x, y, expected;
    bn_test_primes(p, r);
    mpz_inits(x, y, expected, NULL);
    for (int i = 0; i < 20000; i++) {
        const fp a = bn_random_fp(&random), b = bn_random_fp(&random);
        fp out;
        value_of(x, &a);
        value_of(y, &b);
        fp_add(&out, &a, &b);
        mpz_add(expected, x, y);
        cr_assert(stands_for(&out, expected, p));
        fp_sub(&out, &a, &b);
        mpz_sub(expected, x, y);
        cr_assert(stands_for(&out, expected, p));
        fp_mul(&out, &a, &b);
        mpz_mul(expected, x, y);
        cr_assert(stands_for(&out, expected, p));
        fp_neg(&out, &a);
        mpz_neg(expected, x);
        cr_assert(stands_for(&out, expected, p));
        if (i % 20 == 0 && !fp_is_zero(&a)) {
            fp_inverse(&out, &a);
            mpz_invert(expected, x, p);
            cr_assert(stands_for(&out, expected, p));
        }
    }
    mpz_clears(p, r, x, y, expected, NULL);
}

Test(bn_field, reads_only_numbers_below_the_prime)
{
    mpz_t p, r, number;
    bn_test_primes(p, r);
    mpz_init(number);
    uint8_t be[32], again[32];
    fp out;
    mpz_sub_ui(number, p, 1);
    pc_word(be, number);
    cr_assert(fp_from_be(&out, be));
    fp_to_be(again, &out);
    cr_assert_eq(memcmp(be, again, 32), 0);
    for (unsigned i = 0; i < 3; i++) {
        mpz_add_ui(number, p, i);
        pc_word(be, number);
        cr_assert(!fp_from_be(&out, be));
    }
    memset(be, 0xff, 32);
    cr_assert(!fp_from_be(&out, be));
    mpz_clears(p, r, number, NULL);
}

Test(bn_field, fp2_is_fp_with_a_root_of_minus_one)
{
    uint64_t random = test_seed("fp2_is_fp_with_a_root_of_minus_one");
    for (int i = 0; i < 5000; i++) {
        const fp2 a = bn_random_fp2(&random), b = bn_random_fp2(&random), xi_one = {FP_ONE, FP_ZERO};
        fp2 product, expected, xi;
        fp t, s;
        fp_mul(&t, &a.c0, &b.c0);
        fp_mul(&s, &a.c1, &b.c1);
        fp_sub(&expected.c0, &t, &s);
        fp_mul(&t, &a.c0, &b.c1);
        fp_mul(&s, &a.c1, &b.c0);
        fp_add(&expected.c1, &t, &s);
        fp2_mul(&product, &a, &b);
        cr_assert(fp2_equal(&product, &expected));
        fp2_mul(&expected, &a, &a);
        fp2_sqr(&product, &a);
        cr_assert(fp2_equal(&product, &expected));
        fp2_mul_xi(&xi, &xi_one);
        fp2_mul(&expected, &a, &xi);
        fp2_mul_xi(&product, &a);
        cr_assert(fp2_equal(&product, &expected));
        if (i % 50 == 0 && !fp2_is_zero(&a)) {
            fp2_inverse(&product, &a);
            fp2_mul(&product, &product, &a);
            cr_assert(fp2_equal(&product, &xi_one));
        }
    }
}

// Outputs may be inputs.
Test(bn_field, results_may_replace_operands)
{
    uint64_t random = test_seed("results_may_replace_operands");
    for (int i = 0; i < 20; i++) {
        const fp12 a = bn_random_fp12(&random), b = bn_random_fp12(&random);
        fp12 expected, out;
        fp12_mul(&expected, &a, &b);
        out = a;
        fp12_mul(&out, &out, &b);
        cr_assert(fp12_equal(&out, &expected));
        out = b;
        fp12_mul(&out, &a, &out);
        cr_assert(fp12_equal(&out, &expected));
        fp12_sqr(&expected, &a);
        out = a;
        fp12_sqr(&out, &out);
        cr_assert(fp12_equal(&out, &expected));
        fp12_inverse(&expected, &a);
        out = a;
        fp12_inverse(&out, &out);
        cr_assert(fp12_equal(&out, &expected));
        fp12_mul_line(&expected, &a, &b.c0.c0, &b.c0.c1, &b.c0.c2);
        out = a;
        fp12_mul_line(&out, &out, &b.c0.c0, &b.c0.c1, &b.c0.c2);
        cr_assert(fp12_equal(&out, &expected));
        fp12_frobenius(&expected, &a, 3);
        out = a;
        fp12_frobenius(&out, &out, 3);
        cr_assert(fp12_equal(&out, &expected));
    }
}

Test(bn_field, fp12_is_a_field)
{
    uint64_t random = test_seed("fp12_is_a_field");
    for (int i = 0; i < 200; i++) {
        const fp12 a = bn_random_fp12(&random), b = bn_random_fp12(&random), c = bn_random_fp12(&random);
        fp12 left, right;
        fp12_mul(&left, &a, &b);
        fp12_mul(&right, &b, &a);
        cr_assert(fp12_equal(&left, &right));
        fp12_mul(&left, &left, &c);
        fp12_mul(&right, &b, &c);
        fp12_mul(&right, &a, &right);
        cr_assert(fp12_equal(&left, &right));
        fp12_sqr(&left, &a);
        fp12_mul(&right, &a, &a);
        cr_assert(fp12_equal(&left, &right));
        fp12_inverse(&left, &a);
        fp12_mul(&left, &left, &a);
        cr_assert(fp12_is_one(&left));
    }
}

// w^6 is xi, and v is w^2.
Test(bn_field, the_tower_stands_on_xi)
{
    fp12 w = {.c1.c0.c0 = FP_ONE}, power = w, xi = {.c0.c0.c0 = FP_ONE};
    fp2_mul_xi(&xi.c0.c0, &xi.c0.c0);
    fp12_mul(&power, &power, &w);
    const fp12 v = {.c0.c1.c0 = FP_ONE};
    cr_assert(fp12_equal(&power, &v));
    for (int i = 0; i < 4; i++)
        fp12_mul(&power, &power, &w);
    cr_assert(fp12_equal(&power, &xi));
}

Test(bn_field, lines_multiply_as_the_elements_they_are)
{
    uint64_t random = test_seed("lines_multiply_as_the_elements_they_are");
    for (int i = 0; i < 200; i++) {
        const fp12 a = bn_random_fp12(&random);
        const fp12 line = {.c0.c0 = bn_random_fp2(&random),
                           .c1 = {.c0 = bn_random_fp2(&random), .c1 = bn_random_fp2(&random)}};
        fp12 left, right;
        fp12_mul(&left, &a, &line);
        fp12_mul_line(&right, &a, &line.c0.c0, &line.c1.c0, &line.c1.c1);
        cr_assert(fp12_equal(&left, &right));
    }
}

Test(bn_field, frobenius_raises_to_powers_of_p)
{
    uint64_t random = test_seed("frobenius_raises_to_powers_of_p");
    mpz_t p, r;
    bn_test_primes(p, r);
    const fp12 a = bn_random_fp12(&random);
    fp12 expected = a, got;
    for (unsigned power = 1; power <= 3; power++) {
        fp12_power(&expected, &expected, p);
        fp12_frobenius(&got, &a, power);
        cr_assert(fp12_equal(&got, &expected), "power %u", power);
    }
    for (int i = 0; i < 3; i++)
        fp12_power(&expected, &expected, p);
    fp12_conjugate(&got, &a);
    cr_assert(fp12_equal(&got, &expected));
    mpz_clears(p, r, NULL);
}

Test(bn_field, cyclotomic_squares_are_squares)
{
    uint64_t random = test_seed("cyclotomic_squares_are_squares");
    for (int i = 0; i < 50; i++) {
        fp12 a = bn_random_fp12(&random), t, got, expected;
        // a^((p^6 - 1)(p^2 + 1)) is in the subgroup.
        fp12_inverse(&t, &a);
        fp12_conjugate(&a, &a);
        fp12_mul(&a, &a, &t);
        fp12_frobenius(&t, &a, 2);
        fp12_mul(&a, &a, &t);
        fp12_mul(&expected, &a, &a);
        fp12_cyclotomic_sqr(&got, &a);
        cr_assert(fp12_equal(&got, &expected));
        fp12_cyclotomic_sqr(&a, &a);
        cr_assert(fp12_equal(&a, &expected));
    }
}

Test(bn_field, digits_add_up_to_their_number)
{
    uint64_t random = test_seed("digits_add_up_to_their_number");
    for (int i = 0; i < 5000; i++) {
        const unsigned width = 2 + (unsigned)(test_random(&random) % 6);
        unsigned __int128 n = (unsigned __int128)test_random(&random) << 64 | test_random(&random);
        n >>= 1 + test_random(&random) % 127;
        int8_t digits[BN_DIGITS_MAX];
        const unsigned count = bn_digits(digits, n, width);
        __int128 sum = 0;
        unsigned since = width;
        for (unsigned k = count; k-- > 0;) {
            sum = 2 * sum + digits[k];
            since++;
            if (digits[k] == 0)
                continue;
            cr_assert(digits[k] % 2 != 0 && digits[k] < 1 << (width - 1) && digits[k] > -(1 << (width - 1)));
            cr_assert_geq(since, width);
            since = 0;
        }
        cr_assert(sum == (__int128)n);
    }
}
