// bench cluster: validators that finalize together, each a process of its own on this machine, under load, beside
// libsecp256k1's recovery in the same run.
//
// One chain, two phases over it: saturation (rate, and the CPU time of all validators together), then half the rate
// that was reached (latency from when a transaction was due until its final receipt was visible, at the node that was
// asked and at another). Clients send to the first validator. Where faults are asked for, a third phase has them.
#include "base/clock.h"
#include "base/remove_tree.h"
#include "bench/bench.h"
#include "bench/cluster_nodes.h"
#include "bench/recover_rate.h"
#include "chain/genesis.h"
#include "engine/order/signing.h"
#include "tools/load/load.h"
#include "tools/load/parallel.h"
#include "tools/metrics/metrics_text.h"

#include <stdlib.h>

#define VALIDATORS 4
#define ACCOUNTS 100000
#define SENDER_SHARE 5 // one account in so many sends
// In a quick run all do: as many under way, and four genesis states that are there sooner.
#define QUICK_ACCOUNTS (ACCOUNTS / SENDER_SHARE)
#define SECOND_NS 1000000000ull
#define DRAIN_NS (60 * SECOND_NS)
#define CERTIFICATE_SIGNERS 67 // a quorum of 100
#define CERTIFICATE_ROUNDS 200
#define SET_STEP 10000u
// The least CPU time that a transaction costs each validator beside its recovery, so that what is offered is too much.
#define LEAST_REST_US 4.0
// Unresolved transactions at saturation are at most what is offered in so many seconds: enough to keep all validators
// busy, and soon over when the phase ends.
#define IN_FLIGHT_S 0.4
// A load with faults goes on for so long after the last one, and a validator may take so long to catch up.
#define FAULT_TAIL_S 10.0
#define QUICK_FAULT_TAIL_S 4.0
#define CATCH_UP_NS (120 * SECOND_NS)
#define FAULTS_REPORTED 5 // as results; all are printed

struct cluster_bench {
    const struct bench_options *options;
    double main_s, main_warm_s, load_s, load_warm_s, recover_s;
    uint32_t validators, senders, accounts;
    struct cluster_nodes nodes;
    struct fault_plan faults;
    struct fault_cost costs[FAULTS_MAX];
    struct load_senders *derived;
    struct load_options load_options;
    struct load *load;
    struct fault_run *fault_run;
    struct recover_rate before, after;
    // At the edges of the main phase's window
    uint64_t cpu_ns[2];
    char *metrics[2][CLUSTER_NODES_MAX];
    struct load_result main, half, faulty;
    struct hist elsewhere_ns; // latency in the second phase at another node
    double certificate_us;
};

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value ? value : otherwise;
}

static void say(const char *text)
{
    fprintf(stderr, "bench cluster: %s\n", text);
}

static void at_window(void *ctx, bool begins)
{
    struct cluster_bench *b = ctx;
    const int edge = begins ? 0 : 1;
    b->cpu_ns[edge] = cluster_nodes_cpu_ns(&b->nodes);
    for (uint32_t i = 0; i < b->validators; i++)
        b->metrics[edge][i] = node_process_metrics(&b->nodes.nodes[i]);
}

// ---- phases

// How long the phase with faults is.
static double faults_s(const struct cluster_bench *b)
{
    const double tail_s = b->options->quick ? QUICK_FAULT_TAIL_S : FAULT_TAIL_S;
    return b->faults.count > 0 ? fault_plan_end_s(&b->faults) + tail_s : 0;
}

static void plan_load(struct cluster_bench *b)
{
    struct load_options *o = &b->load_options;
    const double rate = b->options->rate
                            ? (double)b->options->rate
                            : usable_cores() * 1e6 / (b->before.cpu_us_each / 2 + b->validators * LEAST_REST_US);
    o->rpc = (struct rpc_url){.host = "127.0.0.1", .port = b->nodes.nodes[0].rpc_port, .path = "/"};
    o->ws = o->rpc;
    o->ingest_host = "127.0.0.1";
    o->ingest_port = b->nodes.nodes[0].ingest_port;
    o->connections = 2;
    o->seed = b->options->seed;
    o->senders = b->senders;
    o->accounts = b->accounts;
    o->max_fee_wei = 100000000000;
    o->max_tip_wei = 1000000000;
    o->fresh_chain = true;
    o->derived = b->derived;
    o->witness = b->options->witness ? LOAD_KEY_AND_RY : LOAD_NO_WITNESS;
    const double faulty_s = faults_s(b) * (double)b->options->fault_load / 100;
    // What is reached is at most what is offered.
    o->count = ((uint32_t)(rate * (b->main_s + b->load_s / 2 + faulty_s) / SET_STEP) + 1) * SET_STEP;
    b->main.offered_rate = rate;
}

