#include "tools/official/block_tests.h"

#include "base/hex.h"
#include "base/keccak.h"
#include "shard/serial/block_run.h"
#include "tools/official/files.h"
#include "tools/official/official_json.h"

#include <stdio.h>
#include <stdlib.h>

enum { ERROR_MAX = 512 };

// A block that was accepted. The first is the genesis, which has no body.
struct known_block {
    struct header header;
    bytes32 hash;
    size_t parent; // its number here
    struct bytes rlp;
};

// A thread with a chain of its own.
struct runner {
    struct block_tests *tests;
    struct arena *arena;
    struct evm_world *world;
    struct block_runner *blocks;
    struct block_body *body;
    const char *file;
    pthread_mutex_t *lock; // of reporting and counting
    // The test under way.
    struct chain_rules rules;
    const json_t *pre;
    struct known_block *known;
    size_t known_count;
    size_t head;         // the last block that was accepted
    size_t state_of;     // the world's state is the one after this block,
    bool state_is_dirty; // unless a refused one was begun on it
    struct block_refusal *refusals;
    size_t refusal_count;
};

static const struct evm_rules *rules_named(const char *name, size_t len)
{
    char text[32] = {0};
    if (len >= sizeof text)
        return NULL;
    memcpy(text, name, len);
    const struct evm_rules *rules = evm_rules_by_name(text);
    return rules && rules->fork >= EVM_PARIS ? rules : NULL;
}

// "Cancun" or "ShanghaiToCancunAtTime15k".
bool block_tests_network(struct chain_rules *out, const char *network)
{
    const char *to = strstr(network, "To"), *at = strstr(network, "AtTime");
    *out = (struct chain_rules){.chain_id = 1, .fees = {2, 8}, .fork_count = 1};
    out->forks[0].rules = rules_named(network, to ? (size_t)(to - network) : strlen(network));
    if (!to)
        return out->forks[0].rules;
    if (!at || at < to)
        return false;
    char *end;
    const uint64_t time = strtoull(at + strlen("AtTime"), &end, 10);
    out->fork_count = 2;
    out->forks[1] = (struct chain_fork){.from_time = *end == 'k' ? 1000 * time : time,
                                        .rules = rules_named(to + 2, (size_t)(at - to - 2))};
    return out->forks[0].rules && out->forks[1].rules;
}

static bool fill_world(struct runner *r)
{
    evm_world_clear(r->world);
    r->state_of = 0;
    r->state_is_dirty = false;
    if (!official_accounts(r->world, r->pre))
        return false;
    evm_world_set_block_hash(r->world, r->known[0].header.number, &r->known[0].hash);
    return true;
}

// Executes an accepted block once more.
static bool repeat(struct runner *r, size_t number)
{
    const struct known_block *block = &r->known[number];
    struct block_results results;
    struct block_verdict verdict;
    if (!block_body_read(r->body, block->rlp, r->rules.chain_id, &verdict) ||
        !block_execute(r->blocks, &r->rules, r->body, &results, &verdict))
        return false;
    evm_world_set_block_hash(r->world, block->header.number, &block->hash);
    r->state_of = number;
    return true;
}

static bool repeat_from_genesis(struct runner *r, size_t number)
{
    return number == 0 ? fill_world(r) : repeat_from_genesis(r, r->known[number].parent) && repeat(r, number);
}

// The world as it is after an accepted block. There is no way back but to begin anew.
static bool go_to(struct runner *r, size_t number)
{
    return (!r->state_is_dirty && r->state_of == number) || repeat_from_genesis(r, number);
}

static bool find_parent(const struct runner *r, const bytes32 *hash, size_t *number)
{
    for (*number = 0; *number < r->known_count; ++*number) {
        if (bytes32_equal(&r->known[*number].hash, hash))
            return true;
    }
    return false;
}

