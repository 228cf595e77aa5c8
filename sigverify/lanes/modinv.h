// Inverses modulo 256-bit primes, one at a time; batches share one by Montgomery's trick. Public data: the time depends
// on the value. Any thread.
// Source: Bernstein and Yang, "Fast constant-time gcd computation and modular inversion", in the variable-time form
// with 62 steps a round that libsecp256k1's doc/safegcd_implementation.md derives.
#ifndef GANTRY_SIGVERIFY_LANES_MODINV_H
#define GANTRY_SIGVERIFY_LANES_MODINV_H

#include "base/u256.h"

struct modinv_modulus {
    int64_t limbs[5];   // 62 bits each, least significant first
    uint64_t inverse62; // of the modulus, mod 2^62
};

extern const struct modinv_modulus MODINV_ORDER; // secp256k1's group order n
extern const struct modinv_modulus MODINV_FIELD; // its field's p

// 1 / a, below the modulus; 0 for 0. a is below the modulus.
u256 modinv(const u256 *a, const struct modinv_modulus *modulus);

#endif
