// What field_ifma.h and the points need of 512-bit vectors, in the fewest instructions there are for it. With
// LANES_EMULATED the same functions come in plain C (vec512_emulated.h), so that every line above them runs on any
// machine.
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_VEC512_H
#define GANTRY_SIGVERIFY_LANES_SIMD_VEC512_H

#include "sigverify/lanes/simd/backend.h"

#if defined LANES_EMULATED
#include "sigverify/lanes/simd/vec512_emulated.h"
#else

#include <immintrin.h>

typedef __m512i ivec;
typedef ivec vec;

INLINE ivec ivec_set1(uint64_t a)
{
    return _mm512_set1_epi64((long long)a);
}

INLINE vec vec_load(const uint64_t from[8])
{
    return _mm512_loadu_si512(from);
}

INLINE void vec_store(uint64_t to[8], vec a)
{
    _mm512_storeu_si512(to, a);
}

INLINE ivec ivec_add(vec a, vec b)
{
    return _mm512_add_epi64(a, b);
}

INLINE ivec ivec_sub(vec a, vec b)
{
    return _mm512_sub_epi64(a, b);
}

INLINE ivec ivec_and(vec a, vec b)
{
    return _mm512_and_si512(a, b);
}

INLINE ivec ivec_or(vec a, vec b)
{
    return _mm512_or_si512(a, b);
}

INLINE ivec ivec_shl(vec a, unsigned n)
{
    return _mm512_slli_epi64(a, n);
}

INLINE ivec ivec_shr(vec a, unsigned n)
{
    return _mm512_srli_epi64(a, n);
}

// acc + the low 52 bits of a * b, where the low 52 bits of a and of b count.
INLINE vec vec_madd52lo(vec acc, vec a, vec b)
{
    return _mm512_madd52lo_epu64(acc, a, b);
}

// acc + bits 52..103 of that product.
INLINE vec vec_madd52hi(vec acc, vec a, vec b)
{
    return _mm512_madd52hi_epu64(acc, a, b);
}

// Where the mask has a lane: a, elsewhere b.
INLINE vec vec_select(lane_mask mask, vec a, vec b)
{
    return _mm512_mask_mov_epi64(b, (__mmask8)mask, a);
}

// The lanes that are zero.
INLINE lane_mask ivec_zero_lanes(vec a)
{
    return _mm512_testn_epi64_mask(a, a);
}

// Row i of out is made of word i of every row of in.
INLINE void vec_transpose(vec out[8], const vec in[8])
{
    vec a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm512_unpacklo_epi64(in[i], in[i + 1]);
        a[i + 1] = _mm512_unpackhi_epi64(in[i], in[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        b[i] = _mm512_shuffle_i64x2(a[i], a[i + 2], 0x88);
        b[i + 1] = _mm512_shuffle_i64x2(a[i + 1], a[i + 3], 0x88);
        b[i + 2] = _mm512_shuffle_i64x2(a[i], a[i + 2], 0xdd);
        b[i + 3] = _mm512_shuffle_i64x2(a[i + 1], a[i + 3], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        out[i] = _mm512_shuffle_i64x2(b[i], b[i + 4], 0x88);
        out[i + 4] = _mm512_shuffle_i64x2(b[i], b[i + 4], 0xdd);
    }
}

#endif
#endif
