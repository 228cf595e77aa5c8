// The pairing and the call that checks a product of them.
#include "tests/shard/precompiles_fixture.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(bn_pairing, .init = pc_setup, .fini = pc_teardown);

static fp12 pairing(struct bn_g1 p, struct bn_g2 q)
{
    const struct bn_pair pair = {p, q};
    fp12 out;
    bn_miller_loop(&out, &pair, 1);
    bn_final_exponentiation(&out, &out);
    return out;
}

static struct bn_g1 g1_times(uint64_t factor)
{
    struct bn_g1 out = bn_g1_generator();
    const u256 k = u256_from_u64(factor);
    bn_g1_mul(&out, &out, &k);
    return out;
}

static struct bn_g2 g2_times(uint64_t factor)
{
    struct bn_g2 out = bn_g2_generator();
    mpz_t k;
    mpz_init_set_ui(k, factor);
    bn_g2_slow_mul(&out, &out, k);
    mpz_clear(k);
    return out;
}

Test(bn_pairing, is_bilinear)
{
    uint64_t random = test_seed("is_bilinear");
    const struct bn_g1 g1 = bn_g1_generator();
    const struct bn_g2 g2 = bn_g2_generator();
    const fp12 base = pairing(g1, g2);
    mpz_t exponent;
    mpz_init(exponent);
    for (int i = 0; i < 5; i++) {
        const uint64_t a = test_random(&random) >> 1, b = test_random(&random) >> 1;
        const fp12 got = pairing(g1_times(a), g2_times(b));
        fp12 expected;
        mpz_set_ui(exponent, a);
        mpz_mul_ui(exponent, exponent, b);
        fp12_power(&expected, &base, exponent);
        cr_assert(fp12_equal(&got, &expected), "a %lu, b %lu", a, b);
    }
    mpz_clear(exponent);
}

Test(bn_pairing, is_not_degenerate_and_has_order_r)
{
    mpz_t p, r;
    bn_test_primes(p, r);
    const fp12 base = pairing(bn_g1_generator(), bn_g2_generator());
    fp12 power;
    cr_assert(!fp12_is_one(&base));
    fp12_power(&power, &base, r);
    cr_assert(fp12_is_one(&power));
    mpz_clears(p, r, NULL);
}

// The exponent that the chain computes is a multiple of (p^12 - 1) / r, by a number prime to r.
Test(bn_pairing, final_exponentiation_is_a_power)
{
    uint64_t random = test_seed("final_exponentiation_is_a_power");
    mpz_t p, r, exponent, u, factor;
    bn_test_primes(p, r);
    mpz_inits(exponent, factor, NULL);
    mpz_init_set_str(u, "4965661367192848881", 10);
    mpz_pow_ui(exponent, p, 12);
    mpz_sub_ui(exponent, exponent, 1);
    cr_assert(mpz_divisible_p(exponent, r));
    mpz_divexact(exponent, exponent, r);
    // 2u (6u^2 + 3u + 1)
    mpz_mul_ui(factor, u, 6);
    mpz_add_ui(factor, factor, 3);
    mpz_mul(factor, factor, u);
    mpz_add_ui(factor, factor, 1);
    mpz_mul(factor, factor, u);
    mpz_mul_ui(factor, factor, 2);
    mpz_mul(exponent, exponent, factor);
    const fp12 a = bn_random_fp12(&random);
    fp12 expected, got;
    fp12_power(&expected, &a, exponent);
    bn_final_exponentiation(&got, &a);
    cr_assert(fp12_equal(&got, &expected));
    mpz_clears(p, r, exponent, u, factor, NULL);
}

Test(bn_pairing, pairs_together_equal_pairs_alone)
{
    struct bn_pair pairs[BN_MILLER_MAX];
    fp12 product, together;
    fp12_one(&product);
    for (size_t n = 0; n < BN_MILLER_MAX; n++) {
        pairs[n] = (struct bn_pair){g1_times(3 * n), g2_times(5 * n % 7)}; // some are infinity
        const fp12 alone = pairing(pairs[n].p, pairs[n].q);
        fp12_mul(&product, &product, &alone);
        bn_miller_loop(&together, pairs, n + 1);
        bn_final_exponentiation(&together, &together);
        cr_assert(fp12_equal(&together, &product), "%zu pairs", n + 1);
    }
}

static const char ONE[] = "0000000000000000000000000000000000000000000000000000000000000001";
static const char ZERO[] = "0000000000000000000000000000000000000000000000000000000000000000";

