// What each method answers on a small chain.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "engine/rpc/call.h"
#include "tests/engine/rpc_fixture.h"

#define DEV "\"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266\""
#define NOBODY "\"0x00000000000000000000000000000000000000ff\""

static struct rpc_fixture f;

static void open_core(void)
{
    rpc_fixture_open_core(&f);
}

static void close_core(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_methods, .init = open_core, .fini = close_core);

// The answer's text from "result" or "error" on; malloc'ed.
static char *ask(const char *method, const char *params)
{
    char text[4096];
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[%s]}", method, params);
    char *answer = rpc_fixture_ask(&f, text);
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":1,";
    cr_assert(strncmp(answer, head, sizeof head - 1) == 0, "%s", answer);
    char *rest = strdup(answer + sizeof head - 1);
    rest[strlen(rest) - 1] = 0;
    free(answer);
    return rest;
}

static void expect(const char *method, const char *params, const char *expected)
{
    char *got = ask(method, params);
    cr_expect_str_eq(got, expected, "%s(%s) answered %s, not %s", method, params, got, expected);
    free(got);
}

static void expect_part(const char *method, const char *params, const char *part)
{
    char *got = ask(method, params);
    cr_expect_not_null(strstr(got, part), "%s(%s) answered %s, without %s", method, params, got, part);
    free(got);
}

#define RESULT(text) "\"result\":" text
#define ERROR(code, message) "\"error\":{\"code\":" #code ",\"message\":\"" message "\"}"

Test(rpc_methods, constants_of_the_node)
{
    expect("web3_clientVersion", "", RESULT("\"gantry/test\""));
    expect("web3_sha3", "\"0x\"", RESULT("\"0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470\""));
    expect("net_version", "", RESULT("\"31337\""));
    expect("net_listening", "", RESULT("true"));
    expect("net_peerCount", "", RESULT("\"0x0\""));
    expect("eth_chainId", "", RESULT("\"0x7a69\""));
    expect("eth_blockNumber", "", RESULT("\"0x3\""));
    expect("eth_syncing", "", RESULT("false"));
    expect("eth_accounts", "", RESULT("[]"));
    expect("eth_blobBaseFee", "", RESULT("\"0x1\""));
}

Test(rpc_methods, accounts_are_read_at_the_block_that_is_named)
{
    char hash[67], params[256];
    expect("eth_getBalance", DEV, RESULT("\"0x21e19e0c9bab2400000\""));
    expect("eth_getBalance", NOBODY ",\"latest\"", RESULT("\"0x0\""));
    // The fixture's accounts have the height as nonce, and two pooled transactions.
    expect("eth_getTransactionCount", DEV, RESULT("\"0x3\""));
    expect("eth_getTransactionCount", DEV ",null", RESULT("\"0x3\""));
    expect("eth_getTransactionCount", DEV ",\"latest\"", RESULT("\"0x3\""));
    expect("eth_getTransactionCount", DEV ",\"safe\"", RESULT("\"0x3\""));
    expect("eth_getTransactionCount", DEV ",\"finalized\"", RESULT("\"0x3\""));
    expect("eth_getTransactionCount", DEV ",\"pending\"", RESULT("\"0x5\""));
    expect("eth_getTransactionCount", DEV ",\"earliest\"", RESULT("\"0x0\""));
    expect("eth_getTransactionCount", DEV ",\"0x2\"", RESULT("\"0x2\""));
    expect("eth_getTransactionCount", DEV ",{\"blockNumber\":\"0x1\"}", RESULT("\"0x1\""));
    snprintf(params, sizeof params, DEV ",{\"blockHash\":\"%s\",\"requireCanonical\":true}",
             rpc_fixture_block_hash(&f, 2, hash));
    expect("eth_getTransactionCount", params, RESULT("\"0x2\""));
    snprintf(params, sizeof params, DEV ",\"%s\"", rpc_fixture_block_hash(&f, 1, hash));
    expect("eth_getTransactionCount", params, RESULT("\"0x1\""));
}

Test(rpc_methods, state_that_is_no_longer_kept_is_refused)
{
    f.oldest_state = 2;
    expect("eth_getBalance", DEV ",\"0x1\"", ERROR(-32000, "historical state not available"));
    expect("eth_getTransactionCount", DEV ",\"0x1\"", ERROR(-32000, "historical state not available"));
    expect("eth_getTransactionCount", DEV ",\"0x2\"", RESULT("\"0x2\""));
}

