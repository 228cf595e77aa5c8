// What field_fma.h and the points need of 256-bit vectors: four doubles, or four 64-bit integers.
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_VEC256_H
#define GANTRY_SIGVERIFY_LANES_SIMD_VEC256_H

#include <immintrin.h>
#include <string.h>

#include "sigverify/lanes/simd/backend.h"

typedef __m256d vec;
typedef __m256i ivec;

// Through a double that the compiler can't see into: gcc broadcasts those from memory in one instruction, but carries
// constant integers over by way of a general register, in three.
INLINE ivec ivec_set1(uint64_t a)
{
    double bits;
    memcpy(&bits, &a, sizeof bits);
    vec out = _mm256_set1_pd(bits);
    __asm__("" : "+x"(out));
    return _mm256_castpd_si256(out);
}

INLINE ivec ivec_add(ivec a, ivec b)
{
    return _mm256_add_epi64(a, b);
}

INLINE ivec ivec_sub(ivec a, ivec b)
{
    return _mm256_sub_epi64(a, b);
}

INLINE ivec ivec_and(ivec a, ivec b)
{
    return _mm256_and_si256(a, b);
}

INLINE ivec ivec_or(ivec a, ivec b)
{
    return _mm256_or_si256(a, b);
}

INLINE ivec ivec_shr(ivec a, int n)
{
    return _mm256_srli_epi64(a, n);
}

INLINE ivec ivec_shl(ivec a, int n)
{
    return _mm256_slli_epi64(a, n);
}

INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_pd(a, b);
}

INLINE vec vec_sub(vec a, vec b)
{
    return _mm256_sub_pd(a, b);
}

INLINE ivec vec_bits(vec a)
{
    return _mm256_castpd_si256(a);
}

INLINE vec vec_of_bits(ivec a)
{
    return _mm256_castsi256_pd(a);
}

// All bits of the lanes in the mask.
INLINE ivec ivec_of_mask(lane_mask mask)
{
    const ivec bit = _mm256_setr_epi64x(1, 2, 4, 8);
    return _mm256_cmpeq_epi64(ivec_and(ivec_set1(mask), bit), bit);
}

// Where the mask has a lane: a, elsewhere b.
INLINE ivec ivec_select(lane_mask mask, ivec a, ivec b)
{
    return _mm256_blendv_epi8(b, a, ivec_of_mask(mask));
}

INLINE vec vec_select(lane_mask mask, vec a, vec b)
{
    return _mm256_blendv_pd(b, a, vec_of_bits(ivec_of_mask(mask)));
}

// The lanes that are zero.
INLINE lane_mask ivec_zero_lanes(ivec a)
{
    return (lane_mask)_mm256_movemask_pd(vec_of_bits(_mm256_cmpeq_epi64(a, _mm256_setzero_si256())));
}

// Row i of out is made of word i of every row of in.
INLINE void vec_transpose(vec out[4], const vec in[4])
{
    const vec a = _mm256_unpacklo_pd(in[0], in[1]), b = _mm256_unpackhi_pd(in[0], in[1]);
    const vec c = _mm256_unpacklo_pd(in[2], in[3]), d = _mm256_unpackhi_pd(in[2], in[3]);
    out[0] = _mm256_permute2f128_pd(a, c, 0x20);
    out[1] = _mm256_permute2f128_pd(b, d, 0x20);
    out[2] = _mm256_permute2f128_pd(a, c, 0x31);
    out[3] = _mm256_permute2f128_pd(b, d, 0x31);
}

// Word i of four numbers of four words each, side by side in memory, becomes out[i]; and back.
INLINE void vec_load_words(ivec out[4], const void *from)
{
    vec rows[4], columns[4];
    for (int i = 0; i < 4; i++)
        rows[i] = vec_of_bits(_mm256_loadu_si256((const ivec *)from + i));
    vec_transpose(columns, rows);
    for (int i = 0; i < 4; i++)
        out[i] = vec_bits(columns[i]);
}

INLINE void vec_store_words(void *to, const ivec in[4])
{
    vec rows[4], columns[4];
    for (int i = 0; i < 4; i++)
        rows[i] = vec_of_bits(in[i]);
    vec_transpose(columns, rows);
    for (int i = 0; i < 4; i++)
        _mm256_storeu_si256((ivec *)to + i, vec_bits(columns[i]));
}

#endif
