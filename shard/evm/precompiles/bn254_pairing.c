#include "shard/evm/precompiles/bn254_pairing.h"

#include "shard/evm/precompiles/bn254_digits.h"

#include <assert.h>

static const fp HALF = {{0x87bee7d24f060572, 0xd0fd2add2f1c6ae5, 0x8f5f7492fcfd4f44, 0x1f37631a3d9cbfac}};

// 9 / (9 + i), three times the constant of the curve of the second group.
static const fp2 THREE_B = {{{0x3baa927cb62e0d6a, 0xd71e7c52d1b664fd, 0x03873e63d95d4664, 0x0e75b5b1082ab8f4}},
                            {{0xaab7c6667596fe35, 0x31d21a78bb6a27ba, 0x85dd7297680401ff, 0x03c52d6adf39a7e9}}};

// One pair in the loop: t = (x / z, y / z) runs through multiples of q.
struct walk {
    fp2 x, y, z;
    const struct bn_g1 *p;
    const struct bn_g2 *q;
    struct bn_g2 negated_q;
};

// f *= the line with coefficients c0 (of y), c1 (of x) and c2, at the point p.
static void multiply_line(fp12 *f, const struct bn_g1 *p, const fp2 *c0, const fp2 *c1, const fp2 *c2)
{
    fp2 y, x;
    fp2_scale(&y, c0, &p->y);
    fp2_scale(&x, c1, &p->x);
    fp12_mul_line(f, f, &y, &x, c2);
}

// t = 2t; f *= the tangent at t.
static void double_step(fp12 *f, struct walk *t)
{
    fp2 a, b, c, e, g, h, i, j, three_e;
    fp2_mul(&a, &t->x, &t->y);
    fp2_scale(&a, &a, &HALF);
    fp2_sqr(&b, &t->y);
    fp2_sqr(&c, &t->z);
    fp2_mul(&e, &c, &THREE_B);
    fp2_double(&three_e, &e);
    fp2_add(&three_e, &three_e, &e);
    fp2_add(&h, &t->y, &t->z);
    fp2_sqr(&h, &h);
    fp2_sub(&h, &h, &b);
    fp2_sub(&h, &h, &c);
    fp2_sub(&i, &e, &b);
    fp2_sqr(&j, &t->x);

    fp2_sub(&g, &b, &three_e);
    fp2_mul(&t->x, &a, &g);
    fp2_add(&g, &b, &three_e);
    fp2_scale(&g, &g, &HALF);
    fp2_sqr(&g, &g);
    fp2_sqr(&e, &e);
    fp2_sub(&g, &g, &e);
    fp2_double(&e, &e);
    fp2_sub(&t->y, &g, &e);
    fp2_mul(&t->z, &b, &h);

    fp2_neg(&h, &h);
    fp2_double(&a, &j);
    fp2_add(&j, &j, &a);
    multiply_line(f, t->p, &h, &j, &i);
}

// t += q; f *= the line through t and q.
static void add_step(fp12 *f, struct walk *t, const struct bn_g2 *q)
{
    fp2 theta, lambda, c, d, e, g, h, j, line_x;
    fp2_mul(&theta, &q->y, &t->z);
    fp2_sub(&theta, &t->y, &theta);
    fp2_mul(&lambda, &q->x, &t->z);
    fp2_sub(&lambda, &t->x, &lambda);
    fp2_sqr(&c, &theta);
    fp2_sqr(&d, &lambda);
    fp2_mul(&e, &lambda, &d);
    fp2_mul(&c, &t->z, &c);
    fp2_mul(&g, &t->x, &d);
    fp2_add(&h, &e, &c);
    fp2_sub(&h, &h, &g);
    fp2_sub(&h, &h, &g);

    fp2_mul(&t->x, &lambda, &h);
    fp2_sub(&g, &g, &h);
    fp2_mul(&g, &g, &theta);
    fp2_mul(&j, &e, &t->y);
    fp2_sub(&t->y, &g, &j);
    fp2_mul(&t->z, &t->z, &e);

    fp2_mul(&j, &theta, &q->x);
    fp2_mul(&c, &lambda, &q->y);
    fp2_sub(&j, &j, &c);
    fp2_neg(&line_x, &theta);
    multiply_line(f, t->p, &lambda, &line_x, &j);
}