#define WORD(end) "0x000000000000000000000000000000000000000000000000000000000000" end
#define NO_CODE "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
#define NO_STORAGE "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
#define PROOF_BEFORE_SLOTS                                                                                             \
    "{\"address\":\"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266\",\"accountProof\":[\"0xc180\",\"0xc20102\"],"          \
    "\"balance\":\"0xff\",\"codeHash\":\"" NO_CODE "\",\"nonce\":\"0x3\",\"storageHash\":\"" NO_STORAGE                \
    "\",\"storageProof\":["

Test(rpc_methods, code_and_storage_are_read_at_a_height)
{
    expect("eth_getCode", DEV ",\"latest\"", RESULT("\"0x600102\""));
    expect("eth_getStorageAt", DEV ",\"0x7\"", RESULT("\"" WORD("1234") "\""));
    expect("eth_getStorageAt", DEV ",\"" WORD("0007") "\",\"0x1\"", RESULT("\"" WORD("1234") "\""));
    expect("eth_getStorageAt", DEV ",\"0x8\",\"pending\"", RESULT("\"" WORD("0000") "\""));
    f.oldest_state = 2;
    expect("eth_getCode", DEV ",\"0x1\"", ERROR(-32000, "historical state not available"));
    expect("eth_getStorageAt", DEV ",\"0x7\",\"0x1\"", ERROR(-32000, "historical state not available"));
    expect("eth_getCode", DEV ",\"0x2\"", RESULT("\"0x600102\""));
}

Test(rpc_methods, proofs_name_slots_as_they_were_asked_for)
{
    expect("eth_getProof", DEV ",[],\"latest\"", RESULT(PROOF_BEFORE_SLOTS "]}"));
    expect("eth_getProof", DEV ",[\"0x07\",\"" WORD("0007") "\"]",
           RESULT(PROOF_BEFORE_SLOTS "{\"key\":\"0x7\",\"value\":\"0x10\",\"proof\":[\"0xc28080\"]},"
                                     "{\"key\":\"" WORD("0007") "\",\"value\":\"0x11\",\"proof\":[\"0xc28080\"]}]}"));
    f.oldest_state = 2;
    expect("eth_getProof", DEV ",[],\"0x1\"", ERROR(-32000, "historical state not available"));
}

Test(rpc_methods, no_account_has_code_or_storage)
{
    expect("eth_call", "{\"to\":" DEV ",\"data\":\"0x12345678\"},\"latest\"", RESULT("\"0x\""));
    expect("eth_call", "{\"to\":" DEV ",\"gas\":\"0x5207\"}",
           ERROR(-32000, "err: intrinsic gas too low: have 20999, want 21000 (supplied gas 20999)"));
    expect("eth_call", "{\"from\":" NOBODY ",\"to\":" DEV ",\"value\":\"0x5\"}",
           ERROR(-32000, "err: insufficient funds for gas * price + value: address "
                         "0x00000000000000000000000000000000000000ff have 0 want 5 (supplied gas 50000000)"));
}

Test(rpc_methods, a_transfer_is_estimated_at_its_intrinsic_gas)
{
    expect("eth_estimateGas", "{\"to\":" DEV "}", RESULT("\"0x5208\""));
    expect("eth_estimateGas", "{\"from\":" DEV ",\"to\":" NOBODY ",\"value\":\"0x1\",\"gasPrice\":\"0x77359400\"}",
           RESULT("\"0x5208\""));
    // EIP-2930: 2400 an address, 1900 a key.
    expect("eth_estimateGas",
           "{\"to\":" DEV ",\"accessList\":[{\"address\":" DEV ",\"storageKeys\":["
           "\"0x0000000000000000000000000000000000000000000000000000000000000000\"]}]}",
           RESULT("\"0x62d4\""));
}

Test(rpc_methods, an_estimate_that_cannot_be_paid_is_refused_in_geths_words)
{
    expect("eth_estimateGas", "{\"from\":" NOBODY ",\"to\":" DEV ",\"gasPrice\":\"0x77359400\"}",
           ERROR(-32000, "insufficient funds for transfer"));
    // 10000 ether buy 20970 gas at this price.
    expect("eth_estimateGas", "{\"from\":" DEV ",\"to\":" NOBODY ",\"gasPrice\":\"0x69e1d9e1a5cb2f2\"}",
           ERROR(-32000, "gas required exceeds allowance (20970)"));
    expect("eth_estimateGas", "{\"from\":" DEV ",\"to\":" NOBODY ",\"maxFeePerGas\":\"0x1\"}",
           ERROR(-32000, "failed with 50000000 gas: max fee per gas less than block base fee: address "
                         "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266, maxFeePerGas: 1, baseFee: 1000000000"));
    expect("eth_estimateGas", "{\"from\":" DEV ",\"to\":" NOBODY ",\"value\":\"0x21e19e0c9bab2400001\"}",
           ERROR(-32000, "failed with 50000000 gas: insufficient funds for gas * price + value: address "
                         "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 have 10000000000000000000000 want "
                         "10000000000000000000001"));
}

