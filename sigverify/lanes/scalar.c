#include "sigverify/lanes/scalar.h"

#include "sigverify/lanes/modinv.h"

typedef unsigned __int128 uint128;

const u256 SCALAR_ORDER = {{0xbfd25e8cd0364141, 0xbaaedce6af48a03b, 0xfffffffffffffffe, 0xffffffffffffffff}};
const u256 SCALAR_LAMBDA = {{0xdf02967c1b23bd72, 0x122e22ea20816678, 0xa5261c028812645a, 0x5363ad4cc05c30e0}};

// 2^256 - n = 2^128 + C1 2^64 + C0
#define C0 UINT64_C(0x402da1732fc9bebf)
#define C1 UINT64_C(0x4551231950b75fc4)

// The lattice basis (A1, -MINUS_B1), (A2, B2 = A1); A2 = 2^128 + A2_HI 2^64 + A2_LO.
#define A1_LO UINT64_C(0xe86c90e49284eb15)
#define A1_HI UINT64_C(0x3086d221a7d46bcd)
#define A2_LO UINT64_C(0x57c1108d9d44cfd8)
#define A2_HI UINT64_C(0x14ca50f7a8e2f3f6)
#define MINUS_B1_LO UINT64_C(0x6f547fa90abfe4c3)
#define MINUS_B1_HI UINT64_C(0xe4437ed6010e8828)
// round(2^384 B2 / n) and round(2^384 MINUS_B1 / n)
static const u256 G1 = {{0xe893209a45dbb031, 0x3daa8a1471e8ca7f, 0xe86c90e49284eb15, 0x3086d221a7d46bcd}};
static const u256 G2 = {{0x1571b4ae8ac47f71, 0x221208ac9df506c6, 0x6f547fa90abfe4c4, 0xe4437ed6010e8828}};

static u256 reduce_once(const u256 *a, bool overflow)
{
    u256 out = *a;
    if (overflow || u256_cmp(a, &SCALAR_ORDER) >= 0)
        u256_sub(&out, a, &SCALAR_ORDER);
    return out;
}

u256 scalar_from_be(const uint8_t in[32])
{
    const u256 a = load_be256(in);
    return reduce_once(&a, false);
}

u256 scalar_add(const u256 *a, const u256 *b)
{
    u256 sum;
    const bool overflow = u256_add(&sum, a, b);
    return reduce_once(&sum, overflow);
}

u256 scalar_negate(const u256 *a)
{
    u256 out = *a;
    if (!u256_is_zero(a))
        u256_sub(&out, &SCALAR_ORDER, a);
    return out;
}

static void multiply_wide(uint64_t out[8], const u256 *a, const u256 *b)
{
    memset(out, 0, 4 * sizeof *out);
    for (int i = 0; i < 4; i++) {
        uint128 t = 0;
        for (int j = 0; j < 4; j++) {
            t += (uint128)a->w[i] * b->w[j] + out[i + j];
            out[i + j] = (uint64_t)t;
            t >>= 64;
        }
        out[i + 4] = (uint64_t)t;
    }
}

// low += high (2^256 - n), for low of four words, zero behind, and high of `len` words (at most 4). The sum takes
// len + 3 words, and five for a single one.
static inline __attribute__((always_inline)) void fold(uint64_t low[8], const uint64_t *high, const int len)
{
    uint64_t carry0 = 0, carry1 = 0, carry2 = 0; // of the rows times C0, C1 and 1
    const int end = len + 3 < 5 ? 5 : len + 3;
    for (int i = 0; i < end; i++) {
        uint128 t = (uint128)low[i] + carry2;
        uint128 row = carry0;
        if (i < len)
            row += (uint128)high[i] * C0;
        carry0 = (uint64_t)(row >> 64);
        t += (uint64_t)row;
        row = carry1;
        if (i >= 1 && i - 1 < len)
            row += (uint128)high[i - 1] * C1;
        carry1 = (uint64_t)(row >> 64);
        t += (uint64_t)row;
        if (i >= 2 && i - 2 < len)
            t += high[i - 2];
        low[i] = (uint64_t)t;
        carry2 = (uint64_t)(t >> 64);
    }
}

