#include "shard/trie/trie.h"

#include <assert.h>
#include <stdlib.h>

// Nodes over random keys take about this much memory for each leaf.
#define NODE_BYTES_A_LEAF 48

void trie_init(struct trie *t, const struct trie_leaves *leaves, void *ctx, struct trie_pool *pool, unsigned root_depth)
{
    *t =
        (struct trie){.leaves = leaves, .ctx = ctx, .pool = pool, .root = TRIE_NONE, .root_depth = (uint8_t)root_depth};
}

static bool is_leaf(uint32_t child)
{
    return child & TRIE_LEAF;
}

static const bytes32 *leaf_key(const struct trie *t, uint32_t child)
{
    return t->leaves->key(t->ctx, child & ~TRIE_LEAF);
}

const bytes32 *trie_any_key(const struct trie *t, uint32_t child)
{
    while (!is_leaf(child))
        child = trie_node_at(t->pool, child)->child[0];
    return leaf_key(t, child);
}

// The first nibble in [from, to) in which the keys differ; to when they don't.
static unsigned first_difference(const bytes32 *a, const bytes32 *b, unsigned from, unsigned to)
{
    while (from < to && trie_nibble(a, from) == trie_nibble(b, from))
        from++;
    return from;
}

// A branch at `depth` over two children with these keys.
static uint32_t split(struct trie_pool *pool, unsigned depth, uint32_t a, const bytes32 *a_key, uint32_t b,
                      const bytes32 *b_key)
{
    assert(depth < TRIE_KEY_NIBBLES && "two leaves with one key");
    unsigned a_nibble = trie_nibble(a_key, depth), b_nibble = trie_nibble(b_key, depth);
    uint32_t id = trie_node_new(pool, depth, (uint16_t)(1u << a_nibble | 1u << b_nibble));
    struct trie_node *node = trie_node_at(pool, id);
    node->child[a_nibble > b_nibble] = a;
    node->child[b_nibble > a_nibble] = b;
    return id;
}

void trie_put(struct trie *t, uint32_t leaf)
{
    uint32_t new = leaf | TRIE_LEAF;
    const bytes32 *key = leaf_key(t, new);
    uint32_t *link = &t->root;
    unsigned depth = t->root_depth;
    t->dirty = true;
    if (t->root == TRIE_NONE) {
        t->root = new;
        return;
    }
    // Every branch on the way learns that the child we go to will have another reference.
    while (!is_leaf(*link)) {
        struct trie_node *node = trie_node_at(t->pool, *link);
        if (node->depth > depth) {
            const bytes32 *other = trie_any_key(t, *link);
            unsigned at = first_difference(key, other, depth, node->depth);
            if (at < node->depth) {
                *link = split(t->pool, at, *link, other, new, key);
                return;
            }
        }
        unsigned nibble = trie_nibble(key, node->depth);
        if (!(node->children >> nibble & 1)) {
            *link = trie_node_insert(t->pool, *link, nibble, new);
            return;
        }
        node->dirty |= (uint16_t)(1u << nibble);
        link = &node->child[trie_child_index(node, nibble)];
        depth = node->depth + 1u;
    }
    if (*link != new) {
        const bytes32 *other = leaf_key(t, *link);
        *link = split(t->pool, first_difference(key, other, depth, TRIE_KEY_NIBBLES), *link, other, new, key);
    }
}

static bool contains(const struct trie *t, uint32_t leaf, const bytes32 *key)
{
    uint32_t at = t->root;
    while (!is_leaf(at)) {
        const struct trie_node *node = trie_node_at(t->pool, at);
        unsigned nibble = trie_nibble(key, node->depth);
        if (!(node->children >> nibble & 1))
            return false;
        at = node->child[trie_child_index(node, nibble)];
    }
    return at == (leaf | TRIE_LEAF); // also when the trie is empty: no leaf has the number of TRIE_NONE
}

