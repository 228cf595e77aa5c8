#include "base/u256.h"

#include "base/hex.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define ROUNDS 200000

// Numbers as 64 base-256 digits, least significant first: a model slow and plain enough to be seen right.
struct digits {
    uint8_t d[64];
};

static struct digits digits_of(const u256 *a)
{
    struct digits out = {{0}};
    memcpy(out.d, a->w, 32);
    return out;
}

static bool digits_equal_u256(const struct digits *a, const u256 *b)
{
    return memcmp(a->d, b->w, 32) == 0;
}

static struct digits model_mul(const struct digits *a, const struct digits *b)
{
    struct digits out = {{0}};
    for (int i = 0; i < 32; i++) {
        unsigned carry = 0;
        for (int j = 0; i + j < 64; j++) {
            unsigned t = out.d[i + j] + (j < 32 ? a->d[i] * b->d[j] : 0u) + carry;
            out.d[i + j] = (uint8_t)t;
            carry = t >> 8;
        }
    }
    return out;
}

static bool fits_256(const struct digits *a)
{
    static const uint8_t zero[32];
    return memcmp(a->d + 32, zero, 32) == 0;
}

// Words that carry, borrow and normalize badly turn up far more often than in uniform numbers.
static uint64_t edge_word(uint64_t *seed)
{
    uint64_t r = test_random(seed);
    switch (r % 8) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX - (r >> 60);
    case 2:
        return r >> 60;
    case 3:
        return UINT64_C(1) << (r >> 58);
    case 4:
        return (UINT64_C(1) << (r >> 58)) - 1;
    default:
        return test_random(seed);
    }
}

static u256 edge_number(uint64_t *seed)
{
    u256 out = U256_ZERO;
    int words = (int)(test_random(seed) % 5);
    for (int i = 0; i < words; i++)
        out.w[i] = edge_word(seed);
    return out;
}

Test(u256, adds_with_carry_and_subtracts_with_borrow)
{
    u256 one = u256_from_u64(1), max = U256_MAX, zero = U256_ZERO, out;
    cr_assert(u256_add(&out, &max, &one));
    cr_assert(u256_is_zero(&out));
    cr_assert(u256_sub(&out, &zero, &one));
    cr_assert(u256_equal(&out, &max));
    cr_assert_not(u256_add(&out, &zero, &max));
    cr_assert_not(u256_sub(&out, &max, &max));
    cr_assert(u256_is_zero(&out));
}

Test(u256, addition_and_subtraction_undo_each_other)
{
    uint64_t seed = test_seed("u256 add/sub");
    for (int i = 0; i < ROUNDS; i++) {
        u256 a = edge_number(&seed), b = edge_number(&seed), sum, back;
        bool carry = u256_add(&sum, &a, &b);
        cr_assert_eq(carry, u256_cmp(&sum, &a) < 0);
        cr_assert_eq(u256_sub(&back, &sum, &b), carry);
        cr_assert(u256_equal(&back, &a));
        u256 alias = a;
        u256_add(&alias, &alias, &b);
        cr_assert(u256_equal(&alias, &sum));
        u256_sub(&b, &alias, &b);
        cr_assert(u256_equal(&b, &a));
    }
}

Test(u256, compares_like_its_digits_from_the_top)
{
    uint64_t seed = test_seed("u256 cmp");
    for (int i = 0; i < ROUNDS; i++) {
        u256 a = edge_number(&seed), b = i % 3 == 0 ? a : edge_number(&seed);
        if (i % 3 == 0)
            b.w[test_random(&seed) % 4] ^= test_random(&seed) & 1;
        uint8_t be_a[32], be_b[32];
        u256_to_be(be_a, &a);
        u256_to_be(be_b, &b);
        int expected = memcmp(be_a, be_b, 32);
        int got = u256_cmp(&a, &b);
        cr_assert_eq(got, expected < 0 ? -1 : expected > 0);
        cr_assert_eq(u256_equal(&a, &b), expected == 0);
    }
}