Test(rpc_methods, blocks_by_number_and_hash_are_the_same)
{
    char hash[67], params[128];
    snprintf(params, sizeof params, "\"%s\",true", rpc_fixture_block_hash(&f, 1, hash));
    char *by_hash = ask("eth_getBlockByHash", params), *by_number = ask("eth_getBlockByNumber", "\"0x1\",true");
    cr_expect_str_eq(by_hash, by_number);
    free(by_hash);
    free(by_number);
    char *latest = ask("eth_getBlockByNumber", "\"latest\",false"),
         *three = ask("eth_getBlockByNumber", "\"0x3\",false");
    char *pending = ask("eth_getBlockByNumber", "\"pending\",false");
    cr_expect_str_eq(latest, three);
    cr_expect_str_eq(pending, three);
    free(latest);
    free(three);
    free(pending);
}

Test(rpc_methods, a_block_lists_its_transactions_as_hashes_or_objects)
{
    char hash[67], part[128];
    snprintf(part, sizeof part, "\"transactions\":[\"%s\",\"0x", rpc_fixture_tx_hash(&f, 1, 0, hash));
    expect_part("eth_getBlockByNumber", "\"0x1\",false", part);
    snprintf(part, sizeof part, "\"transactions\":[{\"blockHash\":\"%s\",", rpc_fixture_block_hash(&f, 1, hash));
    expect_part("eth_getBlockByNumber", "\"0x1\",true", part);
    expect_part("eth_getBlockByNumber", "\"0x2\",true", "\"transactions\":[],\"uncles\":[],\"withdrawals\":[]");
}

Test(rpc_methods, counts_and_uncles_of_a_block)
{
    expect("eth_getBlockTransactionCountByNumber", "\"0x1\"", RESULT("\"0x5\""));
    expect("eth_getBlockTransactionCountByNumber", "\"earliest\"", RESULT("\"0x0\""));
    expect("eth_getUncleCountByBlockNumber", "\"0x1\"", RESULT("\"0x0\""));
    expect("eth_getUncleCountByBlockNumber", "\"0x9\"", RESULT("null"));
}

Test(rpc_methods, what_is_unknown_is_null)
{
    static const char zero[] = "\"0x0000000000000000000000000000000000000000000000000000000000000000\"";
    char params[128];
    snprintf(params, sizeof params, "%s,false", zero);
    expect("eth_getBlockByNumber", "\"0x4\",false", RESULT("null"));
    expect("eth_getBlockByHash", params, RESULT("null"));
    expect("eth_getBlockReceipts", "\"0x4\"", RESULT("null"));
    expect("eth_getBlockReceipts", zero, RESULT("null"));
    expect("eth_getBlockTransactionCountByHash", zero, RESULT("null"));
    expect("eth_getTransactionByHash", zero, RESULT("null"));
    expect("eth_getTransactionReceipt", zero, RESULT("null"));
    expect("eth_getTransactionByBlockNumberAndIndex", "\"0x1\",\"0x5\"", RESULT("null"));
    expect("eth_getTransactionByBlockNumberAndIndex", "\"0x1\",\"0xffffffffffffffff\"", RESULT("null"));
    expect("eth_getTransactionByBlockNumberAndIndex", "\"0x9\",\"0x0\"", RESULT("null"));
}

Test(rpc_methods, receipts_tell_success_price_and_gas)
{
    char hash[67], params[80];
    snprintf(params, sizeof params, "\"%s\"", rpc_fixture_tx_hash(&f, 1, 4, hash));
    expect_part("eth_getTransactionReceipt", params, "\"status\":\"0x0\"");
    expect_part("eth_getTransactionReceipt", params, "\"effectiveGasPrice\":\"0x3b9aca03\""); // base fee + tip of 3
    expect_part("eth_getTransactionReceipt", params, "\"cumulativeGasUsed\":\"0x1aaf4\"");
    expect_part("eth_getTransactionReceipt", params, "\"transactionIndex\":\"0x4\"");
    snprintf(params, sizeof params, "\"%s\"", rpc_fixture_tx_hash(&f, 1, 2, hash));
    expect_part("eth_getTransactionReceipt", params, "\"status\":\"0x1\"");
    expect_part("eth_getTransactionReceipt", params, "\"gasUsed\":\"0x62d4\"");
    expect_part("eth_getTransactionReceipt", params, "\"type\":\"0x1\"");
}

