// What calls come to: outputs, errors, estimates, access lists, overrides; the same however they are interrupted.
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/hex.h"
#include "tests/engine/call_bed.h"
#include "tests/support/vectors.h"

static struct call_bed bed;
static const address CALLER = {{0xaa}}, TARGET = {{0xbb}}, OTHER = {{0xcc}};
static uint64_t seed;

static void put(const address *who, const char *hex, uint64_t balance)
{
    uint8_t code[512];
    const u256 wei = u256_from_u64(balance);
    const int len = hex_decode(code, sizeof code, hex, strlen(hex));
    cr_assert_geq(len, 0);
    evm_world_put_account(bed.world, who, 0, &wei, bytes_of(code, (size_t)len));
}

static void open_bed(void)
{
    call_bed_open(&bed, EVM_CANCUN);
    put(&CALLER, "", UINT64_MAX);
}

static void close_bed(void)
{
    call_bed_close(&bed);
}

TestSuite(calls, .init = open_bed, .fini = close_bed);

static struct call_request *run(enum call_kind kind)
{
    struct call_request *r = call_bed_request(kind);
    call_bed_run(&bed, r);
    return r;
}

static void expect_error(enum call_kind kind, int code, const char *message)
{
    struct call_request *r = run(kind);
    cr_expect_eq(r->error_code, code);
    cr_expect_str_eq(r->error, message);
    call_request_free(r);
}

static void expect_output(const struct call_request *r, const char *hex)
{
    char text[513] = "";
    hex_encode(text, r->output, r->output_len);
    text[2 * r->output_len] = 0;
    cr_expect_eq(r->error_code, 0, "%s", r->error);
    cr_expect_str_eq(text, hex);
}

// PUSH1 0 SLOAD PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN
#define RETURN_SLOT_0 "5f545f5260205ff3"

Test(calls, a_call_returns_what_the_code_returns)
{
    const u256 zero = U256_ZERO, value = u256_from_u64(0x1234);
    put(&TARGET, RETURN_SLOT_0, 0);
    evm_world_put_slot(bed.world, &TARGET, &zero, &value);
    struct call_request *r = run(CALL_RUN);
    expect_output(r, "0000000000000000000000000000000000000000000000000000000000001234");
    call_request_free(r);
}

Test(calls, failures_are_told_in_geths_words)
{
    put(&TARGET, "5f5ffd", 0); // revert without data
    expect_error(CALL_RUN, 3, "execution reverted");
    put(&TARGET, "fe", 0);
    expect_error(CALL_RUN, -32000, "invalid opcode: INVALID");
    put(&TARGET, "0c", 0);
    expect_error(CALL_RUN, -32000, "invalid opcode: opcode 0xc not defined");
    put(&TARGET, "01", 0);
    expect_error(CALL_RUN, -32000, "stack underflow (0 <=> 2)");
    put(&TARGET, "600356", 0);
    expect_error(CALL_RUN, -32000, "invalid jump destination");
    put(&TARGET, "5b5f56", 0); // forever
    expect_error(CALL_RUN, -32000, "out of gas");
    put(&TARGET, "60015f5f3e", 0); // one byte of no return data
    expect_error(CALL_RUN, -32000, "return data out of bounds");
}

// revert(Error("no"))
#define REVERT_NO                                                                                                      \
    "7f08c379a0000000000000000000000000000000000000000000000000000000005f52"                                           \
    "60206004526002602452"                                                                                             \
    "7f6e6f000000000000000000000000000000000000000000000000000000000000604452"                                         \
    "60645ffd"

Test(calls, a_reverts_reason_is_read)
{
    put(&TARGET, REVERT_NO, 0);
    expect_error(CALL_RUN, 3, "execution reverted: no");
    expect_error(CALL_ESTIMATE, 3, "execution reverted: no");
    struct call_request *r = run(CALL_RUN);
    cr_expect_eq(r->output_len, 100);
    call_request_free(r);
    // Panic(0x11)
    put(&TARGET,
        "7f4e487b71000000000000000000000000000000000000000000000000000000005f526011600452"
        "60245ffd",
        0);
    struct call_request *panic = run(CALL_RUN);
    cr_expect_str_eq(panic->error, "execution reverted: arithmetic underflow or overflow");
    call_request_free(panic);
}

Test(calls, states_that_are_gone_are_refused)
{
    bed.oldest = 11;
    expect_error(CALL_RUN, -32000, "historical state not available");
    expect_error(CALL_ESTIMATE, -32000, "historical state not available");
}

