// This backend's implementation of sigverify/lanes/points.h.
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_PAIRS_H
#define GANTRY_SIGVERIFY_LANES_SIMD_PAIRS_H

#include "sigverify/lanes/points.h"
#include "sigverify/lanes/simd/backend.h"

#define POINT_KERNELS LANES_NAME(POINT_KERNELS)
extern const struct point_kernels POINT_KERNELS;

#endif