static bool run_phase(struct cluster_bench *b, const char *name, const struct load_phase *phase,
                      struct load_result *out)
{
    char error[LOAD_ERROR_MAX];
    fprintf(stderr, "bench cluster: %s: %.0f transactions a second for %.1f s\n", name, phase->rate,
            (double)phase->duration_ns / 1e9);
    const bool ok = load_run(b->load, phase, out, error);
    if (!ok)
        say(error);
    printf("\n--- %s ---\n", name);
    load_result_print(stdout, out);
    fflush(stdout);
    return ok;
}

// Stamps the heads at another validator; NULL where there is none.
static struct load_watch *watch_other(const struct cluster_bench *b)
{
    char error[LOAD_ERROR_MAX];
    if (b->validators == 1)
        return NULL;
    const struct rpc_url url = {.host = "127.0.0.1", .port = b->nodes.nodes[1].rpc_port, .path = "/"};
    struct load_watch *w = load_watch_start(&url, &url, NULL, error);
    if (!w)
        say(error);
    return w;
}

static bool run_faults(struct cluster_bench *b)
{
    struct fault_hooks hooks = CLUSTER_FAULT_HOOKS;
    hooks.ctx = &b->nodes;
    const struct load_phase phase = {.rate = b->main.included_rate * (double)b->options->fault_load / 100,
                                     .duration_ns = (uint64_t)(faults_s(b) * 1e9),
                                     .drain_ns = DRAIN_NS};
    b->fault_run = fault_run_start(&b->faults, &hooks);
    const uint64_t start_ns = clock_ns(), end_ns = start_ns + phase.duration_ns;
    const bool good = run_phase(b, "faults", &phase, &b->faulty);
    fault_run_wait(b->fault_run, end_ns + CATCH_UP_NS);
    for (size_t i = 0; i < b->faults.count; i++)
        b->costs[i] = fault_cost_of(&b->faults.faults[i], b->load, start_ns, end_ns);
    return good;
}

static bool run_phases(struct cluster_bench *b)
{
    const double rate = b->main.offered_rate;
    const struct load_phase main_phase = {.rate = rate,
                                          .warm_ns = (uint64_t)(b->main_warm_s * 1e9),
                                          .duration_ns = (uint64_t)(b->main_s * 1e9),
                                          .per_sender = 1,
                                          .in_flight_max = (uint32_t)(rate * IN_FLIGHT_S),
                                          .drain_ns = DRAIN_NS,
                                          .window = at_window,
                                          .window_ctx = b};
    if (!run_phase(b, "saturation", &main_phase, &b->main))
        return false;
    const struct load_phase half = {.rate = b->main.included_rate > 100 ? b->main.included_rate / 2 : 50,
                                    .warm_ns = (uint64_t)(b->load_warm_s * 1e9),
                                    .duration_ns = (uint64_t)(b->load_s * 1e9),
                                    .drain_ns = DRAIN_NS};
    struct load_watch *other = watch_other(b);
    const bool good = run_phase(b, "half of that rate", &half, &b->half);
    hist_init(&b->elsewhere_ns);
    if (other)
        load_latency(b->load, other, b->half.sending.window_start_ns, b->half.sending.window_end_ns, &b->elsewhere_ns);
    load_watch_stop(other);
    return good && (b->faults.count == 0 || run_faults(b));
}

// Checking one certificate's signatures as one batch: the median.
static double certificate_us(uint64_t seed)
{
    static struct {
        bytes32 key;
        wire_signature signature;
    } signers[CERTIFICATE_SIGNERS];
    const bytes32 *keys[CERTIFICATE_SIGNERS];
    const wire_signature *signatures[CERTIFICATE_SIGNERS];
    const bytes32 message = bench_key(seed, 0);
    double us[CERTIFICATE_ROUNDS];
    struct signing *checker = NULL;
    for (unsigned i = 0; i < CERTIFICATE_SIGNERS; i++) {
        const bytes32 secret = bench_key(seed, i + 1);
        struct signing *s = signing_secp(&secret, &signers[i].key);
        s->ops->sign(s, &signers[i].signature, &message);
        keys[i] = &signers[i].key;
        signatures[i] = &signers[i].signature;
        if (checker)
            s->ops->free(s);
        else
            checker = s;
    }
    for (unsigned r = 0; r < CERTIFICATE_ROUNDS; r++) {
        const uint64_t start = clock_thread_cpu_ns();
        if (!checker->ops->verify(checker, keys, signatures, CERTIFICATE_SIGNERS, &message))
            abort();
        us[r] = (double)(clock_thread_cpu_ns() - start) / 1e3;
    }
    checker->ops->free(checker);
    return bench_median(us, CERTIFICATE_ROUNDS);
}