// A 512-bit product: 2^256 is 2^256 - n, of 129 bits, so that three folds leave less than 2 n.
static u256 reduce_wide(const uint64_t product[8])
{
    uint64_t first[8] = {product[0], product[1], product[2], product[3]};
    fold(first, product + 4, 4); // below 2^386
    uint64_t second[8] = {first[0], first[1], first[2], first[3]};
    fold(second, first + 4, 3); // below 2^256 + 2^260
    uint64_t third[8] = {second[0], second[1], second[2], second[3]};
    fold(third, second + 4, 1);
    const u256 out = {{third[0], third[1], third[2], third[3]}};
    return reduce_once(&out, third[4] != 0);
}

u256 scalar_multiply(const u256 *a, const u256 *b)
{
    uint64_t product[8];
    multiply_wide(product, a, b);
    return reduce_wide(product);
}

void scalar_invert_batch(u256 *out, const u256 *in, size_t n)
{
    u256 product = u256_from_u64(1);
    for (size_t i = 0; i < n; i++) {
        out[i] = product;
        product = scalar_multiply(&product, &in[i]);
    }
    u256 inverse = modinv(&product, &MODINV_ORDER);
    for (size_t i = n; i-- > 0;) {
        out[i] = scalar_multiply(&out[i], &inverse);
        inverse = scalar_multiply(&inverse, &in[i]);
    }
}

// round(k g / 2^384)
static uint128 multiply_round_384(const u256 *k, const u256 *g)
{
    uint64_t product[8];
    multiply_wide(product, k, g);
    return ((uint128)product[7] << 64 | product[6]) + (product[5] >> 63);
}

// A number modulo 2^192.
struct wide {
    uint64_t w[3];
};

// out -= a (b_hi 2^64 + b_lo), modulo 2^192
static void subtract_product(struct wide *out, uint128 a, uint64_t b_lo, uint64_t b_hi)
{
    const uint64_t a_lo = (uint64_t)a, a_hi = (uint64_t)(a >> 64);
    const uint128 low = (uint128)a_lo * b_lo, cross0 = (uint128)a_lo * b_hi, cross1 = (uint128)a_hi * b_lo;
    const uint128 middle = (low >> 64) + (uint64_t)cross0 + (uint64_t)cross1;
    const uint64_t high = (uint64_t)(cross0 >> 64) + (uint64_t)(cross1 >> 64) + a_hi * b_hi + (uint64_t)(middle >> 64);
    uint128 t = (uint128)out->w[0] - (uint64_t)low;
    out->w[0] = (uint64_t)t;
    t = (uint128)out->w[1] - (uint64_t)middle - (uint64_t)(t >> 127);
    out->w[1] = (uint64_t)t;
    out->w[2] -= high + (uint64_t)(t >> 127);
}

static void negate_wide(struct wide *a)
{
    uint64_t carry = 1;
    for (int i = 0; i < 3; i++) {
        a->w[i] = ~a->w[i] + carry;
        carry = carry && a->w[i] == 0;
    }
}

// Two's complement to sign and magnitude.
static struct scalar_half half_of_wide(struct wide a)
{
    const bool negative = a.w[2] >> 63 != 0;
    if (negative)
        negate_wide(&a);
    return (struct scalar_half){a.w[0], a.w[1], negative};
}

void scalar_split(struct scalar_half half[2], const u256 *k)
{
    const uint128 c1 = multiply_round_384(k, &G1), c2 = multiply_round_384(k, &G2);
    struct wide first = {{k->w[0], k->w[1], k->w[2]}}; // k - c1 A1 - c2 A2
    subtract_product(&first, c1, A1_LO, A1_HI);
    subtract_product(&first, c2, A2_LO, A2_HI);
    first.w[2] -= (uint64_t)c2; // A2's bit 128
    struct wide second = {{0}}; // c1 MINUS_B1 - c2 B2
    subtract_product(&second, c1, MINUS_B1_LO, MINUS_B1_HI);
    negate_wide(&second);
    subtract_product(&second, c2, A1_LO, A1_HI);
    half[0] = half_of_wide(first);
    half[1] = half_of_wide(second);
}

u256 scalar_of_half(const struct scalar_half *half)
{
    const u256 magnitude = {{half->lo, half->hi, 0, 0}};
    return half->negative ? scalar_negate(&magnitude) : magnitude;
}
