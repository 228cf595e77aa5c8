// bench node: a whole validator under load, as a process of its own, beside libsecp256k1's recovery on the same
// machine.
//
// One chain, four phases over it: saturation (rates and CPU per transaction), a rate that leaves room (latency under
// load), twice the rate that was reached (nothing accepted may be lost), and after a new start with block-time 0 single
// transactions on an idle chain. All transactions come from one signed set, each phase going on where the last one
// ended.
#include "base/clock.h"
#include "base/remove_tree.h"
#include "bench/bench.h"
#include "bench/node_process.h"
#include "bench/recover_rate.h"
#include "chain/genesis.h"
#include "tools/doctor/disk_probe.h"
#include "tools/load/load.h"
#include "tools/load/parallel.h"
#include "tools/metrics/metrics_text.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACCOUNTS 1000000
#define QUICK_ACCOUNTS 100000
#define TOKEN_ACCOUNTS 100000 // where every sender has some of each token
#define SENDER_SHARE 5        // one account in so many sends
#define SECOND_NS 1000000000ull
#define DRAIN_NS (60 * SECOND_NS)
#define LEAST_REST_US 1.0 // what a transaction costs a node at least, besides its verification
#define LOAD_SHARE 0.6    // of the included rate, where latency under load is measured
#define IDLE_RATE 100     // transactions a second, each alone
#define SYNC_COUNT 300
#define QUICK_SYNC_COUNT 50
#define SET_STEP 250000u // sets are rounded up, so that the next run finds one that is long enough
#define QUICK_SET_STEP 10000u
#define QUICK_SIGNING_S 5.0  // what the set of a quick run may take to sign
#define QUICK_SHARE_MIN 0.33 // of its phases that a quick run has at least
#define SIGNING_PROBE 200    // signatures made to see how long that is
#define IDLE_P50_MS 1.0      // what an idle chain's latencies stand beside: a round through the node, and its disk
#define IDLE_P99_MS 3.0
#define IDLE_P99_SYNCS 5

struct timing {
    double main_s, main_warm_s, load_s, load_warm_s, overload_s, idle_s, recover_s;
    uint32_t syncs;
};
static const struct timing FULL = {35, 5, 6, 1, 5, 5, 1.5, SYNC_COUNT},
                           QUICK = {3, 0.6, 2, 0.4, 0, 2, 0.4, QUICK_SYNC_COUNT};

struct node_bench {
    const struct bench_options *options;
    struct timing timing;
    uint32_t senders, accounts;
    struct load_mix mix;
    bool has_tokens;
    struct node_setup setup;
    bool keep_folder;
    struct node_process node;
    struct load_senders *derived;
    struct load_options load_options;
    char cache[NODE_PATH_MAX];
    struct load *load;
    struct recover_rate before, after;
    double offered;
    // At the edges of the main phase's window
    uint64_t cpu_ns[2];
    char *metrics[2];
    struct load_result main, load_phase, overload, idle;
    struct disk_probe disk;
};

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value ? value : otherwise;
}

static uint64_t ns_of(double seconds)
{
    return (uint64_t)(seconds * 1e9);
}

static void say(const char *text)
{
    fprintf(stderr, "bench node: %s\n", text);
}

// The tokens are where an account of nobody's would have made them.
static bool parse_mix(struct node_bench *b)
{
    const address nobody = bench_receiver(b->options->seed, UINT64_MAX);
    char error[LOAD_MIX_ERROR_MAX];
    if (!load_mix_parse(&b->mix, b->options->mix, (uint32_t)b->options->tokens, 1, error)) {
        fprintf(stderr, "bench node: --mix: %s\n", error);
        return false;
    }
    if (b->mix.weight[LOAD_SWAP] > 0) {
        say("--mix: swaps are for gantry load: this genesis has no pairs");
        return false;
    }
    b->has_tokens = load_mix_has_contracts(&b->mix);
    load_mix_place(&b->mix, &nobody);
    return true;
}

