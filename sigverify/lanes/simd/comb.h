// The table of G's multiples that the sum u1 G takes its points from: entry (i, j) is (2 j + 1) 2^(8 i) G.
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_COMB_H
#define GANTRY_SIGVERIFY_LANES_SIMD_COMB_H

#include "sigverify/lanes/digits.h"
#include "sigverify/lanes/simd/point.h"

#define COMB_ENTRIES (1 << (COMB_DIGIT_BITS - 1))

#define comb_table LANES_NAME(comb_table)

// Computed at the first call, in a few milliseconds; then shared by all threads.
const struct flat_point (*comb_table(void))[COMB_ENTRIES];

#endif
