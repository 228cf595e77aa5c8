// Logs: what eth_getLogs, filters and subscriptions tell of random blocks, against a plain search of all of them.
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/rlp.h"
#include "engine/rpc/call.h"
#include "engine/rpc/log_scan.h"
#include "tests/engine/rpc_fixture.h"
#include "tests/support/vectors.h"

enum { BLOCKS = 60, TXS_MAX = 6, LOGS_MAX = 4, NAMES = 5, LOG_ROOM = 512 };

// A log as the test made it. Addresses and topics are small numbers in their last byte.
struct made {
    uint64_t height;
    uint32_t tx, index;
    uint8_t who, topic_count, topics[4], data_len;
};

static struct rpc_fixture f;
static struct made made[BLOCKS * TXS_MAX * LOGS_MAX];
static size_t made_count;
static uint64_t seed;

static void open_core(void)
{
    rpc_fixture_open_core(&f);
    made_count = 0;
}

static void close_core(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_logs, .init = open_core, .fini = close_core);

static uint8_t *put_log(uint8_t *p, const struct made *m)
{
    uint8_t who[20] = {[19] = m->who}, data[3] = {1, 2, 3};
    const size_t topics = 33u * m->topic_count;
    const struct bytes payload = bytes_of(data, m->data_len);
    p = rlp_put_list(p, 21 + rlp_size_list(topics) + rlp_size_string(payload));
    p = rlp_put_list(rlp_put_string(p, bytes_of(who, 20)), topics);
    for (int i = 0; i < m->topic_count; i++) {
        uint8_t topic[32] = {[31] = m->topics[i]};
        p = rlp_put_string(p, bytes_of(topic, 32));
    }
    return rlp_put_string(p, payload);
}

static unsigned below(unsigned n)
{
    return (unsigned)(test_random(&seed) % n);
}

static void random_log(uint32_t tx, uint32_t index)
{
    struct made *m = &made[made_count++];
    *m = (struct made){.height = f.height + 1, .tx = tx, .index = index, .who = (uint8_t)below(NAMES)};
    m->topic_count = (uint8_t)below(5);
    for (int i = 0; i < m->topic_count; i++)
        m->topics[i] = (uint8_t)below(NAMES);
    m->data_len = (uint8_t)below(4);
}

static void random_block(void)
{
    static uint8_t rooms[TXS_MAX][LOG_ROOM * LOGS_MAX];
    struct bytes logs[TXS_MAX] = {{0}};
    const uint32_t txs = 1 + below(TXS_MAX);
    uint32_t index = 0;
    for (uint32_t t = 0; t < txs; t++) {
        uint8_t payload[LOG_ROOM * LOGS_MAX], *end = payload;
        const unsigned count = below(3) ? 0 : below(LOGS_MAX + 1);
        for (unsigned i = 0; i < count; i++) {
            random_log(t, index++);
            end = put_log(end, &made[made_count - 1]);
        }
        uint8_t *p = rlp_put_list(rooms[t], (size_t)(end - payload));
        memcpy(p, payload, (size_t)(end - payload));
        logs[t] = bytes_of(rooms[t], (size_t)(p - rooms[t]) + (size_t)(end - payload));
    }
    rpc_fixture_add_logs(&f, logs, txs);
}

// What is asked for: alternatives by number, bit by bit; 0: any.
struct wanted {
    uint64_t from, to;
    unsigned who, topics[4], topic_count;
};

static bool wants(const struct wanted *w, const struct made *m)
{
    bool ok = m->height >= w->from && m->height <= w->to && m->topic_count >= w->topic_count;
    ok = ok && (!w->who || w->who >> m->who & 1);
    for (unsigned i = 0; ok && i < w->topic_count; i++)
        ok = !w->topics[i] || w->topics[i] >> m->topics[i] & 1;
    return ok;
}

