#include "tests/sigverify/backends.h"

#include <stdio.h>

#include "tests/sigverify/reference_points.h"

extern const struct point_kernels POINT_KERNELS_avx2, POINT_KERNELS_avx512, POINT_KERNELS_emulated;

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512ifma");
}

size_t points_backends(struct points_backend out[POINTS_BACKENDS_MAX])
{
    size_t count = 0;
    out[count++] = (struct points_backend){"reference", &REFERENCE_POINTS, true};
    out[count++] = (struct points_backend){"emulated", &POINT_KERNELS_emulated, true};
    if (has_avx2())
        out[count++] = (struct points_backend){"avx2", &POINT_KERNELS_avx2, false};
    else
        fprintf(stderr, "not tested: avx2, which this machine lacks\n");
    if (has_avx512())
        out[count++] = (struct points_backend){"avx512", &POINT_KERNELS_avx512, false};
    else
        fprintf(stderr, "not tested: avx512, which this machine lacks\n");
    return count;
}
