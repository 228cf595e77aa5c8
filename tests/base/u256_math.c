#include "base/u256_math.h"

#include "tests/support/vectors.h"

#include <criterion/criterion.h>

#define ROUNDS 100000

// Words that carry, borrow and normalize badly turn up far more often than in uniform numbers.
static uint64_t edge_word(uint64_t *seed)
{
    const uint64_t r = test_random(seed);
    switch (r % 6) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX - (r >> 61);
    case 2:
        return UINT64_C(1) << (r >> 58);
    default:
        return test_random(seed);
    }
}

static u256 edge_number(uint64_t *seed)
{
    u256 out = U256_ZERO;
    const int words = (int)(test_random(seed) % 5);
    for (int i = 0; i < words; i++)
        out.w[i] = edge_word(seed);
    return out;
}

static bool bit(const u256 *a, unsigned i)
{
    return a->w[i / 64] >> i % 64 & 1;
}

static void set_bit(u256 *a, unsigned i)
{
    a->w[i / 64] |= UINT64_C(1) << i % 64;
}

#define EXPECT(got, expected, ...)                                                                                     \
    do {                                                                                                               \
        const u256 g = (got), e = (expected);                                                                          \
        cr_assert(u256_equal(&g, &e), __VA_ARGS__);                                                                    \
    } while (0)

Test(u256_math, multiplies_as_the_full_product_cut_to_256_bits)
{
    uint64_t seed = test_seed("u256_math_mul");
    for (int i = 0; i < ROUNDS; i++) {
        const u256 a = edge_number(&seed), b = edge_number(&seed);
        u256 full;
        u256_mul(&full, &a, &b);
        EXPECT(u256_mul_low(&a, &b), full, "round %d", i);
    }
}

Test(u256_math, shifts_bit_by_bit)
{
    uint64_t seed = test_seed("u256_math_shift");
    for (int i = 0; i < ROUNDS / 10; i++) {
        const u256 a = edge_number(&seed);
        const uint64_t n = test_random(&seed) % 300;
        u256 left = U256_ZERO, right = U256_ZERO, signed_right = U256_ZERO;
        for (unsigned k = 0; k < 256; k++) {
            if (k >= n && bit(&a, k - (unsigned)n))
                set_bit(&left, k);
            if (k + n < 256 && bit(&a, k + (unsigned)n))
                set_bit(&right, k);
            if (k + n < 256 ? bit(&a, k + (unsigned)n) : bit(&a, 255))
                set_bit(&signed_right, k);
        }
        EXPECT(u256_shl(&a, n), left, "shl %lu", n);
        EXPECT(u256_shr(&a, n), right, "shr %lu", n);
        EXPECT(u256_sar(&a, n), signed_right, "sar %lu", n);
    }
}

// Adds and subtracts only.
static u256 model_add_mod(u256 a, u256 b, const u256 *m)
{
    u256 sum;
    u256_divmod(NULL, &a, &a, m);
    u256_divmod(NULL, &b, &b, m);
    const bool carry = u256_add(&sum, &a, &b);
    if (carry || u256_cmp(&sum, m) >= 0)
        u256_sub(&sum, &sum, m);
    return u256_is_zero(m) ? U256_ZERO : sum;
}

static u256 model_mul_mod(const u256 *a, const u256 *b, const u256 *m)
{
    u256 sum = U256_ZERO;
    for (unsigned i = 256; i-- > 0;) {
        sum = model_add_mod(sum, sum, m);
        if (bit(b, i))
            sum = model_add_mod(sum, *a, m);
    }
    return sum;
}

Test(u256_math, adds_and_multiplies_modulo_anything)
{
    uint64_t seed = test_seed("u256_math_mod");
    for (int i = 0; i < ROUNDS / 10; i++) {
        const u256 a = edge_number(&seed), b = edge_number(&seed);
        u256 m = edge_number(&seed);
        // Moduli whose top words repeat make the quotient's digits hard to guess.
        if (i % 4 == 0)
            m.w[1] = m.w[2] = m.w[3] = a.w[3];
        EXPECT(u256_add_mod(&a, &b, &m), model_add_mod(a, b, &m), "add, round %d", i);
        EXPECT(u256_mul_mod(&a, &b, &m), model_mul_mod(&a, &b, &m), "mul, round %d", i);
    }
}

