// The field of field.h in integers, for vpmadd52: limbs are never negative.
//
//   carried  limb 0..3 < 2^52, limb 4 < 2^49
//   wide     the same: sums and differences are carried at once
//
// vpmadd52 takes the low 52 bits of a factor and drops the rest silently: no factor may have more.
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_FIELD_IFMA_H
#define GANTRY_SIGVERIFY_LANES_SIMD_FIELD_IFMA_H

#define CARRIED_MAX ((INT64_C(1) << 52) - 1)     // of limbs 0 to 3
#define CARRIED_TOP_MAX ((INT64_C(1) << 49) - 1) // of limb 4
#define CARRIED_MIN 0
#define CARRIED_TOP_MIN 0
#define WIDE_FACTOR 1

#define FOLD_260 UINT64_C(0x1000003d10) // 2^260 mod p
#define FOLD_256 UINT64_C(0x1000003d1)  // 2^256 mod p

// 4 p in limbs that are each above any carried element's.
INLINE uint64_t four_p(int limb)
{
    const uint64_t twice = UINT64_C(1) << 53;
    return limb == 0 ? twice - 4 * FOLD_256 : limb < 4 ? twice - 2 : (UINT64_C(1) << 50) - 2;
}

// Ten columns of weight 2^(52 k): sums of halves of products, below 2^60.
struct columns {
    ivec c[2 * FE_LIMBS];
};

// What is summed up: (products + squares) times scale, then `more` products, minus `subtracted` elements. All constant.
struct plan {
    int products, squares, scale, more, subtracted;
};

INLINE void columns_start(struct columns *s, struct plan plan)
{
    for (int k = 0; k < 2 * FE_LIMBS; k++)
        s->c[k] = ivec_set1(k < FE_LIMBS ? (uint64_t)plan.subtracted * four_p(k) : 0);
}

INLINE void columns_add_product(struct columns *s, const struct fe *a, const struct fe *b)
{
    for (int i = 0; i < FE_LIMBS; i++) {
        for (int j = 0; j < FE_LIMBS; j++) {
            s->c[i + j] = vec_madd52lo(s->c[i + j], a->limb[i], b->limb[j]);
            s->c[i + j + 1] = vec_madd52hi(s->c[i + j + 1], a->limb[i], b->limb[j]);
        }
    }
}

