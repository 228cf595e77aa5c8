#include "shard/trie/account_trie.h"

#include "base/keccak.h"
#include "base/rlp.h"
#include "shard/state/storage.h"
#include "shard/trie/account_trie_private.h"

#include <assert.h>

// Tries are changed and hashed in groups of about this many changed leaves: enough to fill the lanes on every level,
// and few enough that the nodes are still in the core's cache when they are hashed.
#define GROUP_LEAVES 512

size_t account_encode(uint8_t out[120], const struct account *a, const struct account_contract *contract)
{
    const bytes32 *root = contract ? &contract->storage_root : &KECCAK256_EMPTY_RLP;
    const bytes32 *code = contract ? &contract->code_hash : &KECCAK256_EMPTY;
    struct bytes storage_root = bytes_of(root->b, sizeof root->b);
    struct bytes code_hash = bytes_of(code->b, sizeof code->b);
    size_t payload_len = rlp_size_u64(a->nonce) + rlp_size_u256(&a->balance) + rlp_size_string(storage_root) +
                         rlp_size_string(code_hash);
    uint8_t *p = rlp_put_list(out, payload_len);
    p = rlp_put_u64(p, a->nonce);
    p = rlp_put_u256(p, &a->balance);
    p = rlp_put_string(p, storage_root);
    p = rlp_put_string(p, code_hash);
    return (size_t)(p - out);
}

static const bytes32 *leaf_key(void *ctx, uint32_t leaf)
{
    return state_key(ctx, leaf);
}

static size_t leaf_value(void *ctx, uint32_t leaf, uint8_t *out)
{
    const struct state *state = ctx;
    struct account a = state_get(state, leaf);
    if (storage_contract(state, leaf) == 0)
        return account_encode(out, &a, NULL);
    const struct account_contract contract = {state_storage_root(state, leaf), state_code_hash(state, leaf)};
    return account_encode(out, &a, &contract);
}

static const struct trie_leaves account_leaves = {.key = leaf_key, .value = leaf_value};

struct account_trie *account_trie_create(struct arena *arena, struct state *state)
{
    struct account_trie *t = arena_alloc(arena, sizeof *t);
    t->arena = arena;
    t->state = state;
    trie_pool_init(&t->pool, arena);
    trie_init(&t->trie, &account_leaves, state, &t->pool, PARTITION_DEPTH);
    storage_tries_init(&t->storage, state, &t->pool);
    return t;
}

void account_trie_free(struct account_trie *t)
{
    if (!t)
        return;
    storage_tries_free(&t->storage);
    trie_pool_reset(&t->pool);
    arena_free(t->arena, t);
}

static void take_changes(struct account_trie *t)
{
    size_t count = state_changed_count(t->state);
    for (size_t done = 0; done < count;) {
        struct trie_way ways[TRIE_PREFETCH_MAX];
        size_t n = 0;
        while (n < TRIE_PREFETCH_MAX && done + n < count) {
            ways[n] = (struct trie_way){&t->trie, state_changed(t->state, done + n)};
            const uint8_t *record = state_key(t->state, ways[n].leaf)->b;
            __builtin_prefetch(record);
            __builtin_prefetch(record + 64);
            n++;
        }
        trie_prefetch(ways, n);
        for (size_t i = 0; i < n; i++) {
            if (state_exists(t->state, ways[i].leaf))
                trie_put(&t->trie, ways[i].leaf);
            else
                trie_remove(&t->trie, ways[i].leaf);
        }
        done += n;
    }
}

// The two steps of a group: all storage tries, whose roots are in the accounts; then the account tries.
static void update_storage(struct account_trie **tries, size_t count)
{
    struct trie_hasher *hasher = trie_hasher_new(tries[0]->arena);
    for (size_t i = 0; i < count; i++)
        storage_tries_take(&tries[i]->storage, hasher);
    trie_hasher_finish(hasher);
    for (size_t i = 0; i < count; i++)
        storage_tries_publish(&tries[i]->storage);
}

