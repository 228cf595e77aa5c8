#include "base/cpu.h"

#include <stdlib.h>
#include <string.h>

static bool portable_wanted(void)
{
    const char *lanes = getenv("GANTRY_LANES");
    return lanes && strcmp(lanes, "portable") == 0;
}

bool cpu_has_avx2(void)
{
    // The compiler's run time asks CPUID, and XGETBV for the operating system's part.
    __builtin_cpu_init();
    return !portable_wanted() && __builtin_cpu_supports("avx2");
}