Test(calls, value_that_the_caller_lacks_is_refused)
{
    struct call_request *r = call_bed_request(CALL_RUN);
    r->txs[0].tx.sender = OTHER;
    r->txs[0].tx.value = u256_from_u64(5);
    call_bed_run(&bed, r);
    cr_expect_str_eq(r->error, "err: insufficient funds for gas * price + value: address "
                               "0xCc00000000000000000000000000000000000000 have 0 want 5 (supplied gas 30000000)");
    call_request_free(r);
}

static uint64_t estimate(void)
{
    struct call_request *r = run(CALL_ESTIMATE);
    cr_expect_eq(r->error_code, 0, "%s", r->error);
    const uint64_t gas = r->gas;
    call_request_free(r);
    return gas;
}

static bool succeeds_with(uint64_t gas)
{
    struct call_request *r = call_bed_request(CALL_RUN);
    r->txs[0].tx.gas_limit = gas;
    call_bed_run(&bed, r);
    const bool ok = r->error_code == 0;
    call_request_free(r);
    return ok;
}

static void expect_exact(const char *what)
{
    const uint64_t gas = estimate();
    cr_expect(succeeds_with(gas), "%s: %lu is too little", what, gas);
    cr_expect_not(succeeds_with(gas - 1), "%s: %lu is not the least", what, gas);
}

Test(calls, an_estimate_is_the_least_gas_that_suffices)
{
    const u256 zero = U256_ZERO, one = u256_from_u64(1);
    put(&TARGET, "60015f55", 0);
    expect_exact("a store");
    put(&TARGET, "5f5f55", 0);
    evm_world_put_slot(bed.world, &TARGET, &zero, &one);
    expect_exact("a refund, which comes after the gas was needed");
    // Calls `other` with 50,000 gas and fails unless it succeeds: 63/64 of what is there must be that much.
    put(&OTHER, "60015f55", 0);
    put(&TARGET,
        "5f5f5f5f5f73cc0000000000000000000000000000000000000061c350f1602457"
        "5f5ffd5b00",
        0);
    expect_exact("a call inside");
    put(&TARGET, "5b5a620186a010600057", 0); // until less than 100,000 gas is left
    cr_expect_eq(estimate(), estimate());
    put(&TARGET, "", 0);
    cr_expect_eq(estimate(), 21000);
}

Test(calls, an_estimate_that_no_gas_satisfies_says_so)
{
    put(&TARGET, "5b5f56", 0);
    expect_error(CALL_ESTIMATE, -32000, "gas required exceeds allowance (30000000)");
    put(&TARGET, "fe", 0);
    expect_error(CALL_ESTIMATE, -32000, "invalid opcode: INVALID");
}

// Reads slot 5 of the target, the balance of `other`, and calls it, which reads its slot 7.
#define TOUCHES                                                                                                        \
    "60055450"                                                                                                         \
    "73cc000000000000000000000000000000000000003150"                                                                   \
    "5f5f5f5f5f73cc000000000000000000000000000000000000005af150"

Test(calls, an_access_list_holds_what_is_touched)
{
    put(&OTHER, "600754", 0);
    put(&TARGET, TOUCHES, 0);
    struct call_request *r = run(CALL_ACCESS_LIST);
    cr_expect_eq(r->error_code, 0, "%s", r->error);
    json_t *got = json_loadb(jw_text(&r->json), r->json.len, 0, NULL);
    json_t *want = json_pack("[{s:s,s:[s]},{s:s,s:[s]}]", "address", "0xbb00000000000000000000000000000000000000",
                             "storageKeys", "0x0000000000000000000000000000000000000000000000000000000000000005",
                             "address", "0xcc00000000000000000000000000000000000000", "storageKeys",
                             "0x0000000000000000000000000000000000000000000000000000000000000007");
    cr_expect(json_equal(json_object_get(got, "accessList"), want), "%.*s", (int)r->json.len, jw_text(&r->json));
    // A run with the list takes the gas that is told.
    cr_expect_lt(r->gas, 21000 + 2 * 2400 + 2 * 1900 + 1000);
    json_decref(got);
    json_decref(want);
    call_request_free(r);
}

static struct call_request *with_override(const struct call_override *o)
{
    struct call_request *r = call_bed_request(CALL_RUN);
    r->overrides = malloc(sizeof *o);
    r->override_count = 1;
    *r->overrides = *o;
    return r;
}

