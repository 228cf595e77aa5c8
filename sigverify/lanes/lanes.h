// The implementations of kernels.h in vector lanes, one a backend (simd/backend.h).
#ifndef GANTRY_SIGVERIFY_LANES_LANES_H
#define GANTRY_SIGVERIFY_LANES_LANES_H

#include "sigverify/kernels.h"
#include "sigverify/lanes/points.h"
#include "sigverify/lanes/recover.h"

// What an implementation's state is made of.
struct lanes_backend {
    const struct recover_kernels *recover;
    const struct point_kernels *points;
};

// For struct sv_kernels' functions: lanes_create needs the backend that the others then find in the state.
void *lanes_create(const struct lanes_backend *backend);
void lanes_destroy(void *state);
void lanes_recover(void *state, struct sv_result *out, const struct sv_item *in, size_t n);
void lanes_verify_witness(void *state, struct sv_result *out, const struct sv_item *in,
                          const struct sv_witness *witness, size_t n);
void lanes_verify_schnorr(void *state, bool *ok, const struct sv_schnorr *in, size_t n);

extern const struct sv_kernels SV_AVX2, SV_AVX512;

#endif