static char *put_alternatives(char *p, unsigned set, int digits)
{
    const char *separator = "";
    p += sprintf(p, "[");
    for (unsigned i = 0; i < NAMES; i++) {
        if (set >> i & 1)
            p += sprintf(p, "%s\"0x%0*x\"", separator, digits, i), separator = ",";
    }
    return p + sprintf(p, "]");
}

static char *put_wanted(char *p, const struct wanted *w)
{
    p += sprintf(p, "{\"fromBlock\":\"0x%lx\",\"toBlock\":\"0x%lx\",\"address\":", w->from, w->to);
    p = put_alternatives(p, w->who, 40);
    p += sprintf(p, ",\"topics\":[");
    for (unsigned i = 0; i < w->topic_count; i++) {
        p += sprintf(p, i > 0 ? "," : "");
        p = w->topics[i] ? put_alternatives(p, w->topics[i], 64) : p + sprintf(p, "null");
    }
    return p + sprintf(p, "]}");
}

static json_t *ask(const char *method, const char *params)
{
    char text[4096];
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[%s]}", method, params);
    char *answer = rpc_fixture_ask(&f, text);
    json_t *root = json_loads(answer, 0, NULL);
    cr_assert_not_null(root, "%s", answer);
    free(answer);
    return root;
}

static uint64_t number_of(const json_t *log, const char *name)
{
    return strtoull(json_string_value(json_object_get(log, name)) + 2, NULL, 16);
}

static void expect_log(const json_t *log, const struct made *m)
{
    char who[43];
    snprintf(who, sizeof who, "0x%040x", m->who);
    cr_expect_str_eq(json_string_value(json_object_get(log, "address")), who);
    cr_expect_eq(number_of(log, "blockNumber"), m->height);
    cr_expect_eq(number_of(log, "transactionIndex"), m->tx);
    cr_expect_eq(number_of(log, "logIndex"), m->index);
    cr_expect_eq(json_array_size(json_object_get(log, "topics")), m->topic_count);
    cr_expect_eq(strlen(json_string_value(json_object_get(log, "data"))), 2 + 2u * m->data_len);
    for (unsigned i = 0; i < m->topic_count; i++) {
        char topic[67];
        snprintf(topic, sizeof topic, "0x%064x", m->topics[i]);
        cr_expect_str_eq(json_string_value(json_array_get(json_object_get(log, "topics"), i)), topic);
    }
}

static void expect_logs(const json_t *answer, const struct wanted *w)
{
    const json_t *list = json_object_get(answer, "result");
    size_t at = 0;
    cr_assert(json_is_array(list), "%s",
              json_string_value(json_object_get(json_object_get(answer, "error"), "message")));
    for (size_t i = 0; i < made_count; i++) {
        if (!wants(w, &made[i]))
            continue;
        cr_assert_lt(at, json_array_size(list), "a log of block %lu is missing", made[i].height);
        expect_log(json_array_get(list, at++), &made[i]);
    }
    cr_expect_eq(json_array_size(list), at, "logs that nobody asked for");
}

static struct wanted random_wanted(void)
{
    struct wanted w = {.from = below(BLOCKS), .topic_count = below(5)};
    w.to = w.from + below((unsigned)(f.height - w.from) + 1);
    w.who = below(2) ? below(1 << NAMES) : 0;
    for (unsigned i = 0; i < w.topic_count; i++)
        w.topics[i] = below(2) ? below(1 << NAMES) : 0;
    return w;
}

Test(rpc_logs, a_search_finds_what_matches_and_nothing_else)
{
    seed = test_seed("rpc_logs");
    while (f.height < BLOCKS)
        random_block();
    for (int i = 0; i < 500; i++) {
        char params[4096];
        const struct wanted w = random_wanted();
        put_wanted(params, &w);
        json_t *answer = ask("eth_getLogs", params);
        expect_logs(answer, &w);
        json_decref(answer);
    }
}

