// A running node looked at from outside: three accounts of its threads' time, its timeline, its stalls, its health.
#include "base/clock.h"
#include "base/remove_tree.h"
#include "engine/admin/admin.h"
#include "engine/admin/admin_request.h"
#include "engine/admin/admin_socket.h"
#include "engine/admin/sampler.h"
#include "engine/node_private.h"
#include "tests/engine_support/whole_cluster.h"
#include "tests/support/test_folder.h"
#include "tests/support/vectors.h"
#include "tools/observe/profile.h"
#include "tools/observe/trace_json.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CLOCKS_NS 3e6 // the accounts begin and end one after another

static const volatile int never;

static void start_with(struct whole_node *w, char folder[TEST_FOLDER_MAX], const char *settings)
{
    test_folder(folder, "node");
    cr_assert(whole_node_start(w, test_seed("observe"), folder, settings, NULL), "%s", w->error);
}

static bool take_profile(void *ctx, const struct admin_frame *frame, const uint8_t *payload,
                         char error[OBSERVE_ERROR_MAX])
{
    return profile_take(ctx, frame, payload, error);
}

static bool take_trace(void *ctx, const struct admin_frame *frame, const uint8_t *payload,
                       char error[OBSERVE_ERROR_MAX])
{
    return trace_json_take(ctx, frame, payload, error);
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 0.05 * b + CLOCKS_NS;
}

static double sampled_in_all(const struct profile *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->node.thread_count; i++) {
        for (unsigned s = 0; s <= STAGE_COUNT; s++) // the last: threads without stages
            sum += (double)p->threads[i].sampled_ns[s];
    }
    return sum;
}

static bool knows(const struct profile *p, const char *function)
{
    for (size_t i = 1; i < p->functions.count; i++) {
        if (strcmp(profile_name(&p->functions.nodes[i]), function) == 0)
            return true;
    }
    return false;
}

// Each stage's samples beside its counter: within 5 % of the thread's time, and what a draw of so many may be off.
static void expect_stages_agree(const struct profile *p, size_t thread)
{
    const double sample_ns = sampled_in_all(p) / (double)p->samples, cpu = (double)profile_cpu_ns(p, thread);
    for (unsigned s = 0; s < STAGE_PREEMPTED; s++) {
        const double sampled = (double)p->threads[thread].sampled_ns[s], counted = profile_counted_ns(p, thread, s);
        const double share = counted / cpu, chance = 5 * sqrt(sample_ns * cpu * fabs(share * (1 - share)));
        cr_expect_leq(fabs(sampled - counted), 0.05 * cpu + chance + CLOCKS_NS, "%s, %s: %.0f ns sampled, %.0f counted",
                      p->node.threads[thread].name, stage_names[s], sampled, counted);
    }
}

Test(observe, samples_stage_counters_and_cpu_time_agree_under_load)
{
    char folder[TEST_FOLDER_MAX], error[OBSERVE_ERROR_MAX];
    struct whole_node w;
    start_with(&w, folder, "shards = 2\n");
    struct traffic *traffic = traffic_start(&w);
    struct profile *p = malloc(sizeof *p);
    profile_init(p);
    // A turn under way when the accounts begin or end is in none; turns of instrumented code are long ones.
    cr_assert(admin_ask(folder, GANTRY_SANITIZE ? "profile 15 997" : "profile 6 997", &never, take_profile, p, error),
              "%s", error);
    const struct traffic_counts c = traffic_stop(traffic);
    cr_assert_gt(c.accepted, 0);
    cr_expect_gt(profile_transactions(p), 0);
    unsigned loops = 0;
    for (size_t i = 0; i < p->node.thread_count; i++) {
        const char *name = p->node.threads[i].name;
        if (strncmp(name, "shard", 5) != 0 && strcmp(name, "coordinator") != 0)
            continue;
        double sampled = 0, counted = 0;
        for (unsigned s = 0; s < STAGE_PREEMPTED; s++) {
            sampled += (double)p->threads[i].sampled_ns[s];
            counted += profile_counted_ns(p, i, s);
        }
        const double cpu = (double)profile_cpu_ns(p, i), wall = (double)(p->time_ns[1] - p->time_ns[0]);
        loops++;
        cr_expect(cpu > 0 && near(sampled, cpu), "%s: %.0f ns sampled, %.0f ns ran", name, sampled, cpu);
        cr_expect(near(counted, cpu), "%s: %.0f ns counted, %.0f ns ran", name, counted, cpu);
        expect_stages_agree(p, i);
        counted += profile_counted_ns(p, i, STAGE_PREEMPTED) + profile_counted_ns(p, i, STAGE_IDLE);
        // What is asleep when the accounts end is accounted when it wakes, or slept before they began.
        cr_expect_leq(counted, 1.5 * wall, "%s: %.0f ns in %.0f ns", name, counted, wall);
    }
    cr_expect_eq(loops, 3, "%u of the node's three loops are known by name", loops);
    cr_expect(knows(p, "shard_main") && knows(p, "receive_verify") && knows(p, "coordinator_main"));
    profile_free(p);
    free(p);
    cr_assert_eq(whole_node_stop(&w), 0);
    remove_tree(folder);
}

