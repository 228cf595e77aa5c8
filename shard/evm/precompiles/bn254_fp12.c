#include "shard/evm/precompiles/bn254_fp12.h"

static void fp6_add(fp6 *out, const fp6 *a, const fp6 *b)
{
    fp2_add(&out->c0, &a->c0, &b->c0);
    fp2_add(&out->c1, &a->c1, &b->c1);
    fp2_add(&out->c2, &a->c2, &b->c2);
}

static void fp6_sub(fp6 *out, const fp6 *a, const fp6 *b)
{
    fp2_sub(&out->c0, &a->c0, &b->c0);
    fp2_sub(&out->c1, &a->c1, &b->c1);
    fp2_sub(&out->c2, &a->c2, &b->c2);
}

static void fp6_neg(fp6 *out, const fp6 *a)
{
    fp2_neg(&out->c0, &a->c0);
    fp2_neg(&out->c1, &a->c1);
    fp2_neg(&out->c2, &a->c2);
}

// Times v.
static void fp6_mul_v(fp6 *out, const fp6 *a)
{
    const fp2 c1 = a->c1, c0 = a->c0;
    fp2_mul_xi(&out->c0, &a->c2);
    out->c2 = c1;
    out->c1 = c0;
}

// (a + b)(c + d) - ac - bd = ad + bc
static void cross_product(fp2 *out, const fp2 *a, const fp2 *b, const fp2 *c, const fp2 *d, const fp2 *ac,
                          const fp2 *bd)
{
    fp2 left, right;
    fp2_add(&left, a, b);
    fp2_add(&right, c, d);
    fp2_mul(out, &left, &right);
    fp2_sub(out, out, ac);
    fp2_sub(out, out, bd);
}

static void fp6_mul(fp6 *out, const fp6 *a, const fp6 *b)
{
    fp2 v0, v1, v2, x12, x01, x02;
    fp2_mul(&v0, &a->c0, &b->c0);
    fp2_mul(&v1, &a->c1, &b->c1);
    fp2_mul(&v2, &a->c2, &b->c2);
    cross_product(&x12, &a->c1, &a->c2, &b->c1, &b->c2, &v1, &v2);
    cross_product(&x01, &a->c0, &a->c1, &b->c0, &b->c1, &v0, &v1);
    cross_product(&x02, &a->c0, &a->c2, &b->c0, &b->c2, &v0, &v2);
    fp2_mul_xi(&x12, &x12);
    fp2_add(&out->c0, &v0, &x12);
    fp2_mul_xi(&v2, &v2);
    fp2_add(&out->c1, &x01, &v2);
    fp2_add(&out->c2, &x02, &v1);
}

// a * (b0 + b1 v)
static void fp6_mul_short(fp6 *out, const fp6 *a, const fp2 *b0, const fp2 *b1)
{
    fp2 v0, v1, x01, x12, x02;
    fp2_mul(&v0, &a->c0, b0);
    fp2_mul(&v1, &a->c1, b1);
    cross_product(&x01, &a->c0, &a->c1, b0, b1, &v0, &v1);
    fp2_mul(&x12, &a->c2, b1);
    fp2_mul(&x02, &a->c2, b0);
    fp2_mul_xi(&x12, &x12);
    fp2_add(&out->c0, &v0, &x12);
    out->c1 = x01;
    fp2_add(&out->c2, &x02, &v1);
}

static void fp6_scale(fp6 *out, const fp6 *a, const fp2 *factor)
{
    fp2_mul(&out->c0, &a->c0, factor);
    fp2_mul(&out->c1, &a->c1, factor);
    fp2_mul(&out->c2, &a->c2, factor);
}