Test(rpc_logs, a_block_is_named_by_hash_too)
{
    char hash[67], params[256];
    seed = test_seed("rpc_logs_hash");
    while (f.height < 10)
        random_block();
    for (uint64_t h = FIXTURE_HEAD; h <= f.height; h++) {
        snprintf(params, sizeof params, "{\"blockHash\":\"%s\"}", rpc_fixture_block_hash(&f, h, hash));
        json_t *answer = ask("eth_getLogs", params);
        expect_logs(answer, &(struct wanted){.from = h, .to = h});
        json_decref(answer);
    }
}

Test(rpc_logs, receipts_show_the_logs_their_bloom_and_the_contract)
{
    seed = test_seed("rpc_logs_receipts");
    do
        random_block();
    while (made_count == 0 || made[made_count - 1].height != f.height || made[made_count - 1].tx == 0);
    char params[80], hash[67];
    snprintf(params, sizeof params, "\"0x%lx\"", f.height);
    json_t *answer = ask("eth_getBlockReceipts", params), *receipt, *all = json_array();
    size_t i;
    json_array_foreach(json_object_get(answer, "result"), i, receipt)
    {
        snprintf(params, sizeof params, "\"%s\"", rpc_fixture_tx_hash(&f, f.height, (uint32_t)i, hash));
        json_t *one = ask("eth_getTransactionReceipt", params);
        cr_expect(json_equal(receipt, json_object_get(one, "result")), "the two ways differ");
        const json_t *logs = json_object_get(receipt, "logs");
        const char *bloom_text = json_string_value(json_object_get(receipt, "logsBloom"));
        cr_expect_eq(strspn(bloom_text + 2, "0") == 512, json_array_size(logs) == 0);
        json_array_extend(all, (json_t *)logs);
        json_decref(one);
    }
    json_t *as_answer = json_pack("{s:O}", "result", all);
    expect_logs(as_answer, &(struct wanted){.from = f.height, .to = f.height});
    json_decref(as_answer);
    json_decref(all);
    json_decref(answer);
}

Test(rpc_logs, a_creations_receipt_names_the_contract)
{
    const struct bytes none = {0};
    rpc_fixture_add_logs(&f, &none, 1);
    json_t *answer = ask("eth_getBlockReceipts", "\"latest\"");
    const json_t *receipt = json_array_get(json_object_get(answer, "result"), 0);
    cr_expect(json_is_null(json_object_get(receipt, "to")));
    // Of dev account 6 with nonce 3, as ethers computes it.
    cr_expect_str_eq(json_string_value(json_object_get(receipt, "contractAddress")),
                     "0x66db6d191cd163f56197b767928a507df8b47aa7");
    json_decref(answer);
}

Test(rpc_logs, a_log_filter_tells_each_log_once)
{
    char id[64];
    struct wanted w = {.from = 0, .to = 1000, .who = 1 | 2};
    seed = test_seed("rpc_logs_filter");
    json_t *answer = ask("eth_newFilter", "{\"address\":[\"0x0000000000000000000000000000000000000000\","
                                          "\"0x0000000000000000000000000000000000000001\"]}");
    snprintf(id, sizeof id, "\"%s\"", json_string_value(json_object_get(answer, "result")));
    json_decref(answer);
    for (int round = 0; round < 4; round++) {
        w.from = f.height + 1;
        for (int i = 0; i < 5; i++)
            random_block();
        answer = ask("eth_getFilterChanges", id);
        expect_logs(answer, &w);
        json_decref(answer);
    }
    answer = ask("eth_getFilterChanges", id);
    cr_expect_eq(json_array_size(json_object_get(answer, "result")), 0);
    json_decref(answer);
    // Without a range: the newest block.
    w.from = w.to = f.height;
    answer = ask("eth_getFilterLogs", id);
    expect_logs(answer, &w);
    json_decref(answer);
}

static void expect_error(const char *method, const char *params, int code, const char *message)
{
    json_t *answer = ask(method, params);
    const json_t *error = json_object_get(answer, "error");
    cr_assert_not_null(error, "%s(%s) has no error", method, params);
    cr_expect_eq(json_integer_value(json_object_get(error, "code")), code, "%s: %lld", params,
                 json_integer_value(json_object_get(error, "code")));
    cr_expect_str_eq(json_string_value(json_object_get(error, "message")), message);
    json_decref(answer);
}