static u256 negative(uint64_t value)
{
    const u256 v = u256_from_u64(value);
    u256 out;
    u256_sub(&out, &U256_ZERO, &v);
    return out;
}

Test(u256_math, divides_signed_numbers_towards_zero)
{
    const u256 seven = u256_from_u64(7), two = u256_from_u64(2), minus_seven = negative(7), minus_two = negative(2);
    const u256 minus_one = negative(1), least = {{0, 0, 0, UINT64_C(1) << 63}};
    EXPECT(u256_signed_div(&minus_seven, &two), negative(3), "-7 / 2");
    EXPECT(u256_signed_div(&seven, &minus_two), negative(3), "7 / -2");
    EXPECT(u256_signed_div(&minus_seven, &minus_two), u256_from_u64(3), "-7 / -2");
    EXPECT(u256_signed_div(&least, &minus_one), least, "-2^255 / -1");
    EXPECT(u256_signed_div(&seven, &U256_ZERO), U256_ZERO, "7 / 0");
    EXPECT(u256_signed_mod(&minus_seven, &two), minus_one, "-7 %% 2");
    EXPECT(u256_signed_mod(&seven, &minus_two), u256_from_u64(1), "7 %% -2");
    EXPECT(u256_signed_mod(&seven, &U256_ZERO), U256_ZERO, "7 %% 0");
}

Test(u256_math, gives_signed_quotients_and_remainders_that_make_up_the_dividend)
{
    uint64_t seed = test_seed("u256_math_signed");
    for (int i = 0; i < ROUNDS; i++) {
        const u256 a = edge_number(&seed), b = edge_number(&seed);
        if (u256_is_zero(&b))
            continue;
        const u256 q = u256_signed_div(&a, &b), r = u256_signed_mod(&a, &b);
        u256 sum = u256_mul_low(&q, &b);
        u256_add(&sum, &sum, &r);
        EXPECT(sum, a, "round %d", i);
        cr_assert(u256_is_zero(&r) || u256_is_negative(&r) == u256_is_negative(&a), "round %d", i);
    }
}

Test(u256_math, compares_signed_numbers)
{
    uint64_t seed = test_seed("u256_math_less");
    for (int i = 0; i < ROUNDS; i++) {
        const u256 a = edge_number(&seed), b = i % 3 == 0 ? a : edge_number(&seed);
        // With the sign's bit turned over they compare as unsigned ones.
        u256 x = a, y = b;
        x.w[3] ^= UINT64_C(1) << 63;
        y.w[3] ^= UINT64_C(1) << 63;
        cr_assert_eq(u256_less(&a, &b), u256_cmp(&a, &b) < 0);
        cr_assert_eq(u256_signed_less(&a, &b), u256_cmp(&x, &y) < 0);
    }
}

Test(u256_math, raises_to_powers_as_repeated_multiplication)
{
    uint64_t seed = test_seed("u256_math_pow");
    for (int i = 0; i < 1000; i++) {
        const u256 base = edge_number(&seed);
        u256 expected = u256_from_u64(1);
        for (uint64_t n = 0; n < 40; n++) {
            const u256 exponent = u256_from_u64(n);
            EXPECT(u256_pow(&base, &exponent), expected, "exponent %lu", n);
            expected = u256_mul_low(&expected, &base);
        }
        // The exponent's higher words: base^(2^k) by squaring.
        u256 square = base, exponent = {{0, 0, 1, 0}};
        for (int k = 0; k < 128; k++)
            square = u256_mul_low(&square, &square);
        EXPECT(u256_pow(&base, &exponent), square, "exponent 2^128");
    }
}

Test(u256_math, extends_signs_from_each_byte)
{
    uint64_t seed = test_seed("u256_math_extend");
    for (int i = 0; i < ROUNDS / 10; i++) {
        const u256 a = edge_number(&seed);
        const unsigned index = (unsigned)(test_random(&seed) % 34);
        const u256 word = u256_from_u64(index);
        u256 expected = a;
        for (unsigned k = 8 * index + 8; k < 256; k++) {
            expected.w[k / 64] &= ~(UINT64_C(1) << k % 64);
            if (bit(&a, 8 * index + 7))
                set_bit(&expected, k);
        }
        EXPECT(u256_sign_extend(&a, &word), expected, "byte %u", index);
    }
    const u256 huge = {{0, 1, 0, 0}}, minus = negative(5);
    EXPECT(u256_sign_extend(&minus, &huge), minus, "index beyond 64 bits");
}
