// The implementations of points.h that this machine runs: the tests' reference, the emulated backend and the real ones.
#ifndef GANTRY_TESTS_SIGVERIFY_BACKENDS_H
#define GANTRY_TESTS_SIGVERIFY_BACKENDS_H

#include "sigverify/lanes/points.h"

struct points_backend {
    const char *name;
    const struct point_kernels *points;
    bool slow; // tests make fewer rounds
};

#define POINTS_BACKENDS_MAX 4

// How many there are; says on standard error which real ones the machine lacks.
size_t points_backends(struct points_backend out[POINTS_BACKENDS_MAX]);

#endif
