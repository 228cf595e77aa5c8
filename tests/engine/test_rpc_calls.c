// Calls and traces as clients send them: parameters, overrides, answers and errors.
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/hex.h"
#include "tests/engine/rpc_fixture.h"

static struct rpc_fixture f;
static const address CONTRACT = {{0xbb}};
#define DEV "\"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266\""
#define TO "\"0xbb00000000000000000000000000000000000000\""

static void put_contract(const char *hex)
{
    uint8_t code[256];
    const int len = hex_decode(code, sizeof code, hex, strlen(hex));
    cr_assert_gt(len, 0);
    evm_world_put_account(f.bed.world, &CONTRACT, 1, &U256_ZERO, bytes_of(code, (size_t)len));
}

static void open_core(void)
{
    rpc_fixture_open_core(&f);
}

static void close_core(void)
{
    rpc_fixture_close(&f);
}

TestSuite(rpc_calls, .init = open_core, .fini = close_core);

static void expect(const char *method, const char *params, const char *expected)
{
    char text[4096];
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":1,";
    snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":[%s]}", method, params);
    char *answer = rpc_fixture_ask(&f, text);
    cr_expect(strncmp(answer + sizeof head - 1, expected, strlen(expected)) == 0, "%s(%s) answered %s", method, params,
              answer);
    free(answer);
}

Test(rpc_calls, a_call_echoes_its_data)
{
    put_contract("365f5f37365ff3"); // calldatacopy, return
    expect("eth_call", "{\"to\":" TO ",\"data\":\"0x123456\"},\"latest\"", "\"result\":\"0x123456\"");
    expect("eth_call", "{\"to\":" TO ",\"input\":\"0x99\"}", "\"result\":\"0x99\"");
    // Precompile 4, and init code that returns nothing.
    expect("eth_call", "{\"to\":\"0x0000000000000000000000000000000000000004\",\"data\":\"0xabcd\"}",
           "\"result\":\"0xabcd\"");
    expect("eth_call", "{\"data\":\"0x00\"}", "\"result\":\"0x\"");
}

Test(rpc_calls, a_revert_has_code_3_and_its_data)
{
    put_contract("365f5f37365ffd"); // calldatacopy, revert
    expect("eth_call", "{\"to\":" TO ",\"data\":\"0x1234\"}",
           "\"error\":{\"code\":3,\"message\":\"execution reverted\",\"data\":\"0x1234\"}");
    expect("eth_estimateGas", "{\"to\":" TO ",\"data\":\"0x1234\"}",
           "\"error\":{\"code\":3,\"message\":\"execution reverted\",\"data\":\"0x1234\"}");
}

Test(rpc_calls, the_block_that_a_call_sees_is_the_one_that_is_named)
{
    put_contract("435f5260205ff3"); // number
    expect("eth_call", "{\"to\":" TO "},\"0x2\"",
           "\"result\":\"0x0000000000000000000000000000000000000000000000000000000000000002\"");
    expect("eth_call", "{\"to\":" TO "},\"latest\",null,{\"number\":\"0x99\"}",
           "\"result\":\"0x0000000000000000000000000000000000000000000000000000000000000099\"");
    char text[67], expected[128];
    put_contract("6001405f5260205ff3"); // blockhash(1)
    snprintf(expected, sizeof expected, "\"result\":\"%s\"", rpc_fixture_block_hash(&f, 1, text));
    expect("eth_call", "{\"to\":" TO "},\"0x3\"", expected);
}

Test(rpc_calls, state_overrides_are_read)
{
    expect("eth_call",
           "{\"to\":" TO "},\"latest\",{" TO ":{\"code\":\"0x5f545f5260205ff3\",\"stateDiff\":{"
           "\"0x0000000000000000000000000000000000000000000000000000000000000000\":"
           "\"0x0000000000000000000000000000000000000000000000000000000000000077\"}}}",
           "\"result\":\"0x0000000000000000000000000000000000000000000000000000000000000077\"");
    expect("eth_call", "{\"from\":" TO ",\"to\":" DEV ",\"value\":\"0x5\"},\"latest\",{" TO ":{\"balance\":\"0x5\"}}",
           "\"result\":\"0x\"");
    expect("eth_estimateGas",
           "{\"from\":" TO ",\"to\":" DEV ",\"value\":\"0x5\"},\"latest\",{" TO ":{\"balance\":\"0x5\"}}",
           "\"result\":\"0x5208\"");
}

Test(rpc_calls, calls_on_states_that_are_gone_are_refused)
{
    f.oldest_state = 2;
    expect("eth_call", "{\"to\":" TO "},\"0x1\"",
           "\"error\":{\"code\":-32000,\"message\":\"historical state not available\"}");
    expect("eth_estimateGas", "{\"to\":" TO "},\"0x1\"",
           "\"error\":{\"code\":-32000,\"message\":\"historical state not available\"}");
    // A block's transactions are traced from the state before it.
    expect("debug_traceBlockByNumber", "\"0x1\"",
           "\"error\":{\"code\":-32000,\"message\":\"historical state not available\"}");
}

