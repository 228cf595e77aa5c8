// Whole nodes: what they start from, what they tell, how they stop.
#include "base/clock.h"
#include "base/remove_tree.h"
#include "engine/rpc/metrics.h"
#include "tests/engine_support/whole_node.h"
#include "tests/support/test_folder.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void must_start(struct whole_node *w, uint64_t seed, const char *folder, const char *settings)
{
    cr_assert(whole_node_start(w, seed, folder, settings, NULL), "%s", w->error);
}

static uint64_t quantity(const char *answer)
{
    const char *at = answer ? strstr(answer, "\"result\":\"0x") : NULL;
    cr_assert_not_null(at, "%s", answer ? answer : "no answer");
    return strtoull(at + strlen("\"result\":\""), NULL, 16);
}

static uint64_t block_number(const struct whole_node *w)
{
    char *answer = ask_rpc(node_rpc_port(w->node), "eth_blockNumber", "");
    uint64_t number = quantity(answer);
    free(answer);
    return number;
}

static char *block_at(const struct whole_node *w, uint64_t number)
{
    char params[64];
    snprintf(params, sizeof params, "\"0x%llx\",true", (unsigned long long)number);
    return ask_rpc(node_rpc_port(w->node), "eth_getBlockByNumber", params);
}

static void expect_declared(const char *text, int id)
{
    char line[160];
    snprintf(line, sizeof line, "# TYPE %s ", METRICS[id].name);
    cr_assert_not_null(strstr(text, line), "%s is declared and never told", METRICS[id].name);
}

Test(node, every_declared_metric_comes_out)
{
    char folder[TEST_FOLDER_MAX];
    struct whole_node w;
    test_folder(folder, "node");
    must_start(&w, test_seed("node/metrics"), folder, "checkpoint-interval = 100ms\n");
    struct traffic *traffic = traffic_start(&w);
    usleep(700000);
    traffic_stop(traffic);
    char *text = ask_http(node_rpc_port(w.node), "/metrics", NULL, NULL);
    cr_assert_not_null(text);
    for (int id = 0; id < METRIC_COUNT; id++) {
        if (id < METRIC_CLUSTER_FIRST || id > METRIC_CLUSTER_LAST)
            expect_declared(text, id);
    }
    static const char *const alive[] = {"gantry_thread_cpu_seconds_total{thread=\"shard 0\"} 0.",
                                        "gantry_thread_cpu_seconds_total{thread=\"coordinator\"} 0.",
                                        "gantry_thread_cpu_seconds_total{thread=\"rpc\"} 0.",
                                        "gantry_thread_cpu_seconds_total{thread=\"checkpoint\"} 0.",
                                        "gantry_memory_bytes{thread=\"shard 0\"} ",
                                        "gantry_healthy 1"};
    for (size_t i = 0; i < sizeof alive / sizeof alive[0]; i++)
        cr_assert_not_null(strstr(text, alive[i]), "%s", alive[i]);
    static const char *const counted[] = {"gantry_block_interval_seconds_count", "gantry_checkpoint_seconds_count",
                                          "gantry_fdatasync_latency_seconds_count",
                                          "gantry_commit_latency_seconds_count"};
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++) {
        const char *at = strstr(text, counted[i]);
        cr_assert(at && atoi(at + strlen(counted[i])) > 0, "%s stays 0", counted[i]);
    }
    free(text);
    cr_assert_eq(whole_node_stop(&w), 0);
    remove_tree(folder);
}

