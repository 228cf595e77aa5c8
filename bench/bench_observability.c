// bench observability: what looking at a node costs it: its CPU time a transaction under the same load with nothing on,
// with a trace, and with a profile, in turn, so that what changes on the machine meanwhile is shared by all.
#include "base/clock.h"
#include "bench/bench.h"
#include "bench/node_process.h"
#include "tools/load/load.h"
#include "tools/observe/admin_stream.h"
#include "base/remove_tree.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCOUNTS 20000
#define SENDERS 4000
#define RATE 10000
#define BLOCK_TIME_MS 100
#define ROUNDS_MAX 32
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
    volatile int stop;
    bool answered;
    char error[OBSERVE_ERROR_MAX];
    uint64_t bytes; // that the observer was sent
    uint64_t cpu_ns[2];
    double cpu_us[MODES][ROUNDS_MAX]; // a transaction
};

static bool drop(void *ctx, const struct admin_frame *frame, const uint8_t *payload, char error[OBSERVE_ERROR_MAX])
{
    struct observed *o = ctx;
    (void)payload, (void)error;
    o->bytes += frame->bytes;
    return true;
}

static void *observe(void *arg)
{
    struct observed *o = arg;
    char data[NODE_PATH_MAX];
    snprintf(data, sizeof data, "%s/chain", o->setup.folder);
    o->answered = admin_ask(data, requests[o->mode], &o->stop, drop, o, o->error);
    return NULL;
}

static void at_window(void *ctx, bool begins)
{
    struct observed *o = ctx;
    o->cpu_ns[begins ? 0 : 1] = node_process_cpu_ns(&o->node);
    if (o->mode == OFF)
        return;
    if (begins) {
        o->stop = 0;
        if (pthread_create(&o->observer, NULL, observe, o) != 0)
            abort();
    } else {
        o->stop = 1; // seen with the next frame, a fiftieth of a second later at most
        pthread_join(o->observer, NULL);
    }
}

static bool run_mode(struct observed *o, enum mode mode, size_t round)
{
    struct load_result result;
    char error[LOAD_ERROR_MAX];
    const struct load_phase phase = {.rate = o->rate,
                                     .warm_ns = 300000000,
                                     .duration_ns = (uint64_t)((o->seconds + 0.3) * 1e9),
                                     .drain_ns = 60000000000u,
                                     .window = at_window,
                                     .window_ctx = o};
    o->mode = mode;
    o->answered = mode == OFF;
    if (!load_run(o->load, &phase, &result, error)) {
        fprintf(stderr, "bench observability: %s\n", error);
        return false;
    }
    if (!o->answered) {
        fprintf(stderr, "bench observability: %s: %s\n", mode_names[mode], o->error);
        return false;
    }
    const double included = result.included_rate * result.window_s;
    o->cpu_us[mode][round] = included > 0 ? (double)(o->cpu_ns[1] - o->cpu_ns[0]) / 1e3 / included : 0;
    fprintf(stderr, "bench observability: %-10s  %.3f us CPU a transaction, %.0f transactions a second\n",
            mode_names[mode], o->cpu_us[mode][round], result.included_rate);
    return included > 0;
}

static bool run_rounds(struct observed *o)
{
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
        .count = (uint32_t)(o->rate * (o->seconds + 0.4) * MODES * (double)o->rounds) + 1000,
        .cache_dir = load_cache_default(o->cache, sizeof o->cache) ? o->cache : NULL,
    };
    load.ws = load.rpc;
    o->load = load_open(&load, error);
    if (!o->load)
        fprintf(stderr, "bench observability: %s\n", error);
    return o->load != NULL;
}

static void add_results(struct bench_report *report, struct observed *o)
{
    static const char *const cpu[MODES] = {"cpu_per_tx", "cpu_per_tx_trace", "cpu_per_tx_profile"};
    static const char *const cost[MODES] = {NULL, "trace_cost", "profile_cost"};
    for (unsigned m = TRACE; m < MODES; m++) {
        double costs[ROUNDS_MAX];
        for (size_t i = 0; i < o->rounds; i++)
            costs[i] = 100 * (o->cpu_us[m][i] / o->cpu_us[OFF][i] - 1);
        const double median = bench_median(costs, o->rounds);
        bench_report_add(report, cost[m], median, "%", m == TRACE ? "target: 2 %" : NULL,
                         m == TRACE ? COST_TRACE_MAX : 0, m == TRACE && median > 0 ? COST_TRACE_MAX / median : 0);
    }
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
    o->seconds = options->seconds ? (double)options->seconds : options->quick ? 1.5 : 4;
    o->rounds = options->quick ? 3 : 9;
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
