// vec512.h in plain C.
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_VEC512_EMULATED_H
#define GANTRY_SIGVERIFY_LANES_SIMD_VEC512_EMULATED_H

#include <string.h>

#include "sigverify/lanes/simd/backend.h"

typedef struct {
    uint64_t lane[8];
} ivec;
typedef ivec vec;

#define EACH_LANE(expression)                                                                                          \
    vec out;                                                                                                           \
    for (int i = 0; i < 8; i++)                                                                                        \
        out.lane[i] = (expression);                                                                                    \
    return out

INLINE ivec ivec_set1(uint64_t a)
{
    EACH_LANE(a);
}

INLINE vec vec_load(const uint64_t from[8])
{
    EACH_LANE(from[i]);
}

INLINE void vec_store(uint64_t to[8], vec a)
{
    memcpy(to, a.lane, sizeof a.lane);
}

INLINE ivec ivec_add(vec a, vec b)
{
    EACH_LANE(a.lane[i] + b.lane[i]);
}

INLINE ivec ivec_sub(vec a, vec b)
{
    EACH_LANE(a.lane[i] - b.lane[i]);
}

INLINE ivec ivec_and(vec a, vec b)
{
    EACH_LANE(a.lane[i] & b.lane[i]);
}

INLINE ivec ivec_or(vec a, vec b)
{
    EACH_LANE(a.lane[i] | b.lane[i]);
}

INLINE ivec ivec_shl(vec a, unsigned n)
{
    EACH_LANE(a.lane[i] << n);
}

INLINE ivec ivec_shr(vec a, unsigned n)
{
    EACH_LANE(a.lane[i] >> n);
}

INLINE unsigned __int128 product52(uint64_t a, uint64_t b)
{
    const uint64_t mask = (UINT64_C(1) << 52) - 1;
    return (unsigned __int128)(a & mask) * (b & mask);
}

INLINE vec vec_madd52lo(vec acc, vec a, vec b)
{
    EACH_LANE(acc.lane[i] + ((uint64_t)product52(a.lane[i], b.lane[i]) & ((UINT64_C(1) << 52) - 1)));
}

INLINE vec vec_madd52hi(vec acc, vec a, vec b)
{
    EACH_LANE(acc.lane[i] + (uint64_t)(product52(a.lane[i], b.lane[i]) >> 52));
}

INLINE vec vec_select(lane_mask mask, vec a, vec b)
{
    EACH_LANE(mask >> i & 1 ? a.lane[i] : b.lane[i]);
}

INLINE ivec ivec_select(lane_mask mask, ivec a, ivec b)
{
    return vec_select(mask, a, b);
}

INLINE lane_mask ivec_zero_lanes(vec a)
{
    lane_mask mask = 0;
    for (int i = 0; i < 8; i++)
        mask |= (lane_mask)(a.lane[i] == 0) << i;
    return mask;
}

INLINE void vec_transpose(vec out[8], const vec in[8])
{
    vec copy[8];
    memcpy(copy, in, sizeof copy);
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++)
            out[i].lane[j] = copy[j].lane[i];
}

INLINE void vec_load_words(vec out[4], const void *from)
{
    uint64_t words[8][4];
    memcpy(words, from, sizeof words);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 8; j++)
            out[i].lane[j] = words[j][i];
}

INLINE void vec_store_words(void *to, const vec in[4])
{
    uint64_t words[8][4];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 8; j++)
            words[j][i] = in[i].lane[j];
    memcpy(to, words, sizeof words);
}

#undef EACH_LANE

#endif
