// A backend's field and points for tests that know no vectors: probe.c is compiled once per backend.
#ifndef GANTRY_TESTS_SIGVERIFY_LANES_PROBE_H
#define GANTRY_TESTS_SIGVERIFY_LANES_PROBE_H

#include "base/u256.h"
#include "sigverify/lanes/recover.h"

#define PROBE_LANES_MAX 8

// The limbs of an element, [limb][lane], as the backend holds them.
struct probe_element {
    int64_t limb[5][PROBE_LANES_MAX];
};

enum probe_operation {
    PROBE_MUL,
    PROBE_MUL4,
    PROBE_MUL_SUB,
    PROBE_MUL2,
    PROBE_MUL_ADD_SQR8,
    PROBE_SQR,
    PROBE_SQR3,
    PROBE_SQR_SUB2,
    PROBE_SQR_SUB3,
    PROBE_SUM,
    PROBE_DIFF,
    PROBE_TIDY,
    PROBE_NEGATE, // the lanes of mask
    PROBE_SELECT, // the same
    PROBE_SQRT,
    PROBE_OPERATIONS
};

struct probe_point {
    u256 x[PROBE_LANES_MAX], y[PROBE_LANES_MAX], z[PROBE_LANES_MAX]; // z in Jacobian coordinates alone
};

#define PROBE_VECTOR_RESULTS 16

struct lanes_probe {
    const char *name;
    size_t lanes;
    int64_t carried_min, carried_max, top_min, top_max; // of limbs 0 to 3, and of limb 4
    int64_t wide_factor;
    void (*operate)(enum probe_operation operation, struct probe_element *out, const struct probe_element in[4],
                    uint32_t mask);
    void (*import)(struct probe_element *out, const u256 in[PROBE_LANES_MAX]);
    void (*export)(u256 out[PROBE_LANES_MAX], const struct probe_element *in);
    uint32_t (*zero)(const struct probe_element *in);
    uint32_t (*equal)(const struct probe_element *a, const struct probe_element *b);
    void (*jacobian_double)(struct probe_point *out, const struct probe_point *in);
    void (*jacobian_add)(struct probe_point *out, const struct probe_point *a, const struct probe_point *b);
    // Affine, with their inverses; a and b the same pointer: doubled. Returns the lanes that had equal x.
    uint32_t (*sum)(struct probe_point *out, const struct probe_point *a, const struct probe_point *b);
    // out = in, through memory, lane i by way of place permutation[i].
    void (*through_memory)(struct probe_point *out, const struct probe_point *in, const size_t *permutation);
    uint32_t (*on_curve)(const struct probe_point *in);
    // What the wrappers of instructions give for a, b and c; 8 lanes only (NULL elsewhere).
    void (*vector)(uint64_t out[PROBE_VECTOR_RESULTS][8], const uint64_t a[8], const uint64_t b[8],
                   const uint64_t c[8]);
    const struct recover_kernels *recover;
};

#define PROBES_MAX 3

// Those that this machine runs, the emulated one first. Says on standard error which it lacks.
size_t lanes_probes(const struct lanes_probe *out[PROBES_MAX]);

#endif
