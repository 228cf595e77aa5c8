// bench scaling: how a validator's figures follow what can be varied. Whole validators (bench node, quick) with several
// numbers of shards and several block times; recovery in batches of several sizes.
#include "bench/bench.h"
#include "tools/load/parallel.h"

#include <string.h>

// Of each main run: some blocks of the longest block time.
#define SECONDS 15
#define QUICK_SECONDS 4

// What is taken over from each run of bench node.
static const char *const kept[] = {"included_rate", "cpu_per_tx", "cpu_per_tx_witness", "latency_load_p50",
                                   "latency_load_p99"};

static bool is_kept(const char *name)
{
    bool found = false;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        found = found || strcmp(kept[i], name) == 0;
    return found;
}

static void take_over(struct bench_report *report, const struct bench_report *one, const char *key, uint64_t x)
{
    for (size_t i = 0; i < one->count; i++) {
        const struct bench_result *r = &one->results[i];
        char name[sizeof r->name];
        if (!is_kept(r->name))
            continue;
        snprintf(name, sizeof name, "%.16s=%llu/%.24s", key, (unsigned long long)x, r->name);
        bench_report_add(report, name, r->value, r->unit, r->reference[0] ? r->reference : NULL, r->reference_value,
                         r->ratio);
    }
}

// Of the notes only those that tell of a limit of the generator are worth a place here.
static void take_limits(struct bench_report *report, const struct bench_report *one, const char *key, uint64_t x)
{
    for (size_t i = 0; i < one->note_count && report->note_count < BENCH_NOTES_MAX; i++) {
        if (strstr(one->notes[i], "THE GENERATOR WAS"))
            bench_report_note(report, "%s=%llu: %.200s", key, (unsigned long long)x, one->notes[i]);
    }
}

static int run_node(struct bench_report *report, const struct bench_options *options, const char *key, uint64_t x)
{
    struct bench_report one = {.bench = "node"};
    fprintf(stderr, "bench scaling: %s = %llu\n", key, (unsigned long long)x);
    const int status = bench_node(&one, options);
    take_over(report, &one, key, x);
    take_limits(report, &one, key, x);
    return status;
}

static int vary_shards(struct bench_report *report, struct bench_options options)
{
    const unsigned cores = usable_cores();
    int status = 0;
    for (unsigned n = 1; status == 0 && n <= cores; n = n < cores && 2 * n > cores ? cores : 2 * n) {
        options.shards = n;
        status = run_node(report, &options, "shards", n);
    }
    return status;
}

static int vary_block_time(struct bench_report *report, struct bench_options options)
{
    static const uint64_t times_ms[] = {10, 50, 250, 1000};
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof times_ms / sizeof times_ms[0]; i++) {
        options.block_time_ms = times_ms[i];
        status = run_node(report, &options, "block_time_ms", times_ms[i]);
    }
    return status;
}

int bench_scaling(struct bench_report *report, const struct bench_options *options)
{
    struct bench_options each = *options;
    each.data_path = NULL; // a chain of its own for each
    if (each.seconds == 0)
        each.seconds = each.quick ? QUICK_SECONDS : SECONDS;
    const int status = bench_recover_batches(report, options);
    return status ? status : vary_shards(report, each) ? -1 : vary_block_time(report, each);
}
