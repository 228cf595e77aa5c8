// Numbers of 256 bits as four words of 64 bits, in memory, and as five limbs of 52 bits (48 in the last), in lanes.
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_WORDS_H
#define GANTRY_SIGVERIFY_LANES_SIMD_WORDS_H

#include "base/u256.h"
#include "sigverify/lanes/simd/backend.h"
#if defined LANES_AVX2
#include "sigverify/lanes/simd/vec256.h"
#else
#include "sigverify/lanes/simd/vec512.h"
#endif

#define LIMB_COUNT 5
#define LIMB_MASK ((UINT64_C(1) << 52) - 1)
#define TOP_LIMB_MASK ((UINT64_C(1) << 48) - 1)

// Lane i of the limbs is in[i].
INLINE void limbs_load(ivec l[LIMB_COUNT], const u256 in[LANES])
{
    const ivec mask = ivec_set1(LIMB_MASK);
    ivec w[4];
    vec_load_words(w, in);
    l[0] = ivec_and(w[0], mask);
    l[1] = ivec_and(ivec_or(ivec_shr(w[0], 52), ivec_shl(w[1], 12)), mask);
    l[2] = ivec_and(ivec_or(ivec_shr(w[1], 40), ivec_shl(w[2], 24)), mask);
    l[3] = ivec_and(ivec_or(ivec_shr(w[2], 28), ivec_shl(w[3], 36)), mask);
    l[4] = ivec_shr(w[3], 16);
}

// out[i] is lane i of the limbs, which are full ones.
INLINE void limbs_store(u256 out[LANES], const ivec l[LIMB_COUNT])
{
    const ivec w[4] = {ivec_or(l[0], ivec_shl(l[1], 52)), ivec_or(ivec_shr(l[1], 12), ivec_shl(l[2], 40)),
                       ivec_or(ivec_shr(l[2], 24), ivec_shl(l[3], 28)), ivec_or(ivec_shr(l[3], 36), ivec_shl(l[4], 16))};
    vec_store_words(out, w);
}

// Limbs below 2^63, carried into the last one, which takes what is left.
INLINE void limbs_carry(ivec *l, int count)
{
    const ivec mask = ivec_set1(LIMB_MASK);
    for (int i = 0; i < count - 1; i++) {
        l[i + 1] = ivec_add(l[i + 1], ivec_shr(l[i], 52));
        l[i] = ivec_and(l[i], mask);
    }
}

// Of carried limbs below 2 m, where m is 2^256 less the complement (its limbs; zero from `len` on): what is below m.
INLINE void limbs_subtract_once(ivec l[LIMB_COUNT], const uint64_t *complement, int len)
{
    ivec sum[LIMB_COUNT];
    for (int i = 0; i < LIMB_COUNT; i++)
        sum[i] = i < len ? ivec_add(l[i], ivec_set1(complement[i])) : l[i];
    limbs_carry(sum, LIMB_COUNT);
    // At or above m: exactly when the sum reaches 2^256.
    const lane_mask less = ivec_zero_lanes(ivec_shr(sum[LIMB_COUNT - 1], 48));
    sum[LIMB_COUNT - 1] = ivec_and(sum[LIMB_COUNT - 1], ivec_set1(TOP_LIMB_MASK));
    for (int i = 0; i < LIMB_COUNT; i++)
        l[i] = ivec_select(less, l[i], sum[i]);
}

#endif
