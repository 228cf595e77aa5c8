// Traces against geth's own test data: a transaction, the state before it, and what geth's tracers say of it.
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/hex.h"
#include "sigverify/sigverify.h"
#include "tests/engine/call_bed.h"
#include "tests/support/vectors.h"

#define DATA "geth/eth/tracers/internal/tracetest/testdata/"

static struct call_bed bed;

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static u256 number_in(const char *text)
{
    u256 out = U256_ZERO;
    if (text)
        cr_assert(u256_parse(&out, text, strlen(text)), "%s", text);
    return out;
}

static struct bytes bytes_in(const char *text)
{
    const size_t len = text ? strlen(text) / 2 - 1 : 0;
    uint8_t *out = malloc(len + 1);
    if (len > 0)
        cr_assert_eq(hex_decode(out, len, text + 2, 2 * len), (int)len);
    return bytes_of(out, len);
}

static address address_in(const char *text)
{
    address out = {{0}};
    if (text)
        cr_assert_eq(hex_decode(out.b, 20, text + 2, 40), 20);
    return out;
}

static void load_alloc(const json_t *alloc)
{
    const char *name, *key;
    json_t *account, *value;
    json_object_foreach((json_t *)alloc, name, account)
    {
        const address who = address_in(name);
        const struct bytes code = bytes_in(text_of(account, "code"));
        const json_t *nonce = json_object_get(account, "nonce");
        const u256 balance = number_in(text_of(account, "balance"));
        const uint64_t n =
            json_is_string(nonce) ? number_in(json_string_value(nonce)).w[0] : (uint64_t)json_integer_value(nonce);
        evm_world_put_account(bed.world, &who, n, &balance, code);
        free((void *)code.ptr);
        json_object_foreach(json_object_get(account, "storage"), key, value)
        {
            const u256 k = number_in(key), v = number_in(json_string_value(value));
            evm_world_put_slot(bed.world, &who, &k, &v);
        }
    }
}

static address sender_of(const struct tx *tx)
{
    struct sv_verifier *v = sv_create();
    struct sv_result result;
    const struct sv_item item = {tx_signing_hash(tx), tx->r, tx->s, tx->y_parity, true};
    sv_recover(v, &result, &item, 1);
    sv_free(v);
    cr_assert_eq(result.status, SV_OK);
    return result.signer;
}

static enum evm_fork fork_of(const json_t *config)
{
    if (json_object_get(config, "cancunTime"))
        return EVM_CANCUN;
    if (json_object_get(config, "shanghaiTime"))
        return EVM_SHANGHAI;
    return json_object_get(config, "londonBlock") ? EVM_LONDON : EVM_BERLIN;
}

static struct call_request *request_of(const json_t *test, struct bytes raw, struct bytes *blob_hashes)
{
    const json_t *context = json_object_get(test, "context");
    struct call_request *r = call_bed_request(CALL_TRACE);
    struct tx tx;
    r->signed_txs = true;
    r->block = (struct evm_block){
        .chain_id = (uint64_t)json_integer_value(
            json_object_get(json_object_get(json_object_get(test, "genesis"), "config"), "chainId")),
        .number = number_in(text_of(context, "number")).w[0],
        .timestamp = number_in(text_of(context, "timestamp")).w[0],
        .gas_limit = number_in(text_of(context, "gasLimit")).w[0],
        .coinbase = address_in(text_of(context, "miner")),
        .base_fee = number_in(text_of(context, "baseFeePerGas")),
        .blob_base_fee = u256_from_u64(1),
    };
    (void)blob_hashes;
    cr_assert_eq(tx_decode(&tx, raw, 0), TX_OK);
    const address sender = sender_of(&tx);
    r->txs[0].tx = evm_tx_of(&tx, &sender);
    return r;
}

static void read_options(const json_t *config, struct trace_options *o)
{
    o->only_top = json_is_true(json_object_get(config, "onlyTopCall"));
    o->no_code = json_is_true(json_object_get(config, "disableCode"));
    o->no_storage = json_is_true(json_object_get(config, "disableStorage"));
    o->with_empty = json_is_true(json_object_get(config, "includeEmpty"));
}

// Forks before Berlin cost other gas; all else is as today.
static void forget_gas(json_t *v)
{
    json_t *child;
    size_t i;
    json_object_del(v, "gas");
    json_object_del(v, "gasUsed");
    json_array_foreach(json_object_get(v, "calls"), i, child) forget_gas(child);
}

static void check(enum trace_kind kind, const char *folder, const char *name, bool same_gas)
{
    char file[256];
    snprintf(file, sizeof file, DATA "%s/%s.json", folder, name);
    char *path = vectors_path("misc-public", file);
    if (!path)
        cr_skip_test("no vectors");
    json_t *test = json_load_file(path, 0, NULL), *expected = json_object_get(test, "result");
    cr_assert_not_null(test, "%s", path);
    const json_t *genesis = json_object_get(test, "genesis");
    call_bed_open(&bed, fork_of(json_object_get(genesis, "config")));
    load_alloc(json_object_get(genesis, "alloc"));
    const struct bytes raw = bytes_in(text_of(test, "input"));
    struct call_request *r = request_of(test, raw, NULL);
    r->trace.kind = kind;
    read_options(json_object_get(test, "tracerConfig"), &r->trace);
    bed.late = test_seed(name);
    bed.slice = 5000;
    call_bed_run(&bed, r);
    cr_assert_eq(r->error_code, 0, "%s: %s", name, r->error);
    json_error_t where;
    json_t *got = json_loadb(jw_text(&r->json), r->json.len, JSON_DECODE_ANY, &where);
    cr_assert_not_null(got, "%s: %s at %d: %.*s", name, where.text, where.position, (int)r->json.len,
                       jw_text(&r->json));
    if (!same_gas) {
        forget_gas(got);
        forget_gas(expected);
    }
    cr_expect(json_equal(got, expected), "%s\n got  %s\n want %s", name, json_dumps(got, JSON_SORT_KEYS),
              json_dumps(expected, JSON_SORT_KEYS));
    json_decref(got);
    json_decref(test);
    call_request_free(r);
    call_bed_close(&bed);
    free((void *)raw.ptr);
    free(path);
}

Test(call_traces, call_trees_are_geths)
{
    check(TRACE_CALLS, "call_tracer", "inner_revert_reason", true);
    static const char *const older[] = {"create", "deep_calls",    "delegatecall", "inner_instafail", "revert",
                                        "simple", "revert_reason", "selfdestruct", "simple_onlytop",  "throw"};
    for (size_t i = 0; i < sizeof older / sizeof *older; i++)
        check(TRACE_CALLS, "call_tracer", older[i], false);
}

Test(call_traces, prestates_are_geths)
{
    static const char *const names[] = {
        "create_create", "create_post_eip158", "disable_code", "disable_code_and_storage", "disable_storage", "simple"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check(TRACE_PRESTATE, "prestate_tracer", names[i], true);
}