// As in a container: perf_event_open is refused.
static void forbid_perf(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof code / sizeof code[0], code};
    cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void *burn(void *ended)
{
    pthread_setname_np(pthread_self(), "burning");
    while (!atomic_load((atomic_bool *)ended))
        continue;
    return NULL;
}

Test(observe, without_perf_events_cpu_timers_sample)
{
    char error[SAMPLER_ERROR_MAX];
    uint64_t words[512], sampled = 0, samples = 0;
    atomic_bool ended = false;
    pthread_t thread;
    struct admin_account before = {0}, after = {0};
    forbid_perf();
    pthread_create(&thread, NULL, burn, &ended);
    usleep(10000);
    struct sampler *s = sampler_start(997, error);
    cr_assert_not_null(s, "%s", error);
    cr_expect_not_null(strstr(sampler_source(s), "CPU timers"), "%s", sampler_source(s));
    cr_expect_null(sampler_start(997, error), "one at a time");
    size_t i = 0;
    while (i < sampler_count(s) && strcmp(sampler_thread(s, i).name, "burning") != 0)
        i++;
    cr_assert_lt(i, sampler_count(s));
    cr_assert(sampler_read(s, i, &before));
    cr_expect_eq(before.has_counters, 0);
    do {
        usleep(10000);
        for (size_t n; (n = sampler_take(s, i, words, 512)) > 0;) {
            for (size_t at = 0; at < n; at += 1 + ADMIN_SAMPLE_DEPTH(words[at]), samples++)
                sampled += ADMIN_SAMPLE_CPU_NS(words[at]);
        }
        cr_assert(sampler_read(s, i, &after));
    } while (samples < 20);
    const uint64_t ran = after.cpu_ns - before.cpu_ns;
    cr_expect_leq(sampled, ran + 1000000);
    cr_expect_gt(sampled, 0);
    sampler_free(s);
    atomic_store(&ended, true);
    pthread_join(thread, NULL);
}

static json_t *traced(const char *folder, const char *request)
{
    char error[OBSERVE_ERROR_MAX], *text = NULL;
    size_t len;
    json_error_t where;
    FILE *out = open_memstream(&text, &len);
    struct trace_json *t = trace_json_create(out);
    cr_assert(admin_ask(folder, request, &never, take_trace, t, error), "%s", error);
    trace_json_free(t);
    fclose(out);
    json_t *trace = json_loadb(text, len, 0, &where);
    cr_assert_not_null(trace, "%s at %d", where.text, where.position);
    free(text);
    return trace;
}

static unsigned count_of(const json_t *trace, const char *phase, const char *name, int thread)
{
    size_t i;
    json_t *e;
    unsigned n = 0;
    json_array_foreach(json_object_get(trace, "traceEvents"), i, e)
    {
        n += strcmp(json_string_value(json_object_get(e, "ph")), phase) == 0 &&
             strcmp(json_string_value(json_object_get(e, "name")), name) == 0 &&
             json_integer_value(json_object_get(e, "tid")) == thread;
    }
    return n;
}

Test(observe, a_trace_has_every_threads_batches_passes_and_waits)
{
    static const char *const of_shards[] = {"pool", "messages", "senders", "trie", "settle"};
    static const char *const of_coordinator[] = {"list", "round", "close", "fsync", "settling"};
    char folder[TEST_FOLDER_MAX];
    struct whole_node w;
    start_with(&w, folder, "shards = 2\nblock-time = 0\n");
    struct traffic *traffic = traffic_start(&w);
    json_t *trace = traced(folder, "trace 2");
    traffic_stop(traffic);
    for (int shard = 1; shard <= 2; shard++) {
        for (size_t i = 0; i < sizeof of_shards / sizeof of_shards[0]; i++) {
            const unsigned begun = count_of(trace, "B", of_shards[i], shard);
            cr_expect_gt(begun, 0, "%s of shard %d", of_shards[i], shard - 1);
            cr_expect_eq(begun, count_of(trace, "E", of_shards[i], shard), "%s", of_shards[i]);
        }
    }
    for (size_t i = 0; i < sizeof of_coordinator / sizeof of_coordinator[0]; i++) {
        const unsigned begun = count_of(trace, "b", of_coordinator[i], 3);
        cr_expect_gt(begun, 0, "%s", of_coordinator[i]);
        cr_expect_eq(begun, count_of(trace, "e", of_coordinator[i], 3), "%s", of_coordinator[i]);
    }
    // One ingest connection, so one of the shards verifies.
    cr_expect_gt(count_of(trace, "B", "verify", 1) + count_of(trace, "B", "verify", 2), 0);
    cr_expect_gt(count_of(trace, "B", "seal", 3), 0);
    json_decref(trace);
    cr_assert_eq(whole_node_stop(&w), 0);
    remove_tree(folder);
}