// The two lines that follow the loop over 6u + 2: through psi(q) and -psi^2(q).
static void last_steps(fp12 *f, struct walk *t)
{
    struct bn_g2 q;
    bn_g2_frobenius(&q, t->q);
    add_step(f, t, &q);
    bn_g2_frobenius(&q, &q);
    fp2_neg(&q.y, &q.y);
    add_step(f, t, &q);
}

static size_t begin_walks(struct walk walks[BN_MILLER_MAX], const struct bn_pair *pairs, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct bn_g1 *p = &pairs[i].p;
        const struct bn_g2 *q = &pairs[i].q;
        if (bn_g1_is_infinity(p) || bn_g2_is_infinity(q))
            continue;
        struct walk *t = &walks[count++];
        *t = (struct walk){q->x, q->y, {FP_ONE, FP_ZERO}, p, q, *q};
        fp2_neg(&t->negated_q.y, &q->y);
    }
    return count;
}

void bn_miller_loop(fp12 *out, const struct bn_pair *pairs, size_t n)
{
    assert(n <= BN_MILLER_MAX);
    struct walk walks[BN_MILLER_MAX];
    const size_t count = begin_walks(walks, pairs, n);
    int8_t digits[BN_DIGITS_MAX];
    fp12 f;
    fp12_one(&f);
    for (unsigned i = bn_digits(digits, (unsigned __int128)6 * BN_U + 2, 2) - 1; i-- > 0;) {
        fp12_sqr(&f, &f);
        for (size_t k = 0; k < count; k++) {
            double_step(&f, &walks[k]);
            if (digits[i] != 0)
                add_step(&f, &walks[k], digits[i] > 0 ? walks[k].q : &walks[k].negated_q);
        }
    }
    for (size_t k = 0; k < count; k++)
        last_steps(&f, &walks[k]);
    *out = f;
}

// out = a^-u in the cyclotomic subgroup.
static void power_minus_u(fp12 *out, const fp12 *a)
{
    enum { WIDTH = 4 };
    fp12 table[4], square, f;
    table[0] = *a;
    fp12_cyclotomic_sqr(&square, a);
    for (int i = 1; i < 4; i++)
        fp12_mul(&table[i], &table[i - 1], &square);
    int8_t digits[BN_DIGITS_MAX];
    unsigned i = bn_digits(digits, BN_U, WIDTH) - 1;
    assert(digits[i] > 0);
    f = table[digits[i] / 2];
    while (i-- > 0) {
        fp12_cyclotomic_sqr(&f, &f);
        if (digits[i] > 0) {
            fp12_mul(&f, &f, &table[digits[i] / 2]);
        } else if (digits[i] < 0) {
            fp12_conjugate(&square, &table[-digits[i] / 2]);
            fp12_mul(&f, &f, &square);
        }
    }
    fp12_conjugate(out, &f);
}

// a^((p^6 - 1)(p^2 + 1)), which lies in the cyclotomic subgroup.
static void easy_part(fp12 *out, const fp12 *a)
{
    fp12 f, g;
    fp12_inverse(&g, a);
    fp12_conjugate(&f, a);
    fp12_mul(&f, &f, &g);
    fp12_frobenius(&g, &f, 2);
    fp12_mul(out, &f, &g);
}

// The paper's chain: y1 = a^-2u, y4 = a^-6u^2 and so on, combined with powers of p.
void bn_final_exponentiation(fp12 *out, const fp12 *a)
{
    fp12 r, y1, y3, y4, y6, y8, y9, y11, t;
    easy_part(&r, a);
    power_minus_u(&t, &r);
    fp12_cyclotomic_sqr(&y1, &t);
    fp12_cyclotomic_sqr(&y3, &y1);
    fp12_mul(&y3, &y3, &y1);
    power_minus_u(&y4, &y3);
    fp12_cyclotomic_sqr(&t, &y4);
    power_minus_u(&y6, &t);
    fp12_conjugate(&y3, &y3);
    fp12_conjugate(&y6, &y6);
    fp12_mul(&y8, &y6, &y4);
    fp12_mul(&y8, &y8, &y3);
    fp12_mul(&y9, &y8, &y1);
    fp12_mul(&y11, &y8, &y4);
    fp12_mul(&y11, &y11, &r);

    fp12_frobenius(&t, &y9, 1);
    fp12_mul(&y11, &y11, &t);
    fp12_frobenius(&t, &y8, 2);
    fp12_mul(&y11, &y11, &t);
    fp12_conjugate(&t, &r);
    fp12_mul(&t, &t, &y9);
    fp12_frobenius(&t, &t, 3);
    fp12_mul(out, &y11, &t);
}