Test(u256, multiplies_like_schoolbook_and_tells_overflow)
{
    uint64_t seed = test_seed("u256 mul");
    for (int i = 0; i < ROUNDS; i++) {
        u256 a = edge_number(&seed), b = edge_number(&seed), product;
        struct digits da = digits_of(&a), db = digits_of(&b);
        struct digits expected = model_mul(&da, &db);
        cr_assert_eq(u256_mul(&product, &a, &b), !fits_256(&expected));
        cr_assert(digits_equal_u256(&expected, &product));

        u256 word = u256_from_u64(b.w[0]);
        struct digits dw = digits_of(&word);
        expected = model_mul(&da, &dw);
        cr_assert_eq(u256_mul_u64(&product, &a, b.w[0]), !fits_256(&expected));
        cr_assert(digits_equal_u256(&expected, &product));

        product = a;
        u256_mul(&product, &product, &b);
        u256_mul(&b, &a, &b);
        cr_assert(u256_equal(&product, &b), "aliased outputs");
    }
}

// a = q b + r with r < b determines q and r, and multiplication is held to its own model.
static void check_division(const u256 *a, const u256 *b)
{
    u256 q, r, back;
    u256_divmod(&q, &r, a, b);
    cr_assert(u256_cmp(&r, b) < 0);
    cr_assert_not(u256_mul(&back, &q, b));
    cr_assert_not(u256_add(&back, &back, &r));
    cr_assert(u256_equal(&back, a));
}

Test(u256, quotient_times_divisor_plus_remainder_is_the_dividend)
{
    uint64_t seed = test_seed("u256 divmod");
    for (int i = 0; i < ROUNDS; i++) {
        u256 a = edge_number(&seed), b = edge_number(&seed);
        if (u256_is_zero(&b))
            continue;
        check_division(&a, &b);
        u256 q, r, alias_a = a, alias_b = b;
        u256_divmod(&q, &r, &a, &b);
        u256_divmod(&alias_b, &alias_a, &alias_a, &alias_b);
        cr_assert(u256_equal(&alias_b, &q) && u256_equal(&alias_a, &r), "aliased outputs");
        u256_divmod(&q, NULL, &a, &b);
        u256_divmod(NULL, &r, &a, &b);
        cr_assert(u256_equal(&alias_b, &q) && u256_equal(&alias_a, &r), "one output only");
    }
}