static void update_accounts(struct account_trie **tries, size_t count)
{
    struct trie_hasher *hasher = trie_hasher_new(tries[0]->arena);
    for (size_t i = 0; i < count; i++) {
        if (state_changed_count(tries[i]->state) == 0)
            continue;
        take_changes(tries[i]);
        trie_hasher_add(hasher, &tries[i]->trie);
    }
    trie_hasher_finish(hasher);
}

void account_trie_update(struct account_trie **tries, size_t count)
{
    for (size_t first = 0, end = 0; first < count; first = end) {
        size_t accounts = 0, slots = 0;
        while (end < count && accounts + slots < GROUP_LEAVES) {
            accounts += state_changed_count(tries[end]->state);
            slots += storage_changed_count(tries[end]->state);
            end++;
        }
        if (slots > 0)
            update_storage(tries + first, end - first);
        if (accounts > 0)
            update_accounts(tries + first, end - first);
    }
}

struct gathering {
    const struct state *state;
    struct trie_entry *entries;
    size_t count;
};

static bool gather(void *ctx, uint32_t id)
{
    struct gathering *g = ctx;
    g->entries[g->count++] = (struct trie_entry){trie_key_prefix(state_key(g->state, id)), id};
    return true;
}

static void build_accounts(struct account_trie *t)
{
    size_t count = state_count(t->state);
    struct gathering g = {.state = t->state};
    g.entries = arena_alloc(t->arena, (count + 1) * sizeof *g.entries);
    state_visit(t->state, gather, &g);
    assert(g.count == count);
    trie_sort(&t->trie, g.entries, count);
    trie_build(&t->trie, g.entries, count);
    arena_free(t->arena, g.entries);
}

static void rebuild_group(struct account_trie **tries, size_t count)
{
    struct trie_hasher *hasher = trie_hasher_new(tries[0]->arena);
    for (size_t i = 0; i < count; i++) {
        struct account_trie *t = tries[i];
        trie_pool_reset(&t->pool);
        trie_init(&t->trie, &account_leaves, t->state, &t->pool, PARTITION_DEPTH);
        storage_tries_build(&t->storage, hasher);
    }
    trie_hasher_finish(hasher);
    hasher = trie_hasher_new(tries[0]->arena);
    for (size_t i = 0; i < count; i++) {
        storage_tries_publish(&tries[i]->storage);
        build_accounts(tries[i]);
        trie_hasher_add(hasher, &tries[i]->trie);
    }
    trie_hasher_finish(hasher);
}

void account_trie_rebuild(struct account_trie **tries, size_t count)
{
    for (size_t first = 0, end = 0; first < count; first = end) {
        size_t leaves = 0;
        while (end < count && leaves < GROUP_LEAVES) {
            leaves += state_count(tries[end]->state) + state_slot_count(tries[end]->state);
            end++;
        }
        rebuild_group(tries + first, end - first);
    }
}

void account_trie_subroot(const struct account_trie *t, struct subroot *out)
{
    *out = (struct subroot){.kind = SUBROOT_EMPTY};
    const struct trie *trie = &t->trie;
    assert(!trie->dirty);
    if (trie->root == TRIE_NONE)
        return;
    unsigned path_end = TRIE_KEY_NIBBLES;
    if (trie->root & TRIE_LEAF) {
        out->kind = SUBROOT_LEAF;
        out->value_len = (uint8_t)leaf_value(t->state, trie->root & ~TRIE_LEAF, out->value);
    } else {
        const struct trie_node *node = trie_node_at(trie->pool, trie->root);
        assert(!trie->root_embedded); // an account alone is longer than 32 bytes
        out->kind = node->depth == PARTITION_DEPTH ? SUBROOT_BRANCH : SUBROOT_EXTENSION;
        out->branch_hash = trie->root_ref;
        path_end = node->depth;
    }
    const bytes32 *key = trie_any_key(trie, trie->root);
    out->path_len = (uint8_t)(path_end - PARTITION_DEPTH);
    for (unsigned i = 0; i < out->path_len; i++)
        out->path[i] = (uint8_t)trie_nibble(key, PARTITION_DEPTH + i);
}
