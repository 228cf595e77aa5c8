// Arithmetic modulo secp256k1's group order n, on u256 values below n. One at a time; public data: not constant-time.
// Any thread.
// Source: SEC 2 v2, 2.4.1 (the curve); Gallant, Lambert and Vanstone, "Faster point multiplication on elliptic curves
// with efficient endomorphisms" (the split), with the lattice basis and rounding that libsecp256k1 derives.
#ifndef GANTRY_SIGVERIFY_LANES_SCALAR_H
#define GANTRY_SIGVERIFY_LANES_SCALAR_H

#include "base/u256.h"

extern const u256 SCALAR_ORDER;

static inline u256 load_be256(const uint8_t in[32])
{
    return (u256){{__builtin_bswap64(load_le64(in + 24)), __builtin_bswap64(load_le64(in + 16)),
                   __builtin_bswap64(load_le64(in + 8)), __builtin_bswap64(load_le64(in))}};
}

// in mod n, big-endian. Any 32 bytes.
u256 scalar_from_be(const uint8_t in[32]);

u256 scalar_add(const u256 *a, const u256 *b);
u256 scalar_negate(const u256 *a);
u256 scalar_multiply(const u256 *a, const u256 *b);

// out[i] = 1 / in[i]; in[i] is not zero. out and in are different arrays. One inversion and 3 n multiplications.
void scalar_invert_batch(u256 *out, const u256 *in, size_t n);

// A signed number of at most 128 bits: (negative ? -1 : 1) * (hi 2^64 + lo).
struct scalar_half {
    uint64_t lo, hi;
    bool negative;
};

// The scalar of lambda: lambda (x, y) = (beta x, y).
extern const u256 SCALAR_LAMBDA;

// The largest magnitude that scalar_split gives is below this times 2^120 (and below 2^128).
#define SCALAR_HALF_TOP 0xa3

// k = half[0] + half[1] lambda mod n, both below 0xa2a8918d * 2^96 in magnitude.
void scalar_split(struct scalar_half half[2], const u256 *k);

// half mod n.
u256 scalar_of_half(const struct scalar_half *half);

#endif
