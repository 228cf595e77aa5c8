// The lanes' operations on points done one at a time in plain arithmetic, with an inversion each: what every backend
// is compared with, and what tests of the layers above run on.
#ifndef GANTRY_TESTS_SIGVERIFY_REFERENCE_POINTS_H
#define GANTRY_TESTS_SIGVERIFY_REFERENCE_POINTS_H

#include "sigverify/lanes/points.h"

extern const struct point_kernels REFERENCE_POINTS;

#endif
