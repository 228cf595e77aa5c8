// bench cluster: validators that finalize together, each a process of its own on this machine, under load, beside
// libsecp256k1's recovery in the same run.
//
// One chain, two phases over it: saturation (rate, and the CPU time of all validators together), then half the rate
// that was reached (latency from when a transaction was due until its final receipt was visible). Clients send to the
// first validator.
#include "base/clock.h"
#include "base/remove_tree.h"
#include "bench/bench.h"
#include "bench/node_process.h"
#include "bench/recover_rate.h"
#include "chain/genesis.h"
#include "engine/order/signing.h"
#include "tools/cluster/init.h"
#include "tools/load/load.h"
#include "tools/load/parallel.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define VALIDATORS 4
#define VALIDATORS_MAX 32
#define ACCOUNTS 100000
#define SENDER_SHARE 5 // one account in so many sends
#define SECOND_NS 1000000000ull
#define DRAIN_NS (60 * SECOND_NS)
#define CONNECT_TIMEOUT_NS (30 * SECOND_NS)
#define CERTIFICATE_SIGNERS 67 // a quorum of 100
#define CERTIFICATE_ROUNDS 200
#define SET_STEP 10000u
// The least CPU time that a transaction costs all validators beside its recovery, so that what is offered is too much.
#define LEAST_REST_US 5.0

struct cluster_bench {
    const struct bench_options *options;
    double main_s, main_warm_s, load_s, load_warm_s, recover_s;
    uint32_t validators, senders, accounts;
    char folder[64];
    char settings_error[CONFIG_ERROR_MAX];
    struct init_settings init;
    struct node_process nodes[VALIDATORS_MAX];
    struct load_senders *derived;
    struct load_options load_options;
    struct load *load;
    struct recover_rate before, after;
    uint64_t cpu_ns[2]; // at the edges of the main phase's window
    struct load_result main, half;
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

// ---- the cluster

static bool set(struct cluster_bench *b, const char *name, const char *value)
{
    return config_set(INIT_KEYS, INIT_KEY_COUNT, &b->init, name, value, b->settings_error);
}

static bool make_cluster(struct cluster_bench *b)
{
    char template[128], out[128], error[INIT_ERROR_MAX];
    snprintf(b->folder, sizeof b->folder, "/var/tmp/gantry-bench-XXXXXX");
    if (!mkdtemp(b->folder)) {
        say(strerror(errno));
        return false;
    }
    snprintf(template, sizeof template, "%s/template.json", b->folder);
    snprintf(out, sizeof out, "%s/cluster", b->folder);
    if (!node_write_genesis(template, b->derived, b->accounts, NULL))
        return false;
    config_defaults(INIT_KEYS, INIT_KEY_COUNT, &b->init);
    b->init.validators = b->validators;
    b->init.shards = or_default(b->options->shards, 1);
    if (!set(b, "out", out) || !set(b, "genesis", template) || !set(b, "rpc-port", "18545") ||
        !set(b, "ingest-port", "18550") || !set(b, "p2p-port", "18551")) {
        say(b->settings_error);
        return false;
    }
    if (!init_cluster(&b->init, error)) {
        say(error);
        return false;
    }
    return true;
}

static bool is_connected(const struct cluster_bench *b, const struct node_process *p)
{
    const struct rpc_url url = {.host = "127.0.0.1", .port = p->rpc_port, .path = "/"};
    struct rpc_client *rpc = rpc_client_create(&url, 5000);
    char error[RPC_ERROR_MAX];
    uint64_t peers = 0;
    const bool good = rpc_call_u64(rpc, "net_peerCount", "[]", &peers, error) && peers + 1 >= b->validators;
    rpc_client_free(rpc);
    return good;
}

static bool start_cluster(struct cluster_bench *b)
{
    const uint64_t deadline = clock_ns() + CONNECT_TIMEOUT_NS;
    for (uint32_t i = 0; i < b->validators; i++) {
        char folder[256];
        init_folder(folder, sizeof folder, &b->init, i);
        const uint16_t step = (uint16_t)(INIT_PORT_STEP * i);
        if (!node_process_start_in(&b->nodes[i], folder, (uint16_t)(b->init.rpc_port + step),
                                   (uint16_t)(b->init.ingest_port + step)))
            return false;
    }
    for (uint32_t i = 0; i < b->validators; i++) {
        while (!is_connected(b, &b->nodes[i])) {
            if (clock_ns() > deadline) {
                say("the validators did not connect to one another");
                return false;
            }
            usleep(10000);
        }
    }
    return true;
}

static void at_window(void *ctx, bool begins)
{
    struct cluster_bench *b = ctx;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < b->validators; i++)
        sum += node_process_cpu_ns(&b->nodes[i]);
    b->cpu_ns[begins ? 0 : 1] = sum;
}

