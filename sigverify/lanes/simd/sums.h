// Many affine additions that share one inversion.
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_SUMS_H
#define GANTRY_SIGVERIFY_LANES_SIMD_SUMS_H

#include "sigverify/lanes/simd/point.h"

// out = a + b, or 2 a where b is a (the same pointer). out may be a or b, but no other sum's.
struct sum {
    const struct point *a, *b;
    struct point *out;
};

#define SUMS_MAX 512

struct sums_scratch {
    struct fe divisor[SUMS_MAX], before[SUMS_MAX];
    lane_mask zero[SUMS_MAX];
};

#define sums_compute LANES_NAME(sums_compute)

// Returns whether some lanes could not be added, having the same x; scratch->zero[i] then says which, and their points
// are undefined. n is at most SUMS_MAX.
bool sums_compute(struct sums_scratch *scratch, const struct sum *sums, size_t n);

#endif