Test(calls, overrides_cover_the_state)
{
    const u256 zero = U256_ZERO, value = u256_from_u64(7);
    put(&TARGET, RETURN_SLOT_0, 0);
    evm_world_put_slot(bed.world, &TARGET, &zero, &value);
    struct call_override o = {.who = TARGET, .whole_storage = true};
    struct call_request *r = with_override(&o);
    call_bed_run(&bed, r);
    expect_output(r, "0000000000000000000000000000000000000000000000000000000000000000");
    call_request_free(r);

    o = (struct call_override){.who = TARGET, .slot_count = 1, .slots = malloc(sizeof(struct call_slot))};
    o.slots[0] = (struct call_slot){zero, u256_from_u64(9)};
    r = with_override(&o);
    call_bed_run(&bed, r);
    expect_output(r, "0000000000000000000000000000000000000000000000000000000000000009");
    call_request_free(r);

    // Code that returns its caller's balance.
    static const uint8_t code[] = {0x33, 0x31, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3};
    o = (struct call_override){.who = TARGET, .has_code = true, .code = bytes_of(memcpy(malloc(8), code, 8), 8)};
    r = with_override(&o);
    r->overrides = realloc(r->overrides, 2 * sizeof *r->overrides);
    r->overrides[1] = (struct call_override){.who = CALLER, .has_balance = true, .balance = u256_from_u64(5)};
    r->override_count = 2;
    call_bed_run(&bed, r);
    expect_output(r, "0000000000000000000000000000000000000000000000000000000000000005");
    call_request_free(r);
}

Test(calls, blockhash_knows_the_blocks_before)
{
    put(&TARGET, "6009405f5260205ff3", 0); // blockhash(9)
    struct call_request *r = call_bed_request(CALL_RUN);
    r->hashes_before = 10;
    r->hashes[0] = (bytes32){{0x99}};
    r->hash_count = 1;
    call_bed_run(&bed, r);
    expect_output(r, "9900000000000000000000000000000000000000000000000000000000000000");
    call_request_free(r);
}

static struct call_request *two_transactions(void)
{
    struct call_request *r = call_bed_request(CALL_TRACE);
    r->txs = realloc(r->txs, 2 * sizeof *r->txs);
    r->txs[1] = r->txs[0];
    r->tx_count = 2;
    r->first_traced = 1;
    r->signed_txs = true;
    for (uint64_t i = 0; i < 2; i++) {
        r->txs[i].tx.nonce = i;
        r->txs[i].tx.gas_limit = 100000;
        r->txs[i].tx.max_fee = u256_from_u64(8);
        r->txs[i].tx.max_tip = u256_from_u64(1);
    }
    return r;
}

static void expect_return_value(const struct call_request *r, const char *value)
{
    cr_assert_eq(r->error_code, 0, "%s", r->error);
    json_t *got = json_loadb(jw_text(&r->json), r->json.len, 0, NULL);
    cr_expect_str_eq(json_string_value(json_object_get(got, "returnValue")), value, "%.*s", (int)r->json.len,
                     jw_text(&r->json));
    json_decref(got);
}

Test(calls, a_traced_transaction_finds_what_those_before_it_left)
{
    put(&TARGET, "5f546001015f555f545f5260205ff3", 0); // ++slot[0], returned
    for (uint64_t late = 0; late < 20; late++) {
        struct call_request *r = two_transactions();
        bed.late = late;
        bed.slice = late % 2 ? 100 : 0;
        call_bed_run(&bed, r);
        expect_return_value(r, "0x0000000000000000000000000000000000000000000000000000000000000002");
        call_request_free(r);
    }
}

Test(calls, a_block_begins_with_its_beacon_root)
{
    // At the address of EIP-4788: stores what it is called with, returns it to who calls without data.
    static const address beacon_roots = {{0x00, 0x0f, 0x3d, 0xf6, 0xd7, 0x32, 0x80, 0x7e, 0xf1, 0x31,
                                          0x9f, 0xb7, 0xb8, 0xbb, 0x85, 0x22, 0xd0, 0xbe, 0xac, 0x02}};
    put(&beacon_roots, "36600d575f545f5260205ff3005b5f355f5500", 0);
    put(&TARGET, "60205f5f5f73000f3df6d732807ef1319fb7b8bb8522d0beac025afa5060205ff3", 0);
    for (uint64_t late = 0; late < 20; late++) {
        struct call_request *r = two_transactions();
        r->begins_block = true;
        r->beacon_root = (bytes32){{0x47, 0x88}};
        bed.late = late;
        call_bed_run(&bed, r);
        expect_return_value(r, "0x4788000000000000000000000000000000000000000000000000000000000000");
        call_request_free(r);
    }
}

