#include "sigverify/lanes/digits.h"

#include "sigverify/lanes/scalar.h"

// Signed numbers here are in two's complement.
static u256 of_half(const struct scalar_half *half)
{
    const u256 magnitude = {{half->lo, half->hi, 0, 0}};
    u256 out = magnitude;
    if (half->negative)
        u256_sub(&out, &U256_ZERO, &magnitude);
    return out;
}

static bool is_odd(const u256 *a)
{
    return a->w[0] & 1;
}

// Pairs (a, b) with a + b lambda = 0 mod n: libsecp256k1's basis (a1, b1), (a2, b2), and the sum of both. Their
// components' parities differ, so that one of them makes any pair of halves odd.
struct relation {
    u256 a, b;
};

static const struct relation RELATIONS[] = {
    // a odd, b odd
    {{{0xe86c90e49284eb15, 0x3086d221a7d46bcd, 0, 0}},
     {{0x90ab8056f5401b3d, 0x1bbc8129fef177d7, UINT64_MAX, UINT64_MAX}}},
    // a even, b odd
    {{{0x57c1108d9d44cfd8, 0x14ca50f7a8e2f3f6, 1, 0}}, {{0xe86c90e49284eb15, 0x3086d221a7d46bcd, 0, 0}}},
    // a odd, b even
    {{{0x402da1722fc9baed, 0x4551231950b75fc4, 1, 0}},
     {{0x7918113b87c50652, 0x4c43534ba6c5e3a5, UINT64_MAX, UINT64_MAX}}},
};

static void make_odd(u256 *first, u256 *second)
{
    if (is_odd(first) && is_odd(second))
        return;
    const struct relation *relation = &RELATIONS[is_odd(second) ? 2 : is_odd(first) ? 1 : 0];
    u256_add(first, first, &relation->a);
    u256_add(second, second, &relation->b);
}

// The low 40 bits: eight digits, to a byte each.
static uint64_t spread_digits(uint64_t a)
{
    a = (a & 0x00000fffff) | (a & 0xfffff00000) << 12;
    a = (a & 0x000003ff000003ff) | (a & 0x000ffc00000ffc00) << 6;
    return (a & 0x001f001f001f001f) | (a & 0x03e003e003e003e0) << 3;
}

_Static_assert(HALF_DIGIT_BITS == 5 && HALF_DIGITS == 26, "as spread");

// The halves are below 2^127.4 in magnitude, with a relation added below 2^129.
static void recode_half(uint8_t out[HALF_DIGITS], const u256 *k)
{
    static const u256 OFFSET = {{UINT64_MAX, UINT64_MAX, 3, 0}}; // 2^130 - 1
    u256 e;
    u256_add(&e, k, &OFFSET);
    // Halved: bit 0 falls away.
    const uint64_t w[3] = {e.w[0] >> 1 | e.w[1] << 63, e.w[1] >> 1 | e.w[2] << 63, e.w[2] >> 1};
    const uint64_t last = spread_digits(w[1] >> 56 | w[2] << 8);
    store_le64(out, spread_digits(w[0]));
    store_le64(out + 8, spread_digits(w[0] >> 40 | w[1] << 24));
    store_le64(out + 16, spread_digits(w[1] >> 16));
    out[24] = (uint8_t)last;
    out[25] = (uint8_t)(last >> 8);
}

void half_digits_of(struct half_digits *out, const u256 *k)
{
    struct scalar_half half[2];
    scalar_split(half, k);
    u256 first = of_half(&half[0]), second = of_half(&half[1]);
    make_odd(&first, &second);
    recode_half(out->first, &first);
    recode_half(out->second, &second);
}

void comb_digits_of_negative(struct comb_digits *out, const u256 *k)
{
    // n is odd: of k and n - k = -k one is odd. (that + 2^256 - 1) / 2 is its half, rounded down, and 2^255; where it is
    // k, negating inverts the digits.
    const bool inverted = is_odd(k);
    const u256 odd = inverted ? *k : scalar_negate(k);
    for (unsigned i = 0; i < 4; i++) {
        const uint64_t next = i < 3 ? odd.w[i + 1] << 63 : UINT64_C(1) << 63;
        const uint64_t word = odd.w[i] >> 1 | next;
        store_le64(out->e + 8 * i, inverted ? ~word : word);
    }
}