static void *trace_cluster(void *folder)
{
    return traced(folder, "trace 600");
}

Test(observe, a_cluster_nodes_trace_has_views_votes_and_final_blocks)
{
    struct whole_cluster *c = calloc(1, sizeof *c);
    const struct whole_cluster_options options = {
        .validators = 4, .seed = test_seed("observe"), .settings = "shards = 1\n"};
    cr_assert(whole_cluster_start(c, &options), "%s", c->error);
    struct transfers t;
    transfers_init(&t, options.seed, WHOLE_NODE_SENDERS);
    uint8_t raw[TRANSFER_BYTES_MAX];
    bytes32 hash;
    const size_t len = transfers_next(&t, raw);
    pthread_t tracer;
    void *trace;
    pthread_create(&tracer, NULL, trace_cluster, c->configs[0].data);
    while (!atomic_load(&shard_turn(c->nodes[0]->shards[0])->timeline.on))
        usleep(1000);
    cr_assert(whole_cluster_submit(c, 1, bytes_of(raw, len), &hash));
    char *receipt = whole_cluster_receipt(c, 0, &hash);
    cr_expect_not_null(receipt);
    free(receipt);
    whole_cluster_stop_node(c, 0); // and with it the trace
    pthread_join(tracer, &trace);
    const int coordinator = 2;
    cr_expect_gt(count_of(trace, "B", "consensus", coordinator), 0);
    cr_expect_gt(count_of(trace, "i", "vote", coordinator), 0);
    cr_expect_gt(count_of(trace, "i", "final", coordinator), 0);
    cr_expect_gt(count_of(trace, "i", "view", coordinator), 0);
    cr_expect_gt(count_of(trace, "b", "fsync", coordinator), 0);
    json_decref(trace);
    transfers_free(&t);
    whole_cluster_end(c);
    free(c);
}

// ---- stalls

struct hold {
    struct shard_call call;
    atomic_bool held, release;
};

static void hold_shard(struct shard *s, struct shard_call *call)
{
    struct hold *h = (struct hold *)call;
    (void)s;
    atomic_store(&h->held, true);
    while (!atomic_load(&h->release))
        usleep(1000);
}

static char *health_when(const struct whole_node *w, int status)
{
    for (;;) {
        int now;
        char *health = ask_http(node_rpc_port(w->node), "/health", NULL, &now);
        cr_assert_not_null(health);
        if (now == status)
            return health;
        free(health);
        usleep(1000);
    }
}

Test(observe, a_shard_that_hangs_in_a_turn_is_named_by_health_and_logged_afterwards)
{
    char folder[TEST_FOLDER_MAX], log[TEST_FOLDER_MAX + 32], text[8192] = "";
    struct whole_node w;
    start_with(&w, folder, "shards = 2\nstall-limit = 20ms\n");
    snprintf(log, sizeof log, "%s/stderr", folder);
    const int kept = dup(STDERR_FILENO);
    cr_assert_not_null(freopen(log, "w", stderr));
    struct hold h = {.call.run = hold_shard};
    cr_assert(shard_run(w.node->shards[1], &h.call));
    char *health = health_when(&w, 503);
    cr_expect(strstr(health, "shard 1 has been in one turn for ") && strstr(health, "now in stage link"), "%s", health);
    free(health);
    // An earlier turn may have been logged: a second one within a second would only be counted.
    enum stage stage;
    while (turn_age_ns(w.node->turns[1], &stage) < 1100000000)
        usleep(1000);
    atomic_store(&h.release, true);
    health = health_when(&w, 200);
    cr_expect_not_null(strstr(health, "\"ok\""), "%s", health);
    free(health);
    char *metrics = ask_http(node_rpc_port(w.node), "/metrics", NULL, NULL);
    const char *stalls = strstr(metrics, "gantry_stalls_total{thread=\"shard 1\"} ");
    cr_expect(stalls && atoi(strchr(stalls, '}') + 2) >= 1, "%s", stalls);
    free(metrics);
    cr_assert_eq(whole_node_stop(&w), 0);
    dup2(kept, STDERR_FILENO);
    FILE *f = fopen(log, "r");
    cr_assert_gt(fread(text, 1, sizeof text - 1, f), 0);
    fclose(f);
    const char *line = strstr(text, "a turn took too long");
    cr_expect(line && strstr(line, "thread=\"shard 1\"") && strstr(line, "stage=link"), "%s", text);
    remove_tree(folder);
}