Test(rpc_methods, transactions_show_their_form)
{
    char hash[67], params[80];
    snprintf(params, sizeof params, "\"%s\"", rpc_fixture_tx_hash(&f, 1, 0, hash));
    expect_part("eth_getTransactionByHash", params,
                "\"type\":\"0x0\",\"chainId\":\"0x7a69\",\"v\":\"0xf4f"); // 35 + 2*31337
    snprintf(params, sizeof params, "\"%s\"", rpc_fixture_tx_hash(&f, 1, 1, hash));
    expect_part("eth_getTransactionByHash", params, "\"type\":\"0x0\",\"v\":\"0x1"); // 27 or 28: no chain id
    snprintf(params, sizeof params, "\"%s\"", rpc_fixture_tx_hash(&f, 1, 2, hash));
    expect_part("eth_getTransactionByHash", params,
                "\"accessList\":[{\"address\":\"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"storageKeys\":["
                "\"0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"]}],\"chainId\":\"0x7a69\"");
    snprintf(params, sizeof params, "\"%s\"", rpc_fixture_tx_hash(&f, 1, 3, hash));
    expect_part("eth_getTransactionByHash", params,
                "\"gasPrice\":\"0x3b9aca03\",\"maxFeePerGas\":\"0x77359403\",\"maxPriorityFeePerGas\":\"0x3\"");
}

static const char *hex(char out[67], const bytes32 *hash)
{
    char *p = out + sprintf(out, "0x");
    for (int i = 0; i < 32; i++)
        p += sprintf(p, "%02x", hash->b[i]);
    return out;
}

Test(rpc_methods, a_pooled_transaction_has_no_block)
{
    char hash[67], params[80];
    snprintf(params, sizeof params, "\"%s\"", hex(hash, &f.pending_hash));
    expect_part("eth_getTransactionByHash", params,
                "{\"blockHash\":null,\"blockNumber\":null,\"blockTimestamp\":null,");
    expect_part("eth_getTransactionByHash", params, "\"transactionIndex\":null");
    expect("eth_getTransactionReceipt", params, RESULT("null"));
}

Test(rpc_methods, a_transactions_status_follows_it_to_its_end)
{
    char hash[67], block[67], params[80], included[256];
    snprintf(params, sizeof params, "\"%s\"", hex(hash, &f.pending_hash));
    expect("gantry_transactionStatus", params, RESULT("{\"status\":\"pending\",\"reason\":\"\"}"));
    snprintf(params, sizeof params, "\"%s\"", hex(hash, &f.queued_hash));
    expect("gantry_transactionStatus", params, RESULT("{\"status\":\"queued\",\"reason\":\"\"}"));
    snprintf(params, sizeof params, "\"%s\"", hex(hash, &f.dropped_hash));
    expect("gantry_transactionStatus", params,
           RESULT("{\"status\":\"dropped\",\"reason\":\"evicted: the txpool is full of transactions that pay more\"}"));
    snprintf(params, sizeof params, "\"%s\"", rpc_fixture_block_hash(&f, 1, block));
    expect("gantry_transactionStatus", params, RESULT("{\"status\":\"unknown\",\"reason\":\"\"}"));
    snprintf(params, sizeof params, "\"%s\"", rpc_fixture_tx_hash(&f, 1, 4, hash));
    snprintf(included, sizeof included,
             RESULT("{\"status\":\"included\",\"reason\":\"\",\"blockHash\":\"%s\",\"blockNumber\":\"0x1\","
                    "\"transactionIndex\":\"0x4\",\"success\":false}"),
             block);
    expect("gantry_transactionStatus", params, included);
}

