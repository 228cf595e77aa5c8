#include "bench/report/runs.h"

#include "bench/report/statistics.h"

#include <stdlib.h>

// The samples under key as numbers, malloc'ed; NULL with some that are not above 0.
static double *positive_samples(const json_t *result, const char *key, size_t *n)
{
    const json_t *samples = json_object_get(result, key);
    *n = json_array_size(samples);
    double *out = malloc((*n + 1) * sizeof *out);
    if (!out)
        abort();
    for (size_t i = 0; i < *n; i++) {
        out[i] = json_number_value(json_array_get(samples, i));
        if (!(out[i] > 0)) {
            free(out);
            return NULL;
        }
    }
    return out;
}

static void print_ratio(FILE *out, const json_t *a, const json_t *b, const char *key)
{
    size_t n, m;
    double *left = positive_samples(a, key, &n), *right = positive_samples(b, key, &m);
    if (left && right && n > 0 && m > 0) {
        const double ratio = bench_median(right, m) / bench_median(left, n);
        const struct bench_interval i = bench_ratio_interval(left, n, right, m);
        if (n < 3 || m < 3)
            fprintf(out, "  x%.3f (too few repetitions for an interval)", ratio);
        else
            fprintf(out, "  x%.3f [%.3f, %.3f]%s", ratio, i.low, i.high,
                    i.low <= 1 && i.high >= 1 ? " no difference shown" : "");
    }
    free(left);
    free(right);
}

static const json_t *result_named(const json_t *runs, const char *name)
{
    size_t i;
    json_t *r;
    json_array_foreach(json_object_get(runs, "results"), i, r)
    {
        if (strcmp(json_string_value(json_object_get(r, "name")), name) == 0)
            return r;
    }
    return NULL;
}

static void say_differences(FILE *out, const json_t *a, const json_t *b, const char *part)
{
    const char *key;
    json_t *value;
    const json_t *other = json_object_get(b, part);
    json_object_foreach(json_object_get(a, part), key, value)
    {
        const json_t *theirs = json_object_get(other, key);
        if (theirs && json_equal(value, theirs))
            continue;
        char *left = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(4));
        char *right = theirs ? json_dumps(theirs, JSON_ENCODE_ANY | JSON_REAL_PRECISION(4)) : NULL;
        fprintf(out, "  %s %s differs: A %s, B %s\n", part, key, left ? left : "?", right ? right : "nothing");
        free(left);
        free(right);
    }
}

static void compare_result(FILE *out, const json_t *a, const json_t *b)
{
    fprintf(out, "  %-24s %14.3f %14.3f %-12s", json_string_value(json_object_get(a, "name")),
            json_number_value(json_object_get(a, "value")), json_number_value(json_object_get(b, "value")),
            json_string_value(json_object_get(a, "unit")));
    print_ratio(out, a, b, "samples");
    if (json_number_value(json_object_get(a, "ratio")) > 0 && json_number_value(json_object_get(b, "ratio")) > 0) {
        fprintf(out, "; over its reference");
        print_ratio(out, a, b, "ratio_samples");
    }
    fputc('\n', out);
}

static void say_alone(FILE *out, const json_t *runs, const json_t *other, const char *which)
{
    size_t i;
    json_t *r;
    json_array_foreach(json_object_get(runs, "results"), i, r)
    {
        const char *name = json_string_value(json_object_get(r, "name"));
        if (!result_named(other, name))
            fprintf(out, "  %-24s only in %s\n", name, which);
    }
}

void bench_runs_compare(FILE *out, const json_t *a, const json_t *b)
{
    const char *left = json_string_value(json_object_get(a, "bench"));
    const char *right = json_string_value(json_object_get(b, "bench"));
    if (strcmp(left, right) != 0)
        fprintf(out, "  A is bench %s, B is bench %s\n", left, right);
    say_differences(out, a, b, "machine");
    say_differences(out, a, b, "settings");
    fprintf(out, "  %-24s %14s %14s %-12s  B / A [95 %% interval]\n", "", "A", "B", "");
    size_t i;
    json_t *r;
    json_array_foreach(json_object_get(a, "results"), i, r)
    {
        const json_t *other = result_named(b, json_string_value(json_object_get(r, "name")));
        if (other)
            compare_result(out, r, other);
    }
    say_alone(out, a, b, "A");
    say_alone(out, b, a, "B");
}