static bool make_folder(struct node_bench *b)
{
    const char *wanted = b->options->data_path;
    char *folder = b->setup.folder;
    const size_t cap = sizeof b->setup.folder;
    b->keep_folder = wanted != NULL;
    // /var/tmp, not /tmp: the chain belongs on a disk, and /tmp is often memory.
    if (snprintf(folder, cap, "%s", wanted ? wanted : "/var/tmp/gantry-bench-XXXXXX") >= (int)cap)
        errno = ENAMETOOLONG;
    else if (wanted ? mkdir(folder, 0700) == 0 || errno == EEXIST : mkdtemp(folder) != NULL) {
        char chain[NODE_PATH_MAX];
        snprintf(chain, sizeof chain, "%s/chain", folder);
        if (access(chain, F_OK) != 0)
            return true;
        fprintf(stderr, "bench node: %s holds a chain already: name a folder without one\n", folder);
        return false;
    }
    fprintf(stderr, "bench node: %s: %s\n", folder, strerror(errno));
    return false;
}

static bool start_node(struct node_bench *b, uint64_t block_time_ms)
{
    b->setup.block_time_ms = block_time_ms;
    b->setup.shards = b->options->shards;
    if (!node_process_start(&b->node, &b->setup))
        return false;
    struct load_options *o = &b->load_options;
    o->rpc = (struct rpc_url){.host = "127.0.0.1", .port = b->node.rpc_port, .path = "/"};
    o->ws = o->rpc;
    o->ingest_host = "127.0.0.1";
    o->ingest_port = b->node.ingest_port;
    return true;
}

static void at_window(void *ctx, bool begins)
{
    struct node_bench *b = ctx;
    const int edge = begins ? 0 : 1;
    b->cpu_ns[edge] = node_process_cpu_ns(&b->node);
    free(b->metrics[edge]);
    b->metrics[edge] = node_process_metrics(&b->node);
}

// Transactions that all cores can sign a second.
static double signing_rate(uint64_t seed)
{
    const uint64_t start = clock_ns();
    for (uint64_t i = 0; i < SIGNING_PROBE; i++) {
        const bytes32 key = bench_key(seed, i);
        struct sv_signature signature;
        if (!sv_sign(&signature, &key, &key))
            abort();
    }
    return usable_cores() * SIGNING_PROBE * 1e9 / (double)(clock_ns() - start);
}

// Transactions that the busy phases can take.
static double busy_count(const struct node_bench *b)
{
    const struct timing *t = &b->timing;
    return b->offered * (t->main_s + LOAD_SHARE * t->load_s + 2 * t->overload_s);
}

// Where the node is much faster than signing, a quick run is as short as its set is, and then slower.
static void shorten(struct node_bench *b)
{
    const double most = QUICK_SIGNING_S * signing_rate(b->options->seed);
    double share = most / busy_count(b);
    if (share >= 1)
        return;
    if (share < QUICK_SHARE_MIN) {
        b->offered *= share / QUICK_SHARE_MIN;
        share = QUICK_SHARE_MIN;
    }
    struct timing *t = &b->timing;
    t->main_s *= share;
    t->main_warm_s *= share;
    t->load_s *= share;
    t->load_warm_s *= share;
}

// Rate and set: what all cores could verify, had they next to nothing else to do, is more than a node can take.
static void plan_load(struct node_bench *b)
{
    const bool quick = b->options->quick;
    const struct recover_rate kernels =
        recover_rate_kernels(b->options->seed, b->timing.recover_s, b->options->witness);
    b->offered =
        b->options->rate ? (double)b->options->rate : usable_cores() * 1e6 / (kernels.cpu_us_each + LEAST_REST_US);
    if (quick && !b->options->seconds && !b->options->rate)
        shorten(b);
    const double count = busy_count(b) + IDLE_RATE * (b->timing.idle_s + 1);
    const uint32_t step = quick ? QUICK_SET_STEP : SET_STEP;
    struct load_options *o = &b->load_options;
    o->connections = (uint32_t)or_default(b->options->shards, usable_cores());
    o->seed = b->options->seed;
    o->senders = b->senders;
    o->accounts = b->accounts;
    o->max_fee_wei = 100000000000;
    o->max_tip_wei = 1000000000;
    o->fresh_chain = true;
    o->derived = b->derived;
    o->mix = b->has_tokens ? &b->mix : NULL;
    o->witness = b->options->witness ? LOAD_KEY_AND_RY : LOAD_NO_WITNESS;
    o->count = count > LOAD_SET_COUNT_MAX - step ? LOAD_SET_COUNT_MAX : ((uint32_t)(count / step) + 1) * step;
    o->cache_dir = load_cache_default(b->cache, sizeof b->cache) ? b->cache : NULL;
}

