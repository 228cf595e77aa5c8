// This backend's implementation of struct recover_kernels (sigverify/lanes/recover.h).
//
//     u1 G + u2 R,   u2 = first + second lambda
//
// 1. R: the square root of x^3 + 7, with the parity asked for.
// 2. The odd multiples R, 3 R, ..., 31 R, in affine coordinates.
// 3. For each of the 26 digits: first_i R + second_i lambda R, affine again, so that
// 4. the ladder has one mixed addition for each five doublings.
// 5. u1 G: 32 points out of a table, summed pairwise.
// 6. The sum of both, in affine coordinates.
//
// Affine additions share inversions across GROUP signatures and their lanes. No digit is zero and R has prime order, so
// 2 and 3 have no exceptional cases; 5 shows them as equal x (sums.h), 4 and 6 as a final z of 0 (point.h).
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_RECOVER_H
#define GANTRY_SIGVERIFY_LANES_SIMD_RECOVER_H

#include "sigverify/lanes/recover.h"
#include "sigverify/lanes/simd/backend.h"

#define RECOVER_KERNELS LANES_NAME(RECOVER_KERNELS)
extern const struct recover_kernels RECOVER_KERNELS;

#endif
