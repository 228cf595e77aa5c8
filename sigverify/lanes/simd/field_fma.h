// The field of field.h in doubles: limbs are integers of either sign, held exactly.
//
//   carried  |limb 0..3| <= 2^51, |limb 4| <= 2^48
//   wide     twice that
//
// A product of two limbs (below 2^103 if one is wide) is split exactly at bit 52 by two fused multiply-adds that round
// downwards: adding 1.5 * 2^104 leaves floor(a b / 2^52) in the low bits of the representation, and what is missing
// fits 52 bits, which 2^52 brings into place in the same way. So representations are summed as integers; the constants'
// own bits are subtracted beforehand by the columns' starting values. It is the split of AVX-512's vpmadd52, at five
// instructions a pair instead of two.
// Source: N. Emmart, J. Luitjens, C. Weems, C. Woolley, "Optimizing modular multiplication for NVIDIA's Maxwell
// GPUs", 2016, for the technique (unsigned there, rounding towards zero).
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_FIELD_FMA_H
#define GANTRY_SIGVERIFY_LANES_SIMD_FIELD_FMA_H

#define CARRIED_MAX (INT64_C(1) << 51)     // of limbs 0 to 3
#define CARRIED_TOP_MAX (INT64_C(1) << 48) // of limb 4
#define CARRIED_MIN (-CARRIED_MAX)
#define CARRIED_TOP_MIN (-CARRIED_TOP_MAX)
#define WIDE_FACTOR 2

#define SPLIT_HIGH 0x1.8p104
#define SPLIT_LOW (0x1.8p104 + 0x1p52)
#define SPLIT_HIGH_BITS UINT64_C(0x4678000000000000)
#define SPLIT_LOW_BITS UINT64_C(0x4330000000000000)
#define SIGNED 0x1.8p52
#define SIGNED_BITS UINT64_C(0x4338000000000000)
#define FOLD_260 0x1000003d10p0 // 2^260 mod p
#define FOLD_256 0x1000003d1p0  // 2^256 mod p

// Ten columns of weight 2^(52 k): sums of halves of products, plus BIAS_* so that they are positive, plus the
// constants' bits until those have cancelled.
struct columns {
    ivec c[2 * FE_LIMBS];
};

// A column is below 2^60 in magnitude, so that 2^60 more makes it positive; its carry then has 2^8 too much, which the
// next column lacks. 2^51 centres the limbs that stay.
#define CARRY_BIAS (UINT64_C(1) << 60)
#define CARRY_EXCESS (UINT64_C(1) << 8)
#define CENTRE (UINT64_C(1) << 51)
#define TOP_CENTRE (UINT64_C(1) << 47)
#define TOP_EXCESS (UINT64_C(1) << 12)

INLINE uint64_t column_bias(int k)
{
    if (k == 4)
        return CARRY_BIAS + TOP_CENTRE;
    if (k == 9)
        return CENTRE - CARRY_EXCESS;
    return CARRY_BIAS + CENTRE - (k == 0 || k == 5 ? 0 : CARRY_EXCESS);
}

// How many products' low halves land in column k: of a full product, and of a square.
INLINE uint64_t low_halves(int k, bool square)
{
    if (k < 0 || k > 8)
        return 0;
    const int pairs = k < FE_LIMBS ? k + 1 : 2 * FE_LIMBS - 1 - k;
    return (uint64_t)(square ? (pairs + 1) / 2 : pairs);
}

INLINE uint64_t constants_bits(int k, int products, int squares)
{
    const uint64_t low = (uint64_t)products * low_halves(k, false) + (uint64_t)squares * low_halves(k, true);
    const uint64_t high = (uint64_t)products * low_halves(k - 1, false) + (uint64_t)squares * low_halves(k - 1, true);
    return low * SPLIT_LOW_BITS + high * SPLIT_HIGH_BITS;
}

// What the folding in columns_reduce adds of them.
INLINE uint64_t folding_bits(int k)
{
    uint64_t bits = k < FE_LIMBS ? SPLIT_LOW_BITS : 0;
    bits += k > 0 && k < FE_LIMBS ? SPLIT_HIGH_BITS : 0;
    return bits + (k == 0 ? SPLIT_LOW_BITS : 0) + (k == 1 ? SPLIT_HIGH_BITS : 0);
}