// ---- phases

static void plan_load(struct cluster_bench *b)
{
    struct load_options *o = &b->load_options;
    const double rate = b->options->rate ? (double)b->options->rate
                                         : usable_cores() * 1e6 / (b->before.cpu_us_each / 2 + LEAST_REST_US);
    o->rpc = (struct rpc_url){.host = "127.0.0.1", .port = b->nodes[0].rpc_port, .path = "/"};
    o->ws = o->rpc;
    o->ingest_host = "127.0.0.1";
    o->ingest_port = b->nodes[0].ingest_port;
    o->connections = 2;
    o->seed = b->options->seed;
    o->senders = b->senders;
    o->accounts = b->accounts;
    o->max_fee_wei = 100000000000;
    o->max_tip_wei = 1000000000;
    o->fresh_chain = true;
    o->derived = b->derived;
    o->witness = b->options->witness ? LOAD_KEY_AND_RY : LOAD_NO_WITNESS;
    o->count = ((uint32_t)(rate * (b->main_s + b->load_s) / SET_STEP) + 1) * SET_STEP;
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

static bool run_phases(struct cluster_bench *b)
{
    const double rate = b->main.offered_rate;
    const struct load_phase main_phase = {.rate = rate,
                                          .warm_ns = (uint64_t)(b->main_warm_s * 1e9),
                                          .duration_ns = (uint64_t)(b->main_s * 1e9),
                                          .per_sender = 1,
                                          .in_flight_max = (uint32_t)rate,
                                          .drain_ns = DRAIN_NS,
                                          .window = at_window,
                                          .window_ctx = b};
    if (!run_phase(b, "saturation", &main_phase, &b->main))
        return false;
    const struct load_phase half = {.rate = b->main.included_rate > 100 ? b->main.included_rate / 2 : 50,
                                    .warm_ns = (uint64_t)(b->load_warm_s * 1e9),
                                    .duration_ns = (uint64_t)(b->load_s * 1e9),
                                    .drain_ns = DRAIN_NS};
    return run_phase(b, "half of that rate", &half, &b->half);
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
    if (!make_cluster(b) || !start_cluster(b))
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
    bench_report_add(report, "latency_rate", b->half.offered_rate, "tx/s", NULL, 0, 0);
    bench_report_add(report, "certificate_check_67", b->certificate_us, "us", NULL, 0, 0);
    bench_report_add(report, "generator_cpu_per_tx", b->main.generator_cpu_us, "us", NULL, 0, 0);
    bench_report_add(report, "accepted_and_lost",
                     (double)(b->main.unaccounted + b->main.unanswered + b->half.unaccounted + b->half.unanswered),
                     "tx", NULL, 0, 0);
}

int bench_cluster(struct bench_report *report, const struct bench_options *options)
{
    struct cluster_bench *b = calloc(1, sizeof *b);
    if (!b)
        return -1;
    b->options = options;
    b->main_s = options->seconds ? (double)options->seconds : options->quick ? 3 : 35;
    b->main_warm_s = b->main_s / 7;
    b->load_s = options->quick ? 2 : 10;
    b->load_warm_s = b->load_s / 10;
    b->recover_s = options->quick ? 0.4 : 1.5;
    b->validators = (uint32_t)or_default(options->validators, VALIDATORS);
    b->accounts = (uint32_t)or_default(options->accounts, ACCOUNTS);
    b->senders = (uint32_t)or_default(options->senders, b->accounts / SENDER_SHARE);
    int status = -1;
    if (b->accounts < b->senders)
        say("fewer accounts than senders, who are among them");
    else if (measure(b)) {
        add_results(report, b);
        status = 0;
    }
    load_close(b->load);
    load_senders_free(b->derived);
    for (uint32_t i = 0; i < b->validators; i++) {
        if (!node_process_stop(&b->nodes[i])) {
            say("a validator did not end well");
            status = -1;
        }
    }
    if (b->folder[0] && status == 0)
        remove_tree(b->folder);
    config_free(INIT_KEYS, INIT_KEY_COUNT, &b->init);
    free(b);
    return status;
}