// ---- the socket

Test(observe, the_socket_is_the_owners_alone_and_goes_with_the_node)
{
    char folder[TEST_FOLDER_MAX], path[TEST_FOLDER_MAX + 32], error[OBSERVE_ERROR_MAX];
    struct whole_node w;
    struct stat st;
    start_with(&w, folder, "shards = 1\n");
    snprintf(path, sizeof path, "%s/" ADMIN_SOCKET_NAME, folder);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect(S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600);
    cr_assert_eq(whole_node_stop(&w), 0);
    cr_expect_neq(stat(path, &st), 0);
    struct trace_json *t = trace_json_create(stderr);
    cr_expect_not(admin_ask(folder, "trace 1", &never, take_trace, t, error));
    cr_expect_not_null(strstr(error, "no node is running"), "%s", error);
    trace_json_free(t);
    remove_tree(folder);
}

static const char *asked(const char *folder, const char *request, char error[OBSERVE_ERROR_MAX])
{
    FILE *out = fopen("/dev/null", "w");
    struct trace_json *t = trace_json_create(out);
    const bool good = admin_ask(folder, request, &never, take_trace, t, error);
    trace_json_free(t);
    fclose(out);
    return good ? "answered" : error;
}

static void *long_trace(void *folder)
{
    char error[OBSERVE_ERROR_MAX];
    return strcmp(asked(folder, "trace 600", error), "answered") == 0 ? folder : NULL;
}

Test(observe, one_client_at_a_time_and_the_nodes_end_ends_its_answer)
{
    char folder[TEST_FOLDER_MAX], error[OBSERVE_ERROR_MAX];
    struct whole_node w;
    pthread_t first;
    void *answered;
    start_with(&w, folder, "shards = 1\n");
    cr_expect_not_null(strstr(asked(folder, "dance 1", error), "unknown request"), "%s", error);
    cr_expect_not_null(strstr(asked(folder, "trace 601", error), "1 to 600"), "%s", error);
    pthread_create(&first, NULL, long_trace, folder);
    while (!atomic_load(&shard_turn(w.node->shards[0])->timeline.on))
        usleep(1000);
    cr_expect_not_null(strstr(asked(folder, "trace 1", error), "busy"), "%s", error);
    // A client that says nothing and leaves is no trouble.
    close(admin_socket_connect(folder));
    cr_assert_eq(whole_node_stop(&w), 0);
    pthread_join(first, &answered);
    cr_expect_not_null(answered, "what was there was sent whole");
    remove_tree(folder);
}

struct listener {
    unsigned beats;
    int stop;
};

static bool count_beats(void *ctx, const struct admin_frame *frame, const uint8_t *payload,
                        char error[OBSERVE_ERROR_MAX])
{
    struct listener *l = ctx;
    (void)payload, (void)error;
    if (frame->kind == ADMIN_BEAT && ++l->beats == 3)
        l->stop = 1;
    return true;
}

// So that its client neither takes it for dead nor needs an event to leave.
Test(observe, a_node_with_nothing_to_tell_is_heard_of_all_the_same)
{
    static const char *const requests[] = {"trace 600", "profile 600 10"};
    char folder[TEST_FOLDER_MAX], error[OBSERVE_ERROR_MAX];
    struct whole_node w;
    start_with(&w, folder, "shards = 1\n");
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct listener l = {0};
        cr_expect(admin_ask(folder, requests[i], &l.stop, count_beats, &l, error), "%s: %s", requests[i], error);
        cr_expect_geq(l.beats, 3);
    }
    cr_assert_eq(whole_node_stop(&w), 0);
    remove_tree(folder);
}

Test(observe, requests_are_exact)
{
    static const char *const bad[] = {"",
                                      "profile",
                                      "profile 1",
                                      "profile 0 1",
                                      "profile 1 0",
                                      "profile 1 1 ",
                                      "trace",
                                      "trace ",
                                      "trace -1",
                                      "trace 1x",
                                      "trace 1 1",
                                      "profile 1 10001",
                                      "trace 99999999999999999999",
                                      "Trace 1",
                                      " trace 1"};
    struct admin_request r;
    const char *why;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        why = NULL;
        cr_expect(!admin_request_parse(&r, bytes_of(bad[i], strlen(bad[i])), &why) && why, "\"%s\"", bad[i]);
    }
    cr_assert(admin_request_parse(&r, bytes_of("profile 600 10000", 17), &why));
    cr_expect(r.what == ADMIN_PROFILE && r.seconds == 600 && r.hertz == 10000);
    cr_assert(admin_request_parse(&r, bytes_of("trace 1", 7), &why));
    cr_expect(r.what == ADMIN_TRACE && r.seconds == 1);
}
