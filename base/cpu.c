#include "base/cpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ASKED = 1, BMI2 = 2, AVX2 = 4 };

static unsigned find_features(void)
{
    const char *lanes = getenv("GANTRY_LANES");
    if (lanes && strcmp(lanes, "portable") == 0)
        return ASKED;
    // The compiler's run time asks CPUID, and XGETBV for the operating system's part.
    __builtin_cpu_init();
    unsigned found = ASKED;
    if (__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
        found |= BMI2;
    if (__builtin_cpu_supports("avx2"))
        found |= AVX2;
    return found;
}

static unsigned features(void)
{
    static _Atomic unsigned cached;
    unsigned found = atomic_load_explicit(&cached, memory_order_relaxed);
    if (found == 0) {
        found = find_features();
        atomic_store_explicit(&cached, found, memory_order_relaxed);
    }
    return found;
}

bool cpu_has_bmi2(void)
{
    return features() & BMI2;
}

bool cpu_has_avx2(void)
{
    return features() & AVX2;
}