void trie_remove(struct trie *t, uint32_t leaf)
{
    const bytes32 *key = leaf_key(t, leaf);
    if (!contains(t, leaf, key))
        return;
    t->dirty = true;
    uint32_t *link = &t->root;
    if (is_leaf(*link)) {
        *link = TRIE_NONE;
        return;
    }
    for (;;) {
        struct trie_node *node = trie_node_at(t->pool, *link);
        unsigned nibble = trie_nibble(key, node->depth);
        unsigned index = trie_child_index(node, nibble);
        if (is_leaf(node->child[index])) {
            if (node->count > 2) {
                *link = trie_node_remove(t->pool, *link, nibble);
            } else {
                // The other child takes the branch's place; its path there is longer, so the parent's mark counts for
                // it.
                uint32_t other = node->child[1 - index];
                trie_node_free(t->pool, *link);
                *link = other;
            }
            return;
        }
        node->dirty |= (uint16_t)(1u << nibble);
        link = &node->child[index];
    }
}

void trie_prefetch(const struct trie_way *ways, size_t count)
{
    uint32_t at[TRIE_PREFETCH_MAX];
    assert(count <= TRIE_PREFETCH_MAX);
    for (size_t i = 0; i < count; i++)
        at[i] = ways[i].trie->root;
    // A level a turn, so that the next nodes of all ways are on their way together.
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < count; i++) {
            if (is_leaf(at[i]))
                continue;
            const struct trie *t = ways[i].trie;
            const struct trie_node *node = trie_node_at(t->pool, at[i]);
            unsigned nibble = trie_nibble(leaf_key(t, ways[i].leaf), node->depth);
            bool present = node->children >> nibble & 1;
            at[i] = present ? node->child[trie_child_index(node, nibble)] : TRIE_NONE;
            if (!is_leaf(at[i])) {
                __builtin_prefetch(trie_node_at(t->pool, at[i]), 1);
                more = true;
            }
        }
    }
}

uint64_t trie_key_prefix(const bytes32 *key)
{
    uint64_t prefix;
    memcpy(&prefix, key->b, sizeof prefix);
    return __builtin_bswap64(prefix);
}

static int compare_entries(const void *a_ptr, const void *b_ptr, void *trie)
{
    const struct trie_entry *a = a_ptr, *b = b_ptr;
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    const struct trie *t = trie;
    return memcmp(leaf_key(t, a->leaf)->b, leaf_key(t, b->leaf)->b, sizeof(bytes32));
}

void trie_sort(const struct trie *t, struct trie_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (compare_entries(&entries[i - 1], &entries[i], (void *)t) > 0) {
            qsort_r(entries, count, sizeof *entries, compare_entries, (void *)t);
            return;
        }
    }
}

static unsigned entry_nibble(const struct trie *t, const struct trie_entry *e, unsigned i)
{
    return i < 16 ? e->prefix >> (60 - 4 * i) & 15 : trie_nibble(leaf_key(t, e->leaf), i);
}

static unsigned entries_differ_at(const struct trie *t, const struct trie_entry *a, const struct trie_entry *b)
{
    if (a->prefix != b->prefix)
        return (unsigned)__builtin_clzll(a->prefix ^ b->prefix) / 4;
    return first_difference(leaf_key(t, a->leaf), leaf_key(t, b->leaf), 16, TRIE_KEY_NIBBLES);
}

static uint32_t build(struct trie *t, const struct trie_entry *e, size_t count)
{
    if (count == 1)
        return e->leaf | TRIE_LEAF;
    // Sorted, so all agree where the first and the last do.
    unsigned depth = entries_differ_at(t, &e[0], &e[count - 1]);
    assert(depth < TRIE_KEY_NIBBLES);
    size_t start[17];
    unsigned groups = 0;
    uint16_t children = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned nibble = entry_nibble(t, &e[i], depth);
        if (!(children >> nibble & 1)) {
            children |= (uint16_t)(1u << nibble);
            start[groups++] = i;
        }
    }
    start[groups] = count;
    uint32_t id = trie_node_new(t->pool, depth, children);
    for (unsigned g = 0; g < groups; g++) {
        uint32_t child = build(t, e + start[g], start[g + 1] - start[g]);
        trie_node_at(t->pool, id)->child[g] = child;
    }
    return id;
}

void trie_build(struct trie *t, const struct trie_entry *sorted, size_t count)
{
    assert(t->root == TRIE_NONE);
    t->dirty = true;
    if (count * NODE_BYTES_A_LEAF >= TRIE_UNITS_PER_CHUNK * TRIE_UNIT_BYTES)
        t->pool->dense = true;
    if (count > 0)
        t->root = build(t, sorted, count);
}
