#include <stdio.h>

#include "tests/sigverify/lanes/probe.h"

extern const struct lanes_probe PROBE_avx2, PROBE_avx512, PROBE_emulated;

size_t lanes_probes(const struct lanes_probe *out[PROBES_MAX])
{
    size_t count = 0;
    out[count++] = &PROBE_emulated;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        out[count++] = &PROBE_avx2;
    else
        fprintf(stderr, "not tested: avx2, which this machine lacks\n");
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512ifma"))
        out[count++] = &PROBE_avx512;
    else
        fprintf(stderr, "not tested: avx512, which this machine lacks\n");
    return count;
}
