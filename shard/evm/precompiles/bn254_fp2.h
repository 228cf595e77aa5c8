// Fp2 = Fp[i] / (i^2 + 1), over which alt_bn128's second group and the towers of the pairing stand. xi = 9 + i is
// neither a square nor a cube in it. Outputs may be inputs.
#ifndef GANTRY_SHARD_EVM_PRECOMPILES_BN254_FP2_H
#define GANTRY_SHARD_EVM_PRECOMPILES_BN254_FP2_H

#include "shard/evm/precompiles/bn254_fp.h"

// c0 + c1 * i
typedef struct {
    fp c0, c1;
} fp2;

static inline void fp2_add(fp2 *out, const fp2 *a, const fp2 *b)
{
    fp_add(&out->c0, &a->c0, &b->c0);
    fp_add(&out->c1, &a->c1, &b->c1);
}

static inline void fp2_double(fp2 *out, const fp2 *a)
{
    fp2_add(out, a, a);
}

static inline void fp2_sub(fp2 *out, const fp2 *a, const fp2 *b)
{
    fp_sub(&out->c0, &a->c0, &b->c0);
    fp_sub(&out->c1, &a->c1, &b->c1);
}

static inline void fp2_neg(fp2 *out, const fp2 *a)
{
    fp_neg(&out->c0, &a->c0);
    fp_neg(&out->c1, &a->c1);
}

// The conjugate, which is also a^p.
static inline void fp2_conjugate(fp2 *out, const fp2 *a)
{
    out->c0 = a->c0;
    fp_neg(&out->c1, &a->c1);
}

static inline void fp2_scale(fp2 *out, const fp2 *a, const fp *factor)
{
    fp_mul(&out->c0, &a->c0, factor);
    fp_mul(&out->c1, &a->c1, factor);
}

// Times xi.
static inline void fp2_mul_xi(fp2 *out, const fp2 *a)
{
    fp2 t;
    fp2_double(&t, a);
    fp2_double(&t, &t);
    fp2_double(&t, &t);
    fp2_add(&t, &t, a);
    const fp c0 = a->c0;
    fp_sub(&out->c0, &t.c0, &a->c1);
    fp_add(&out->c1, &t.c1, &c0);
}

static inline bool fp2_is_zero(const fp2 *a)
{
    return fp_is_zero(&a->c0) && fp_is_zero(&a->c1);
}

static inline bool fp2_equal(const fp2 *a, const fp2 *b)
{
    return fp_equal(&a->c0, &b->c0) && fp_equal(&a->c1, &b->c1);
}

void fp2_mul(fp2 *out, const fp2 *a, const fp2 *b);
void fp2_sqr(fp2 *out, const fp2 *a);

// Of an element that is not zero.
void fp2_inverse(fp2 *out, const fp2 *a);

#endif