Test(rpc_methods, the_path_of_what_waits_or_left_ends_where_it_is)
{
    char hash[67], params[80];
    snprintf(params, sizeof params, "\"%s\"", hex(hash, &f.pending_hash));
    expect_part("gantry_traceTransactionPath", params, "\"status\":\"pending\",\"reason\":\"\",\"firstMs\":");
    expect_part("gantry_traceTransactionPath", params,
                "\"steps\":[{\"step\":\"received\",\"atUs\":0.0,\"sinceUs\":0.0,\"via\":\"ingest\",\"shard\":0},"
                "{\"step\":\"verified\",\"atUs\":20.0,\"sinceUs\":20.0,\"shard\":0},"
                "{\"step\":\"pooled\",\"atUs\":50.0,\"sinceUs\":30.0,\"shard\":1}],\"note\":\"\"}");
    snprintf(params, sizeof params, "\"%s\"", hex(hash, &f.queued_hash));
    expect_part("gantry_traceTransactionPath", params, "\"status\":\"queued\"");
    snprintf(params, sizeof params, "\"%s\"", hex(hash, &f.dropped_hash));
    expect_part("gantry_traceTransactionPath", params,
                "\"status\":\"dropped\",\"reason\":\"evicted: the txpool is full of transactions that pay more\"");
    expect_part("gantry_traceTransactionPath", params,
                "{\"step\":\"left\",\"atUs\":8000.0,\"sinceUs\":7950.0,\"reason\":\"evicted");
}

Test(rpc_methods, a_path_that_is_not_kept_is_said_to_be)
{
    char hash[67], params[80];
    snprintf(params, sizeof params, "\"%s\"", rpc_fixture_tx_hash(&f, 1, 4, hash));
    expect_part("gantry_traceTransactionPath", params, "\"blockNumber\":\"0x1\",\"transactionIndex\":\"0x4\"");
    expect_part("gantry_traceTransactionPath", params,
                "\"firstMs\":null,\"steps\":[],\"note\":\"this node keeps no paths");
    f.core->backend.path_max = 1000;
    expect_part("gantry_traceTransactionPath", params, "\"note\":\"its path is not kept: that of the last 1000");
    expect_part(
        "gantry_traceTransactionPath", "\"0x1111111111111111111111111111111111111111111111111111111111111111\"",
        "\"status\":\"unknown\",\"reason\":\"\",\"firstMs\":null,\"steps\":[],\"note\":\"this node has not seen it");
}

Test(rpc_methods, sending_answers_with_the_hash_or_the_pools_words)
{
    char params[2048], expected[128], hash[67];
    size_t len;
    bytes32 id;
    uint8_t *raw = rpc_fixture_transfer(6, 0, 1, &len, &id);
    char *p = params + sprintf(params, "\"0x");
    for (size_t i = 0; i < len; i++)
        p += sprintf(p, "%02x", raw[i]);
    strcpy(p, "\"");
    snprintf(expected, sizeof expected, RESULT("\"%s\""), hex(hash, &id));
    expect("eth_sendRawTransaction", params, expected);
    f.pending_hash = id;
    expect("eth_sendRawTransaction", params, ERROR(-32000, "already known"));
    f.genesis.chain_id = 1;
    expect("eth_sendRawTransaction", params, ERROR(-32000, "invalid chain id for signer"));
    free(raw);
}

Test(rpc_methods, the_pool_is_shown_by_sender_and_nonce)
{
    expect("txpool_status", "", RESULT("{\"pending\":\"0x1\",\"queued\":\"0x11\"}"));
    expect("txpool_inspect", "",
           RESULT("{\"pending\":{\"0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc\":{\"5\":"
                  "\"0xa0Ee7A142d267C1f36714E4a8F75612F20a79720: 1005 wei + 21000 gas × 3000000000 wei\"}},"
                  "\"queued\":{\"0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc\":{\"7\":"
                  "\"0xa0Ee7A142d267C1f36714E4a8F75612F20a79720: 1007 wei + 21000 gas × 3000000000 wei\"}}}"));
    expect_part("txpool_content", "",
                "{\"pending\":{\"0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc\":{\"5\":{\"blockHash\":null");
    expect_part("txpool_contentFrom", "\"0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc\"",
                "\"queued\":{\"7\":{\"blockHash\":null");
    expect("txpool_contentFrom", DEV, RESULT("{\"pending\":{},\"queued\":{}}"));
}

Test(rpc_methods, raw_forms_hash_to_the_block)
{
    char *header = ask("debug_getRawHeader", "\"0x1\""), hash[67], expected[128];
    char params[4096];
    snprintf(params, sizeof params, "%s", header + strlen("\"result\":"));
    snprintf(expected, sizeof expected, RESULT("\"%s\""), rpc_fixture_block_hash(&f, 1, hash));
    expect("web3_sha3", params, expected);
    free(header);
}

// Fees

