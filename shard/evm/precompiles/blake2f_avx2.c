// A vector is a row of the state: four columns are mixed at once, then four diagonals. This file is compiled with AVX2;
// nothing here runs unless cpu_has_avx2().
#include "shard/evm/precompiles/blake2f_rounds.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

struct rows {
    __m256i a, b, c, d;
};

INLINE __m256i rotate_right_24(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_setr_epi8(3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10, 3, 4, 5, 6, 7,
                                                   0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10));
}

INLINE __m256i rotate_right_16(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_setr_epi8(2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9, 2, 3, 4, 5, 6,
                                                   7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9));
}

// The message is added to a before b is: b comes last.
INLINE void mix(struct rows *r, __m256i x, __m256i y)
{
    r->a = _mm256_add_epi64(_mm256_add_epi64(r->a, x), r->b);
    r->d = _mm256_shuffle_epi32(_mm256_xor_si256(r->d, r->a), _MM_SHUFFLE(2, 3, 0, 1));
    r->c = _mm256_add_epi64(r->c, r->d);
    r->b = rotate_right_24(_mm256_xor_si256(r->b, r->c));
    r->a = _mm256_add_epi64(_mm256_add_epi64(r->a, y), r->b);
    r->d = rotate_right_16(_mm256_xor_si256(r->d, r->a));
    r->c = _mm256_add_epi64(r->c, r->d);
    const __m256i b = _mm256_xor_si256(r->b, r->c);
    r->b = _mm256_xor_si256(_mm256_srli_epi64(b, 63), _mm256_add_epi64(b, b));
}

// b, for which everything waits, stays where it is while the others turn.
INLINE void run_round(struct rows *r, const __m256i m[4])
{
    mix(r, m[0], m[1]);
    r->a = _mm256_permute4x64_epi64(r->a, _MM_SHUFFLE(2, 1, 0, 3));
    r->c = _mm256_permute4x64_epi64(r->c, _MM_SHUFFLE(0, 3, 2, 1));
    r->d = _mm256_permute4x64_epi64(r->d, _MM_SHUFFLE(1, 0, 3, 2));
    mix(r, m[2], m[3]);
    r->a = _mm256_permute4x64_epi64(r->a, _MM_SHUFFLE(0, 3, 2, 1));
    r->c = _mm256_permute4x64_epi64(r->c, _MM_SHUFFLE(2, 1, 0, 3));
    r->d = _mm256_permute4x64_epi64(r->d, _MM_SHUFFLE(1, 0, 3, 2));
}

void blake2f_rounds_avx2(uint64_t v[16], const uint64_t m[16], uint32_t rounds)
{
    __m256i words[BLAKE2F_SIGMAS][4];
    for (unsigned i = 0; i < BLAKE2F_SIGMAS; i++) {
        const uint8_t *s = BLAKE2F_SIGMA[i];
        for (unsigned k = 0; k < 2; k++) {
            words[i][k] =
                _mm256_setr_epi64x((int64_t)m[s[k]], (int64_t)m[s[2 + k]], (int64_t)m[s[4 + k]], (int64_t)m[s[6 + k]]);
            // A diagonal stands in the lane of its b.
            words[i][2 + k] = _mm256_setr_epi64x((int64_t)m[s[14 + k]], (int64_t)m[s[8 + k]], (int64_t)m[s[10 + k]],
                                                 (int64_t)m[s[12 + k]]);
        }
    }
    __m256i *state = (__m256i *)v;
    struct rows r = {_mm256_loadu_si256(state), _mm256_loadu_si256(state + 1), _mm256_loadu_si256(state + 2),
                     _mm256_loadu_si256(state + 3)};
    uint32_t left = rounds;
    for (; left >= BLAKE2F_SIGMAS; left -= BLAKE2F_SIGMAS) {
        for (unsigned i = 0; i < BLAKE2F_SIGMAS; i++)
            run_round(&r, words[i]);
    }
    for (unsigned i = 0; i < left; i++)
        run_round(&r, words[i]);
    _mm256_storeu_si256(state, r.a);
    _mm256_storeu_si256(state + 1, r.b);
    _mm256_storeu_si256(state + 2, r.c);
    _mm256_storeu_si256(state + 3, r.d);
}
