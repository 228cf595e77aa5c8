// The calls bn_add and bn_mul, and the two groups behind them.
#include "tests/shard/precompiles_fixture.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(bn_groups, .init = pc_setup, .fini = pc_teardown);

static struct bn_g1 add(struct bn_g1 a, struct bn_g1 b)
{
    bn_g1_add(&a, &a, &b);
    return a;
}

static struct bn_g1 times(struct bn_g1 a, u256 factor)
{
    bn_g1_mul(&a, &a, &factor);
    return a;
}

Test(bn_groups, addition_is_a_groups)
{
    uint64_t random = test_seed("addition_is_a_groups");
    const struct bn_g1 zero = {FP_ZERO, FP_ZERO};
    for (int i = 0; i < 200; i++) {
        const struct bn_g1 a = bn_random_g1(&random), b = bn_random_g1(&random), c = bn_random_g1(&random);
        struct bn_g1 left = add(add(a, b), c), right = add(a, add(b, c)), negated = a;
        cr_assert(bn_g1_equal(&left, &right));
        left = add(a, b);
        right = add(b, a);
        cr_assert(bn_g1_equal(&left, &right));
        left = add(a, zero);
        right = add(zero, a);
        cr_assert(bn_g1_equal(&left, &a) && bn_g1_equal(&right, &a));
        fp_neg(&negated.y, &negated.y);
        left = add(a, negated);
        cr_assert(bn_g1_is_infinity(&left));
    }
}

Test(bn_groups, multiplication_equals_adding_bit_by_bit)
{
    uint64_t random = test_seed("multiplication_equals_adding_bit_by_bit");
    mpz_t factor;
    mpz_init(factor);
    for (int i = 0; i < 300; i++) {
        const struct bn_g1 a = bn_random_g1(&random);
        const u256 k = bn_random_u256(&random);
        uint8_t be[32];
        u256_to_be(be, &k);
        pc_read_word(factor, be);
        struct bn_g1 expected;
        bn_g1_slow_mul(&expected, &a, factor);
        const struct bn_g1 got = times(a, k);
        cr_assert(bn_g1_equal(&got, &expected));
    }
    mpz_clear(factor);
}

// Where the split into halves, and the reduction by the order, have their ends: near multiples of r, lambda and the
// lattice's numbers.
Test(bn_groups, multiplication_by_numbers_at_the_ends)
{
    const char *const ends[] = {
        "0",
        "21888242871839275222246405745257275088548364400416034343698204186575808495617",
        "43776485743678550444492811490514550177096728800832068687396408373151616991234",
        "109441214359196376111232028726286375442741822002080171718491020932879042478085",
        "4407920970296243842393367215006156084916469457145843978461",
        "21888242871839275217838484774961031246154997185409878258781734729429964517155",
        "147946756881789319010696353538189108491",
        "147946756881789319000765030803803410728",
        "9931322734385697763",
        "10944121435919637611123202872628637544274182200208017171849102093287904247808",
        "115792089237316195423570985008687907853269984665640564039457584007913129639935",
    };
    mpz_t factor;
    mpz_init(factor);
    const struct bn_g1 g = bn_g1_generator();
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        for (int offset = -3; offset <= 3; offset++) {
            mpz_set_str(factor, ends[i], 10);
            if (offset < 0)
                mpz_sub_ui(factor, factor, (unsigned)-offset);
            else
                mpz_add_ui(factor, factor, (unsigned)offset);
            if (mpz_sgn(factor) < 0 || mpz_sizeinbase(factor, 2) > 256)
                continue;
            uint8_t be[32];
            pc_word(be, factor);
            struct bn_g1 expected;
            bn_g1_slow_mul(&expected, &g, factor);
            const struct bn_g1 got = times(g, u256_from_be(be, 32));
            cr_assert(bn_g1_equal(&got, &expected), "%s %+d", ends[i], offset);
        }
    }
    mpz_clear(factor);
}

Test(bn_groups, multiplication_distributes)
{
    uint64_t random = test_seed("multiplication_distributes");
    for (int i = 0; i < 100; i++) {
        const struct bn_g1 p = bn_random_g1(&random), q = bn_random_g1(&random);
        u256 a = bn_random_u256(&random), b = bn_random_u256(&random), sum;
        a.w[3] >>= 1;
        b.w[3] >>= 1;
        u256_add(&sum, &a, &b);
        struct bn_g1 left = times(p, sum), right = add(times(p, a), times(p, b));
        cr_assert(bn_g1_equal(&left, &right));
        left = times(add(p, q), a);
        right = add(times(p, a), times(q, a));
        cr_assert(bn_g1_equal(&left, &right));
    }
}

Test(bn_groups, calls_take_missing_bytes_as_zeros_and_ignore_more)
{
    const struct bn_g1 g = bn_g1_generator(), doubled = add(g, g);
    uint8_t input[200] = {0}, output[64];
    char text[129] = "";
    struct bytes got;
    bn_g1_write(input, &g);
    // A point alone: the other one is infinity.
    for (size_t len = 64; len <= 128; len++) {
        cr_assert_eq(precompile_run(pc_context, &got, PRECOMPILE_BN_ADD, bytes_of(input, len)), PRECOMPILE_OK);
        cr_assert(bytes_equal(got, bytes_of(input, 64)));
    }
    pc_expect(PRECOMPILE_BN_ADD, bytes_of(NULL, 0), memset(text, '0', 128));
    pc_expect(PRECOMPILE_BN_MUL, bytes_of(NULL, 0), text);
    pc_expect(PRECOMPILE_BN_MUL, bytes_of(input, 64), text);
    // The factor 2, then what is not part of the input.
    input[95] = 2;
    memset(input + 96, 0xff, sizeof input - 96);
    bn_g1_write(output, &doubled);
    cr_assert_eq(precompile_run(pc_context, &got, PRECOMPILE_BN_MUL, bytes_of(input, sizeof input)), PRECOMPILE_OK);
    cr_assert(bytes_equal(got, bytes_of(output, 64)));
    bn_g1_write(input + 64, &g);
    cr_assert_eq(precompile_run(pc_context, &got, PRECOMPILE_BN_ADD, bytes_of(input, sizeof input)), PRECOMPILE_OK);
    cr_assert(bytes_equal(got, bytes_of(output, 64)));
}

