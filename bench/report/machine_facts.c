#include "bench/report/runs.h"

#include <sys/utsname.h>
#include <unistd.h>

#include "base/keccak.h"
#include "base/version.h"
#include "sigverify/sigverify.h"

// Defined by the build for this file alone.
#ifndef GANTRY_BUILD_TYPE
#define GANTRY_BUILD_TYPE "unknown"
#endif
#ifndef GANTRY_SECP256K1_VERSION
#define GANTRY_SECP256K1_VERSION "unknown"
#endif

// The rest of the first line of /proc/cpuinfo that begins with key, or "unknown".
static void cpu_line(char *out, size_t cap, const char *key)
{
    char line[8192];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(out, cap, "unknown");
    while (file && fgets(line, sizeof line, file)) {
        const char *value = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) != 0 || !value)
            continue;
        value += 1 + strspn(value + 1, " \t");
        snprintf(out, cap, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    if (file)
        fclose(file);
}

static bool has_word(const char *words, const char *word)
{
    const size_t len = strlen(word);
    for (const char *p = words; (p = strstr(p, word)); p += len) {
        if ((p == words || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
            return true;
    }
    return false;
}

static double memory_gib(void)
{
    return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1 << 30);
}

json_t *bench_machine_facts(void)
{
    char model[128], flags[8192];
    struct utsname kernel = {0};
    cpu_line(model, sizeof model, "model name");
    cpu_line(flags, sizeof flags, "flags");
    uname(&kernel);
    json_t *facts = json_object();
    json_object_set_new(facts, "cpu", json_string(model));
    json_object_set_new(facts, "cores", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
    json_object_set_new(facts, "memory_gib", json_real(memory_gib()));
    json_object_set_new(facts, "kernel", json_string(kernel.release));
    json_object_set_new(facts, "avx2", json_boolean(has_word(flags, "avx2")));
    json_object_set_new(facts, "avx512ifma", json_boolean(has_word(flags, "avx512ifma")));
    json_object_set_new(facts, "libsecp256k1", json_string(GANTRY_SECP256K1_VERSION));
    json_object_set_new(facts, "signatures", json_string(sv_kernel_name()));
    json_object_set_new(facts, "keccak", json_string(keccak256_implementation()));
    json_object_set_new(facts, "version", json_string(gantry_version()));
    json_object_set_new(facts, "build", json_string(GANTRY_BUILD_TYPE));
    return facts;
}
