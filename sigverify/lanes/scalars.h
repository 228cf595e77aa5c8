// Arithmetic modulo the group order on whole arrays: what a batch does with its scalars (scalar.h, digits.h). Eight lanes
// have a vector implementation (simd/scalars.h); on four, the processor's own multiplier is as fast, one after the other.
//
// Scalars are below n, any number of them. out may be an input's array, but for invert. Public data: not constant-time. Any
// thread.
#ifndef GANTRY_SIGVERIFY_LANES_SCALARS_H
#define GANTRY_SIGVERIFY_LANES_SCALARS_H

#include "sigverify/lanes/digits.h"
#include "sigverify/lanes/scalar.h"

struct scalar_kernels {
    // out[i] = 1 / in[i]; none is zero.
    void (*invert)(u256 *out, const u256 *in, size_t n);
    // out[i] = a[i] b[i]; a and b may be any 256 bits.
    void (*multiply)(u256 *out, const u256 *a, const u256 *b, size_t n);
    // As scalar_split.
    void (*split)(struct scalar_half (*out)[2], const u256 *k, size_t n);
    // As half_digits_of.
    void (*half_digits)(struct half_digits *out, const u256 *k, size_t n);
    // As comb_digits_of_negative; none is zero.
    void (*comb_digits_of_negatives)(struct comb_digits *out, const u256 *k, size_t n);
};

extern const struct scalar_kernels SCALARS_ONE_BY_ONE;

#endif
