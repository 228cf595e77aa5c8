#include "shard/evm/precompiles/bn254_g2.h"

#include "shard/evm/precompiles/bn254_digits.h"

// 3 / (9 + i)
static const fp2 B = {{{0x3bf938e377b802a8, 0x020b1b273633535d, 0x26b7edf049755260, 0x2514c6324384a86d}},
                      {{0x38e7ecccd1dcff67, 0x65f0b37d93ce0d3e, 0xd749d0dd22ac00aa, 0x0141b9ce4a688d4d}}};

// (9 + i)^((p - 1) / 3) and (9 + i)^((p - 1) / 2)
static const fp2 PSI_X = {{{0xb5773b104563ab30, 0x347f91c8a9aa6454, 0x7a007127242e0991, 0x1956bcd8118214ec}},
                          {{0x6e849f1ea0aa4757, 0xaa1c7b6d89f89141, 0xb6e713cdfae0ca3a, 0x26694fbb4e82ebc3}}};
static const fp2 PSI_Y = {{{0xe4bbdd0c2936b629, 0xbb30f162e133bacb, 0x31a9d1b6f9645366, 0x253570bea500f8dd}},
                          {{0xa1d77ce45ffe77c7, 0x07affd117826d1db, 0x6d16bd27bb7edc6b, 0x2c87200285defecc}}};

// (x / z^2, y / z^3); z is zero at infinity.
struct jacobian {
    fp2 x, y, z;
};

bool bn_g2_is_infinity(const struct bn_g2 *a)
{
    return fp2_is_zero(&a->x) && fp2_is_zero(&a->y);
}

bool bn_g2_read(struct bn_g2 *out, const uint8_t in[128])
{
    if (!fp_from_be(&out->x.c1, in) || !fp_from_be(&out->x.c0, in + 32) || !fp_from_be(&out->y.c1, in + 64) ||
        !fp_from_be(&out->y.c0, in + 96))
        return false;
    if (bn_g2_is_infinity(out))
        return true;
    fp2 left, right;
    fp2_sqr(&left, &out->y);
    fp2_sqr(&right, &out->x);
    fp2_mul(&right, &right, &out->x);
    fp2_add(&right, &right, &B);
    return fp2_equal(&left, &right);
}

void bn_g2_frobenius(struct bn_g2 *out, const struct bn_g2 *a)
{
    fp2_conjugate(&out->x, &a->x);
    fp2_mul(&out->x, &out->x, &PSI_X);
    fp2_conjugate(&out->y, &a->y);
    fp2_mul(&out->y, &out->y, &PSI_Y);
}

static void jacobian_frobenius(struct jacobian *p)
{
    struct bn_g2 xy = {p->x, p->y};
    bn_g2_frobenius(&xy, &xy);
    p->x = xy.x;
    p->y = xy.y;
    fp2_conjugate(&p->z, &p->z);
}

// Source: Explicit-Formulas Database, dbl-2009-l.
static void jacobian_double(struct jacobian *out, const struct jacobian *p)
{
    fp2 a, b, c, d, e, f;
    fp2_sqr(&a, &p->x);
    fp2_sqr(&b, &p->y);
    fp2_sqr(&c, &b);
    fp2_add(&d, &p->x, &b);
    fp2_sqr(&d, &d);
    fp2_sub(&d, &d, &a);
    fp2_sub(&d, &d, &c);
    fp2_double(&d, &d);
    fp2_double(&e, &a);
    fp2_add(&e, &e, &a);
    fp2_sqr(&f, &e);
    fp2_mul(&out->z, &p->y, &p->z);
    fp2_double(&out->z, &out->z);
    fp2_sub(&out->x, &f, &d);
    fp2_sub(&out->x, &out->x, &d);
    fp2_sub(&d, &d, &out->x);
    fp2_mul(&out->y, &e, &d);
    fp2_double(&c, &c);
    fp2_double(&c, &c);
    fp2_double(&c, &c);
    fp2_sub(&out->y, &out->y, &c);
}