Test(rpc_methods, the_suggested_tip_is_what_inclusion_costs)
{
    // Tips of blocks 3 (0.1, 0.2, 0.3 gwei) and 1 (3, 3, then the legacy prices' rest): lowest three of each, 60 %.
    expect("eth_maxPriorityFeePerGas", "", RESULT("\"0xbebc200\""));
    expect("eth_gasPrice", "", RESULT("\"0x47868c00\""));
}

Test(rpc_methods, the_fee_history_weighs_rewards_by_gas)
{
    expect("eth_feeHistory", "\"0x2\",\"latest\",[0,50,100]",
           RESULT("{\"oldestBlock\":\"0x2\",\"reward\":[[\"0x0\",\"0x0\",\"0x0\"],[\"0x5f5e100\",\"0xbebc200\","
                  "\"0x11e1a300\"]],"
                  "\"baseFeePerGas\":[\"0x3b9aca00\",\"0x3b9aca00\",\"0x34278f83\"],\"gasUsedRatio\":[0,3.15e-05],"
                  "\"baseFeePerBlobGas\":[\"0x1\",\"0x1\",\"0x1\"],\"blobGasUsedRatio\":[0,0]}"));
    expect_part("eth_feeHistory", "4,\"0x1\"", "{\"oldestBlock\":\"0x0\",\"baseFeePerGas\":[");
    expect_part("eth_feeHistory", "\"5000\",\"latest\",[]", "{\"oldestBlock\":\"0x0\",\"baseFeePerGas\":[");
    expect("eth_feeHistory", "0,\"latest\",[]", RESULT("{\"oldestBlock\":\"0x0\",\"gasUsedRatio\":null}"));
}

// Status

Test(rpc_methods, the_status_is_one_object)
{
    expect_part("gantry_status", "", "\"result\":{\"version\":\"gantry/test\",\"chainId\":31337,\"genesis\":\"0x");
    expect_part("gantry_status", "", "\"head\":{\"number\":3,");
    expect_part("gantry_status", "", "\"pool\":{\"pending\":1,\"queued\":17}");
    expect_part("gantry_status", "", "\"healthy\":true,\"reason\":\"\"}");
    f.full = true;
    expect_part("gantry_status", "", "\"healthy\":false,\"reason\":\"the inbox is full\"}");
}

// Batches

Test(rpc_methods, a_batch_keeps_its_order_and_leaves_out_notifications)
{
    char *got =
        rpc_fixture_ask(&f, "[{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"eth_getBalance\",\"params\":[" DEV "]},"
                            "{\"jsonrpc\":\"2.0\",\"method\":\"eth_chainId\"},"
                            "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_nothing\"},"
                            "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"eth_blockNumber\"}]");
    cr_expect_str_eq(got, "[{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":\"0x21e19e0c9bab2400000\"},"
                          "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32601,\"message\":"
                          "\"the method eth_nothing does not exist/is not available\"}},"
                          "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"0x3\"}]");
    free(got);
}

// A peer that keeps what it is told.
struct listener {
    struct rpc_peer peer;
    char *answer;
    char *told[16];
    unsigned told_count;
};

static char *take(struct json_writer *w)
{
    char *text = strndup(w->len ? jw_text(w) : "", w->len);
    jw_release(w);
    return text;
}

static void on_answer(struct rpc_peer *peer, struct json_writer *w)
{
    struct listener *l = (struct listener *)peer;
    free(l->answer);
    l->answer = take(w);
}

static void on_told(struct rpc_peer *peer, struct json_writer *w)
{
    struct listener *l = (struct listener *)peer;
    l->told[l->told_count++] = take(w);
}

static struct listener listener(void)
{
    return (struct listener){.peer = {.respond = on_answer, .notify = on_told, .can_subscribe = true}};
}

static void listener_close(struct listener *l)
{
    core_peer_closed(f.core, &l->peer);
    free(l->answer);
    for (unsigned i = 0; i < l->told_count; i++)
        free(l->told[i]);
}

static void listener_send(struct listener *l, const char *text)
{
    core_handle(f.core, &l->peer, bytes_of(text, strlen(text)));
}

Test(rpc_methods, answers_that_come_late_still_come_in_the_batchs_order)
{
    struct listener l = listener();
    f.silent = true;
    listener_send(&l, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"txpool_status\"},"
                      "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_chainId\"},"
                      "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"txpool_status\"}]");
    cr_assert_eq(f.kept_count, 2);
    cr_expect_null(l.answer);
    f.kept[1]->stats.pending = 3;
    core_complete(f.core, f.kept[1]);
    cr_expect_null(l.answer);
    core_complete(f.core, f.kept[0]);
    f.kept_count = 0;
    cr_assert_not_null(l.answer);
    cr_expect_str_eq(l.answer, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"pending\":\"0x0\",\"queued\":\"0x0\"}},"
                               "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"0x7a69\"},"
                               "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"pending\":\"0x3\",\"queued\":\"0x0\"}}]");
    listener_close(&l);
}