// What is summed up: (products + squares) times scale, then `more` products, minus `subtracted` elements. All constant.
struct plan {
    int products, squares, scale, more, subtracted;
};

INLINE void columns_start(struct columns *s, struct plan plan)
{
    for (int k = 0; k < 2 * FE_LIMBS; k++) {
        uint64_t start = column_bias(k) - constants_bits(k, plan.more, 0) - folding_bits(k);
        start += k < FE_LIMBS ? (uint64_t)plan.subtracted * SIGNED_BITS : 0;
        // Divided by the scale modulo 2^64: exactly, for powers of two too, since these divide each term.
        if (plan.scale == 3)
            start *= UINT64_C(0xaaaaaaaaaaaaaaab);
        else
            start /= (uint64_t)plan.scale;
        s->c[k] = ivec_set1(start - constants_bits(k, plan.products, plan.squares));
    }
}

INLINE void add_product(struct columns *s, int k, vec a, vec b)
{
    const vec high = _mm256_fmadd_pd(a, b, _mm256_set1_pd(SPLIT_HIGH));
    const vec low = _mm256_fmadd_pd(a, b, vec_sub(_mm256_set1_pd(SPLIT_LOW), high));
    s->c[k] = ivec_add(s->c[k], vec_bits(low));
    s->c[k + 1] = ivec_add(s->c[k + 1], vec_bits(high));
}

INLINE void columns_add_product(struct columns *s, const struct fe *a, const struct fe *b)
{
    for (int i = 0; i < FE_LIMBS; i++)
        for (int j = 0; j < FE_LIMBS; j++)
            add_product(s, i + j, a->limb[i], b->limb[j]);
}

INLINE void columns_add_square(struct columns *s, const struct fe *a)
{
    for (int i = 0; i < FE_LIMBS; i++) {
        add_product(s, 2 * i, a->limb[i], a->limb[i]);
        const vec twice = vec_add(a->limb[i], a->limb[i]);
        for (int j = i + 1; j < FE_LIMBS; j++)
            add_product(s, i + j, twice, a->limb[j]);
    }
}

INLINE void columns_scale(struct columns *s, int scale)
{
    for (int k = 0; k < 2 * FE_LIMBS; k++) {
        if (scale == 3)
            s->c[k] = ivec_add(s->c[k], ivec_add(s->c[k], s->c[k]));
        else
            s->c[k] = ivec_shl(s->c[k], scale == 4 ? 2 : 3);
    }
}

INLINE void columns_subtract(struct columns *s, const struct fe *a)
{
    // Limbs have either sign: 2^52 alone would leave the negative ones a smaller exponent.
    for (int i = 0; i < FE_LIMBS; i++)
        s->c[i] = ivec_sub(s->c[i], vec_bits(vec_add(a->limb[i], _mm256_set1_pd(SIGNED))));
}

// A limb below 2^52 less a constant, as a double.
INLINE vec to_double(ivec limb, double less)
{
    const vec placed = vec_of_bits(_mm256_or_si256(limb, ivec_set1(SPLIT_LOW_BITS)));
    return vec_sub(placed, _mm256_set1_pd(0x1p52 + less));
}