// Source: Explicit-Formulas Database, add-2007-bl.
static void jacobian_add(struct jacobian *out, const struct jacobian *p, const struct jacobian *q)
{
    if (fp2_is_zero(&p->z) || fp2_is_zero(&q->z)) {
        *out = fp2_is_zero(&p->z) ? *q : *p;
        return;
    }
    fp2 zz1, zz2, u1, h, s1, r, i, j, v, zz;
    fp2_sqr(&zz1, &p->z);
    fp2_sqr(&zz2, &q->z);
    fp2_mul(&u1, &p->x, &zz2);
    fp2_mul(&h, &q->x, &zz1);
    fp2_mul(&s1, &p->y, &q->z);
    fp2_mul(&s1, &s1, &zz2);
    fp2_mul(&r, &q->y, &p->z);
    fp2_mul(&r, &r, &zz1);
    fp2_sub(&h, &h, &u1);
    fp2_sub(&r, &r, &s1);
    if (fp2_is_zero(&h) && fp2_is_zero(&r)) {
        jacobian_double(out, p);
        return;
    }
    fp2_double(&r, &r);
    fp2_double(&i, &h);
    fp2_sqr(&i, &i);
    fp2_mul(&j, &h, &i);
    fp2_mul(&v, &u1, &i);
    fp2_add(&zz, &p->z, &q->z);
    fp2_sqr(&zz, &zz);
    fp2_sub(&zz, &zz, &zz1);
    fp2_sub(&zz, &zz, &zz2);
    fp2_mul(&out->z, &zz, &h);
    fp2_sqr(&out->x, &r);
    fp2_sub(&out->x, &out->x, &j);
    fp2_sub(&out->x, &out->x, &v);
    fp2_sub(&out->x, &out->x, &v);
    fp2_sub(&v, &v, &out->x);
    fp2_mul(&v, &v, &r);
    fp2_mul(&s1, &s1, &j);
    fp2_double(&s1, &s1);
    fp2_sub(&out->y, &v, &s1);
}

static bool jacobian_equal(const struct jacobian *p, const struct jacobian *q)
{
    if (fp2_is_zero(&p->z) || fp2_is_zero(&q->z))
        return fp2_is_zero(&p->z) && fp2_is_zero(&q->z);
    fp2 zz1, zz2, left, right;
    fp2_sqr(&zz1, &p->z);
    fp2_sqr(&zz2, &q->z);
    fp2_mul(&left, &p->x, &zz2);
    fp2_mul(&right, &q->x, &zz1);
    if (!fp2_equal(&left, &right))
        return false;
    fp2_mul(&zz1, &zz1, &p->z);
    fp2_mul(&zz2, &zz2, &q->z);
    fp2_mul(&left, &p->y, &zz2);
    fp2_mul(&right, &q->y, &zz1);
    return fp2_equal(&left, &right);
}

static void multiply_by_u(struct jacobian *out, const struct jacobian *p)
{
    enum { WIDTH = 4 };
    struct jacobian table[4], doubled, sum = {.z.c0 = FP_ZERO};
    table[0] = *p;
    jacobian_double(&doubled, p);
    for (int i = 1; i < 4; i++)
        jacobian_add(&table[i], &table[i - 1], &doubled);
    int8_t digits[BN_DIGITS_MAX];
    for (unsigned i = bn_digits(digits, BN_U, WIDTH); i-- > 0;) {
        jacobian_double(&sum, &sum);
        if (digits[i] == 0)
            continue;
        struct jacobian q = table[(digits[i] < 0 ? -digits[i] : digits[i]) / 2];
        if (digits[i] < 0)
            fp2_neg(&q.y, &q.y);
        jacobian_add(&sum, &sum, &q);
    }
    *out = sum;
}

// Q has order r exactly when (u + 1) Q + psi(u Q) + psi^2(u Q) = psi^3(2 u Q).
// Source: Dai, Lin, Zhao, Zhou, "Fast Subgroup Membership Testings for G1, G2 and GT on Pairing-friendly Curves".
bool bn_g2_in_group(const struct bn_g2 *a)
{
    if (bn_g2_is_infinity(a))
        return true;
    const struct jacobian q = {a->x, a->y, {FP_ONE, FP_ZERO}};
    struct jacobian uq, left, right;
    multiply_by_u(&uq, &q);
    jacobian_add(&left, &uq, &q);
    jacobian_frobenius(&uq);
    jacobian_add(&left, &left, &uq);
    jacobian_frobenius(&uq);
    jacobian_add(&left, &left, &uq);
    jacobian_frobenius(&uq);
    jacobian_double(&right, &uq);
    return jacobian_equal(&left, &right);
}
