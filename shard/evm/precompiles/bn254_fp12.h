// The tower above Fp2 in which pairings of alt_bn128 take their values:
// Fp6 = Fp2[v] / (v^3 - xi) and Fp12 = Fp6[w] / (w^2 - v). Outputs may be inputs.
#ifndef GANTRY_SHARD_EVM_PRECOMPILES_BN254_FP12_H
#define GANTRY_SHARD_EVM_PRECOMPILES_BN254_FP12_H

#include "shard/evm/precompiles/bn254_fp2.h"

// c0 + c1 v + c2 v^2
typedef struct {
    fp2 c0, c1, c2;
} fp6;

// c0 + c1 w
typedef struct {
    fp6 c0, c1;
} fp12;

void fp12_one(fp12 *out);
bool fp12_is_one(const fp12 *a);
void fp12_mul(fp12 *out, const fp12 *a, const fp12 *b);
void fp12_sqr(fp12 *out, const fp12 *a);

// a * (l0 + l3 w + l4 v w): the shape of the lines in Miller's loop.
void fp12_mul_line(fp12 *out, const fp12 *a, const fp2 *l0, const fp2 *l3, const fp2 *l4);

// Of an element that is not zero.
void fp12_inverse(fp12 *out, const fp12 *a);

// c0 - c1 w, which is a^(p^6): the inverse where a^(p^6 + 1) is one.
void fp12_conjugate(fp12 *out, const fp12 *a);

// a^(p^power), power 1, 2 or 3.
void fp12_frobenius(fp12 *out, const fp12 *a, unsigned power);

// The square of an element of the cyclotomic subgroup: one for which a^(p^4 - p^2 + 1) is one.
// Source: Granger, Scott, "Faster Squaring in the Cyclotomic Subgroup of Sixth Degree Extensions".
void fp12_cyclotomic_sqr(fp12 *out, const fp12 *a);

#endif