// Source: Beuchat and others, "High-Speed Software Implementation of the Optimal Ate Pairing over Barreto-Naehrig
// Curves", algorithm 17.
static void fp6_inverse(fp6 *out, const fp6 *a)
{
    fp2 t0, t1, t2, t, norm;
    fp2_sqr(&t0, &a->c0);
    fp2_mul(&t, &a->c1, &a->c2);
    fp2_mul_xi(&t, &t);
    fp2_sub(&t0, &t0, &t);
    fp2_sqr(&t1, &a->c2);
    fp2_mul_xi(&t1, &t1);
    fp2_mul(&t, &a->c0, &a->c1);
    fp2_sub(&t1, &t1, &t);
    fp2_sqr(&t2, &a->c1);
    fp2_mul(&t, &a->c0, &a->c2);
    fp2_sub(&t2, &t2, &t);
    fp2_mul(&norm, &a->c1, &t2);
    fp2_mul(&t, &a->c2, &t1);
    fp2_add(&norm, &norm, &t);
    fp2_mul_xi(&norm, &norm);
    fp2_mul(&t, &a->c0, &t0);
    fp2_add(&norm, &norm, &t);
    fp2_inverse(&norm, &norm);
    fp2_mul(&out->c0, &t0, &norm);
    fp2_mul(&out->c1, &t1, &norm);
    fp2_mul(&out->c2, &t2, &norm);
}

void fp12_one(fp12 *out)
{
    *out = (fp12){.c0.c0.c0 = FP_ONE};
}

bool fp12_is_one(const fp12 *a)
{
    fp12 one;
    fp12_one(&one);
    return memcmp(a, &one, sizeof one) == 0;
}

void fp12_mul(fp12 *out, const fp12 *a, const fp12 *b)
{
    fp6 low, high, left, right;
    fp6_mul(&low, &a->c0, &b->c0);
    fp6_mul(&high, &a->c1, &b->c1);
    fp6_add(&left, &a->c0, &a->c1);
    fp6_add(&right, &b->c0, &b->c1);
    fp6_mul(&left, &left, &right);
    fp6_sub(&left, &left, &low);
    fp6_sub(&out->c1, &left, &high);
    fp6_mul_v(&high, &high);
    fp6_add(&out->c0, &low, &high);
}

// (c0 + c1 w)^2 = (c0 + c1)(c0 + v c1) - (1 + v) c0 c1 + 2 c0 c1 w
void fp12_sqr(fp12 *out, const fp12 *a)
{
    fp6 product, sum, shifted;
    fp6_mul(&product, &a->c0, &a->c1);
    fp6_add(&sum, &a->c0, &a->c1);
    fp6_mul_v(&shifted, &a->c1);
    fp6_add(&shifted, &shifted, &a->c0);
    fp6_mul(&sum, &sum, &shifted);
    fp6_sub(&sum, &sum, &product);
    fp6_mul_v(&shifted, &product);
    fp6_sub(&out->c0, &sum, &shifted);
    fp6_add(&out->c1, &product, &product);
}

void fp12_mul_line(fp12 *out, const fp12 *a, const fp2 *l0, const fp2 *l3, const fp2 *l4)
{
    fp6 low, high, sum;
    fp2 l03;
    fp6_scale(&low, &a->c0, l0);
    fp6_mul_short(&high, &a->c1, l3, l4);
    fp6_add(&sum, &a->c0, &a->c1);
    fp2_add(&l03, l0, l3);
    fp6_mul_short(&sum, &sum, &l03, l4);
    fp6_sub(&sum, &sum, &low);
    fp6_sub(&out->c1, &sum, &high);
    fp6_mul_v(&high, &high);
    fp6_add(&out->c0, &low, &high);
}

void fp12_inverse(fp12 *out, const fp12 *a)
{
    fp6 norm, t;
    fp6_mul(&norm, &a->c0, &a->c0);
    fp6_mul(&t, &a->c1, &a->c1);
    fp6_mul_v(&t, &t);
    fp6_sub(&norm, &norm, &t);
    fp6_inverse(&norm, &norm);
    fp6_mul(&out->c0, &a->c0, &norm);
    fp6_mul(&out->c1, &a->c1, &norm);
    fp6_neg(&out->c1, &out->c1);
}