static bool run_phase(struct node_bench *b, const char *name, const struct load_phase *phase, struct load_result *out)
{
    char error[LOAD_ERROR_MAX];
    fprintf(stderr, "bench node: %s: %.0f transactions a second for %.1f s\n", name, phase->rate,
            (double)phase->duration_ns / 1e9);
    const bool ok = load_run(b->load, phase, out, error);
    if (!ok)
        fprintf(stderr, "bench node: %s: %s\n", name, error);
    printf("\n--- %s ---\n", name);
    load_result_print(stdout, out);
    fflush(stdout);
    return ok;
}

static bool run_busy_phases(struct node_bench *b)
{
    const struct timing *t = &b->timing;
    // Half a second's worth under way keeps the node busy without filling its pools.
    const uint32_t in_flight = b->offered > 20000 ? (uint32_t)(b->offered / 2) : 10000;
    const struct load_phase main_phase = {.rate = b->offered,
                                          .warm_ns = ns_of(t->main_warm_s),
                                          .duration_ns = ns_of(t->main_s),
                                          .per_sender = 1,
                                          .in_flight_max = in_flight,
                                          .drain_ns = DRAIN_NS,
                                          .window = at_window,
                                          .window_ctx = b};
    if (!run_phase(b, "saturation", &main_phase, &b->main))
        return false;
    const double reached = b->main.included_rate > 100 ? b->main.included_rate : 100;
    const struct load_phase load_phase = {.rate = LOAD_SHARE * reached,
                                          .warm_ns = ns_of(t->load_warm_s),
                                          .duration_ns = ns_of(t->load_s),
                                          .drain_ns = DRAIN_NS};
    if (!run_phase(b, "latency under load", &load_phase, &b->load_phase))
        return false;
    const struct load_phase overload = {
        .rate = 2 * reached, .duration_ns = ns_of(t->overload_s), .per_sender = 1, .drain_ns = DRAIN_NS};
    return t->overload_s == 0 || run_phase(b, "overload", &overload, &b->overload);
}

static bool run_idle_phase(struct node_bench *b)
{
    char error[LOAD_ERROR_MAX];
    load_disconnect(b->load);
    if (!node_process_stop(&b->node) || !start_node(b, 0))
        return false;
    if (!load_connect(b->load, &b->load_options, error)) {
        say(error);
        return false;
    }
    const struct load_phase phase = {
        .rate = IDLE_RATE, .warm_ns = SECOND_NS / 2, .duration_ns = ns_of(b->timing.idle_s), .drain_ns = DRAIN_NS};
    return run_phase(b, "idle chain, block-time 0", &phase, &b->idle) &&
           disk_probe(&b->disk, b->setup.folder, b->timing.syncs);
}