Test(rpc_logs, wrong_searches_are_refused_with_a_reason)
{
    static const char ones[] = "0x1111111111111111111111111111111111111111111111111111111111111111";
    char params[256];
    expect_error("eth_getLogs", "{\"fromBlock\":\"0x4\",\"toBlock\":\"0x5\"}", -32602,
                 "block range extends beyond current head block");
    expect_error("eth_getLogs", "{\"fromBlock\":\"0x3\",\"toBlock\":\"0x2\"}", -32602, "invalid block range params");
    snprintf(params, sizeof params, "{\"blockHash\":\"%s\",\"fromBlock\":\"0x1\"}", ones);
    expect_error("eth_getLogs", params, -32602,
                 "invalid argument 0: cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other");
    snprintf(params, sizeof params, "{\"blockHash\":\"%s\"}", ones);
    expect_error("eth_getLogs", params, -32000, "unknown block");
    expect_error("eth_getLogs", "{\"topics\":[null,null,null,null,null]}", -32602,
                 "invalid argument 0: exceed max topics");
    expect_error("eth_getLogs", "{\"topics\":7}", -32602, "invalid argument 0: invalid topic(s)");
    expect_error("eth_getLogs", "{\"topics\":[7]}", -32602, "invalid argument 0: invalid topic(s)");
    expect_error("eth_getLogs", "{\"address\":7}", -32602, "invalid argument 0: invalid addresses in query");
    expect_error("eth_getLogs", "7", -32602, "invalid argument 0: the filter is not an object");
    expect_error("eth_getFilterLogs", "\"0x1\"", -32000, "filter not found");
    json_t *answer = ask("eth_newBlockFilter", "");
    snprintf(params, sizeof params, "\"%s\"", json_string_value(json_object_get(answer, "result")));
    expect_error("eth_getFilterLogs", params, -32000, "filter not found");
    json_decref(answer);
}

// One transaction with many logs, again and again, until one answer can't hold them.
static void add_crowded_block(unsigned count)
{
    const struct made plain = {.who = 1};
    uint8_t *payload = malloc((size_t)count * 64), *end = payload, *whole = malloc((size_t)count * 64 + 16);
    for (unsigned i = 0; i < count; i++)
        end = put_log(end, &plain);
    uint8_t *p = rlp_put_list(whole, (size_t)(end - payload));
    memcpy(p, payload, (size_t)(end - payload));
    const struct bytes logs = bytes_of(whole, (size_t)(p - whole) + (size_t)(end - payload));
    rpc_fixture_add_logs(&f, &logs, 1);
    free(payload);
    free(whole);
}

static size_t count_changes(const char *id)
{
    json_t *answer = ask("eth_getFilterChanges", id);
    const size_t count = json_array_size(json_object_get(answer, "result"));
    json_decref(answer);
    return count;
}

Test(rpc_logs, too_many_results_are_an_error_and_a_filter_tells_the_rest_later)
{
    char id[64];
    json_t *answer = ask("eth_newFilter", "{}");
    snprintf(id, sizeof id, "\"%s\"", json_string_value(json_object_get(answer, "result")));
    json_decref(answer);
    for (int i = 0; i < 3; i++)
        add_crowded_block(LOG_RESULTS_MAX / 2);
    expect_error("eth_getLogs", "{\"fromBlock\":\"0x4\"}", -32005,
                 "query returned more than 10000 results; narrow the range of blocks");
    answer = ask("eth_getLogs", "{\"fromBlock\":\"0x5\"}");
    cr_expect_eq(json_array_size(json_object_get(answer, "result")), LOG_RESULTS_MAX);
    json_decref(answer);
    cr_expect_eq(count_changes(id), LOG_RESULTS_MAX);
    cr_expect_eq(count_changes(id), LOG_RESULTS_MAX / 2);
    cr_expect_eq(count_changes(id), 0);
}