void fp12_conjugate(fp12 *out, const fp12 *a)
{
    out->c0 = a->c0;
    fp6_neg(&out->c1, &a->c1);
}

// xi^(k (p^power - 1) / 6) at [power - 1][k - 1]: what w^k gains when it is raised to p^power.
static const fp2 FROBENIUS[3][5] = {
    {
        {{{0xaf9ba69633144907, 0xca6b1d7387afb78a, 0x11bded5ef08a2087, 0x02f34d751a1f3a7c}},
         {{0xa222ae234c492d72, 0xd00f02a4565de15b, 0xdc2ff3a253dfc926, 0x10a75716b3899551}}},
        {{{0xb5773b104563ab30, 0x347f91c8a9aa6454, 0x7a007127242e0991, 0x1956bcd8118214ec}},
         {{0x6e849f1ea0aa4757, 0xaa1c7b6d89f89141, 0xb6e713cdfae0ca3a, 0x26694fbb4e82ebc3}}},
        {{{0xe4bbdd0c2936b629, 0xbb30f162e133bacb, 0x31a9d1b6f9645366, 0x253570bea500f8dd}},
         {{0xa1d77ce45ffe77c7, 0x07affd117826d1db, 0x6d16bd27bb7edc6b, 0x2c87200285defecc}}},
        {{{0x7361d77f843abe92, 0xa5bb2bd3273411fb, 0x9c941f314b3e2399, 0x15df9cddbb9fd3ec}},
         {{0x5dddfd154bd8c949, 0x62cb29a5a4445b60, 0x37bc870a0c7dd2b9, 0x24830a9d3171f0fd}}},
        {{{0xc970692f41690fe7, 0xe240342127694b0b, 0x32bee66b83c459e8, 0x12aabced0ab08841}},
         {{0x0d485d2340aebfa9, 0x05193418ab2fcc57, 0xd3b0a40b8a4910f5, 0x2f21ebb535d2925a}}},
    },
    {
        {{{0xca8d800500fa1bf2, 0xf0c5d61468b39769, 0x0e201271ad0d4418, 0x04290f65bad856e6}},
         {{0x0000000000000000, 0x0000000000000000, 0x0000000000000000, 0x0000000000000000}}},
        {{{0x3350c88e13e80b9c, 0x7dce557cdb5e56b9, 0x6001b4b8b615564a, 0x2682e617020217e0}},
         {{0x0000000000000000, 0x0000000000000000, 0x0000000000000000, 0x0000000000000000}}},
        {{{0x68c3488912edefaa, 0x8d087f6872aabf4f, 0x51e1a24709081231, 0x2259d6b14729c0fa}},
         {{0x0000000000000000, 0x0000000000000000, 0x0000000000000000, 0x0000000000000000}}},
        {{{0x71930c11d782e155, 0xa6bb947cffbe3323, 0xaa303344d4741444, 0x2c3b3f0d26594943}},
         {{0x0000000000000000, 0x0000000000000000, 0x0000000000000000, 0x0000000000000000}}},
        {{{0x08cfc388c494f1ab, 0x19b315148d1373d4, 0x584e90fdcb6c0213, 0x09e1685bdf2f8849}},
         {{0x0000000000000000, 0x0000000000000000, 0x0000000000000000, 0x0000000000000000}}},
    },
    {
        {{{0x365316184e46d97d, 0x0af7129ed4c96d9f, 0x659da72fca1009b5, 0x08116d8983a20d23}},
         {{0xb1df4af7c39c1939, 0x3d9f02878a73bf7f, 0x9b2220928caf0ae0, 0x26684515eff054a6}}},
        {{{0xc9af22f716ad6bad, 0xb311782a4aa662b2, 0x19eeaf64e248c7f4, 0x20273e77e3439f82}},
         {{0xacc02860f7ce93ac, 0x3933d5817ba76b4c, 0x69e6188b446c8467, 0x0a46036d4417cc55}}},
        {{{0x5764af0aaf46471e, 0xdc50792e873e0fc1, 0x86a673ff881d04f6, 0x0b2eddb43c30a74c}},
         {{0x9a490f32787e8580, 0x8fd16d7ff04af8b1, 0x4b39888ec6027bf2, 0x03dd2e705b52a15d}}},
        {{{0x448a93a57b6762df, 0xbfd62df528fdeadf, 0xd858f5d00e9bd47a, 0x06b03d4d3476ec58}},
         {{0x2b19daf4bcc936d1, 0xa1a54e7a56f4299f, 0xb533eee05adeaef1, 0x170c812b84dda0b2}}},
        {{{0xe0bc4b2275cf559f, 0xc238b945c154e60f, 0x803982a5929a7d5e, 0x15ce052df7e4a37e}},
         {{0x2d28efbdbf3799a7, 0x9b097e3c1ad60773, 0x982d4113af4a535b, 0x24e18991e3056063}}},
    },
};

