// What one run of a benchmark found. A figure is worth something only beside a reference measured in the same run:
// another job on the machine slows both. So every result may carry one, and `ratio` says how many times better than it
// the result is (above 1: better; 0: no reference). One thread.
#ifndef GANTRY_BENCH_REPORT_REPORT_H
#define GANTRY_BENCH_REPORT_REPORT_H

#include "base/bytes.h"

#define BENCH_RESULTS_MAX 32

struct bench_result {
    char name[48];
    double value;
    char unit[24];
    char reference[64]; // what it is compared with, "" for nothing
    double reference_value;
    double ratio;
};

struct bench_report {
    const char *bench;
    struct bench_result results[BENCH_RESULTS_MAX];
    size_t count;
};

// Appends one result; reference may be NULL. Texts are cut to fit. More than BENCH_RESULTS_MAX is a programming error.
void bench_report_add(struct bench_report *report, const char *name, double value, const char *unit,
                      const char *reference, double reference_value, double ratio);

#endif