Test(node, stops_under_load_and_shows_everything_after_a_restart)
{
    char folder[TEST_FOLDER_MAX];
    test_folder(folder, "node");
    uint64_t seed = test_seed("node/stop"), before = 0;
    for (unsigned run = 0; run < 4; run++) {
        static const char *const settings[] = {"shards = 2\nsegment-bytes = 1M\ncheckpoint-interval = 100ms\n",
                                               "shards = 5\nsegment-bytes = 1M\n", "shards = 1\nblock-time = 0\n",
                                               "shards = 3\nblock-time = 200ms\n"};
        struct whole_node w;
        // The traffic's nonces start at 0 each time, so that later runs refuse much of it.
        must_start(&w, seed, folder, settings[run]);
        cr_assert_geq(block_number(&w), before);
        struct traffic *traffic = traffic_start(&w);
        usleep(600000);
        uint64_t number = block_number(&w);
        char *block = block_at(&w, number);
        node_stop(w.node);
        node_stop(w.node); // the second signal changes nothing
        int status = whole_node_stop(&w);
        struct traffic_counts c = traffic_stop(traffic);
        cr_assert_eq(status, 0);
        cr_assert_gt(c.sent, 0);
        must_start(&w, seed, folder, settings[3 - run]);
        cr_assert_geq(block_number(&w), number);
        char *again = block_at(&w, number);
        cr_assert(again && strcmp(block, again) == 0, "%s\n%s", block, again);
        before = block_number(&w);
        free(block);
        free(again);
        cr_assert_eq(whole_node_stop(&w), 0);
    }
    cr_assert_gt(before, 0);
    remove_tree(folder);
}

// Accepted before the stop, so included before the end; refused by name afterwards.
Test(node, what_was_accepted_is_included_before_the_end)
{
    char folder[TEST_FOLDER_MAX];
    struct whole_node w;
    test_folder(folder, "node");
    uint64_t seed = test_seed("node/drain");
    must_start(&w, seed, folder, "shards = 2\nblock-time = 100ms\n");
    struct traffic *traffic = traffic_start(&w);
    usleep(450000);
    cr_assert_eq(whole_node_stop(&w), 0);
    struct traffic_counts c = traffic_stop(traffic);
    cr_assert_gt(c.accepted, 0);
    must_start(&w, seed, folder, "");
    uint64_t included = 0;
    for (uint64_t n = block_number(&w); n > 0; n--) {
        char params[32];
        snprintf(params, sizeof params, "\"0x%llx\"", (unsigned long long)n);
        char *answer = ask_rpc(node_rpc_port(w.node), "eth_getBlockTransactionCountByNumber", params);
        included += quantity(answer);
        free(answer);
    }
    cr_assert_eq(included, c.accepted);
    cr_assert_eq(whole_node_stop(&w), 0);
    remove_tree(folder);
}

struct askers {
    unsigned port;
    _Atomic uint64_t answered, ended;
};

static void *ask_a_lot(void *arg)
{
    struct askers *a = arg;
    char *batch = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&batch, &len);
    fputc('[', f);
    for (unsigned i = 0; i < 900; i++)
        fprintf(f,
                "%s{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"eth_getBalance\","
                "\"params\":[\"0x%040x\",\"latest\"]}",
                i ? "," : "", i, i * 77777);
    fputc(']', f);
    fclose(f);
    for (char *answer; (answer = ask_http(a->port, "/", batch, NULL)); free(answer))
        atomic_fetch_add(&a->answered, 1);
    atomic_fetch_add(&a->ended, 1);
    free(batch);
    return NULL;
}

