// What the benchmarks share: options, and timing two things against each other. One thread.
#ifndef GANTRY_BENCH_BENCH_H
#define GANTRY_BENCH_BENCH_H

#include "bench/report/report.h"
#include "bench/report/statistics.h"

#include <stdio.h>

struct bench_options {
    bool quick;             // a shorter run with rougher figures
    uint64_t seed;          // of the made-up inputs
    uint64_t accounts;      // merkle, node: how many; 0: the benchmark's own default
    const char *data_path;  // node, merkle: a folder on a disk; evm: of contracts; see cmd_bench.c; NULL: not given
    uint64_t seconds;       // node: length of the main run, warm-up included; 0: the benchmark's own default
    uint64_t senders;       // node: how many of the accounts send; 0: the benchmark's own default
    uint64_t rate;          // node: offered transactions a second; 0: above what this machine can do
    uint64_t shards;        // node: 0: one a core
    uint64_t block_time_ms; // node: of the busy phases
    uint64_t check;         // sigverify: compare this many signatures with the library instead; 0: measure
    uint64_t validators;    // cluster: how many; 0: four
    bool witness;           // node, cluster: transactions come with their sender's key and R's y
    const char *faults[3];  // cluster: schedules by enum fault_kind; NULL: none
    uint64_t fault_load;    // cluster: percent of the finalized rate that was reached, offered while there are faults
    const char *mix;        // node: what is sent, as gantry load has it
    uint64_t tokens;        // node: ERC-20 contracts of a mix that has erc20
};

// Each fills the report and returns 0, or another status after saying on standard error why it could not measure:
// BENCH_REFUSED where what an option says can't be, any other negative number where something failed.
enum { BENCH_FAILED = -1, BENCH_REFUSED = -2 };
int bench_sigverify(struct bench_report *report, const struct bench_options *options);
int bench_hash(struct bench_report *report, const struct bench_options *options);
int bench_merkle(struct bench_report *report, const struct bench_options *options);
int bench_mempool(struct bench_report *report, const struct bench_options *options);
int bench_evm(struct bench_report *report, const struct bench_options *options);
int bench_node(struct bench_report *report, const struct bench_options *options);
int bench_cluster(struct bench_report *report, const struct bench_options *options);
int bench_observability(struct bench_report *report, const struct bench_options *options);
int bench_scaling(struct bench_report *report, const struct bench_options *options);

// Recovery in batches of several sizes: batch=N/recover.
int bench_recover_batches(struct bench_report *report, const struct bench_options *options);

// Says of one phase what was offered and included, and whether the generator was the limit.
struct load_result;
void bench_note_load(struct bench_report *report, const char *phase, const struct load_result *result);

// Runs ours and reference in turn, `rounds` times each after one unmeasured run of both, and returns the median of each
// one's CPU times in nanoseconds.
struct bench_pair {
    double ours_ns, reference_ns;
};
struct bench_pair bench_in_turn(void (*ours)(void *ctx), void (*reference)(void *ctx), void *ctx, size_t rounds);

#endif
