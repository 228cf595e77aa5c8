// What the benchmarks share: options, the report, and timing two things against each other.
//
// A figure is worth something only beside a reference measured in the same run: another job on the machine slows both.
// So every result may carry one, and `ratio` says how many times better than it the result is (above 1: better; 0: no
// reference). One thread.
#ifndef GANTRY_BENCH_BENCH_H
#define GANTRY_BENCH_BENCH_H

#include "base/bytes.h"

#include <stdio.h>

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

struct bench_options {
    bool quick;            // a shorter run with rougher figures
    uint64_t seed;         // of the made-up inputs
    uint64_t accounts;     // merkle, node: how many; 0: the benchmark's own default
    const char *data_path; // node, merkle: a folder on a disk; evm: of contracts; see cmd_bench.c; NULL: not given
    uint64_t seconds;      // node: length of the main run, warm-up included; 0: the benchmark's own default
    uint64_t senders;      // node: how many of the accounts send; 0: the benchmark's own default
    uint64_t rate;         // node: offered transactions a second; 0: above what this machine can do
    uint64_t shards;       // node: 0: one a core
    uint64_t check;        // sigverify: compare this many signatures with the library instead; 0: measure
    uint64_t validators;   // cluster: how many; 0: four
    bool witness;          // node, cluster: transactions come with their sender's key and R's y
};

// Each fills the report and returns 0, or a negative number after saying on standard error why it could not measure.
int bench_sigverify(struct bench_report *report, const struct bench_options *options);
int bench_hash(struct bench_report *report, const struct bench_options *options);
int bench_merkle(struct bench_report *report, const struct bench_options *options);
int bench_mempool(struct bench_report *report, const struct bench_options *options);
int bench_evm(struct bench_report *report, const struct bench_options *options);
int bench_node(struct bench_report *report, const struct bench_options *options);
int bench_cluster(struct bench_report *report, const struct bench_options *options);

// Appends one result; reference may be NULL. Texts are cut to fit. More than BENCH_RESULTS_MAX is a programming error.
void bench_report_add(struct bench_report *report, const char *name, double value, const char *unit,
                      const char *reference, double reference_value, double ratio);

// A table for people.
void bench_report_print(FILE *out, const struct bench_report *report);

// {"bench", "machine": {...}, "results": [...]}. false after an error line on standard error.
MUST_CHECK bool bench_report_write_json(const struct bench_report *report, const char *path);

// Runs ours and reference in turn, `rounds` times each after one unmeasured run of both, and returns the median of each
// one's CPU times in nanoseconds.
struct bench_pair {
    double ours_ns, reference_ns;
};
struct bench_pair bench_in_turn(void (*ours)(void *ctx), void (*reference)(void *ctx), void *ctx, size_t rounds);

// Median; sorts the values. n is above 0.
double bench_median(double *values, size_t n);

#endif