// The pool gives a transaction away when a block takes it; a question that was on its way then finds it nowhere.
Test(rpc_methods, a_transaction_included_meanwhile_is_found_in_its_block)
{
    struct listener l = listener();
    char hash[67], text[512];
    size_t len;
    bytes32 id;
    free(rpc_fixture_transfer(4, 100, 100000000, &len, &id)); // the one that the next block will hold
    f.silent = true;
    snprintf(text, sizeof text,
             "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"gantry_transactionStatus\",\"params\":[\"%s\"]},"
             "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_getTransactionByHash\",\"params\":[\"%s\"]}]",
             hex(hash, &id), hash);
    listener_send(&l, text);
    cr_assert_eq(f.kept_count, 2);
    rpc_fixture_add_block(&f, 1);
    core_complete(f.core, f.kept[0]);
    core_complete(f.core, f.kept[1]);
    f.kept_count = 0;
    cr_assert_not_null(l.answer);
    cr_expect_not_null(strstr(l.answer, "\"status\":\"included\""), "%s", l.answer);
    cr_expect_not_null(strstr(l.answer, "\"blockNumber\":\"0x4\",\"blockTimestamp\""), "%s", l.answer);
    listener_close(&l);
}

Test(rpc_methods, a_client_that_left_is_not_answered)
{
    struct listener l = listener();
    f.silent = true;
    listener_send(&l, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"txpool_status\"}");
    core_peer_closed(f.core, &l.peer);
    core_complete(f.core, f.kept[0]);
    f.kept_count = 0;
    cr_expect_null(l.answer);
    listener_close(&l);
}

Test(rpc_methods, at_the_stop_what_is_under_way_is_answered_with_an_error)
{
    struct listener l = listener();
    f.silent = true;
    listener_send(&l, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\"},"
                      "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"txpool_status\"}]");
    core_abandon(f.core);
    cr_assert_not_null(l.answer);
    cr_expect_str_eq(l.answer, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x7a69\"},"
                               "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32000,\"message\":"
                               "\"the node is shutting down\"}}]");
    cr_expect_eq(core_queries(f.core), 1);
    listener_close(&l);
}

// Subscriptions and filters

// The quoted string after "result":.
static void copy_id(char out[64], const char *answer)
{
    const char *p = strstr(answer, "\"result\":\"");
    cr_assert_not_null(p, "%s", answer);
    p += strlen("\"result\":\"");
    snprintf(out, 64, "%.*s", (int)strcspn(p, "\""), p);
}

Test(rpc_methods, subscribers_are_told_of_heads_and_pending_transactions)
{
    struct listener l = listener();
    char heads[64], pending[64], part[256], text[256];
    listener_send(&l, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\",\"params\":[\"newHeads\"]}");
    copy_id(heads, l.answer);
    cr_expect_not(core_wants_pending(f.core));
    listener_send(
        &l, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"eth_subscribe\",\"params\":[\"newPendingTransactions\"]}");
    copy_id(pending, l.answer);
    cr_expect(core_wants_pending(f.core));
    core_pending(f.core, &f.queued_hash, 1);
    rpc_fixture_add_block(&f, 2);
    cr_assert_eq(l.told_count, 2);
    snprintf(part, sizeof part, "\"params\":{\"subscription\":\"%s\",\"result\":\"0x", pending);
    cr_expect_not_null(strstr(l.told[0], part), "%s", l.told[0]);
    snprintf(part, sizeof part,
             "{\"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":{\"subscription\":\"%s\",\"result\":{"
             "\"number\":\"0x4\"",
             heads);
    cr_expect_eq(strncmp(l.told[1], part, strlen(part)), 0, "%s", l.told[1]);
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_unsubscribe\",\"params\":[\"%s\"]}",
             heads);
    listener_send(&l, text);
    cr_expect_str_eq(l.answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":true}");
    rpc_fixture_add_block(&f, 0);
    cr_expect_eq(l.told_count, 2);
    listener_close(&l);
    cr_expect_not(core_wants_pending(f.core));
}

