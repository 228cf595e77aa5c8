// Batches of eth_sendRawTransaction: handed over together, verified together.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/remove_tree.h"
#include "engine/rpc/call.h"
#include "tests/engine/rpc_fixture.h"
#include "tests/engine_support/transfers.h"
#include "tests/engine_support/whole_node.h"
#include "tests/support/test_folder.h"
#include "tests/support/vectors.h"

static struct rpc_fixture f;

static void open_core(void)
{
    rpc_fixture_open_core(&f);
    f.core->backend.submit = rpc_fixture_submit;
}

static void close_core(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_batch, .init = open_core, .fini = close_core);

static void put_submission(FILE *out, unsigned id, const uint8_t *raw, size_t len)
{
    char hex[1024];
    hex_encode(hex, raw, len);
    hex[2 * len] = 0;
    fprintf(out, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"eth_sendRawTransaction\",\"params\":[\"0x%s\"]}", id,
            hex);
}

// Calls by letter: s submits a transaction of its own, q asks the node something, c needs nobody.
static char *text_of(const char *calls)
{
    char *text;
    size_t text_len;
    FILE *out = open_memstream(&text, &text_len);
    for (unsigned i = 0; calls[i]; i++) {
        size_t len;
        bytes32 hash;
        fputc(i ? ',' : '[', out);
        if (calls[i] == 's') {
            uint8_t *raw = rpc_fixture_transfer(1, i, 1000000000, &len, &hash);
            put_submission(out, i, raw, len);
            free(raw);
        } else {
            fprintf(out, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\"}", i,
                    calls[i] == 'q' ? "txpool_status" : "eth_chainId");
        }
    }
    fputc(']', out);
    fclose(out);
    return text;
}

// Every call is answered, in order; returns how many were told that the node is busy.
static unsigned check_answers(const char *calls, const char *answer)
{
    unsigned busy = 0;
    const char *at = answer;
    for (unsigned i = 0; calls[i]; i++) {
        char id[16];
        snprintf(id, sizeof id, "\"id\":%u,", i);
        at = strstr(at, id);
        cr_assert_not_null(at, "no answer %u in %s", i, answer);
        const char *rest = at + strlen(id);
        if (strncmp(rest, "\"error\":{\"code\":-32005", 22) == 0)
            busy++;
        else
            cr_assert(strncmp(rest, "\"result\":", 9) == 0, "%.80s", rest);
    }
    return busy;
}

static unsigned run(const char *calls, size_t submit_max)
{
    f.submit_calls = f.submitted = 0;
    f.submit_max = submit_max;
    char *text = text_of(calls), *answer = rpc_fixture_ask(&f, text);
    const unsigned busy = check_answers(calls, answer);
    free(text);
    free(answer);
    return busy;
}

Test(rpc_batch, its_submissions_are_handed_over_together)
{
    cr_expect_eq(run("ssss", 99), 0);
    cr_expect_eq(f.submit_calls, 1);
    cr_expect_eq(f.submitted, 4);
    cr_expect_eq(run("cscsc", 99), 0);
    cr_expect_eq(f.submit_calls, 1);
    cr_expect_eq(f.submitted, 2);
    cr_expect_eq(run("ccc", 99), 0);
    cr_expect_eq(f.submit_calls, 0);
}

// What is asked after a transaction was sent may be about it.
Test(rpc_batch, a_question_between_submissions_comes_after_those_before_it)
{
    cr_expect_eq(run("ssqsssq", 99), 0);
    cr_expect_eq(f.submit_calls, 2);
    cr_expect_eq(f.submitted, 5);
}

Test(rpc_batch, submissions_that_the_node_does_not_take_are_told_so_and_only_these)
{
    cr_expect_eq(run("sscss", 3), 1);
    cr_expect_eq(f.submitted, 3);
    cr_expect_eq(run("sscss", 0), 4);
    cr_expect_eq(core_queries(f.core), 0);
    cr_expect_eq(run("ss", 99), 0);
}

Test(rpc_batch, a_call_alone_is_asked_alone)
{
    size_t len;
    bytes32 hash;
    char *text, *answer;
    size_t text_len;
    uint8_t *raw = rpc_fixture_transfer(1, 0, 1000000000, &len, &hash);
    FILE *out = open_memstream(&text, &text_len);
    put_submission(out, 7, raw, len);
    fclose(out);
    answer = rpc_fixture_ask(&f, text);
    cr_expect(strstr(answer, "\"id\":7,\"result\":\"0x"), "%s", answer);
    cr_expect_eq(f.submit_calls, 0);
    free(raw);
    free(text);
    free(answer);
}

// ---- through a whole node

// The sum of a counter over all its samples whose labels hold this text.
static uint64_t sum_of(const char *metrics, const char *name, const char *label)
{
    uint64_t sum = 0;
    for (const char *at = metrics; (at = strstr(at, name)); at += strlen(name)) {
        const char *end = strchr(at, '\n');
        const char *close = memchr(at, '}', (size_t)(end - at));
        const char *found = close ? memmem(at, (size_t)(close - at), label, strlen(label)) : NULL;
        if (found)
            sum += strtoull(close + 2, NULL, 10);
    }
    return sum;
}

static uint64_t node_sum(const struct whole_node *w, const char *name, const char *label)
{
    char *metrics = ask_http(node_rpc_port(w->node), "/metrics", NULL, NULL);
    cr_assert_not_null(metrics);
    const uint64_t sum = sum_of(metrics, name, label);
    free(metrics);
    return sum;
}

Test(rpc_batch_node, is_verified_as_one_batch_a_shard)
{
    enum { COUNT = 60, SHARDS = 2 };
    char folder[TEST_FOLDER_MAX], *text, *answer;
    size_t text_len;
    struct whole_node w;
    struct transfers t;
    const uint64_t seed = test_seed("rpc_batch/node");
    test_folder(folder, "batch");
    cr_assert(whole_node_start(&w, seed, folder, "shards = 2\n", NULL), "%s", w.error);
    transfers_init(&t, seed, WHOLE_NODE_SENDERS);
    FILE *out = open_memstream(&text, &text_len);
    for (unsigned i = 0; i < COUNT; i++) {
        uint8_t raw[TRANSFER_BYTES_MAX];
        const size_t len = transfers_next(&t, raw);
        fputc(i ? ',' : '[', out);
        put_submission(out, i, raw, len);
    }
    fputc(']', out);
    fclose(out);
    answer = ask_http(node_rpc_port(w.node), "/", text, NULL);
    cr_assert_not_null(answer);
    unsigned hashes = 0;
    for (const char *at = answer; (at = strstr(at, "\"result\":\"0x")); at++)
        hashes++;
    cr_assert_eq(hashes, COUNT, "%s", answer);
    // Numbers are published once a turn.
    for (unsigned ms = 0; ms < 5000 && node_sum(&w, "gantry_verified_total{", "recover") < COUNT; ms++)
        usleep(1000);
    cr_expect_eq(node_sum(&w, "gantry_verified_total{", "recover"), COUNT);
    cr_expect_eq(node_sum(&w, "gantry_verify_batches_total{", "recover"), SHARDS);
    cr_expect_eq(node_sum(&w, "gantry_lanes_used_total{", "signatures"), COUNT);
    cr_expect_geq(node_sum(&w, "gantry_lanes_offered_total{", "signatures"), COUNT);
    cr_expect_gt(node_sum(&w, "gantry_lanes_used_total{", "keccak"), 3 * COUNT);
    free(text);
    free(answer);
    transfers_free(&t);
    cr_assert_eq(whole_node_stop(&w), 0);
    remove_tree(folder);
}