void fp12_frobenius(fp12 *out, const fp12 *a, unsigned power)
{
    const fp2 *factor = FROBENIUS[power - 1];
    *out = *a;
    // In ascending powers of w.
    fp2 *const coefficients[6] = {&out->c0.c0, &out->c1.c0, &out->c0.c1, &out->c1.c1, &out->c0.c2, &out->c1.c2};
    for (unsigned k = 0; k < 6; k++) {
        if (power % 2 == 1)
            fp2_conjugate(coefficients[k], coefficients[k]);
        if (k > 0)
            fp2_mul(coefficients[k], coefficients[k], &factor[k - 1]);
    }
}

// (a + b s)^2 = square + cross s in Fp4 = Fp2[s] / (s^2 - xi)
static void fp4_sqr(fp2 *square, fp2 *cross, const fp2 *a, const fp2 *b)
{
    fp2 aa, bb, sum;
    fp2_sqr(&aa, a);
    fp2_sqr(&bb, b);
    fp2_add(&sum, a, b);
    fp2_sqr(&sum, &sum);
    fp2_sub(&sum, &sum, &aa);
    fp2_sub(cross, &sum, &bb);
    fp2_mul_xi(&bb, &bb);
    fp2_add(square, &aa, &bb);
}

// out = 3 t - 2 a
static void three_minus_two(fp2 *out, const fp2 *t, const fp2 *a)
{
    fp2 d;
    fp2_sub(&d, t, a);
    fp2_double(&d, &d);
    fp2_add(out, &d, t);
}

// out = 3 t + 2 a
static void three_plus_two(fp2 *out, const fp2 *t, const fp2 *a)
{
    fp2 d;
    fp2_add(&d, t, a);
    fp2_double(&d, &d);
    fp2_add(out, &d, t);
}

void fp12_cyclotomic_sqr(fp12 *out, const fp12 *a)
{
    fp2 square0, cross0, square1, cross1, square2, cross2;
    fp4_sqr(&square0, &cross0, &a->c0.c0, &a->c1.c1);
    fp4_sqr(&square1, &cross1, &a->c1.c0, &a->c0.c2);
    fp4_sqr(&square2, &cross2, &a->c0.c1, &a->c1.c2);
    three_minus_two(&out->c0.c0, &square0, &a->c0.c0);
    three_plus_two(&out->c1.c1, &cross0, &a->c1.c1);
    three_minus_two(&out->c0.c1, &square1, &a->c0.c1);
    three_plus_two(&out->c1.c2, &cross1, &a->c1.c2);
    three_minus_two(&out->c0.c2, &square2, &a->c0.c2);
    fp2_mul_xi(&cross2, &cross2);
    three_plus_two(&out->c1.c0, &cross2, &a->c1.c0);
}
