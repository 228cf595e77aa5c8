// Answers against the Ethereum execution API's own documents: the OpenRPC schemas of results, and the fields that its
// recorded conversations show.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/engine/rpc_fixture.h"
#include "tests/engine/rpc_schema.h"
#include "tests/support/vectors.h"

static struct rpc_fixture f;

static void open_core(void)
{
    // Block 4: one transaction with one log, of the address 0x11.. , without topics and data.
    static const uint8_t log[25] = {0xd8, 0xd7, 0x94, [3 ... 22] = 0x11, 0xc0, 0x80};
    const struct bytes logs = bytes_of(log, sizeof log);
    rpc_fixture_open_core(&f);
    rpc_fixture_add_logs(&f, &logs, 1);
}

static void close_core(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_schema, .init = open_core, .fini = close_core);

#define DEV "\"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266\""

#define TOUCHER "\"0x00000000000000000000000000000000000000aa\""

// %1 stands for the hash of block 1, %2..%6 for its transactions' hashes, %p for a pending one's.
static const struct {
    const char *method, *params;
} calls[] = {
    {"eth_blockNumber", ""},
    {"eth_chainId", ""},
    {"eth_syncing", ""},
    {"eth_accounts", ""},
    {"eth_gasPrice", ""},
    {"eth_maxPriorityFeePerGas", ""},
    {"eth_blobBaseFee", ""},
    {"net_version", ""},
    {"eth_getBalance", DEV ",\"latest\""},
    {"eth_getTransactionCount", DEV ",\"pending\""},
    {"eth_getCode", DEV ",\"latest\""},
    {"eth_getStorageAt", DEV ",\"0x0\",\"latest\""},
    {"eth_getProof", DEV ",[],\"latest\""},
    {"eth_getProof", DEV ",[\"0x0\",\"0x0000000000000000000000000000000000000000000000000000000000000007\"],\"0x1\""},
    {"eth_call", "{\"to\":" DEV "},\"latest\""},
    {"eth_estimateGas", "{\"to\":" DEV "}"},
    {"eth_createAccessList", "{\"to\":" TOUCHER "},\"latest\",{" TOUCHER ":{\"code\":\"0x600754\"}}"},
    {"eth_getLogs", "{\"fromBlock\":\"0x1\"}"},
    {"eth_newFilter", "{\"topics\":[null]}"},
    {"debug_traceTransaction", "%2"},
    {"debug_traceTransaction", "%6,{\"enableMemory\":true,\"enableReturnData\":true}"},
    {"debug_traceTransaction", "%2,{\"tracer\":\"callTracer\"}"},
    {"debug_traceBlockByNumber", "\"0x1\""},
    {"debug_traceBlockByNumber", "\"0x2\""},
    {"debug_traceBlockByHash", "%1,{\"tracer\":\"prestateTracer\"}"},
    {"debug_traceCall", "{\"to\":" TOUCHER "},\"latest\",{\"stateOverrides\":{" TOUCHER ":{\"code\":\"0x60075450\"}}}"},
    {"eth_feeHistory", "\"0x4\",\"latest\",[0,25,100]"},
    {"eth_feeHistory", "\"0x2\",\"latest\",[]"},
    {"eth_getBlockByNumber", "\"0x0\",false"},
    {"eth_getBlockByNumber", "\"0x1\",false"},
    {"eth_getBlockByNumber", "\"0x1\",true"},
    {"eth_getBlockByNumber", "\"0x2\",true"},
    {"eth_getBlockByNumber", "\"0x9\",true"},
    {"eth_getBlockByNumber", "\"finalized\",true"},
    {"eth_getBlockByHash", "%1,true"},
    {"eth_getBlockReceipts", "\"0x1\""},
    {"eth_getBlockReceipts", "\"earliest\""},
    {"eth_getBlockReceipts", "%1"},
    {"eth_getBlockTransactionCountByNumber", "\"0x1\""},
    {"eth_getBlockTransactionCountByHash", "%1"},
    {"eth_getTransactionByBlockNumberAndIndex", "\"0x1\",\"0x0\""},
    {"eth_getTransactionByBlockHashAndIndex", "%1,\"0x3\""},
    {"eth_getTransactionByHash", "%2"},
    {"eth_getTransactionByHash", "%3"},
    {"eth_getTransactionByHash", "%4"},
    {"eth_getTransactionByHash", "%5"},
    {"eth_getTransactionByHash", "%1"},
    {"eth_getTransactionReceipt", "%2"},
    {"eth_getTransactionReceipt", "%4"},
    {"eth_getTransactionReceipt", "%6"},
    {"eth_newBlockFilter", ""},
    {"eth_newPendingTransactionFilter", ""},
    {"txpool_status", ""},
    {"txpool_content", ""},
    {"txpool_contentFrom", DEV},
    {"debug_getRawBlock", "\"0x1\""},
    {"debug_getRawHeader", "\"0x1\""},
    {"debug_getRawReceipts", "\"0x1\""},
    {"debug_getRawTransaction", "%2"},
};