static bool measure(struct cluster_bench *b)
{
    char error[LOAD_ERROR_MAX];
    say("libsecp256k1's recovery, before");
    b->before = recover_rate_library(b->options->seed, b->recover_s);
    b->certificate_us = certificate_us(b->options->seed);
    b->derived = load_senders_derive(b->options->seed, b->senders);
    const struct cluster_plan plan = {.validators = b->validators,
                                      .accounts = b->accounts,
                                      .shards = or_default(b->options->shards, 1),
                                      .senders = b->derived,
                                      .relayed = b->options->faults[FAULT_PARTITION] != NULL};
    if (!cluster_nodes_start(&b->nodes, &plan))
        return false;
    plan_load(b);
    b->load = load_open(&b->load_options, error);
    if (!b->load) {
        say(error);
        return false;
    }
    if (!run_phases(b))
        return false;
    say("libsecp256k1's recovery, after");
    b->after = recover_rate_library(b->options->seed, b->recover_s);
    return true;
}

// Between the main phase's edges, of all validators.
static double sent_bytes(const struct cluster_bench *b)
{
    double sum = 0;
    for (uint32_t i = 0; i < b->validators; i++)
        sum += metrics_sum(b->metrics[1][i], "gantry_peer_sent_bytes_total", "") -
               metrics_sum(b->metrics[0][i], "gantry_peer_sent_bytes_total", "");
    return sum;
}

// What a transaction has on average.
static double tx_bytes(const struct cluster_bench *b)
{
    const struct load_set *set = load_signed_set(b->load);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < set->count; i++)
        sum += load_set_raw(set, i).len;
    return (double)sum / set->count;
}

static void print_stages(const struct cluster_bench *b)
{
    for (uint32_t i = 0; i < b->validators; i++) {
        printf("\n--- stages of validator %u, saturated ---\n", i);
        metrics_print_stages(stdout, b->metrics[0][i], b->metrics[1][i], b->main.included_rate * b->main.window_s);
    }
}

static void print_duration(const char *what, double seconds)
{
    if (seconds < 0)
        printf("%s: not in this run\n", what);
    else
        printf("%s: %.2f s\n", what, seconds);
}

static void print_faults(const struct cluster_bench *b)
{
    for (size_t i = 0; i < b->faults.count; i++) {
        const struct fault *f = &b->faults.faults[i];
        const struct fault_cost *c = &b->costs[i];
        printf("\n--- %s of", FAULT_NAMES[f->kind]);
        for (uint32_t v = 0; v < b->validators; v++) {
            if ((f->who >> v) & 1)
                printf(" validator-%u", v);
        }
        printf(" at %.1f s for %.1f s ---\n", f->at_s, f->for_s);
        printf("finalized /s   before %.0f, during %.0f\n", c->rate_before, c->rate_during);
        printf("latency p50    before %.1f ms, during %.1f ms\n", c->p50_before_ms, c->p50_during_ms);
        print_duration("at 80 % of the rate before, from its begin", c->recovery_s);
        print_duration("at 80 % of the rate before, from its end", c->recovery_after_end_s);
        print_duration("caught up, from its end", c->catch_up_s);
    }
}

// Named by the fault; the second of a kind and later ones by their number too.
static void add_fault_results(struct bench_report *report, const struct cluster_bench *b)
{
    unsigned seen[FAULT_KIND_COUNT] = {0};
    for (size_t i = 0; i < b->faults.count && i < FAULTS_REPORTED; i++) {
        const struct fault_cost *c = &b->costs[i];
        const enum fault_kind kind = b->faults.faults[i].kind;
        const struct {
            const char *what;
            double value;
        } results[] = {
            {"recovery", c->recovery_s}, {"after_end", c->recovery_after_end_s}, {"catch_up", c->catch_up_s}};
        seen[kind]++;
        for (unsigned k = 0; k < 3; k++) {
            char name[48], number[16] = "";
            if (seen[kind] > 1)
                snprintf(number, sizeof number, "_%u", seen[kind]);
            snprintf(name, sizeof name, "%s%s_%s", FAULT_NAMES[kind], number, results[k].what);
            bench_report_add(report, name, results[k].value, "s", NULL, 0, 0);
        }
    }
}

static uint64_t lost(const struct load_result *r)
{
    return r->unaccounted + r->unanswered;
}