// Questions are on their way between threads at the moment of the stop.
Test(node, stops_with_questions_under_way)
{
    char folder[TEST_FOLDER_MAX];
    test_folder(folder, "node");
    for (unsigned run = 0; run < 3; run++) {
        struct whole_node w;
        must_start(&w, 5, folder, "shards = 7\n");
        struct askers askers = {.port = node_rpc_port(w.node)};
        struct traffic *traffic = traffic_start(&w);
        pthread_t threads[3];
        for (unsigned i = 0; i < 3; i++)
            pthread_create(&threads[i], NULL, ask_a_lot, &askers);
        uint64_t until = clock_ns() + 20000000000ull;
        while (atomic_load(&askers.answered) < 3 && clock_ns() < until)
            usleep(10000);
        cr_assert_eq(whole_node_stop(&w), 0);
        for (unsigned i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
        traffic_stop(traffic);
    }
    remove_tree(folder);
}

Test(node, many_more_shards_than_cores_answer_for_all_accounts)
{
    static const unsigned counts[] = {1, 64, 256};
    for (size_t i = 0; i < 3; i++) {
        char folder[TEST_FOLDER_MAX], settings[64];
        struct whole_node w;
        test_folder(folder, "node");
        snprintf(settings, sizeof settings, "shards = %u\npin = false\n", counts[i]);
        must_start(&w, 3, folder, settings);
        struct traffic *traffic = traffic_start(&w);
        uint64_t until = clock_ns() + 20000000000ull;
        while (block_number(&w) < 3 && clock_ns() < until)
            usleep(10000);
        cr_assert_geq(block_number(&w), 3);
        for (unsigned a = 0; a < 600; a += 7) {
            char params[80];
            snprintf(params, sizeof params, "\"0x%040x\",\"latest\"", a);
            char *answer = ask_rpc(node_rpc_port(w.node), "eth_getBalance", params);
            cr_assert_eq(quantity(answer), 0);
            free(answer);
        }
        cr_assert_eq(whole_node_stop(&w), 0);
        struct traffic_counts c = traffic_stop(traffic);
        cr_assert_gt(c.accepted, 0);
        cr_assert_eq(c.refused, 0);
        remove_tree(folder);
    }
}

static unsigned quiet_port(void)
{
    uint64_t random = clock_ns();
    unsigned port;
    close(claim_port(&port, &random));
    return port;
}

static bool takes_connections(unsigned port)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool taken = connect(fd, (const struct sockaddr *)&at, sizeof at) == 0;
    close(fd);
    return taken;
}

struct early_client {
    unsigned rpc_port, ingest_port;
    bool ingest_was_open;
};

static void *come_early(void *arg)
{
    struct early_client *c = arg;
    while (!takes_connections(c->rpc_port))
        sched_yield();
    c->ingest_was_open = takes_connections(c->ingest_port);
    return NULL;
}

Test(node, whoever_finds_its_rpc_open_finds_its_ingest_open)
{
    char folder[TEST_FOLDER_MAX], settings[64];
    struct whole_node w;
    pthread_t thread;
    struct early_client early = {.rpc_port = quiet_port(), .ingest_port = quiet_port()};
    test_folder(folder, "node");
    snprintf(settings, sizeof settings, "rpc-port = %u\ningest-port = %u\n", early.rpc_port, early.ingest_port);
    pthread_create(&thread, NULL, come_early, &early);
    must_start(&w, test_seed("node"), folder, settings);
    pthread_join(thread, NULL);
    cr_expect(early.ingest_was_open);
    cr_assert_eq(whole_node_stop(&w), 0);
    remove_tree(folder);
}

Test(node, bodies_that_are_not_kept_are_unknown_and_nothing_else_is)
{
    char folder[TEST_FOLDER_MAX];
    test_folder(folder, "node");
    uint64_t seed = test_seed("node/retention"), number = 0;
    struct whole_node w;
    must_start(&w, seed, folder, "segment-bytes = 1M\nretain-blocks = 5\ncheckpoint-interval = 100ms\n");
    struct traffic *traffic = traffic_start(&w);
    char *gone = NULL;
    uint64_t until = clock_ns() + 60000000000ull;
    while (clock_ns() < until) {
        usleep(50000);
        gone = block_at(&w, 1);
        cr_assert_not_null(gone);
        if (strstr(gone, "\"result\":null") || strstr(gone, "\"error\""))
            break;
        free(gone);
        gone = NULL;
    }
    cr_assert_not_null(gone, "the first block is still there");
    cr_assert_null(strstr(gone, "damaged"), "%s", gone);
    free(gone);
    for (unsigned i = 0; i < 50; i++) {
        number = block_number(&w);
        char *latest = block_at(&w, number);
        cr_assert(latest && strstr(latest, "\"hash\""), "%s", latest);
        free(latest);
    }
    cr_assert_eq(whole_node_stop(&w), 0);
    traffic_stop(traffic);
    must_start(&w, seed, folder, "segment-bytes = 1M\nretain-blocks = 5\n");
    char *latest = block_at(&w, number), *genesis = block_at(&w, 0);
    cr_assert(strstr(latest, "\"hash\"") && strstr(genesis, "\"hash\""));
    free(latest);
    free(genesis);
    cr_assert_eq(whole_node_stop(&w), 0);
    remove_tree(folder);
}

