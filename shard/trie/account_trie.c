#include "shard/trie/account_trie.h"

#include "base/keccak.h"
#include "base/rlp.h"
#include "shard/trie/trie.h"

#include <assert.h>

#define PARTITION_DEPTH 2 // nibbles that the partition's number takes
// Tries are changed and hashed in groups of about this many changed accounts: enough to fill the lanes on every level,
// and few enough that the nodes are still in the core's cache when they are hashed.
#define GROUP_ACCOUNTS 512

struct account_trie {
    struct arena *arena;
    struct state *state;
    struct trie_pool pool;
    struct trie trie;
};

size_t account_encode(uint8_t out[120], const struct account *a)
{
    // Codeless accounts: no storage, no code.
    struct bytes storage_root = bytes_of(KECCAK256_EMPTY_RLP.b, sizeof KECCAK256_EMPTY_RLP.b);
    struct bytes code_hash = bytes_of(KECCAK256_EMPTY.b, sizeof KECCAK256_EMPTY.b);
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
    struct account a = state_get(ctx, leaf);
    return account_encode(out, &a);
}

static const struct trie_leaves account_leaves = {.key = leaf_key, .value = leaf_value};

struct account_trie *account_trie_create(struct arena *arena, struct state *state)
{
    struct account_trie *t = arena_alloc(arena, sizeof *t);
    t->arena = arena;
    t->state = state;
    trie_pool_init(&t->pool, arena);
    trie_init(&t->trie, &account_leaves, state, &t->pool, PARTITION_DEPTH);
    return t;
}

void account_trie_free(struct account_trie *t)
{
    if (!t)
        return;
    trie_pool_reset(&t->pool);
    arena_free(t->arena, t);
}

static void take_changes(struct account_trie *t)
{
    size_t count = state_changed_count(t->state);
    for (size_t done = 0; done < count;) {
        uint32_t ids[TRIE_PREFETCH_MAX];
        size_t n = 0;
        while (n < TRIE_PREFETCH_MAX && done + n < count) {
            ids[n] = state_changed(t->state, done + n);
            __builtin_prefetch(state_key(t->state, ids[n]));
            n++;
        }
        trie_prefetch(&t->trie, ids, n);
        for (size_t i = 0; i < n; i++) {
            if (state_exists(t->state, ids[i]))
                trie_put(&t->trie, ids[i]);
            else
                trie_remove(&t->trie, ids[i]);
        }
        done += n;
    }
}

// Hashes tries in groups.
struct group {
    struct trie_hasher *hasher; // NULL between groups
    size_t accounts;            // changed ones in it
};

static void group_add(struct group *g, struct account_trie *t, size_t changed)
{
    if (!g->hasher)
        g->hasher = trie_hasher_new(t->arena);
    trie_hasher_add(g->hasher, &t->trie);
    g->accounts += changed;
}

static void group_finish(struct group *g)
{
    if (g->hasher)
        trie_hasher_finish(g->hasher);
    *g = (struct group){0};
}

void account_trie_update(struct account_trie **tries, size_t count)
{
    struct group group = {0};
    for (size_t i = 0; i < count; i++) {
        if (state_changed_count(tries[i]->state) == 0)
            continue;
        take_changes(tries[i]);
        group_add(&group, tries[i], state_changed_count(tries[i]->state));
        if (group.accounts >= GROUP_ACCOUNTS)
            group_finish(&group);
    }
    group_finish(&group);
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

static void build_from_state(struct account_trie *t)
{
    trie_pool_reset(&t->pool);
    trie_init(&t->trie, &account_leaves, t->state, &t->pool, PARTITION_DEPTH);
    size_t count = state_count(t->state);
    struct gathering g = {.state = t->state};
    g.entries = arena_alloc(t->arena, (count + 1) * sizeof *g.entries);
    state_visit(t->state, gather, &g);
    assert(g.count == count);
    trie_sort(&t->trie, g.entries, count);
    trie_build(&t->trie, g.entries, count);
    arena_free(t->arena, g.entries);
}

void account_trie_rebuild(struct account_trie **tries, size_t count)
{
    struct group group = {0};
    for (size_t i = 0; i < count; i++) {
        build_from_state(tries[i]);
        group_add(&group, tries[i], state_count(tries[i]->state));
        if (group.accounts >= GROUP_ACCOUNTS)
            group_finish(&group);
    }
    group_finish(&group);
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
