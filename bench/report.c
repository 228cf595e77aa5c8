#include "bench/bench.h"

#include <assert.h>
#include <jansson.h>
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

void bench_report_add(struct bench_report *report, const char *name, double value, const char *unit,
                      const char *reference, double reference_value, double ratio)
{
    assert(report->count < BENCH_RESULTS_MAX);
    struct bench_result *r = &report->results[report->count++];
    *r = (struct bench_result){.value = value, .reference_value = reference_value, .ratio = ratio};
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->unit, sizeof r->unit, "%s", unit);
    snprintf(r->reference, sizeof r->reference, "%s", reference ? reference : "");
}

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

static json_t *machine_facts(void)
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

void bench_report_print(FILE *out, const struct bench_report *report)
{
    json_t *facts = machine_facts();
    fprintf(out, "bench %s: %s, %lld cores, %.1f GiB, Linux %s\n", report->bench,
            json_string_value(json_object_get(facts, "cpu")),
            (long long)json_integer_value(json_object_get(facts, "cores")), memory_gib(),
            json_string_value(json_object_get(facts, "kernel")));
    fprintf(out, "%s, %s build, signatures: %s, keccak: %s, libsecp256k1 %s\n\n", gantry_version(), GANTRY_BUILD_TYPE,
            sv_kernel_name(), keccak256_implementation(), GANTRY_SECP256K1_VERSION);
    for (size_t i = 0; i < report->count; i++) {
        const struct bench_result *r = &report->results[i];
        fprintf(out, "  %-24s %14.3f %-12s", r->name, r->value, r->unit);
        if (r->reference[0])
            fprintf(out, " %14.3f %s", r->reference_value, r->reference);
        if (r->ratio > 0)
            fprintf(out, "  (ratio %.2f)", r->ratio);
        fputc('\n', out);
    }
    json_decref(facts);
}

bool bench_report_write_json(const struct bench_report *report, const char *path)
{
    json_t *results = json_array();
    for (size_t i = 0; i < report->count; i++) {
        const struct bench_result *r = &report->results[i];
        json_array_append_new(results, json_pack("{s:s, s:f, s:s, s:s, s:f, s:f}", "name", r->name, "value", r->value,
                                                 "unit", r->unit, "reference", r->reference, "reference_value",
                                                 r->reference_value, "ratio", r->ratio));
    }
    json_t *root = json_pack("{s:s, s:o, s:o}", "bench", report->bench, "machine", machine_facts(), "results", results);
    const bool ok = root && json_dump_file(root, path, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) == 0;
    if (!ok)
        fprintf(stderr, "can't write the report to %s\n", path);
    json_decref(root);
    return ok;
}