static void add_results(struct bench_report *report, const struct cluster_bench *b)
{
    const double recover_us = (b->before.cpu_us_each + b->after.cpu_us_each) / 2;
    const double recover_rate = (b->before.per_second + b->after.per_second) / 2;
    const double included = b->main.included_rate * b->main.window_s;
    const double cpu_us = included > 0 ? (double)(b->cpu_ns[1] - b->cpu_ns[0]) / 1e3 / included : 0;
    bench_report_add(report, "cpu_per_tx", cpu_us, "us", "libsecp256k1 recover", recover_us,
                     cpu_us > 0 ? recover_us / cpu_us : 0);
    bench_report_add(report, "finalized_rate", b->main.included_rate, "tx/s", "cores x libsecp256k1 recover rate",
                     recover_rate, recover_rate > 0 ? b->main.included_rate / recover_rate : 0);
    bench_report_add(report, "latency_p50", load_ms(&b->half.latency_ns, 0.5), "ms", NULL, 0, 0);
    bench_report_add(report, "latency_p99", load_ms(&b->half.latency_ns, 0.99), "ms", NULL, 0, 0);
    bench_report_add(report, "latency_other_p50", load_ms(&b->elsewhere_ns, 0.5), "ms", NULL, 0, 0);
    bench_report_add(report, "latency_other_p99", load_ms(&b->elsewhere_ns, 0.99), "ms", NULL, 0, 0);
    bench_report_add(report, "latency_rate", b->half.offered_rate, "tx/s", NULL, 0, 0);
    bench_report_add(report, "certificate_check_67", b->certificate_us, "us", NULL, 0, 0);
    bench_report_add(report, "offered_rate", b->main.offered_rate, "tx/s", NULL, 0, 0);
    bench_report_add(report, "generator_cpu_per_tx", b->main.generator_cpu_us, "us", NULL, 0, 0);
    bench_report_add(report, "sent_per_tx_byte", included > 0 ? sent_bytes(b) / (included * tx_bytes(b)) : 0, "bytes",
                     NULL, 0, 0);
    bench_report_add(report, "accepted_and_lost", (double)(lost(&b->main) + lost(&b->half) + lost(&b->faulty)), "tx",
                     NULL, 0, 0);
    add_fault_results(report, b);
    bench_note_load(report, "finalized_rate", &b->main);
    bench_note_load(report, "latency", &b->half);
}

static bool plan_faults(struct cluster_bench *b)
{
    char error[FAULTS_ERROR_MAX];
    _Static_assert(sizeof b->options->faults / sizeof b->options->faults[0] == FAULT_KIND_COUNT, "a schedule a kind");
    for (unsigned kind = 0; kind < FAULT_KIND_COUNT; kind++) {
        const char *text = b->options->faults[kind];
        if (text && !fault_plan_add(&b->faults, (enum fault_kind)kind, text, b->validators, error)) {
            say(error);
            return false;
        }
    }
    return true;
}

static void release(struct cluster_bench *b)
{
    fault_run_free(b->fault_run);
    load_close(b->load);
    load_senders_free(b->derived);
    for (uint32_t i = 0; i < b->validators; i++) {
        free(b->metrics[0][i]);
        free(b->metrics[1][i]);
    }
    free(b);
}

int bench_cluster(struct bench_report *report, const struct bench_options *options)
{
    struct cluster_bench *b = calloc(1, sizeof *b);
    if (!b)
        return BENCH_FAILED;
    b->options = options;
    b->main_s = options->seconds ? (double)options->seconds : options->quick ? 3 : 35;
    b->main_warm_s = b->main_s / 7;
    b->load_s = options->quick ? 2 : 10;
    b->load_warm_s = b->load_s / 10;
    b->recover_s = options->quick ? 0.4 : 1.5;
    b->validators = (uint32_t)or_default(options->validators, VALIDATORS);
    b->accounts = (uint32_t)or_default(options->accounts, options->quick ? QUICK_ACCOUNTS : ACCOUNTS);
    b->senders = (uint32_t)or_default(options->senders, options->quick ? b->accounts : b->accounts / SENDER_SHARE);
    bool allowed = plan_faults(b);
    if (b->accounts < b->senders) {
        say("fewer accounts than senders, who are among them");
        allowed = false;
    }
    bool good = allowed && measure(b);
    if (good) {
        print_stages(b);
        print_faults(b);
        add_results(report, b);
    }
    good &= cluster_nodes_stop(&b->nodes, good);
    release(b);
    return good ? 0 : allowed ? BENCH_FAILED : BENCH_REFUSED;
}
