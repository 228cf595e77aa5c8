#include "base/cpu.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { BMI2 = 1, AVX2 = 2, AVX512 = 4, AVX512IFMA = 8 };

static pthread_once_t choose_once = PTHREAD_ONCE_INIT;
static unsigned features; // those that may be used
static bool refused;
static char refusal[CPU_ERROR_MAX];

// The values of GANTRY_LANES that are names of kernels: what each may use, and what it can't do without.
static const struct lanes {
    const char *name;
    unsigned allowed, needed;
} known[] = {
    {"portable", 0, 0},
    {"avx2", BMI2 | AVX2, AVX2},
    {"avx512", BMI2 | AVX2 | AVX512 | AVX512IFMA, AVX512IFMA},
};
enum { KNOWN_COUNT = sizeof known / sizeof known[0] };

// The compiler's run time asks CPUID, and XGETBV for the operating system's part.
static unsigned machine_features(void)
{
    unsigned found = 0;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
        found |= BMI2;
    if (__builtin_cpu_supports("avx2"))
        found |= AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        found |= AVX512;
    if ((found & AVX512) && __builtin_cpu_supports("avx512ifma"))
        found |= AVX512IFMA;
    return found;
}

static void choose(void)
{
    const char *wanted = getenv("GANTRY_LANES");
    const unsigned machine = machine_features();
    if (!wanted || wanted[0] == '\0' || strcmp(wanted, "auto") == 0) {
        features = machine;
        return;
    }
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        if (strcmp(wanted, known[i].name) != 0)
            continue;
        refused = (known[i].needed & machine) != known[i].needed;
        if (refused)
            snprintf(refusal, sizeof refusal, "GANTRY_LANES: this machine does not run '%s'%s", known[i].name,
                     known[i].needed == AVX512IFMA ? ": it has no AVX-512 with IFMA" : ": it has no AVX2");
        else
            features = machine & known[i].allowed;
        return;
    }
    refused = true;
    size_t used = (size_t)snprintf(refusal, sizeof refusal, "GANTRY_LANES: unknown value '%.40s'; known: auto", wanted);
    for (size_t i = 0; i < KNOWN_COUNT && used < sizeof refusal; i++)
        used += (size_t)snprintf(refusal + used, sizeof refusal - used, ", %s", known[i].name);
}

bool cpu_choose_lanes(char error[CPU_ERROR_MAX])
{
    pthread_once(&choose_once, choose);
    if (refused)
        memcpy(error, refusal, CPU_ERROR_MAX);
    return !refused;
}

static bool has(unsigned feature)
{
    pthread_once(&choose_once, choose);
    return features & feature;
}

bool cpu_has_bmi2(void)
{
    return has(BMI2);
}

bool cpu_has_avx2(void)
{
    return has(AVX2);
}

bool cpu_has_avx512(void)
{
    return has(AVX512);
}

bool cpu_has_avx512ifma(void)
{
    return has(AVX512IFMA);
}