Test(bn_groups, calls_refuse_what_is_no_point)
{
    mpz_t p, r, number;
    bn_test_primes(p, r);
    mpz_init(number);
    const struct bn_g1 g = bn_g1_generator();
    uint8_t input[128] = {0};
    for (size_t word = 0; word < 4; word++) {
        bn_g1_write(input, &g);
        bn_g1_write(input + 64, &g);
        input[32 * word + 31] ^= 4; // off the curve
        pc_expect_failure(PRECOMPILE_BN_ADD, bytes_of(input, 128));
        if (word < 2)
            pc_expect_failure(PRECOMPILE_BN_MUL, bytes_of(input, 96));
        input[32 * word + 31] ^= 4;
        // The same residue, but not below p.
        pc_read_word(number, input + 32 * word);
        mpz_add(number, number, p);
        pc_word(input + 32 * word, number);
        pc_expect_failure(PRECOMPILE_BN_ADD, bytes_of(input, 128));
        if (word < 2)
            pc_expect_failure(PRECOMPILE_BN_MUL, bytes_of(input, 96));
    }
    // p stands for no zero.
    memset(input, 0, sizeof input);
    pc_word(input, p);
    pc_expect_failure(PRECOMPILE_BN_ADD, bytes_of(input, 128));
    mpz_clears(p, r, number, NULL);
}

Test(bn_groups, points_of_the_second_curve_are_read_and_others_refused)
{
    uint64_t random = test_seed("points_of_the_second_curve_are_read_and_others_refused");
    for (int i = 0; i < 100; i++) {
        const struct bn_g2 q = bn_random_curve_point(&random);
        struct bn_g1 any = bn_g1_generator();
        struct bn_g2 again, off = q;
        uint8_t pair[192];
        bn_write_pair(pair, &any, &q);
        cr_assert(bn_g2_read(&again, pair + 64) && bn_g2_equal(&again, &q));
        fp *const parts[4] = {&off.x.c0, &off.x.c1, &off.y.c0, &off.y.c1};
        fp_add(parts[i % 4], parts[i % 4], &FP_ONE);
        bn_write_pair(pair, &any, &off);
        cr_assert(!bn_g2_read(&again, pair + 64));
    }
}

// The curve over Fp2 has r (2p - r) points.
Test(bn_groups, membership_is_having_order_r)
{
    uint64_t random = test_seed("membership_is_having_order_r");
    mpz_t p, r, cofactor;
    bn_test_primes(p, r);
    mpz_init(cofactor);
    mpz_mul_2exp(cofactor, p, 1);
    mpz_sub(cofactor, cofactor, r);
    const struct bn_g2 infinity = {.x.c0 = FP_ZERO}, generator = bn_g2_generator();
    cr_assert(bn_g2_in_group(&infinity) && bn_g2_in_group(&generator));
    for (int i = 0; i < 15; i++) {
        const struct bn_g2 q = bn_random_curve_point(&random);
        struct bn_g2 member, stranger, sum;
        bn_g2_slow_mul(&member, &q, cofactor);
        cr_assert(bn_g2_in_group(&member));
        bn_g2_slow_mul(&stranger, &q, r);
        cr_assert_eq(bn_g2_in_group(&q), bn_g2_is_infinity(&stranger));
        if (bn_g2_is_infinity(&stranger))
            continue;
        cr_assert(!bn_g2_in_group(&stranger));
        bn_g2_slow_add(&sum, &member, &stranger);
        cr_assert(!bn_g2_in_group(&sum));
    }
    mpz_clears(p, r, cofactor, NULL);
}

// The cofactor has the factors 10069 and 5864401: points of such small orders take the formulas to their exceptions.
Test(bn_groups, points_of_small_order_are_no_members)
{
    uint64_t random = test_seed("points_of_small_order_are_no_members");
    const unsigned orders[] = {10069, 5864401};
    mpz_t p, r, rest, order;
    bn_test_primes(p, r);
    mpz_inits(rest, order, NULL);
    for (size_t i = 0; i < 2; i++) {
        mpz_mul_2exp(rest, p, 1);
        mpz_sub(rest, rest, r);
        mpz_mul(rest, rest, r);
        cr_assert(mpz_divisible_ui_p(rest, orders[i]));
        mpz_divexact_ui(rest, rest, orders[i]);
        struct bn_g2 small, back;
        do {
            const struct bn_g2 q = bn_random_curve_point(&random);
            bn_g2_slow_mul(&small, &q, rest);
        } while (bn_g2_is_infinity(&small));
        mpz_set_ui(order, orders[i]);
        bn_g2_slow_mul(&back, &small, order);
        cr_assert(bn_g2_is_infinity(&back));
        cr_assert(!bn_g2_in_group(&small));
    }
    mpz_clears(p, r, rest, order, NULL);
}

Test(bn_groups, frobenius_multiplies_members_by_p)
{
    mpz_t p, r;
    bn_test_primes(p, r);
    const struct bn_g2 g = bn_g2_generator();
    struct bn_g2 expected, got;
    bn_g2_slow_mul(&expected, &g, p);
    bn_g2_frobenius(&got, &g);
    cr_assert(bn_g2_equal(&got, &expected));
    mpz_clears(p, r, NULL);
}
