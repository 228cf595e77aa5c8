// bench observability: what looking at a node costs it: its CPU time a transaction under the same load with nothing on,
// with a trace, and with a profile.
//
// Many short rounds of all three in turn, so that what changes on the machine meanwhile is shared by all, and each cost
// is of one round; an interval says how well they agree. The node is idle at both ends of each phase, so that all of a
// phase's work, and no other, is counted.
#include "base/clock.h"
#include "base/remove_tree.h"
#include "bench/bench.h"
#include "bench/node_process.h"
#include "tools/load/load.h"
#include "tools/observe/admin_stream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCOUNTS 20000
#define SENDERS 4000
#define RATE 10000
#define BLOCK_TIME_MS 100
#define ROUNDS 30
#define QUICK_ROUNDS 8
#define HERTZ "997" // gantry profile's own default
#define COST_TRACE_MAX 2.0

enum mode { OFF, TRACE, PROFILE, MODES };
static const char *const requests[MODES] = {NULL, "trace 600", "profile 600 " HERTZ};
static const char *const mode_names[MODES] = {"nothing on", "a trace", "a profile"};

struct observed {
    const struct bench_options *options;
    struct node_setup setup;
    struct node_process node;
    struct load_senders *derived;
    struct load *load;
    char cache[NODE_PATH_MAX];
    double rate, seconds;
    size_t rounds;
    // One phase
    enum mode mode;
    pthread_t observer;
    atomic_bool begun; // the observer was sent something, or has ended
    volatile int stop;
    bool answered;
    char error[OBSERVE_ERROR_MAX];
    double cpu_us[MODES][ROUNDS]; // a transaction
};

static bool drop(void *ctx, const struct admin_frame *frame, const uint8_t *payload, char error[OBSERVE_ERROR_MAX])
{
    struct observed *o = ctx;
    (void)frame, (void)payload, (void)error;
    atomic_store(&o->begun, true);
    return true;
}

static void *observe(void *arg)
{
    struct observed *o = arg;
    char data[NODE_PATH_MAX];
    snprintf(data, sizeof data, "%s/chain", o->setup.folder);
    o->answered = admin_ask(data, requests[o->mode], &o->stop, drop, o, o->error);
    atomic_store(&o->begun, true);
    return NULL;
}

static void begin_looking(struct observed *o)
{
    o->answered = o->mode == OFF;
    if (o->mode == OFF)
        return;
    o->stop = 0;
    atomic_store(&o->begun, false);
    if (pthread_create(&o->observer, NULL, observe, o) != 0)
        abort();
    while (!atomic_load(&o->begun))
        usleep(1000);
}

static void end_looking(struct observed *o)
{
    o->stop = 1; // seen with the next frame, a fiftieth of a second later at most
    if (o->mode != OFF)
        pthread_join(o->observer, NULL);
}

static bool run_mode(struct observed *o, enum mode mode, size_t round)
{
    struct load_result result;
    char error[LOAD_ERROR_MAX];
    const struct load_phase phase = {
        .rate = o->rate, .duration_ns = (uint64_t)(o->seconds * 1e9), .drain_ns = 60000000000u};
    o->mode = mode;
    begin_looking(o);
    const uint64_t before_ns = node_process_cpu_ns(&o->node);
    const bool ran = load_run(o->load, &phase, &result, error);
    const uint64_t cpu_ns = node_process_cpu_ns(&o->node) - before_ns;
    end_looking(o);
    if (!ran || !o->answered) {
        fprintf(stderr, "bench observability: %s: %s\n", mode_names[mode], ran ? o->error : error);
        return false;
    }
    o->cpu_us[mode][round] = result.included > 0 ? (double)cpu_ns / 1e3 / (double)result.included : 0;
    fprintf(stderr, "bench observability: %-10s  %.3f us CPU a transaction, %llu transactions\n", mode_names[mode],
            o->cpu_us[mode][round], (unsigned long long)result.included);
    return result.included > 0;
}

static bool run_rounds(struct observed *o)
{
    // A first phase is slower than the rest, and its figure is written over.
    if (!run_mode(o, OFF, 0))
        return false;
    // The order turns, so that no mode always comes first.
    for (size_t i = 0; i < o->rounds; i++) {
        for (unsigned m = 0; m < MODES; m++) {
            if (!run_mode(o, (enum mode)((m + i) % MODES), i))
                return false;
        }
    }
    return true;
}

