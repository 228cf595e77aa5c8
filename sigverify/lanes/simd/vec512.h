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

INLINE ivec ivec_select(lane_mask mask, ivec a, ivec b)
{
    return vec_select(mask, a, b);
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

// Word i of eight numbers of four words each, side by side in memory, becomes out[i]; and back.
INLINE void vec_load_words(vec out[4], const void *from)
{
    const ivec low = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13), high = _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15);
    const ivec *in = from;
    ivec rows[4];
    for (int i = 0; i < 4; i++)
        rows[i] = _mm512_loadu_si512(&in[i]);
    const ivec a = _mm512_permutex2var_epi64(rows[0], low, rows[1]), b = _mm512_permutex2var_epi64(rows[2], low, rows[3]);
    const ivec c = _mm512_permutex2var_epi64(rows[0], high, rows[1]);
    const ivec d = _mm512_permutex2var_epi64(rows[2], high, rows[3]);
    out[0] = _mm512_shuffle_i64x2(a, b, 0x44);
    out[1] = _mm512_shuffle_i64x2(a, b, 0xee);
    out[2] = _mm512_shuffle_i64x2(c, d, 0x44);
    out[3] = _mm512_shuffle_i64x2(c, d, 0xee);
}

INLINE void vec_store_words(void *to, const vec in[4])
{
    const ivec low = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13), high = _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15);
    ivec *out = to;
    for (int i = 0; i < 2; i++) {
        const ivec a = i ? _mm512_shuffle_i64x2(in[0], in[1], 0xee) : _mm512_shuffle_i64x2(in[0], in[1], 0x44);
        const ivec b = i ? _mm512_shuffle_i64x2(in[2], in[3], 0xee) : _mm512_shuffle_i64x2(in[2], in[3], 0x44);
        _mm512_storeu_si512(&out[2 * i], _mm512_permutex2var_epi64(a, low, b));
        _mm512_storeu_si512(&out[2 * i + 1], _mm512_permutex2var_epi64(a, high, b));
    }
}

#endif
#endif
