#include "shard/evm/precompiles/bn254_g1.h"

#include "shard/evm/precompiles/bn254_digits.h"

#include <assert.h>

static const fp THREE = {{0x7a17caa950ad28d7, 0x1f6ac17ae15521b9, 0x334bea4e696bd284, 0x2a1f6744ce179d8e}};

static const u256 ORDER = {{0x43e1f593f0000001, 0x2833e84879b97091, 0xb85045b68181585d, 0x30644e72e131a029}};

// (x, y) -> (BETA x, y), BETA a cube root of one, multiplies every point by
// lambda = 4407920970296243842393367215006156084916469457145843978461.
static const fp BETA = {{0x71930c11d782e155, 0xa6bb947cffbe3323, 0xaa303344d4741444, 0x2c3b3f0d26594943}};

// A short basis of the (a, b) with a + b lambda = 0 mod r: (A1, B1) and (B1, -B2). G1 and G2 are B2 / r and B1 / r in
// units of 2^-256.
static const u256 A1 = {{0x0be4e1541221250b, 0x6f4d8248eeb859fd}}, B1 = {{0x89d3256894d213e3}},
                  B2 = {{0x8211bbeb7d4f1128, 0x6f4d8248eeb859fc}};
static const u256 G1 = {{0x7a7bd9d4391eb18d, 0x4ccef014a773d2cf, 2}}, G2 = {{0xd91d232ec7e0b3d7, 2}};

// (x / z^2, y / z^3); z is zero at infinity.
struct jacobian {
    fp x, y, z;
};

// With windows of this many bits a table holds the odd multiples below 2^(WIDTH - 1).
#define WIDTH 5
#define TABLE (1 << (WIDTH - 2))

bool bn_g1_is_infinity(const struct bn_g1 *a)
{
    return fp_is_zero(&a->x) && fp_is_zero(&a->y);
}

bool bn_g1_read(struct bn_g1 *out, const uint8_t in[64])
{
    if (!fp_from_be(&out->x, in) || !fp_from_be(&out->y, in + 32))
        return false;
    if (bn_g1_is_infinity(out))
        return true;
    fp left, right;
    fp_sqr(&left, &out->y);
    fp_sqr(&right, &out->x);
    fp_mul(&right, &right, &out->x);
    fp_add(&right, &right, &THREE);
    return fp_equal(&left, &right);
}

void bn_g1_write(uint8_t out[64], const struct bn_g1 *a)
{
    fp_to_be(out, &a->x);
    fp_to_be(out + 32, &a->y);
}

void bn_g1_add(struct bn_g1 *out, const struct bn_g1 *a, const struct bn_g1 *b)
{
    if (bn_g1_is_infinity(a) || bn_g1_is_infinity(b)) {
        *out = bn_g1_is_infinity(a) ? *b : *a;
        return;
    }
    fp numerator, denominator, slope;
    if (!fp_equal(&a->x, &b->x)) {
        fp_sub(&numerator, &b->y, &a->y);
        fp_sub(&denominator, &b->x, &a->x);
    } else if (fp_equal(&a->y, &b->y)) {
        // y is not zero: the order is odd.
        fp_sqr(&slope, &a->x);
        fp_double(&numerator, &slope);
        fp_add(&numerator, &numerator, &slope);
        fp_double(&denominator, &a->y);
    } else {
        *out = (struct bn_g1){FP_ZERO, FP_ZERO};
        return;
    }
    fp_inverse(&denominator, &denominator);
    fp_mul(&slope, &numerator, &denominator);
    struct bn_g1 sum;
    fp_sqr(&sum.x, &slope);
    fp_sub(&sum.x, &sum.x, &a->x);
    fp_sub(&sum.x, &sum.x, &b->x);
    fp_sub(&sum.y, &a->x, &sum.x);
    fp_mul(&sum.y, &sum.y, &slope);
    fp_sub(&sum.y, &sum.y, &a->y);
    *out = sum;
}

// Source: Explicit-Formulas Database, dbl-2009-l.
static void jacobian_double(struct jacobian *out, const struct jacobian *p)
{
    fp a, b, c, d, e, f;
    fp_sqr(&a, &p->x);
    fp_sqr(&b, &p->y);
    fp_sqr(&c, &b);
    fp_add(&d, &p->x, &b);
    fp_sqr(&d, &d);
    fp_sub(&d, &d, &a);
    fp_sub(&d, &d, &c);
    fp_double(&d, &d);
    fp_double(&e, &a);
    fp_add(&e, &e, &a);
    fp_sqr(&f, &e);
    fp_mul(&out->z, &p->y, &p->z);
    fp_double(&out->z, &out->z);
    fp_sub(&out->x, &f, &d);
    fp_sub(&out->x, &out->x, &d);
    fp_sub(&d, &d, &out->x);
    fp_mul(&out->y, &e, &d);
    fp_double(&c, &c);
    fp_double(&c, &c);
    fp_double(&c, &c);
    fp_sub(&out->y, &out->y, &c);
}