Test(rpc_calls, gas_is_capped)
{
    f.options.gas_cap = 50000000;
    put_contract("5b5f56"); // for ever
    expect("eth_call", "{\"to\":" TO ",\"gas\":\"0x7fffffffffffffff\"}",
           "\"error\":{\"code\":-32000,\"message\":\"out of gas\"}");
    expect("eth_estimateGas", "{\"to\":" TO "}",
           "\"error\":{\"code\":-32000,\"message\":\"gas required exceeds allowance (50000000)\"}");
    expect("eth_call", "{\"to\":" TO ",\"gas\":\"0x5207\"}",
           "\"error\":{\"code\":-32000,\"message\":\"err: intrinsic gas too low: have 20999, want 21000 (supplied gas "
           "20999)\"}");
}

Test(rpc_calls, an_access_list_is_made)
{
    put_contract("60055450");
    expect("eth_createAccessList", "{\"from\":" DEV ",\"to\":" TO "},\"latest\"",
           "\"result\":{\"accessList\":[{\"address\":" TO ",\"storageKeys\":["
           "\"0x0000000000000000000000000000000000000000000000000000000000000005\"]}],\"gasUsed\":\"0x633d\"}");
}

Test(rpc_calls, a_call_is_traced)
{
    put_contract("60015f55");
    expect(
        "debug_traceCall", "{\"from\":" DEV ",\"to\":" TO ",\"gas\":\"0xc350\"},\"latest\"",
        "\"result\":{\"structLogs\":[{\"pc\":0,\"op\":\"PUSH1\",\"gas\":29000,\"gasCost\":3,\"depth\":1,\"stack\":[]},"
        "{\"pc\":2,\"op\":\"PUSH0\",\"gas\":28997,\"gasCost\":2,\"depth\":1,\"stack\":[\"0x1\"]},"
        "{\"pc\":3,\"op\":\"SSTORE\",\"gas\":28995,\"gasCost\":22100,\"depth\":1,\"stack\":[\"0x1\",\"0x0\"],"
        "\"storage\":{\"0x0000000000000000000000000000000000000000000000000000000000000000\":"
        "\"0x0000000000000000000000000000000000000000000000000000000000000001\"}},"
        "{\"pc\":4,\"op\":\"STOP\",\"gas\":6895,\"gasCost\":0,\"depth\":1,\"stack\":[]}],"
        "\"gas\":43105,\"failed\":false,\"returnValue\":\"0x\"}");
    expect("debug_traceCall",
           "{\"from\":" DEV ",\"to\":" TO "},\"latest\",{\"disableStack\":true,\"disableStorage\":true,"
           "\"limit\":1}",
           "\"result\":{\"structLogs\":[{\"pc\":0,\"op\":\"PUSH1\",\"gas\":49979000,\"gasCost\":3,\"depth\":1}],");
    expect("debug_traceCall",
           "{\"from\":" DEV ",\"to\":" TO ",\"gas\":\"0xc350\"},\"latest\",{\"tracer\":\"callTracer\"}",
           "\"result\":{\"from\":" DEV ",\"gas\":\"0xc350\",\"gasUsed\":\"0xa861\",\"to\":" TO
           ",\"input\":\"0x\",\"value\":\"0x0\",\"type\":\"CALL\"}");
}

// The fixture's block 1: five transfers of dev accounts, whose world stands before them.
Test(rpc_calls, a_blocks_transactions_are_traced_in_their_order)
{
    json_t *root, *trace;
    size_t i;
    char *answer =
        rpc_fixture_ask(&f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"debug_traceBlockByNumber\",\"params\":["
                            "\"0x1\",{\"tracer\":\"prestateTracer\"}]}");
    root = json_loads(answer, 0, NULL);
    cr_assert_eq(json_array_size(json_object_get(root, "result")), FIXTURE_BLOCK_TXS, "%s", answer);
    json_array_foreach(json_object_get(root, "result"), i, trace)
    {
        char hash[67];
        cr_expect_str_eq(json_string_value(json_object_get(trace, "txHash")),
                         rpc_fixture_tx_hash(&f, 1, (uint32_t)i, hash));
        // Each leaves what it sent to dev account 9 for the next: 10,000 ether and 1000 wei (then 1001) a transaction.
        const json_t *receiver =
            json_object_get(json_object_get(trace, "result"), "0xa0ee7a142d267c1f36714e4a8f75612f20a79720");
        char balance[67];
        snprintf(balance, sizeof balance, "0x21e19e0c9bab24%05zx", 0x00000 + i * 1000);
        cr_expect_str_eq(json_string_value(json_object_get(receiver, "balance")), balance);
    }
    json_decref(root);
    free(answer);
}