static bool measure(struct node_bench *b)
{
    char path[NODE_PATH_MAX], error[LOAD_ERROR_MAX];
    say("libsecp256k1's recovery, before");
    b->before = recover_rate_library(b->options->seed, b->timing.recover_s);
    b->derived = load_senders_derive(b->options->seed, b->senders);
    plan_load(b);
    fprintf(stderr, "bench node: a genesis of %u accounts, %u of them senders\n", b->accounts, b->senders);
    snprintf(path, sizeof path, "%s/genesis.json", b->setup.folder);
    if (!node_write_genesis(path, b->derived, b->accounts, b->has_tokens ? &b->mix : NULL))
        return false;
    const uint64_t started = clock_ns();
    say("starting the node");
    if (!start_node(b, b->options->block_time_ms))
        return false;
    fprintf(stderr, "bench node: up after %.1f s\n", (double)(clock_ns() - started) / 1e9);
    unlink(path); // the chain folder has it
    b->load = load_open(&b->load_options, error);
    if (!b->load) {
        say(error);
        return false;
    }
    if (!run_busy_phases(b) || !run_idle_phase(b))
        return false;
    say("libsecp256k1's recovery, after");
    b->after = recover_rate_library(b->options->seed, b->timing.recover_s);
    return true;
}

static uint64_t unaccounted(const struct node_bench *b)
{
    const struct load_result *all[] = {&b->main, &b->load_phase, &b->overload, &b->idle};
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sum += all[i]->unaccounted + all[i]->unanswered;
    return sum;
}

// How much a counter of both readings, summed over the samples with this label, has grown.
static double growth(const struct node_bench *b, const char *name, const char *label)
{
    return metrics_sum(b->metrics[1], name, label) - metrics_sum(b->metrics[0], name, label);
}

// Lanes used of those offered, in percent, while the node was saturated.
static void add_lanes(struct bench_report *report, const struct node_bench *b)
{
    static const char *const kernels[][2] = {{"lanes_keccak", "kernel=\"keccak\""},
                                             {"lanes_signatures", "kernel=\"signatures\""}};
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
        const double used = growth(b, "gantry_lanes_used_total", kernels[i][1]);
        const double offered = growth(b, "gantry_lanes_offered_total", kernels[i][1]);
        bench_report_add(report, kernels[i][0], offered > 0 ? 100 * used / offered : 0, "%", NULL, 0, 0);
    }
    const double batches = growth(b, "gantry_verify_batches_total", ""), items = growth(b, "gantry_verified_total", "");
    bench_report_add(report, "signatures_per_batch", batches > 0 ? items / batches : 0, "", NULL, 0, 0);
}

static void add_results(struct bench_report *report, const struct node_bench *b)
{
    const double recover_rate = (b->before.per_second + b->after.per_second) / 2;
    const double recover_us = (b->before.cpu_us_each + b->after.cpu_us_each) / 2;
    const double included = b->main.included_rate * b->main.window_s;
    const double cpu_us = included > 0 ? (double)(b->cpu_ns[1] - b->cpu_ns[0]) / 1e3 / included : 0;
    const double sync_ms = (double)b->disk.sync_p50_ns / 1e6;
    // A chain in memory promises nothing, so nothing is claimed for it.
    const double counts = b->disk.in_memory || included == 0 ? 0 : 1;
    const double p50 = load_ms(&b->idle.latency_ns, 0.5), p99 = load_ms(&b->idle.latency_ns, 0.99);
    const double p99_reference = IDLE_P99_MS + IDLE_P99_SYNCS * sync_ms;
    bench_report_add(report, b->options->witness ? "cpu_per_tx_witness" : "cpu_per_tx", cpu_us, "us",
                     "libsecp256k1 recover", recover_us, cpu_us > 0 ? counts * recover_us / cpu_us : 0);
    bench_report_add(report, "included_rate", b->main.included_rate, "tx/s", "cores x libsecp256k1 recover rate",
                     recover_rate, counts * b->main.included_rate / recover_rate);
    bench_report_add(report, "offered_rate", b->main.offered_rate, "tx/s", NULL, 0, 0);
    bench_report_add(report, "latency_idle_p50", p50, "ms", "target: 1 ms", IDLE_P50_MS,
                     p50 > 0 ? counts * IDLE_P50_MS / p50 : 0);
    bench_report_add(report, "latency_idle_p99", p99, "ms", "target: 3 ms + 5 x fdatasync p50", p99_reference,
                     p99 > 0 ? counts * p99_reference / p99 : 0);
    bench_report_add(report, "latency_load_p50", load_ms(&b->load_phase.latency_ns, 0.5), "ms", NULL, 0, 0);
    bench_report_add(report, "latency_load_p99", load_ms(&b->load_phase.latency_ns, 0.99), "ms", NULL, 0, 0);
    bench_report_add(report, "latency_load_rate", b->load_phase.offered_rate, "tx/s", NULL, 0, 0);
    bench_report_add(report, "fdatasync_p50", sync_ms, "ms", NULL, 0, 0);
    bench_report_add(report, "block_fill_max", 100 * b->main.fill_max, "%", NULL, 0, 0);
    bench_report_add(report, "base_fee_max", (double)b->main.base_fee_max / 1e9, "gwei", NULL, 0, 0);
    bench_report_add(report, "generator_cpu_per_tx", b->main.generator_cpu_us, "us", NULL, 0, 0);
    add_lanes(report, b);
    bench_report_add(report, "accepted_and_lost", (double)unaccounted(b), "tx", NULL, 0, 0);
    bench_note_load(report, "included_rate", &b->main);
    bench_note_load(report, "latency_load", &b->load_phase);
    bench_note_load(report, "latency_idle", &b->idle);
}

