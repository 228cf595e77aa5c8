#include "shard/evm/precompiles/bn254_fp2.h"

// Karatsuba's three products, reduced only after they are combined: they stay below p * 2^256, because p has two bits
// to spare.
void fp2_mul(fp2 *out, const fp2 *a, const fp2 *b)
{
    uint64_t a_sum[4], b_sum[4];
    fp_wide low, high, cross;
    fp_words_add(a_sum, a->c0.w, a->c1.w);
    fp_words_add(b_sum, b->c0.w, b->c1.w);
    fp_mul_wide(&low, a->c0.w, b->c0.w);
    fp_mul_wide(&high, a->c1.w, b->c1.w);
    fp_mul_wide(&cross, a_sum, b_sum);
    fp_wide_sub(&cross, &cross, &low);
    fp_wide_sub(&cross, &cross, &high);
    fp_reduce_wide(&out->c1, &cross);
    fp_wide_sub_mod(&low, &low, &high);
    fp_reduce_wide(&out->c0, &low);
}

// (c0 + c1 i)^2 = (c0 + c1)(c0 - c1) + 2 c0 c1 i
void fp2_sqr(fp2 *out, const fp2 *a)
{
    fp sum, difference, product;
    fp_add(&sum, &a->c0, &a->c1);
    fp_sub(&difference, &a->c0, &a->c1);
    fp_mul(&product, &a->c0, &a->c1);
    fp_mul(&out->c0, &sum, &difference);
    fp_double(&out->c1, &product);
}

void fp2_inverse(fp2 *out, const fp2 *a)
{
    fp norm, square;
    fp_sqr(&norm, &a->c0);
    fp_sqr(&square, &a->c1);
    fp_add(&norm, &norm, &square);
    fp_inverse(&norm, &norm);
    fp_mul(&out->c0, &a->c0, &norm);
    fp_mul(&out->c1, &a->c1, &norm);
    fp_neg(&out->c1, &out->c1);
}