// The cases that random numbers meet once in 2^64: estimates off by two, and the divisor added back (after Hacker's
// Delight, divmnu).
Test(u256, division_corrects_every_estimate)
{
    const uint64_t top = UINT64_C(1) << 63;
    static const u256 ones = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    const u256 cases[][2] = {
        {{{3, 0, top, 0}}, {{1, 0, top >> 2, 0}}},
        {{{0, 0, top, top - 1}}, {{1, 0, top, 0}}},
        {{{0, UINT64_MAX - 1, top, 0}}, {{UINT64_MAX, top, 0, 0}}},
        {{{0, 0, 0, top}}, {{UINT64_MAX, 0, top, 0}}},
        {{{0, UINT64_MAX, UINT64_MAX - 1, top - 1}}, {{UINT64_MAX, UINT64_MAX, top, 0}}},
        {ones, {{UINT64_MAX, UINT64_MAX, 0, 0}}},
        {ones, {{0, 1, 0, 0}}},
        {ones, ones},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_division(&cases[i][0], &cases[i][1]);
}

Test(u256, division_by_zero_gives_zero_and_zero)
{
    u256 a = U256_MAX, zero = U256_ZERO, q = U256_MAX, r = U256_MAX;
    u256_divmod(&q, &r, &a, &zero);
    cr_assert(u256_is_zero(&q) && u256_is_zero(&r));
}

Test(u256, counts_significant_bits)
{
    u256 a = U256_ZERO;
    cr_assert_eq(u256_bits(&a), 0);
    for (unsigned bit = 0; bit < 256; bit++) {
        a = U256_ZERO;
        a.w[bit / 64] = UINT64_C(1) << bit % 64;
        cr_assert_eq(u256_bits(&a), bit + 1);
        if (bit > 0)
            a.w[0] |= 1;
        cr_assert_eq(u256_bits(&a), bit + 1);
    }
}

Test(u256, big_endian_bytes_round_trip_at_every_length)
{
    uint64_t seed = test_seed("u256 big-endian");
    for (size_t len = 0; len <= 32; len++) {
        uint8_t in[32], out[32], padded[32] = {0};
        for (size_t i = 0; i < len; i++)
            in[i] = (uint8_t)test_random(&seed);
        memcpy(padded + 32 - len, in, len);
        u256 a = u256_from_be(in, len);
        u256_to_be(out, &a);
        cr_assert_arr_eq(out, padded, 32);
    }
    u256 a = u256_from_be((const uint8_t[]){1, 2}, 2);
    cr_assert(u256_fits_u64(&a) && a.w[0] == 0x0102);
    a = u256_from_be(NULL, 0);
    cr_assert(u256_is_zero(&a));
}

static bool parses(u256 *out, const char *text)
{
    // A copy without room after the end, so that the sanitizer sees any reading past it.
    size_t len = strlen(text);
    char *exact = malloc(len ? len : 1);
    memcpy(exact, text, len);
    bool ok = u256_parse(out, exact, len);
    free(exact);
    return ok;
}

Test(u256, decimal_text_round_trips)
{
    uint64_t seed = test_seed("u256 decimal");
    for (int i = 0; i < 20000; i++) {
        u256 a = edge_number(&seed), back;
        char text[80];
        memset(text, 'x', sizeof text);
        size_t len = u256_to_decimal(text, &a);
        cr_assert(len <= 78 && text[len] == 0 && strlen(text) == len);
        cr_assert(len == 1 || text[0] != '0');
        cr_assert(u256_parse(&back, text, len) && u256_equal(&a, &back));
    }
}

Test(u256, decimal_text_of_known_numbers)
{
    static const struct {
        u256 value;
        const char *text;
    } cases[] = {
        {{{0, 0, 0, 0}}, "0"},
        {{{10000000000000000000u, 0, 0, 0}}, "10000000000000000000"},
        {{{0, 1, 0, 0}}, "18446744073709551616"},
        {{{0, 0, 1, 0}}, "340282366920938463463374607431768211456"},
        {{{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}},
         "115792089237316195423570985008687907853269984665640564039457584007913129639935"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[80];
        u256 back;
        u256_to_decimal(text, &cases[i].value);
        cr_assert_str_eq(text, cases[i].text);
        cr_assert(parses(&back, text) && u256_equal(&back, &cases[i].value));
    }
}

Test(u256, hexadecimal_text_is_read)
{
    u256 a;
    cr_assert(parses(&a, "0x0") && u256_is_zero(&a));
    cr_assert(parses(&a, "0xfF") && u256_fits_u64(&a) && a.w[0] == 255);
    cr_assert(parses(&a, "0x123") && a.w[0] == 0x123);
    u256 max = U256_MAX;
    cr_assert(parses(&a, "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"));
    cr_assert(u256_equal(&a, &max));
    cr_assert(parses(&a, "0x000ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"));
    cr_assert(u256_equal(&a, &max), "leading zeros count for nothing");
}

Test(u256, malformed_or_too_large_text_is_refused)
{
    static const char *const bad[] = {
        "",
        "0x",
        "0xg",
        "x",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x0x1",
        "0X1",
        "ff",
        "115792089237316195423570985008687907853269984665640564039457584007913129639936",
        "999999999999999999999999999999999999999999999999999999999999999999999999999999",
        "1000000000000000000000000000000000000000000000000000000000000000000000000000000",
        "0x10000000000000000000000000000000000000000000000000000000000000000",
        "0xx23456789012345678901234567890123456789012345678901234567890123",
    };
    u256 a;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(parses(&a, bad[i]), "accepted \"%s\"", bad[i]);
    cr_assert_not(u256_parse(&a, "1\0002", 3));
}