Test(rpc_methods, one_client_cannot_end_anothers_subscription)
{
    struct listener a = listener(), b = listener();
    char id[64], text[256];
    listener_send(&a, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\",\"params\":[\"newHeads\"]}");
    copy_id(id, a.answer);
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_unsubscribe\",\"params\":[\"%s\"]}",
             id);
    listener_send(&b, text);
    cr_expect_not_null(strstr(b.answer, "subscription not found"), "%s", b.answer);
    listener_close(&b);
    rpc_fixture_add_block(&f, 0);
    cr_expect_eq(a.told_count, 1);
    listener_close(&a);
}

Test(rpc_methods, subscriptions_of_a_connection_are_limited)
{
    struct listener l = listener();
    for (unsigned i = 0; i < f.options.subscription_max; i++)
        listener_send(&l, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\",\"params\":[\"newHeads\"]}");
    listener_send(&l, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\",\"params\":[\"newHeads\"]}");
    cr_expect_str_eq(l.answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32005,\"message\":"
                               "\"too many subscriptions on this connection (limit 8)\"}}");
    listener_close(&l);
}

Test(rpc_methods, where_nothing_can_be_told_nobody_subscribes)
{
    struct listener l = listener();
    l.peer.can_subscribe = false;
    listener_send(&l, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\",\"params\":[\"newHeads\"]}");
    cr_expect_str_eq(l.answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":"
                               "\"notifications not supported\"}}");
    listener_close(&l);
}

static void new_filter(char id[64], const char *method)
{
    char *answer = ask(method, "");
    copy_id(id, answer);
    free(answer);
}

static void expect_changes(const char *id, const char *expected)
{
    char params[80];
    snprintf(params, sizeof params, "\"%s\"", id);
    expect("eth_getFilterChanges", params, expected);
}

Test(rpc_methods, a_block_filter_tells_each_block_once)
{
    char id[64], params[80], hash[67], expected[128];
    new_filter(id, "eth_newBlockFilter");
    expect_changes(id, RESULT("[]"));
    rpc_fixture_add_block(&f, 1);
    snprintf(expected, sizeof expected, RESULT("[\"%s\"]"), rpc_fixture_block_hash(&f, 4, hash));
    expect_changes(id, expected);
    expect_changes(id, RESULT("[]"));
    snprintf(params, sizeof params, "\"%s\"", id);
    expect("eth_uninstallFilter", params, RESULT("true"));
    expect("eth_uninstallFilter", params, RESULT("false"));
    expect_changes(id, ERROR(-32000, "filter not found"));
}

Test(rpc_methods, a_pending_filter_tells_hashes_since_it_was_made)
{
    char id[64], hash[67], expected[256];
    core_pending(f.core, &f.dropped_hash, 1);
    new_filter(id, "eth_newPendingTransactionFilter");
    cr_expect(core_wants_pending(f.core));
    core_pending(f.core, &f.pending_hash, 1);
    snprintf(expected, sizeof expected, RESULT("[\"%s\"]"), hex(hash, &f.pending_hash));
    expect_changes(id, expected);
    expect_changes(id, RESULT("[]"));
}

Test(rpc_methods, filters_are_limited_and_expire)
{
    char id[64];
    for (unsigned i = 0; i < f.options.filter_max; i++)
        new_filter(id, "eth_newBlockFilter");
    expect("eth_newBlockFilter", "", ERROR(-32005, "too many filters (limit 8)"));
    for (unsigned i = 0; i < f.core->feed.filter_count; i++)
        f.core->feed.filters[i].used_ns -= FILTER_EXPIRY_NS + 1;
    new_filter(id, "eth_newPendingTransactionFilter");
    cr_expect_eq(f.core->feed.filter_count, 1);
}

Test(rpc_methods, a_slow_pending_filter_misses_the_oldest_hashes_only)
{
    struct feed *feed = &f.core->feed;
    struct rpc_filter *filter = feed_add_filter(feed, FEED_PENDING, NULL, 0, 0);
    bytes32 hash = {{0}}, *seen = calloc(PENDING_RING + 10, sizeof *seen);
    for (unsigned i = 0; i < PENDING_RING + 5; i++) {
        memcpy(hash.b, &i, sizeof i);
        core_pending(f.core, &hash, 1);
    }
    unsigned first;
    cr_expect_eq(feed_take_pending(feed, filter, seen, PENDING_RING + 10), PENDING_RING);
    memcpy(&first, seen[0].b, sizeof first);
    cr_expect_eq(first, 5);
    free(seen);
}