static bool take_block(struct runner *r, struct bytes rlp, struct block_verdict *verdict)
{
    size_t parent;
    struct block_results results;
    if (!block_body_read(r->body, rlp, r->rules.chain_id, verdict))
        return false;
    const struct header *h = &r->body->view.header;
    if (!find_parent(r, &h->parent_hash, &parent))
        return block_refuse(verdict, BLOCK_UNKNOWN_PARENT, "no block has this hash");
    if (!go_to(r, parent) || !block_body_read(r->body, rlp, r->rules.chain_id, verdict))
        return block_refuse(verdict, BLOCK_UNKNOWN_PARENT, "its state can't be made again");
    r->state_is_dirty = true;
    if (!block_accept(r->blocks, &r->rules, &r->known[parent].header, &r->known[parent].hash, r->body, &results,
                      verdict))
        return false;
    r->state_is_dirty = false;
    r->head = r->state_of = r->known_count;
    r->known[r->known_count++] = (struct known_block){*h, r->body->hash, parent, rlp};
    evm_world_set_block_hash(r->world, h->number, &r->body->hash);
    return true;
}

// "expectException", in older tests with a fork's name behind it; NULL for a valid block.
static const char *expected_exception(const json_t *block)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)block, key, value)
    {
        if (strncmp(key, "expectException", strlen("expectException")) == 0)
            return json_is_string(value) ? json_string_value(value) : "an exception";
    }
    return NULL;
}

static bool run_block(struct runner *r, const json_t *block, size_t index, struct bytes rlp, char error[ERROR_MAX])
{
    const char *exception = expected_exception(block);
    struct block_verdict verdict = {0};
    const bool accepted = take_block(r, rlp, &verdict);
    if (accepted == !exception) {
        if (exception)
            r->refusals[r->refusal_count++] = (struct block_refusal){exception, verdict};
        return true;
    }
    if (accepted)
        snprintf(error, ERROR_MAX, "block %zu: expected %s, got valid", index + 1, exception);
    else
        snprintf(error, ERROR_MAX, "block %zu: expected valid, got %s", index + 1, verdict.text);
    return false;
}

static bool hash_is(char error[ERROR_MAX], const char *what, const bytes32 *expected, const bytes32 *got)
{
    char want[65] = {0}, have[65] = {0};
    if (bytes32_equal(expected, got))
        return true;
    hex_encode(want, expected->b, 32);
    hex_encode(have, got->b, 32);
    snprintf(error, ERROR_MAX, "%s: expected 0x%s, got 0x%s", what, want, have);
    return false;
}

static bool begin(struct runner *r, const json_t *test, struct bytes genesis, char error[ERROR_MAX])
{
    struct block_view view;
    snprintf(error, ERROR_MAX, "the test's JSON is not that of a blockchain test");
    if (!official_u64(&r->rules.chain_id, json_object_get(test, "config"), "chainid", 1) ||
        !block_decode_foreign(&view, genesis))
        return false;
    r->pre = json_object_get(test, "pre");
    r->known[0] =
        (struct known_block){.header = view.header, .hash = keccak256(view.header_rlp.ptr, view.header_rlp.len)};
    r->known_count = 1;
    r->head = r->refusal_count = 0;
    if (!fill_world(r))
        return false;
    const bytes32 root = evm_world_root(r->world);
    return hash_is(error, "genesis: state root", &view.header.state_root, &root);
}

// rlps[0] is the genesis.
static bool run_chain(struct runner *r, const json_t *test, const struct bytes *rlps, char error[ERROR_MAX])
{
    const json_t *blocks = json_object_get(test, "blocks");
    const size_t count = json_array_size(blocks);
    bytes32 last;
    if (!begin(r, test, rlps[0], error))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!run_block(r, json_array_get(blocks, i), i, rlps[i + 1], error))
            return false;
    }
    snprintf(error, ERROR_MAX, "lastblockhash is missing");
    return official_fixed(last.b, sizeof last.b, json_object_get(test, "lastblockhash")) &&
           hash_is(error, "last block", &last, &r->known[r->head].hash);
}