// The mixed products are summed apart and doubled: a doubled limb would not fit.
INLINE void columns_add_square(struct columns *s, const struct fe *a)
{
    ivec mixed[2 * FE_LIMBS];
    for (int k = 0; k < 2 * FE_LIMBS; k++)
        mixed[k] = ivec_set1(0);
    for (int i = 0; i < FE_LIMBS; i++) {
        s->c[2 * i] = vec_madd52lo(s->c[2 * i], a->limb[i], a->limb[i]);
        s->c[2 * i + 1] = vec_madd52hi(s->c[2 * i + 1], a->limb[i], a->limb[i]);
        for (int j = i + 1; j < FE_LIMBS; j++) {
            mixed[i + j] = vec_madd52lo(mixed[i + j], a->limb[i], a->limb[j]);
            mixed[i + j + 1] = vec_madd52hi(mixed[i + j + 1], a->limb[i], a->limb[j]);
        }
    }
    for (int k = 1; k < 2 * FE_LIMBS - 1; k++)
        s->c[k] = ivec_add(s->c[k], ivec_add(mixed[k], mixed[k]));
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

// The plan has put 4 p there for it.
INLINE void columns_subtract(struct columns *s, const struct fe *a)
{
    for (int i = 0; i < FE_LIMBS; i++)
        s->c[i] = ivec_sub(s->c[i], a->limb[i]);
}

// Limbs below 2^63 carried; what lies above 2^256 has been folded, up to a carry into bit 48 of limb 4.
INLINE void carry_limbs(struct fe *r, ivec c[FE_LIMBS])
{
    const ivec low52 = ivec_set1((UINT64_C(1) << 52) - 1);
    for (int k = 0; k < 4; k++) {
        c[k + 1] = ivec_add(c[k + 1], ivec_shr(c[k], 52));
        r->limb[k] = ivec_and(c[k], low52);
    }
    r->limb[4] = c[4];
}

INLINE void columns_reduce(struct fe *r, struct columns *s)
{
    const ivec fold = ivec_set1(FOLD_260), fold_top = ivec_set1(FOLD_256), none = ivec_set1(0);
    ivec *c = s->c;
    for (int k = 5; k < 9; k++)
        c[k + 1] = ivec_add(c[k + 1], ivec_shr(c[k], 52));
    // Of c[5] to c[8] only the low 52 bits are left to take, as the multiplication does; c[9] is below 2^52.
    for (int k = 0; k < 5; k++)
        c[k] = vec_madd52lo(c[k], c[5 + k], fold);
    for (int k = 0; k < 4; k++)
        c[k + 1] = vec_madd52hi(c[k + 1], c[5 + k], fold);
    // The last high half has weight 2^260 again: with what c[4] has from 2^256 up it is folded once more.
    const ivec last = vec_madd52hi(none, c[9], fold);
    const ivec top = ivec_add(ivec_shr(c[4], 48), ivec_shl(last, 4));
    c[4] = ivec_and(c[4], ivec_set1((UINT64_C(1) << 48) - 1));
    c[0] = vec_madd52lo(c[0], top, fold_top);
    c[1] = vec_madd52hi(c[1], top, fold_top);
    carry_limbs(r, c);
}

// Limbs below 2^62, the last one below 2^56.
INLINE void fold_and_carry(struct fe *r, ivec c[FE_LIMBS])
{
    const ivec top = ivec_shr(c[4], 48);
    c[4] = ivec_and(c[4], ivec_set1((UINT64_C(1) << 48) - 1));
    c[0] = vec_madd52lo(c[0], top, ivec_set1(FOLD_256));
    carry_limbs(r, c);
}

INLINE void fe_sum(struct fe *r, const struct fe *a, const struct fe *b)
{
    ivec c[FE_LIMBS];
    for (int i = 0; i < FE_LIMBS; i++)
        c[i] = ivec_add(a->limb[i], b->limb[i]);
    fold_and_carry(r, c);
}

INLINE void fe_diff(struct fe *r, const struct fe *a, const struct fe *b)
{
    ivec c[FE_LIMBS];
    for (int i = 0; i < FE_LIMBS; i++)
        c[i] = ivec_sub(ivec_add(a->limb[i], ivec_set1(four_p(i))), b->limb[i]);
    fold_and_carry(r, c);
}

INLINE void fe_select(struct fe *r, lane_mask mask, const struct fe *a, const struct fe *b)
{
    for (int i = 0; i < FE_LIMBS; i++)
        r->limb[i] = vec_select(mask, a->limb[i], b->limb[i]);
}

INLINE void fe_negate_lanes(struct fe *r, const struct fe *a, lane_mask mask)
{
    ivec c[FE_LIMBS];
    struct fe negated;
    for (int i = 0; i < FE_LIMBS; i++)
        c[i] = ivec_sub(ivec_set1(four_p(i)), a->limb[i]);
    fold_and_carry(&negated, c);
    fe_select(r, mask, &negated, a);
}

INLINE void fe_set_one(struct fe *r)
{
    for (int i = 0; i < FE_LIMBS; i++)
        r->limb[i] = ivec_set1(i == 0);
}

// The limbs of a carried element plus 4 p, as non-negative integers.
INLINE void fe_to_integers(ivec out[FE_LIMBS], const struct fe *a)
{
    for (int i = 0; i < FE_LIMBS; i++)
        out[i] = ivec_add(a->limb[i], ivec_set1(four_p(i)));
}

// From limbs below 2^52, the last one below 2^48.
INLINE void fe_from_limbs(struct fe *r, const ivec limbs[FE_LIMBS])
{
    for (int i = 0; i < FE_LIMBS; i++)
        r->limb[i] = limbs[i];
}

#endif
