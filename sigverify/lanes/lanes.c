#include "sigverify/lanes/lanes.h"

#include <stdlib.h>

#include "base/cpu.h"
#include "sigverify/lanes/combination.h"

struct lanes {
    struct recovery *recovery;
    struct combination *combination;
};

void lanes_destroy(void *state)
{
    struct lanes *lanes = state;
    combination_free(lanes->combination);
    recovery_free(lanes->recovery);
    free(lanes);
}

void *lanes_create(const struct lanes_backend *backend)
{
    struct lanes *lanes = calloc(1, sizeof *lanes);
    if (!lanes)
        return NULL;
    lanes->recovery = recovery_create(backend->recover);
    if (lanes->recovery) {
        const struct combination_recovery recovery = {recovery_run, lanes->recovery};
        lanes->combination = combination_create(backend->points, recovery);
    }
    if (lanes->combination)
        return lanes;
    lanes_destroy(lanes);
    return NULL;
}

void lanes_recover(void *state, struct sv_result *out, const struct sv_item *in, size_t n)
{
    struct lanes *lanes = state;
    recovery_run(lanes->recovery, out, in, n);
}

void lanes_verify_witness(void *state, struct sv_result *out, const struct sv_item *in,
                          const struct sv_witness *witness, size_t n)
{
    struct lanes *lanes = state;
    combination_verify_witness(lanes->combination, out, in, witness, n);
}

void lanes_verify_schnorr(void *state, bool *ok, const struct sv_schnorr *in, size_t n)
{
    struct lanes *lanes = state;
    combination_verify_schnorr(lanes->combination, ok, in, n);
}

extern const struct recover_kernels RECOVER_KERNELS_avx2, RECOVER_KERNELS_avx512;
extern const struct point_kernels POINT_KERNELS_avx2, POINT_KERNELS_avx512;

static void *create_avx2(void)
{
    static const struct lanes_backend BACKEND = {&RECOVER_KERNELS_avx2, &POINT_KERNELS_avx2};
    return lanes_create(&BACKEND);
}

static void *create_avx512(void)
{
    static const struct lanes_backend BACKEND = {&RECOVER_KERNELS_avx512, &POINT_KERNELS_avx512};
    return lanes_create(&BACKEND);
}

static bool usable_avx2(void)
{
    __builtin_cpu_init();
    return cpu_has_avx2() && __builtin_cpu_supports("fma");
}

const struct sv_kernels SV_AVX2 = {"avx2",        usable_avx2,          create_avx2,          lanes_destroy,
                                   lanes_recover, lanes_verify_witness, lanes_verify_schnorr, 4};
const struct sv_kernels SV_AVX512 = {"avx512",      cpu_has_avx512ifma,   create_avx512,        lanes_destroy,
                                     lanes_recover, lanes_verify_witness, lanes_verify_schnorr, 8};