static void fill_params(char *out, const char *params)
{
    for (; *params; params++) {
        char hash[67];
        if (*params != '%') {
            *out++ = *params;
            continue;
        }
        int which = *++params - '1';
        const char *text =
            which == 0 ? rpc_fixture_block_hash(&f, 1, hash) : rpc_fixture_tx_hash(&f, 1, (uint32_t)(which - 1), hash);
        out += sprintf(out, "\"%s\"", text);
    }
    *out = 0;
}

static json_t *result(const char *method, const char *params)
{
    char filled[1024], text[2048];
    fill_params(filled, params);
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[%s]}", method, filled);
    char *answer = rpc_fixture_ask(&f, text);
    json_t *root = json_loads(answer, 0, NULL);
    json_t *value = json_incref(json_object_get(root, "result"));
    cr_assert_not_null(value, "%s answered %s", text, answer);
    json_decref(root);
    free(answer);
    return value;
}

static json_t *load_json(const char *file)
{
    char *path = vectors_path("misc-public", file);
    if (!path)
        cr_skip_test("no vectors");
    json_t *root = json_load_file(path, 0, NULL);
    cr_assert_not_null(root);
    free(path);
    return root;
}

Test(rpc_schema, results_fit_the_schemas_of_the_execution_api)
{
    json_t *openrpc = load_json("execution-apis/openrpc.json");
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char error[SCHEMA_ERROR_MAX] = "";
        const json_t *schema = schema_of_method(openrpc, calls[i].method);
        json_t *value = result(calls[i].method, calls[i].params);
        if (schema)
            cr_expect(schema_accepts(schema, value, error), "%s(%s): %s", calls[i].method, calls[i].params, error);
        json_decref(value);
    }
    json_decref(openrpc);
}

// The result of a recorded conversation.
static json_t *recorded(const char *name)
{
    char file[256];
    snprintf(file, sizeof file, "execution-apis/tests/%s.io", name);
    char *path = vectors_path("misc-public", file);
    if (!path)
        cr_skip_test("no vectors");
    char *text = vectors_read(path, NULL), *line = strstr(text, "\n<< ");
    cr_assert_not_null(line, "%s", path);
    json_t *root = json_loadb(line + 4, strcspn(line + 4, "\n"), 0, NULL);
    json_t *value = json_incref(json_object_get(root, "result"));
    cr_assert_not_null(value);
    json_decref(root);
    free(text);
    free(path);
    return value;
}

// Both objects have the same names and, but for null, the same kinds of values.
static void expect_same_fields(const char *what, const json_t *ours, const json_t *theirs)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)theirs, key, value)
    {
        const json_t *own = json_object_get(ours, key);
        cr_expect_not_null(own, "%s: %s is missing", what, key);
        if (own && !json_is_null(own) && !json_is_null(value))
            cr_expect_eq(json_typeof(own), json_typeof(value), "%s: %s is of another kind", what, key);
    }
    json_object_foreach((json_t *)ours, key, value)
        cr_expect_not_null(json_object_get(theirs, key), "%s: %s is too much", what, key);
}

static void expect_as_recorded(const char *method, const char *params, const char *name, const char *without)
{
    json_t *ours = result(method, params), *theirs = recorded(name);
    if (without)
        cr_expect_eq(json_object_del(theirs, without), 0);
    expect_same_fields(name, ours, theirs);
    json_decref(ours);
    json_decref(theirs);
}

Test(rpc_schema, objects_have_exactly_the_fields_that_the_recorded_conversations_show)
{
    // requestsHash came with Prague; the chain is at Cancun.
    expect_as_recorded("eth_getBlockByNumber", "\"0x1\",true", "eth_getBlockByNumber/get-block-prague-fork",
                       "requestsHash");
    expect_as_recorded("eth_getTransactionByHash", "%3", "eth_getTransactionByHash/get-legacy-tx", NULL);
    expect_as_recorded("eth_getTransactionByHash", "%4", "eth_getTransactionByHash/get-access-list", NULL);
    expect_as_recorded("eth_getTransactionByHash", "%5", "eth_getTransactionByHash/get-dynamic-fee", NULL);
    expect_as_recorded("eth_getTransactionReceipt", "%5", "eth_getTransactionReceipt/get-dynamic-fee", NULL);
}
