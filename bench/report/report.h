// What one run of a benchmark found. A figure is worth something only beside a reference measured in the same run:
// another job on the machine slows both. So every result may carry one, and `ratio` says how many times better than it
// the result is (above 1: better; 0: no reference). A result of a sweep is named KEY=X/RESULT: what was varied, its
// value, and what was measured. One thread.
#ifndef GANTRY_BENCH_REPORT_REPORT_H
#define GANTRY_BENCH_REPORT_REPORT_H

#include "base/bytes.h"

#define BENCH_RESULTS_MAX 64
#define BENCH_NOTES_MAX 8
#define BENCH_NOTE_MAX 240

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
    char notes[BENCH_NOTES_MAX][BENCH_NOTE_MAX]; // what the figures were measured under, a sentence each
    size_t note_count;
};

// Appends one result; reference may be NULL. Texts are cut to fit. More than BENCH_RESULTS_MAX is a programming error.
void bench_report_add(struct bench_report *report, const char *name, double value, const char *unit,
                      const char *reference, double reference_value, double ratio);
// Likewise a note; one that is there already is not repeated.
__attribute__((format(printf, 2, 3))) void bench_report_note(struct bench_report *report, const char *format, ...);

#endif