static void print_circumstances(const struct node_bench *b)
{
    const double checkpoint = metrics_value(b->metrics[1], "gantry_checkpoint_height");
    const double head = metrics_value(b->metrics[0], "gantry_head_height");
    printf("\n--- stages of the saturated node ---\n");
    metrics_print_stages(stdout, b->metrics[0], b->metrics[1], b->main.included_rate * b->main.window_s);
    printf("\nchain folder           %s (%s), fdatasync p50 %.2f p99 %.2f ms\n", b->setup.folder, b->disk.filesystem,
           (double)b->disk.sync_p50_ns / 1e6, (double)b->disk.sync_p99_ns / 1e6);
    if (b->disk.in_memory)
        printf("THE CHAIN WAS KEPT IN MEMORY: no ratio is claimed; name a folder on a disk with --data\n");
    printf("checkpoint in the run  %s\n", checkpoint > head ? "yes" : "NO");
    printf("blocks under half full %s\n", b->main.fill_max < 0.5 ? "yes" : "NO");
}

int bench_node(struct bench_report *report, const struct bench_options *options)
{
    struct node_bench *b = calloc(1, sizeof *b);
    if (!b)
        return BENCH_FAILED;
    b->options = options;
    b->timing = options->quick ? QUICK : FULL;
    if (options->seconds) {
        b->timing.main_s = (double)options->seconds;
        b->timing.main_warm_s = (double)options->seconds / 7;
    }
    bool allowed = parse_mix(b);
    const uint32_t most = b->has_tokens ? TOKEN_ACCOUNTS : ACCOUNTS;
    b->accounts = (uint32_t)or_default(options->accounts, options->quick ? QUICK_ACCOUNTS : most);
    b->senders = (uint32_t)or_default(options->senders, b->accounts / SENDER_SHARE);
    b->node.pid = -1;
    if (allowed && b->accounts < b->senders) {
        say("fewer accounts than senders, who are among them");
        allowed = false;
    }
    int status = allowed ? BENCH_FAILED : BENCH_REFUSED;
    if (allowed && make_folder(b) && measure(b)) {
        print_circumstances(b);
        add_results(report, b);
        status = unaccounted(b) == 0 ? 0 : BENCH_FAILED;
        if (status != 0)
            say("accepted transactions were lost, or sent ones never answered");
    }
    load_close(b->load);
    load_senders_free(b->derived);
    if (!node_process_stop(&b->node)) {
        say("the node did not end well");
        status = BENCH_FAILED;
    }
    if (b->setup.folder[0] && !b->keep_folder && status == 0)
        remove_tree(b->setup.folder);
    free(b->metrics[0]);
    free(b->metrics[1]);
    free(b);
    return status;
}
