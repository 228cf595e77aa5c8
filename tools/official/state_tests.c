#include "tools/official/state_tests.h"

#include "base/hex.h"
#include "base/keccak.h"
#include "tools/official/files.h"
#include "tools/official/official_json.h"

#include "shard/evm/precompiles/precompiles.h"

#include <stdio.h>
#include <stdlib.h>

// A thread with an EVM of its own.
struct runner {
    struct state_tests *tests;
    struct arena *arena;
    struct evm_world *world;
    struct evm *evm;
    const char *file;
    pthread_mutex_t *lock; // of reporting and counting
};

static void report(const struct runner *r, const char *name, const char *error)
{
    const struct state_test_result result = {r->file, name, error == NULL, error};
    pthread_mutex_lock(r->lock);
    *(error ? &r->tests->failed : &r->tests->passed) += 1;
    r->tests->report(r->tests->ctx, &result);
    pthread_mutex_unlock(r->lock);
}

static bytes32 logs_hash(const struct evm_result *result)
{
    const size_t len = evm_logs_size(result->logs, result->log_count);
    uint8_t *buf = malloc(len);
    if (!buf)
        abort();
    evm_logs_put(buf, result->logs, result->log_count);
    const bytes32 hash = keccak256(buf, len);
    free(buf);
    return hash;
}

struct expectation {
    bytes32 root, logs;
    const char *exception; // NULL: the transaction is valid
};

static bool hash_differs(char error[512], const char *what, const bytes32 *expected, const bytes32 *got)
{
    char want[65] = {0}, have[65] = {0};
    if (bytes32_equal(expected, got))
        return false;
    hex_encode(want, expected->b, 32);
    hex_encode(have, got->b, 32);
    snprintf(error, 512, "%s: expected 0x%s, got 0x%s", what, want, have);
    return true;
}

// Runs the transaction on the filled world. True when all is as expected, else error says what isn't.
static bool run_case(struct runner *r, const struct evm_tx *tx, const struct expectation *expected, char error[512])
{
    struct evm_result result;
    const enum evm_outcome outcome = evm_transact(r->evm, tx, 0, &result);
    if (outcome == EVM_INVALID && !expected->exception) {
        snprintf(error, 512, "transaction: expected valid, got %s", tx_status_text(result.status));
        return false;
    }
    if (outcome == EVM_DONE && expected->exception) {
        snprintf(error, 512, "transaction: expected %s, got valid", expected->exception);
        return false;
    }
    const bytes32 logs = logs_hash(&result);
    if (outcome == EVM_DONE)
        evm_commit(r->evm);
    const bytes32 root = evm_world_root(r->world);
    return !hash_differs(error, "logs", &expected->logs, &logs) &&
           !hash_differs(error, "state root", &expected->root, &root);
}

static bool prepare(struct runner *r, const json_t *test)
{
    uint64_t chain_id;
    struct evm_block block;
    evm_world_clear(r->world);
    if (!official_u64(&chain_id, json_object_get(test, "config"), "chainid", 1) ||
        !official_env(&block, r->tests->rules, json_object_get(test, "env"), chain_id) ||
        !official_accounts(r->world, json_object_get(test, "pre")))
        return false;
    evm_set_block(r->evm, &block);
    return true;
}

struct variant {
    size_t data, gas, value;
};

static struct variant read_variant(const json_t *post)
{
    const json_t *indexes = json_object_get(post, "indexes");
    return (struct variant){(size_t)json_integer_value(json_object_get(indexes, "data")),
                            (size_t)json_integer_value(json_object_get(indexes, "gas")),
                            (size_t)json_integer_value(json_object_get(indexes, "value"))};
}

static void run_post(struct runner *r, const char *name, const json_t *test, const json_t *post)
{
    char error[512] = "the test's JSON is not that of a state test";
    const struct variant v = read_variant(post);
    struct expectation expected = {.exception = json_string_value(json_object_get(post, "expectException"))};
    struct official_tx tx;
    bool pass = false;
    if (official_tx(&tx, json_object_get(test, "transaction"), v.data, v.gas, v.value) && prepare(r, test) &&
        official_fixed(expected.root.b, 32, json_object_get(post, "hash")) &&
        official_fixed(expected.logs.b, 32, json_object_get(post, "logs")))
        pass = run_case(r, &tx.tx, &expected, error);
    official_tx_free(&tx);
    report(r, name, pass ? NULL : error);
}

static void run_test(struct runner *r, const char *name, const json_t *test)
{
    const json_t *posts = json_object_get(json_object_get(test, "post"), r->tests->rules->name);
    const size_t count = json_array_size(posts);
    if (r->tests->filter && !strstr(name, r->tests->filter))
        return;
    for (size_t i = 0; i < count; i++) {
        const json_t *post = json_array_get(posts, i);
        const struct variant v = read_variant(post);
        char *full = NULL;
        if (count > 1 && asprintf(&full, "%s/d%zug%zuv%zu", name, v.data, v.gas, v.value) < 0)
            abort();
        run_post(r, full ? full : name, test, post);
        free(full);
    }
}

static void run_file(struct runner *r)
{
    char error[512];
    json_t *root = official_file_load(r->file, error, sizeof error);
    if (!root) {
        report(r, r->file, error);
    }
    const char *name;
    json_t *test;
    json_object_foreach(root, name, test)
    {
        run_test(r, name, test);
    }
    json_decref(root);
}

static void run_files(void *ctx, struct official_files *files)
{
    struct state_tests *tests = ctx;
    struct precompiles *precompiles = precompiles_create();
    struct runner r = {.tests = tests, .arena = arena_create(), .lock = &files->lock};
    if (!precompiles) {
        fprintf(stderr, "statetest: no RIPEMD-160 in libcrypto, or no memory\n");
        abort();
    }
    r.world = evm_world_create(r.arena, tests->rules);
    r.evm = evm_create(r.arena, tests->rules, precompiles, evm_world_host(r.world));
    while ((r.file = official_files_next(files)))
        run_file(&r);
    evm_free(r.evm);
    evm_world_free(r.world);
    arena_destroy(r.arena);
    precompiles_free(precompiles);
}

void state_tests_run(struct state_tests *tests, char *const *files, size_t count)
{
    struct official_files work = {.files = files, .count = count, .work = run_files, .ctx = tests};
    official_files_run(&work, tests->jobs);
}
