// Signed scenarios (ERC-20, WETH, Uniswap v2, plain transfers): one transaction after the other gives the recorded gas,
// status, logs and state root, and the sender that signed it.
#include "base/hex.h"
#include "base/keccak.h"
#include "shard/evm/precompiles/precompiles.h"
#include "sigverify/sigverify.h"
#include "tests/support/vectors.h"
#include "tools/official/official_json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scenario {
    const char *name;
    json_t *json;
    struct arena *arena;
    struct precompiles *precompiles;
    struct evm_world *world;
    struct evm *evm;
    struct sv_verifier *verifier;
};

static bool begin(struct scenario *s, const char *name)
{
    char file[128];
    snprintf(file, sizeof file, "evm-benchmarks/scenarios/%s.cancun.json", name);
    char *path = vectors_path("misc-public", file);
    if (!path)
        return false;
    char *text = vectors_read(path, NULL);
    const struct evm_rules *rules = evm_rules_of(EVM_CANCUN);
    struct evm_block block;
    *s = (struct scenario){.name = name, .json = json_loads(text, 0, NULL), .arena = arena_create()};
    s->precompiles = precompiles_create();
    s->world = evm_world_create(s->arena, rules);
    s->evm = evm_create(s->arena, rules, s->precompiles, evm_world_host(s->world));
    s->verifier = sv_create();
    const uint64_t chain_id = (uint64_t)json_integer_value(json_object_get(s->json, "chainId"));
    cr_assert(official_env(&block, rules, json_object_get(s->json, "env"), chain_id));
    block.gas_limit = UINT64_MAX; // "block gas limit not enforced"
    evm_set_block(s->evm, &block);
    cr_assert(official_accounts(s->world, json_object_get(s->json, "alloc")));
    free(text);
    free(path);
    return true;
}

static void end(struct scenario *s)
{
    sv_free(s->verifier);
    evm_free(s->evm);
    evm_world_free(s->world);
    precompiles_free(s->precompiles);
    arena_destroy(s->arena);
    json_decref(s->json);
}

static void check_root(struct scenario *s, size_t index, const json_t *expected)
{
    bytes32 want;
    const bytes32 got = evm_world_root(s->world);
    cr_assert(official_fixed(want.b, 32, expected));
    cr_assert(bytes32_equal(&want, &got), "%s, %zu: state root", s->name, index);
}

static void check_logs(const struct scenario *s, size_t index, const struct evm_result *result, const json_t *logs)
{
    size_t i, t;
    const json_t *log, *topic;
    cr_assert_eq(result->log_count, json_array_size(logs), "%s, %zu: logs", s->name, index);
    json_array_foreach(logs, i, log)
    {
        const struct evm_log *got = &result->logs[i];
        address who;
        struct bytes data;
        cr_assert(official_fixed(who.b, 20, json_object_get(log, "address")) && address_equal(&who, &got->who));
        cr_assert(official_bytes(&data, json_object_get(log, "data")));
        cr_assert(bytes_equal(data, got->data), "%s, %zu: data of log %zu", s->name, index, i);
        free((void *)data.ptr);
        cr_assert_eq(json_array_size(json_object_get(log, "topics")), got->topic_count);
        json_array_foreach(json_object_get(log, "topics"), t, topic)
        {
            bytes32 want;
            cr_assert(official_fixed(want.b, 32, topic) && bytes32_equal(&want, &got->topics[t]));
        }
    }
}

static address recover(struct scenario *s, const struct tx *tx)
{
    const struct sv_item item = {
        .hash = tx_signing_hash(tx), .r = tx->r, .s = tx->s, .v = tx->y_parity, .require_low_s = true};
    struct sv_result result;
    sv_recover(s->verifier, &result, &item, 1);
    cr_assert_eq(result.status, SV_OK);
    return result.signer;
}

static void run_tx(struct scenario *s, size_t index, const json_t *expected)
{
    struct bytes raw;
    struct tx tx;
    struct evm_result result;
    address signer;
    uint64_t gas;
    cr_assert(official_bytes(&raw, json_object_get(expected, "rawTx")));
    cr_assert_eq(tx_decode(&tx, raw, 1), TX_OK);
    const address sender = recover(s, &tx);
    cr_assert(official_fixed(signer.b, 20, json_object_get(expected, "sender")) && address_equal(&signer, &sender));
    const struct evm_tx call = evm_tx_of(&tx, &sender);
    cr_assert_eq(evm_transact(s->evm, &call, 0, &result), EVM_DONE, "%s, %zu: %s", s->name, index,
                 tx_status_text(result.status));
    cr_assert(official_u64(&gas, expected, "gasUsed", 0));
    cr_assert_eq(result.gas_used, gas, "%s, %zu: %lu gas, not %lu", s->name, index, result.gas_used, gas);
    cr_assert_eq(result.success, json_integer_value(json_object_get(expected, "status")) == 1);
    check_logs(s, index, &result, json_object_get(expected, "logs"));
    const json_t *output = json_object_get(expected, "returnData");
    if (json_is_string(output)) {
        struct bytes want;
        cr_assert(official_bytes(&want, output));
        cr_assert(bytes_equal(want, result.output), "%s, %zu: output", s->name, index);
        free((void *)want.ptr);
    }
    evm_commit(s->evm);
    check_root(s, index, json_object_get(expected, "postRoot"));
    free((void *)raw.ptr);
}

static void run_scenario(const char *name, size_t least)
{
    struct scenario s;
    size_t i;
    const json_t *tx;
    if (!begin(&s, name))
        cr_skip_test("no vectors");
    check_root(&s, 0, json_object_get(s.json, "preRoot"));
    json_array_foreach(json_object_get(s.json, "txs"), i, tx)
    {
        run_tx(&s, i, tx);
    }
    fprintf(stderr, "scenario %s: %zu transactions agree\n", name, i);
    cr_expect_geq(i, least);
    end(&s);
}

Test(scenarios, erc20)
{
    run_scenario("erc20_oz", 291);
}

Test(scenarios, weth)
{
    run_scenario("weth9", 161);
}

Test(scenarios, uniswap_v2)
{
    run_scenario("uniswap_v2", 223);
}

Test(scenarios, transfers)
{
    run_scenario("native_transfers", 300);
}