Test(node, starts_only_from_the_genesis_of_its_folder)
{
    char folder[TEST_FOLDER_MAX], *own = whole_node_genesis(1), *other = whole_node_genesis(2);
    struct whole_node w;
    test_folder(folder, "node");
    must_start(&w, 1, folder, "");
    cr_assert_eq(whole_node_stop(&w), 0);
    cr_assert(!whole_node_start(&w, 1, folder, "", other));
    cr_assert_not_null(strstr(w.error, "belongs to another chain"), "%s", w.error);
    cr_assert(whole_node_start(&w, 1, folder, "", own), "%s", w.error);
    // A second process, or node, in the same folder.
    struct whole_node second;
    cr_assert(!whole_node_start(&second, 1, folder, "", own));
    cr_assert_eq(whole_node_stop(&w), 0);
    // Somebody edited the copy that the folder keeps.
    char path[TEST_FOLDER_MAX + 32];
    snprintf(path, sizeof path, "%s/genesis.json", folder);
    FILE *f = fopen(path, "w");
    fputs("{\"config\": {\"chainId\": 31337}, \"gasLimit\": 30000000, \"alloc\": {}}", f);
    fclose(f);
    cr_assert(!whole_node_start(&w, 1, folder, "", ""));
    cr_assert_not_null(strstr(w.error, "was changed"), "%s", w.error);
    // The right one mends it.
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(whole_node_start(&w, 1, folder, "", i == 0 ? own : ""), "%s", w.error);
        cr_assert_eq(whole_node_stop(&w), 0);
    }
    free(own);
    free(other);
    remove_tree(folder);
}

Test(node, refuses_a_genesis_that_makes_too_much_money_and_runs_one_without_any)
{
    char folder[TEST_FOLDER_MAX], full[512];
    struct whole_node w;
    test_folder(folder, "node");
    snprintf(
        full, sizeof full,
        "{\"config\": {\"chainId\": 1}, \"alloc\": {\"%040d\": {\"balance\": \"0x%064d\"}, \"%040d\": {\"balance\": "
        "\"0xf%063d\"}, \"%040d\": {\"balance\": \"0xf%063d\"}}}",
        1, 1, 2, 0, 3, 0);
    cr_assert(!whole_node_start(&w, 1, folder, "", full));
    cr_assert_not_null(strstr(w.error, "exceed 256 bits"), "%s", w.error);
    remove_tree(folder);
    test_folder(folder, "node");
    cr_assert(whole_node_start(&w, 1, folder, "", "{\"config\": {\"chainId\": 31337}, \"gasLimit\": 21000}"), "%s",
              w.error);
    struct traffic *traffic = traffic_start(&w);
    usleep(200000);
    cr_assert_eq(block_number(&w), 0);
    cr_assert_eq(whole_node_stop(&w), 0);
    struct traffic_counts c = traffic_stop(traffic);
    cr_assert(c.accepted == 0 && c.refused > 0);
    remove_tree(folder);
}

// No file may grow beyond a limit that the log reaches soon.
Test(node, a_disk_that_takes_no_more_ends_the_node_with_a_reason_until_then)
{
    char folder[TEST_FOLDER_MAX];
    struct whole_node w;
    test_folder(folder, "node");
    signal(SIGXFSZ, SIG_IGN);
    must_start(&w, test_seed("node/full"), folder, "segment-bytes = 64M\n");
    struct rlimit limit = {8 << 20, RLIM_INFINITY};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct traffic *traffic = traffic_start(&w);
    cr_assert_eq(node_wait(w.node), 1);
    int status;
    char *health = ask_http(node_rpc_port(w.node), "/health", NULL, &status);
    cr_assert_eq(status, 503);
    cr_assert(health && strstr(health, "File too large"), "%s", health);
    free(health);
    whole_node_free(&w);
    traffic_stop(traffic);
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    must_start(&w, w.seed, folder, "");
    cr_assert_eq(whole_node_stop(&w), 0);
    remove_tree(folder);
}