Test(calls, a_transaction_that_does_not_fit_its_state_is_refused)
{
    struct call_request *r = two_transactions();
    r->txs[1].tx.nonce = 5;
    call_bed_run(&bed, r);
    cr_expect_eq(r->error_code, -32000);
    cr_expect_str_eq(r->error, "tracing failed: nonce too high");
    call_request_free(r);
}

// A program that stores, calls, logs, copies and creates, by chance.
static void random_program(uint8_t *code, size_t len)
{
    static const uint8_t ops[] = {0x54, 0x55, 0x31, 0x3b, 0x3f, 0x5a, 0x5f, 0x01, 0x20, 0xa0, 0xf0, 0xf1, 0xfa, 0xf4,
                                  0x60, 0x60, 0x60, 0x73, 0x80, 0x90, 0x50, 0x5f, 0x5f, 0x5f, 0x47, 0x3d, 0x5c, 0x5d};
    for (size_t i = 0; i < len; i++) {
        code[i] = ops[test_random(&seed) % sizeof ops];
        if (code[i] == 0x60 && i + 1 < len)
            code[++i] = (uint8_t)(test_random(&seed) % 4);
        if (code[i] == 0x73 && i + 20 < len) {
            memset(code + i + 1, 0, 20);
            code[i + 1] = test_random(&seed) % 2 ? 0xbb : 0xcc;
            i += 20;
        }
    }
}

static char *result_of(enum call_kind kind, enum trace_kind trace, bool interrupted)
{
    struct call_request *r = call_bed_request(kind);
    r->trace = (struct trace_options){.kind = trace, .memory = true, .return_data = true, .with_logs = true};
    r->trace.diff = trace == TRACE_PRESTATE;
    r->txs[0].tx.gas_limit = 300000;
    bed.late = interrupted ? seed | 1 : 0;
    bed.slice = interrupted ? 50 : 0;
    call_bed_run(&bed, r);
    char output[65] = "";
    hex_encode(output, r->output, r->output_len < 32 ? r->output_len : 32);
    const size_t cap = r->json.len + sizeof r->error + 256;
    char *text = malloc(cap);
    snprintf(text, cap, "%d %s %s %lu %.*s", r->error_code, r->error, output, r->gas, (int)r->json.len,
             r->json.len ? jw_text(&r->json) : "");
    call_request_free(r);
    return text;
}

static void expect_same(const char *a, const char *b)
{
    size_t at = 0;
    while (a[at] && a[at] == b[at])
        at++;
    const size_t from = at < 300 ? 0 : at - 300;
    cr_assert(a[at] == b[at], "they part at byte %zu:\n%.500s\n%.500s", at, a + from, b + from);
}

Test(calls, interruptions_change_nothing)
{
    seed = test_seed("calls");
    size_t waits = 0, pauses = 0;
    for (int i = 0; i < 300; i++) {
        uint8_t code[2][120];
        const u256 rich = u256_from_u64(1000);
        for (int c = 0; c < 2; c++) {
            random_program(code[c], sizeof code[c]);
            evm_world_put_account(bed.world, c ? &OTHER : &TARGET, 1, &rich, bytes_of(code[c], sizeof code[c]));
        }
        for (int k = 0; k < 6; k++) {
            const enum call_kind kind = k < 3 ? (enum call_kind)k : CALL_TRACE;
            const enum trace_kind trace = k < 3 ? TRACE_STEPS : (enum trace_kind)(k - 3);
            char *whole = result_of(kind, trace, false), *parts = result_of(kind, trace, true);
            waits += bed.waits;
            pauses += bed.pauses;
            expect_same(whole, parts);
            if (kind == CALL_TRACE) {
                json_t *json = json_loads(strchr(whole, '{'), 0, NULL);
                cr_assert_not_null(json, "%s", whole);
                json_decref(json);
            }
            free(whole);
            free(parts);
        }
    }
    cr_expect_gt(waits, 300);
    cr_expect_gt(pauses, 300);
}
