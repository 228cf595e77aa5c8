// Source: RFC 7693, 3.2.
#include "shard/evm/precompiles/blake2f.h"

#include "base/cpu.h"
#include "shard/evm/precompiles/blake2f_rounds.h"

static const uint64_t IV[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

const uint8_t BLAKE2F_SIGMA[BLAKE2F_SIGMAS][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static inline uint64_t rotate_right(uint64_t x, unsigned n)
{
    return x >> n | x << (64 - n);
}

static inline __attribute__((always_inline)) void mix(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d, uint64_t x,
                                                      uint64_t y)
{
    *a += *b + x;
    *d = rotate_right(*d ^ *a, 32);
    *c += *d;
    *b = rotate_right(*b ^ *c, 24);
    *a += *b + y;
    *d = rotate_right(*d ^ *a, 16);
    *c += *d;
    *b = rotate_right(*b ^ *c, 63);
}

static inline __attribute__((always_inline)) void run_round(uint64_t v[16], const uint64_t m[16], const uint8_t s[16])
{
    mix(&v[0], &v[4], &v[8], &v[12], m[s[0]], m[s[1]]);
    mix(&v[1], &v[5], &v[9], &v[13], m[s[2]], m[s[3]]);
    mix(&v[2], &v[6], &v[10], &v[14], m[s[4]], m[s[5]]);
    mix(&v[3], &v[7], &v[11], &v[15], m[s[6]], m[s[7]]);
    mix(&v[0], &v[5], &v[10], &v[15], m[s[8]], m[s[9]]);
    mix(&v[1], &v[6], &v[11], &v[12], m[s[10]], m[s[11]]);
    mix(&v[2], &v[7], &v[8], &v[13], m[s[12]], m[s[13]]);
    mix(&v[3], &v[4], &v[9], &v[14], m[s[14]], m[s[15]]);
}

void blake2f_rounds_portable(uint64_t v[16], const uint64_t m[16], uint32_t rounds)
{
    uint32_t left = rounds;
    for (; left >= BLAKE2F_SIGMAS; left -= BLAKE2F_SIGMAS) {
        // Unrolled, the permutation is in the instructions.
#pragma GCC unroll 10
        for (int i = 0; i < BLAKE2F_SIGMAS; i++)
            run_round(v, m, BLAKE2F_SIGMA[i]);
    }
    for (uint32_t i = 0; i < left; i++)
        run_round(v, m, BLAKE2F_SIGMA[i]);
}

static void compress(uint64_t h[8], const uint64_t m[16], const uint64_t t[2], bool final, uint32_t rounds)
{
    uint64_t v[16];
    memcpy(v, h, 64);
    memcpy(v + 8, IV, sizeof IV);
    v[12] ^= t[0];
    v[13] ^= t[1];
    v[14] ^= final ? UINT64_MAX : 0;
    (cpu_has_avx2() ? blake2f_rounds_avx2 : blake2f_rounds_portable)(v, m, rounds);
    for (int i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[i + 8];
}

uint32_t pc_blake2f_rounds(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

bool pc_blake2f(uint8_t out[64], struct bytes in)
{
    if (in.len != PC_BLAKE2F_INPUT_BYTES || in.ptr[212] > 1)
        return false;
    uint64_t h[8], m[16], t[2];
    memcpy(h, in.ptr + 4, sizeof h);
    memcpy(m, in.ptr + 68, sizeof m);
    memcpy(t, in.ptr + 196, sizeof t);
    compress(h, m, t, in.ptr[212], pc_blake2f_rounds(in.ptr));
    memcpy(out, h, sizeof h);
    return true;
}