// n pairs (i + 1) G1, G2, and one that makes up for all of them: with as many pairs as fill several loops.
Test(bn_pairing, the_call_takes_any_number_of_pairs)
{
    const struct bn_g2 g2 = bn_g2_generator();
    pc_expect(PRECOMPILE_BN_PAIRING, bytes_of(NULL, 0), ONE);
    cr_assert_eq(precompile_gas(PRECOMPILE_BN_PAIRING, bytes_of(NULL, 0)), 45000);
    for (size_t n = 1; n <= 40; n += n < 14 ? 13 : 1 + n / 8) {
        uint8_t *input = malloc((n + 1) * 192);
        uint64_t sum = 0;
        for (size_t i = 0; i < n; i++) {
            const struct bn_g1 p = g1_times(i + 1);
            bn_write_pair(input + 192 * i, &p, &g2);
            sum += i + 1;
        }
        struct bn_g1 last = g1_times(sum);
        fp_neg(&last.y, &last.y);
        bn_write_pair(input + 192 * n, &last, &g2);
        const struct bytes whole = bytes_of(input, (n + 1) * 192);
        pc_expect(PRECOMPILE_BN_PAIRING, whole, ONE);
        cr_assert_eq(precompile_gas(PRECOMPILE_BN_PAIRING, whole), 45000 + 34000 * (n + 1));
        pc_expect(PRECOMPILE_BN_PAIRING, bytes_of(input, n * 192), ZERO);
        free(input);
    }
}

Test(bn_pairing, infinities_pair_to_one)
{
    const struct bn_g1 none1 = {FP_ZERO, FP_ZERO}, g1 = bn_g1_generator();
    const struct bn_g2 none2 = {.x.c0 = FP_ZERO}, g2 = bn_g2_generator();
    uint8_t input[192];
    bn_write_pair(input, &g1, &none2);
    pc_expect(PRECOMPILE_BN_PAIRING, bytes_of(input, 192), ONE);
    bn_write_pair(input, &none1, &g2);
    pc_expect(PRECOMPILE_BN_PAIRING, bytes_of(input, 192), ONE);
    bn_write_pair(input, &none1, &none2);
    pc_expect(PRECOMPILE_BN_PAIRING, bytes_of(input, 192), ONE);
    bn_write_pair(input, &g1, &g2);
    pc_expect(PRECOMPILE_BN_PAIRING, bytes_of(input, 192), ZERO);
}

Test(bn_pairing, the_call_refuses_parts_of_pairs)
{
    uint8_t input[384] = {0};
    for (size_t len = 1; len < 384; len++) {
        if (len != 192)
            pc_expect_failure(PRECOMPILE_BN_PAIRING, bytes_of(input, len));
    }
}

Test(bn_pairing, the_call_refuses_what_is_no_point_in_any_place)
{
    mpz_t p, r, number;
    bn_test_primes(p, r);
    mpz_init(number);
    const struct bn_g1 g1 = bn_g1_generator();
    const struct bn_g2 g2 = bn_g2_generator();
    const size_t pairs = 18;
    uint8_t *input = malloc(192 * pairs);
    for (size_t i = 0; i < pairs; i++)
        bn_write_pair(input + 192 * i, &g1, &g2);
    for (size_t pair = 0; pair < pairs; pair += 17) {
        for (size_t word = 0; word < 6; word++) {
            uint8_t *at = input + 192 * pair + 32 * word;
            at[31] ^= 1;
            pc_expect_failure(PRECOMPILE_BN_PAIRING, bytes_of(input, 192 * pairs));
            at[31] ^= 1;
            uint8_t kept[32];
            memcpy(kept, at, 32);
            pc_read_word(number, at);
            mpz_add(number, number, p);
            pc_word(at, number);
            pc_expect_failure(PRECOMPILE_BN_PAIRING, bytes_of(input, 192 * pairs));
            memcpy(at, kept, 32);
        }
    }
    free(input);
    mpz_clears(p, r, number, NULL);
}

// Also where the other point is infinity, so that its value would not matter.
Test(bn_pairing, the_call_refuses_points_outside_the_group)
{
    uint64_t random = test_seed("the_call_refuses_points_outside_the_group");
    const struct bn_g1 g1 = bn_g1_generator(), none = {FP_ZERO, FP_ZERO};
    const struct bn_g2 stranger = bn_random_curve_point(&random);
    struct bn_g2 again;
    uint8_t input[192];
    bn_write_pair(input, &g1, &stranger);
    cr_assert(bn_g2_read(&again, input + 64) && bn_g2_equal(&again, &stranger)); // on the curve it is
    pc_expect_failure(PRECOMPILE_BN_PAIRING, bytes_of(input, 192));
    bn_write_pair(input, &none, &stranger);
    pc_expect_failure(PRECOMPILE_BN_PAIRING, bytes_of(input, 192));
}