// Source: Explicit-Formulas Database, add-2007-bl.
static void jacobian_add(struct jacobian *out, const struct jacobian *p, const struct jacobian *q)
{
    if (fp_is_zero(&p->z) || fp_is_zero(&q->z)) {
        *out = fp_is_zero(&p->z) ? *q : *p;
        return;
    }
    fp zz1, zz2, u1, h, s1, r, i, j, v, zz;
    fp_sqr(&zz1, &p->z);
    fp_sqr(&zz2, &q->z);
    fp_mul(&u1, &p->x, &zz2);
    fp_mul(&h, &q->x, &zz1);
    fp_mul(&s1, &p->y, &q->z);
    fp_mul(&s1, &s1, &zz2);
    fp_mul(&r, &q->y, &p->z);
    fp_mul(&r, &r, &zz1);
    fp_sub(&h, &h, &u1);
    fp_sub(&r, &r, &s1);
    if (fp_is_zero(&h) && fp_is_zero(&r)) {
        jacobian_double(out, p);
        return;
    }
    fp_double(&r, &r);
    fp_double(&i, &h);
    fp_sqr(&i, &i);
    fp_mul(&j, &h, &i);
    fp_mul(&v, &u1, &i);
    fp_add(&zz, &p->z, &q->z);
    fp_sqr(&zz, &zz);
    fp_sub(&zz, &zz, &zz1);
    fp_sub(&zz, &zz, &zz2);
    fp_mul(&out->z, &zz, &h);
    fp_sqr(&out->x, &r);
    fp_sub(&out->x, &out->x, &j);
    fp_sub(&out->x, &out->x, &v);
    fp_sub(&out->x, &out->x, &v);
    fp_sub(&v, &v, &out->x);
    fp_mul(&v, &v, &r);
    fp_mul(&s1, &s1, &j);
    fp_double(&s1, &s1);
    fp_sub(&out->y, &v, &s1);
}

static void to_affine(struct bn_g1 *out, const struct jacobian *p)
{
    if (fp_is_zero(&p->z)) {
        *out = (struct bn_g1){FP_ZERO, FP_ZERO};
        return;
    }
    fp inverse, square;
    fp_inverse(&inverse, &p->z);
    fp_sqr(&square, &inverse);
    fp_mul(&out->x, &p->x, &square);
    fp_mul(&square, &square, &inverse);
    fp_mul(&out->y, &p->y, &square);
}

// a * b / 2^256, rounded down.
static u256 multiply_high(const u256 *a, const u256 *b)
{
    fp_wide product;
    fp_mul_wide(&product, a->w, b->w);
    return (u256){{product.w[4], product.w[5], product.w[6], product.w[7]}};
}

// The digits of a number between -2^127 and 2^127, given mod 2^256; *negative is its sign.
static unsigned signed_digits(int8_t digits[BN_DIGITS_MAX], bool *negative, u256 k)
{
    *negative = k.w[3] >> 63;
    if (*negative)
        u256_sub(&k, &U256_ZERO, &k);
    assert((k.w[3] | k.w[2] | k.w[1] >> 63) == 0);
    return bn_digits(digits, (unsigned __int128)k.w[1] << 64 | k.w[0], WIDTH);
}

// k = k1 + k2 lambda mod r with k1 and k2 of half the length.
// Source: Gallant, Lambert, Vanstone, "Faster Point Multiplication on Elliptic Curves with Efficient Endomorphisms".
static void split_factor(u256 *k1, u256 *k2, const u256 *k)
{
    const u256 c1 = multiply_high(k, &G1), c2 = multiply_high(k, &G2);
    u256 t;
    u256_mul(&t, &c1, &A1);
    u256_sub(k1, k, &t);
    u256_mul(&t, &c2, &B1);
    u256_sub(k1, k1, &t);
    u256_mul(k2, &c2, &B2);
    u256_mul(&t, &c1, &B1);
    u256_sub(k2, k2, &t);
}

// sum += digit * P, given P's odd multiples.
static void add_digit(struct jacobian *sum, const struct jacobian table[TABLE], int digit, bool negative)
{
    if (digit == 0)
        return;
    struct jacobian p = table[(digit < 0 ? -digit : digit) / 2];
    if ((digit < 0) != negative)
        fp_neg(&p.y, &p.y);
    jacobian_add(sum, sum, &p);
}

void bn_g1_mul(struct bn_g1 *out, const struct bn_g1 *a, const u256 *factor)
{
    u256 k = *factor, k1, k2;
    while (u256_cmp(&k, &ORDER) >= 0)
        u256_sub(&k, &k, &ORDER);
    if (bn_g1_is_infinity(a) || u256_is_zero(&k)) {
        *out = (struct bn_g1){FP_ZERO, FP_ZERO};
        return;
    }
    split_factor(&k1, &k2, &k);
    int8_t digits1[BN_DIGITS_MAX], digits2[BN_DIGITS_MAX];
    bool negative1, negative2;
    const unsigned count1 = signed_digits(digits1, &negative1, k1), count2 = signed_digits(digits2, &negative2, k2);

    struct jacobian table1[TABLE], table2[TABLE], doubled;
    table1[0] = (struct jacobian){a->x, a->y, FP_ONE};
    jacobian_double(&doubled, &table1[0]);
    for (int i = 1; i < TABLE; i++)
        jacobian_add(&table1[i], &table1[i - 1], &doubled);
    for (int i = 0; i < TABLE; i++) {
        table2[i] = table1[i];
        fp_mul(&table2[i].x, &table2[i].x, &BETA);
    }
    struct jacobian sum = {FP_ZERO, FP_ZERO, FP_ZERO};
    for (unsigned i = count1 > count2 ? count1 : count2; i-- > 0;) {
        jacobian_double(&sum, &sum);
        if (i < count1)
            add_digit(&sum, table1, digits1[i], negative1);
        if (i < count2)
            add_digit(&sum, table2, digits2[i], negative2);
    }
    to_affine(out, &sum);
}