static bool prepare(struct observed *o)
{
    char path[NODE_PATH_MAX], error[LOAD_ERROR_MAX];
    const uint64_t seed = o->options->seed;
    snprintf(o->setup.folder, sizeof o->setup.folder, "/var/tmp/gantry-bench-XXXXXX");
    if (!mkdtemp(o->setup.folder)) {
        fprintf(stderr, "bench observability: no folder could be made under /var/tmp\n");
        o->setup.folder[0] = 0;
        return false;
    }
    o->derived = load_senders_derive(seed, SENDERS);
    snprintf(path, sizeof path, "%s/genesis.json", o->setup.folder);
    o->setup.block_time_ms = BLOCK_TIME_MS;
    o->setup.shards = o->options->shards;
    if (!node_write_genesis(path, o->derived, ACCOUNTS, NULL) || !node_process_start(&o->node, &o->setup))
        return false;
    struct load_options load = {
        .rpc = {.host = "127.0.0.1", .port = o->node.rpc_port, .path = "/"},
        .ingest_host = "127.0.0.1",
        .ingest_port = o->node.ingest_port,
        .connections = 2,
        .seed = seed,
        .senders = SENDERS,
        .accounts = ACCOUNTS,
        .max_fee_wei = 100000000000,
        .max_tip_wei = 1000000000,
        .derived = o->derived,
        .fresh_chain = true,
        .count = (uint32_t)(o->rate * (o->seconds + 0.1) * (MODES * (double)o->rounds + 1)) + 1000,
        .cache_dir = load_cache_default(o->cache, sizeof o->cache) ? o->cache : NULL,
    };
    load.ws = load.rpc;
    o->load = load_open(&load, error);
    if (!o->load)
        fprintf(stderr, "bench observability: %s\n", error);
    return o->load != NULL;
}

// The median of the rounds' costs, and where it lies with 95 % confidence.
static void add_cost(struct bench_report *report, const struct observed *o, enum mode mode, const char *name,
                     double most)
{
    static const double one = 1;
    double ratios[ROUNDS];
    char bound[64];
    for (size_t i = 0; i < o->rounds; i++)
        ratios[i] = o->cpu_us[mode][i] / o->cpu_us[OFF][i];
    const struct bench_interval interval = bench_ratio_interval(&one, 1, ratios, o->rounds);
    const double cost = 100 * (bench_median(ratios, o->rounds) - 1);
    bench_report_add(report, name, cost, "%", most > 0 ? "target: 2 %" : NULL, most,
                     most > 0 && cost > 0 ? most / cost : 0);
    snprintf(bound, sizeof bound, "%s_least", name);
    bench_report_add(report, bound, 100 * (interval.low - 1), "%", NULL, 0, 0);
    snprintf(bound, sizeof bound, "%s_most", name);
    bench_report_add(report, bound, 100 * (interval.high - 1), "%", NULL, 0, 0);
}

static void add_results(struct bench_report *report, struct observed *o)
{
    static const char *const cpu[MODES] = {"cpu_per_tx", "cpu_per_tx_trace", "cpu_per_tx_profile"};
    add_cost(report, o, TRACE, "trace_cost", COST_TRACE_MAX);
    add_cost(report, o, PROFILE, "profile_cost", 0);
    for (unsigned m = 0; m < MODES; m++)
        bench_report_add(report, cpu[m], bench_median(o->cpu_us[m], o->rounds), "us", NULL, 0, 0);
    bench_report_add(report, "offered_rate", o->rate, "tx/s", NULL, 0, 0);
}

int bench_observability(struct bench_report *report, const struct bench_options *options)
{
    struct observed *o = calloc(1, sizeof *o);
    if (!o)
        return -1;
    o->options = options;
    o->node.pid = -1;
    o->rate = options->rate ? (double)options->rate : RATE;
    o->seconds = options->seconds ? (double)options->seconds : options->quick ? 0.5 : 1;
    o->rounds = options->quick ? QUICK_ROUNDS : ROUNDS;
    const bool measured = prepare(o) && run_rounds(o);
    if (measured)
        add_results(report, o);
    load_close(o->load);
    load_senders_free(o->derived);
    const bool ended = node_process_stop(&o->node);
    if (o->setup.folder[0])
        remove_tree(o->setup.folder);
    free(o);
    return measured && ended ? 0 : -1;
}
