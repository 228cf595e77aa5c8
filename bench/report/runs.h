// Repetitions of one benchmark, as measured or as read back from the file that a run wrote.
//
//   {"bench", "repetitions", "settings": {...}, "machine": {...},
//    "notes": ["...", ...],
//    "results": [{"name", "value", "unit", "reference", "reference_value", "ratio", "samples": [...],
//                 "ratio_samples": [...]}]}
//
// value, reference_value and ratio are medians over the repetitions; samples are the single values; notes are those of
// all repetitions. One thread.
#ifndef GANTRY_BENCH_REPORT_RUNS_H
#define GANTRY_BENCH_REPORT_RUNS_H

#include "bench/report/report.h"

#include <jansson.h>
#include <stdio.h>

#define BENCH_REPETITIONS_MAX 1000
#define BENCH_ERROR_MAX 256

// Of the machine and this build.
json_t *bench_machine_facts(void);

// The file's value from the reports of n repetitions, all of the same results; a new reference. Takes settings over.
json_t *bench_runs_json(const struct bench_report *reports, size_t n, json_t *settings);
// A table for people.
void bench_runs_print(FILE *out, const json_t *runs);

// false after an error line on standard error.
MUST_CHECK bool bench_runs_write(const json_t *runs, const char *path);
// A page that needs nothing but itself: facts, settings, results, plots of every repetition, the JSON inside.
MUST_CHECK bool bench_runs_write_html(const json_t *runs, const char *path);

// Reads and checks a file that bench_runs_write wrote. NULL with a message.
json_t *bench_runs_read(const char *path, char error[BENCH_ERROR_MAX]);

// Result by result, how b's values stand to a's, with a 95 % interval where both were repeated; results that only one
// has are named. Says first where the two don't measure the same (machine, settings).
void bench_runs_compare(FILE *out, const json_t *a, const json_t *b);

#endif