INLINE void columns_reduce(struct fe *r, struct columns *s)
{
    const ivec low52 = ivec_set1((UINT64_C(1) << 52) - 1), low48 = ivec_set1((UINT64_C(1) << 48) - 1);
    const vec fold = _mm256_set1_pd(FOLD_260);
    ivec *c = s->c;
    for (int k = 5; k < 9; k++) {
        c[k + 1] = ivec_add(c[k + 1], ivec_shr(c[k], 52));
        c[k] = ivec_and(c[k], low52);
    }
    for (int k = 0; k < 4; k++)
        add_product(s, k, to_double(c[5 + k], 0x1p51), fold);
    // The last high half has weight 2^260 again: with what c[4] has from 2^256 up it is folded once more.
    const vec last = to_double(c[9], 0x1p51);
    const vec high = _mm256_fmadd_pd(last, fold, _mm256_set1_pd(SPLIT_HIGH));
    const vec low = _mm256_fmadd_pd(last, fold, vec_sub(_mm256_set1_pd(SPLIT_LOW), high));
    c[4] = ivec_add(c[4], vec_bits(low));
    const vec top = to_double(ivec_shr(c[4], 48), 0x1p12);
    c[4] = ivec_and(c[4], low48);
    const vec rest = _mm256_fmadd_pd(vec_sub(high, _mm256_set1_pd(SPLIT_HIGH)), _mm256_set1_pd(0x1p-48), top);
    add_product(s, 0, rest, _mm256_set1_pd(FOLD_256));
    for (int k = 0; k < 4; k++) {
        c[k + 1] = ivec_add(c[k + 1], ivec_shr(c[k], 52));
        r->limb[k] = to_double(ivec_and(c[k], low52), 0x1p51);
    }
    r->limb[4] = to_double(c[4], 0x1p47 + 0x1p8);
}

INLINE void fe_sum(struct fe *r, const struct fe *a, const struct fe *b)
{
    for (int i = 0; i < FE_LIMBS; i++)
        r->limb[i] = vec_add(a->limb[i], b->limb[i]);
}

INLINE void fe_diff(struct fe *r, const struct fe *a, const struct fe *b)
{
    for (int i = 0; i < FE_LIMBS; i++)
        r->limb[i] = vec_sub(a->limb[i], b->limb[i]);
}

INLINE void fe_negate_lanes(struct fe *r, const struct fe *a, lane_mask mask)
{
    const vec sign = _mm256_and_pd(vec_of_bits(ivec_of_mask(mask)), _mm256_set1_pd(-0.0));
    for (int i = 0; i < FE_LIMBS; i++)
        r->limb[i] = _mm256_xor_pd(a->limb[i], sign);
}

INLINE void fe_select(struct fe *r, lane_mask mask, const struct fe *a, const struct fe *b)
{
    for (int i = 0; i < FE_LIMBS; i++)
        r->limb[i] = vec_select(mask, a->limb[i], b->limb[i]);
}

INLINE void fe_set_one(struct fe *r)
{
    for (int i = 0; i < FE_LIMBS; i++)
        r->limb[i] = _mm256_set1_pd(i == 0);
}

// The limbs of a carried element plus 4 p, as non-negative integers.
INLINE void fe_to_integers(ivec out[FE_LIMBS], const struct fe *a)
{
    static const uint64_t FOUR_P[FE_LIMBS] = {(UINT64_C(1) << 53) - 4 * UINT64_C(0x1000003d1), (UINT64_C(1) << 53) - 2,
                                              (UINT64_C(1) << 53) - 2, (UINT64_C(1) << 53) - 2,
                                              (UINT64_C(1) << 50) - 2};
    for (int i = 0; i < FE_LIMBS; i++) {
        const ivec placed = vec_bits(vec_add(a->limb[i], _mm256_set1_pd(SIGNED)));
        out[i] = ivec_add(placed, ivec_set1(FOUR_P[i] - SPLIT_LOW_BITS - CENTRE));
    }
}

// From limbs below 2^52, the last one below 2^48.
INLINE void fe_from_limbs(struct fe *r, const ivec limbs[FE_LIMBS])
{
    ivec carry = ivec_set1(0);
    for (int i = 0; i < FE_LIMBS; i++) {
        // Limbs from 2^51 up become negative, and the next one gets a carry.
        const ivec limb = ivec_add(limbs[i], carry);
        carry = i < 4 ? ivec_shr(ivec_add(limb, ivec_set1(CENTRE)), 52) : carry;
        const ivec low = ivec_sub(limb, ivec_shl(i < 4 ? carry : ivec_set1(0), 52));
        r->limb[i] = vec_sub(vec_of_bits(ivec_add(low, ivec_set1(SIGNED_BITS))), _mm256_set1_pd(SIGNED));
    }
}

#endif