static void report(struct runner *r, const char *name, const char *network, const char *error)
{
    const struct block_test_result result = {r->file, name, network, !error, error, r->refusals, r->refusal_count};
    pthread_mutex_lock(r->lock);
    *(error ? &r->tests->failed : &r->tests->passed) += 1;
    r->tests->report(r->tests->ctx, &result);
    pthread_mutex_unlock(r->lock);
}

static void run_chain_of(struct runner *r, const char *name, const char *network, const json_t *test)
{
    char error[ERROR_MAX] = "a block is no hexadecimal text";
    const json_t *blocks = json_object_get(test, "blocks");
    const size_t count = json_array_size(blocks);
    struct bytes *rlps = calloc(count + 1, sizeof *rlps);
    r->known = calloc(count + 1, sizeof *r->known);
    r->refusals = calloc(count + 1, sizeof *r->refusals);
    if (!rlps || !r->known || !r->refusals)
        abort();
    bool pass = official_bytes(&rlps[0], json_object_get(test, "genesisRLP"));
    for (size_t i = 0; i < count; i++)
        pass &= official_bytes(&rlps[i + 1], json_object_get(json_array_get(blocks, i), "rlp"));
    pass = pass && run_chain(r, test, rlps, error);
    report(r, name, network, pass ? NULL : error);
    for (size_t i = 0; i <= count; i++)
        free((void *)rlps[i].ptr);
    free(rlps);
    free(r->known);
    free(r->refusals);
}

// "Cancun" is the last fork of "Cancun" and of "ShanghaiToCancunAtTime15k".
static bool is_of_fork(const char *network, const char *fork)
{
    const char *to = strstr(network, "To");
    const size_t len = strlen(fork);
    return strcmp(network, fork) == 0 || (to && strncmp(to + 2, fork, len) == 0 && strncmp(to + 2 + len, "At", 2) == 0);
}

static void run_test(struct runner *r, const char *name, const json_t *test)
{
    const char *network = json_string_value(json_object_get(test, "network"));
    if (!network || !is_of_fork(network, r->tests->fork) || (r->tests->filter && !strstr(name, r->tests->filter)))
        return;
    if (block_tests_network(&r->rules, network))
        run_chain_of(r, name, network, test);
}

static void run_file(struct runner *r)
{
    char error[ERROR_MAX];
    json_t *root = official_file_load(r->file, error, sizeof error);
    if (!root) {
        r->refusal_count = 0;
        report(r, r->file, r->tests->fork, error);
    }
    const char *name;
    json_t *test;
    json_object_foreach(root, name, test)
    {
        run_test(r, name, test);
    }
    json_decref(root);
}

static bytes32 world_root(void *world)
{
    return evm_world_root(world);
}

static void set_world_rules(void *world, const struct evm_rules *rules)
{
    evm_world_set_rules(world, rules);
}

static void run_files(void *ctx, struct official_files *files)
{
    struct runner r = {.tests = ctx, .arena = arena_create(), .body = block_body_create(), .lock = &files->lock};
    r.world = evm_world_create(r.arena, evm_rules_of(EVM_PARIS));
    const struct block_state state = {evm_world_host(r.world), r.world, world_root, set_world_rules};
    r.blocks = block_runner_create(r.arena, &state);
    if (!r.blocks) {
        fprintf(stderr, "blocktest: no RIPEMD-160 in libcrypto, or no memory\n");
        abort();
    }
    while ((r.file = official_files_next(files)))
        run_file(&r);
    block_runner_free(r.blocks);
    block_body_free(r.body);
    evm_world_free(r.world);
    arena_destroy(r.arena);
}

void block_tests_run(struct block_tests *tests, char *const *files, size_t count)
{
    struct official_files work = {.files = files, .count = count, .work = run_files, .ctx = tests};
    official_files_run(&work, tests->jobs);
}
