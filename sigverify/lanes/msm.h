// Sums of many points, each times a signed number of up to 128 bits: sum of k[i] P[i], by Pippenger's method.
//
// For each window of the numbers' bits, the points are sorted by their digit (a counting sort), the points of one digit
// added pairwise in rounds, all digits and several windows together, and the digits' sums weighted by halving as well:
//
//     sum j B[j]  =  sum over odd j of B[j]  +  2 sum j (B[2j] + B[2j+1])
//
// so that every addition is one of many independent affine ones, which share an inversion. What remains is one point
// a bit position, doubled together at the end.
//
// Source: Pippenger, "On the evaluation of powers and related problems" (1976).
#ifndef GANTRY_SIGVERIFY_LANES_MSM_H
#define GANTRY_SIGVERIFY_LANES_MSM_H

#include "sigverify/lanes/jacobian.h"
#include "sigverify/lanes/points.h"
#include "sigverify/lanes/scalar.h"

struct msm;

// Pool of a sum: the caller puts its points into pool[0 .. points_max), the rest is scratch. NULL when memory is short.
struct msm *msm_create(const struct point_kernels *kernels, uint32_t points_max);
void msm_free(struct msm *m);
point_pool *msm_pool(struct msm *m);
// The state of kernels, for the caller's own use of them.
void *msm_kernels_state(struct msm *m);

struct msm_term {
    uint32_t point;       // index in the pool, below points_max
    struct scalar_half k; // magnitude below SCALAR_HALF_TOP 2^120
};

// Whether the sum is infinity. count is at most points_max.
bool msm_is_zero(struct msm *m, const struct msm_term *terms, size_t count);

// The sum; z is zero for infinity.
struct jacobian_point msm_sum(struct msm *m, const struct msm_term *terms, size_t count);

// The window's width in bits for this many terms; for tests.
unsigned msm_width(size_t count);

#endif
