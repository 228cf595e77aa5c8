#include "bench/report/runs.h"

#include "bench/report/statistics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static double value_of(const struct bench_result *r)
{
    return r->value;
}

static double reference_of(const struct bench_result *r)
{
    return r->reference_value;
}

static double ratio_of(const struct bench_result *r)
{
    return r->ratio;
}

// One result's field in every repetition; its median in *median.
static json_t *samples_of(const struct bench_report *reports, size_t n, size_t result,
                          double (*field)(const struct bench_result *r), double *median)
{
    double *values = malloc(n * sizeof *values);
    json_t *out = json_array();
    if (!values || !out)
        abort();
    for (size_t i = 0; i < n; i++) {
        values[i] = field(&reports[i].results[result]);
        json_array_append_new(out, json_real(values[i]));
    }
    *median = bench_median(values, n);
    free(values);
    return out;
}

static json_t *result_json(const struct bench_report *reports, size_t n, size_t result)
{
    const struct bench_result *r = &reports[0].results[result];
    double value, reference, ratio;
    json_t *samples = samples_of(reports, n, result, value_of, &value);
    json_decref(samples_of(reports, n, result, reference_of, &reference));
    json_t *ratios = samples_of(reports, n, result, ratio_of, &ratio);
    return json_pack("{s:s, s:f, s:s, s:s, s:f, s:f, s:o, s:o}", "name", r->name, "value", value, "unit", r->unit,
                     "reference", r->reference, "reference_value", reference, "ratio", ratio, "samples", samples,
                     "ratio_samples", ratios);
}

// With its number where there are several repetitions.
static json_t *notes_json(const struct bench_report *reports, size_t n)
{
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < reports[i].note_count; k++) {
            json_t *note = n > 1 ? json_sprintf("repetition %zu: %s", i + 1, reports[i].notes[k])
                                 : json_string(reports[i].notes[k]);
            json_array_append_new(out, note);
        }
    }
    return out;
}

json_t *bench_runs_json(const struct bench_report *reports, size_t n, json_t *settings)
{
    assert(n > 0);
    json_t *results = json_array();
    for (size_t i = 0; i < reports[0].count; i++)
        json_array_append_new(results, result_json(reports, n, i));
    return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o}", "bench", reports[0].bench, "repetitions", (json_int_t)n,
                     "settings", settings, "machine", bench_machine_facts(), "notes", notes_json(reports, n), "results",
                     results);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void print_spread(FILE *out, const json_t *samples)
{
    double low = INFINITY, high = -INFINITY;
    size_t i;
    json_t *sample;
    json_array_foreach(samples, i, sample)
    {
        low = fmin(low, json_number_value(sample));
        high = fmax(high, json_number_value(sample));
    }
    fprintf(out, "  [%.3f .. %.3f]", low, high);
}

void bench_runs_print(FILE *out, const json_t *runs)
{
    const json_t *facts = json_object_get(runs, "machine"), *results = json_object_get(runs, "results");
    const json_int_t repetitions = json_integer_value(json_object_get(runs, "repetitions"));
    fprintf(out, "bench %s: %s, %lld cores, %.1f GiB, Linux %s\n", text_of(runs, "bench"), text_of(facts, "cpu"),
            (long long)json_integer_value(json_object_get(facts, "cores")), number_of(facts, "memory_gib"),
            text_of(facts, "kernel"));
    fprintf(out, "%s, %s build, signatures: %s, keccak: %s, libsecp256k1 %s\n", text_of(facts, "version"),
            text_of(facts, "build"), text_of(facts, "signatures"), text_of(facts, "keccak"),
            text_of(facts, "libsecp256k1"));
    if (repetitions > 1)
        fprintf(out, "medians of %lld repetitions [least .. most]\n", (long long)repetitions);
    fputc('\n', out);
    size_t i;
    json_t *r;
    json_array_foreach(results, i, r)
    {
        fprintf(out, "  %-24s %14.3f %-12s", text_of(r, "name"), number_of(r, "value"), text_of(r, "unit"));
        if (text_of(r, "reference")[0])
            fprintf(out, " %14.3f %s", number_of(r, "reference_value"), text_of(r, "reference"));
        if (number_of(r, "ratio") > 0)
            fprintf(out, "  (ratio %.2f)", number_of(r, "ratio"));
        if (repetitions > 1)
            print_spread(out, json_object_get(r, "samples"));
        fputc('\n', out);
    }
    json_t *note;
    json_array_foreach(json_object_get(runs, "notes"), i, note)
    {
        fprintf(out, "%s  %s\n", i == 0 ? "\n" : "", json_string_value(note));
    }
}

bool bench_runs_write(const json_t *runs, const char *path)
{
    const bool ok = json_dump_file(runs, path, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) == 0;
    if (!ok)
        fprintf(stderr, "can't write the report to %s\n", path);
    return ok;
}

// ---- reading

static bool are_numbers(const json_t *samples, size_t n)
{
    size_t i;
    json_t *sample;
    if (!json_is_array(samples) || json_array_size(samples) != n)
        return false;
    json_array_foreach(samples, i, sample)
    {
        if (!json_is_number(sample))
            return false;
    }
    return true;
}

static bool is_result(const json_t *r, size_t repetitions)
{
    return json_is_string(json_object_get(r, "name")) && json_is_string(json_object_get(r, "unit")) &&
           json_is_string(json_object_get(r, "reference")) && json_is_number(json_object_get(r, "value")) &&
           json_is_number(json_object_get(r, "reference_value")) && json_is_number(json_object_get(r, "ratio")) &&
           are_numbers(json_object_get(r, "samples"), repetitions) &&
           are_numbers(json_object_get(r, "ratio_samples"), repetitions);
}

static const char *fault_of(const json_t *runs)
{
    const json_t *results = json_object_get(runs, "results");
    const json_int_t repetitions = json_integer_value(json_object_get(runs, "repetitions"));
    if (!json_is_string(json_object_get(runs, "bench")))
        return "it names no benchmark";
    if (repetitions < 1 || repetitions > BENCH_REPETITIONS_MAX)
        return "its number of repetitions is missing or out of range";
    if (!json_is_object(json_object_get(runs, "machine")) || !json_is_object(json_object_get(runs, "settings")))
        return "the machine or the settings are missing";
    if (!json_is_array(results))
        return "it has no results";
    size_t i;
    json_t *r, *note;
    json_array_foreach(json_object_get(runs, "notes"), i, note)
    {
        if (!json_is_string(note))
            return "one of its notes is no text";
    }
    json_array_foreach(results, i, r)
    {
        if (!is_result(r, (size_t)repetitions))
            return "one of its results is malformed";
    }
    return NULL;
}

json_t *bench_runs_read(const char *path, char error[BENCH_ERROR_MAX])
{
    json_error_t where;
    json_t *runs = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    const char *fault = runs ? fault_of(runs) : where.text;
    if (!fault)
        return runs;
    snprintf(error, BENCH_ERROR_MAX, "%.100s isn't a report of gantry bench: %.100s", path, fault);
    json_decref(runs);
    return NULL;
}
