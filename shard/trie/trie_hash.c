// Making the references of changed nodes. One walk down the marks of a trie hashes the changed leaves in batches as it
// meets them and lists the changed branches; these are then hashed level by level from the deepest up, over all tries
// together.
#include "shard/trie/trie.h"

#include "base/keccak.h"
#include "shard/trie/trie_encode.h"

#include <assert.h>

#define BATCH 128
// Branches ahead of the one at hand that are asked for.
#define PREFETCH_AHEAD 8

// Something to hash, and who holds its reference.
struct item {
    struct trie *trie;
    uint32_t child;  // leaf or node, as in trie_node.child
    uint32_t parent; // node; TRIE_NONE for a root
    uint8_t nibble;  // in the parent
    uint8_t depth;   // of a branch
    uint8_t lines;   // cache lines that the branch takes
};

struct trie_hasher {
    struct arena *arena;
    struct item leaves[BATCH];
    size_t leaf_count;
    struct item *branches;
    size_t branch_count, branch_capacity;
    size_t per_depth[TRIE_KEY_NIBBLES];
    struct bytes messages[BATCH];
    bytes32 hashes[BATCH];
    uint8_t buffers[BATCH][TRIE_NODE_BYTES_MAX];
};

// Where an item's reference is kept.
struct holder {
    bytes32 *ref;
    bool embedded;
    unsigned path_start; // the nibble after the parent's
};

static struct holder holder_of(const struct item *item)
{
    if (item->parent == TRIE_NONE)
        return (struct holder){&item->trie->root_ref, item->trie->root_embedded, item->trie->root_depth};
    struct trie_node *parent = trie_node_at(item->trie->pool, item->parent);
    return (struct holder){&trie_node_refs(parent)[trie_child_index(parent, item->nibble)],
                           parent->embedded >> item->nibble & 1, parent->depth + 1u};
}

// Keeps the reference to an encoded node, and tells its holder which kind it is.
static void store_ref(const struct item *item, struct bytes encoded, const bytes32 *hash)
{
    bool embedded = encoded.len < sizeof(bytes32);
    bytes32 *ref = holder_of(item).ref;
    if (embedded)
        memcpy(ref->b, encoded.ptr, encoded.len);
    else
        *ref = *hash;
    if (item->parent == TRIE_NONE) {
        item->trie->root_embedded = embedded;
        return;
    }
    struct trie_node *parent = trie_node_at(item->trie->pool, item->parent);
    uint16_t bit = (uint16_t)(1u << item->nibble);
    parent->embedded = (uint16_t)(embedded ? parent->embedded | bit : parent->embedded & ~bit);
}

static void hash_and_store(struct trie_hasher *h, const struct item *const *items, size_t count)
{
    keccak256_batch(h->hashes, h->messages, count);
    for (size_t i = 0; i < count; i++)
        store_ref(items[i], h->messages[i], &h->hashes[i]);
}

static struct bytes encode_leaf(const struct trie *t, uint8_t *out, uint32_t leaf, unsigned from)
{
    uint8_t value[TRIE_VALUE_MAX];
    size_t value_len = t->leaves->value(t->ctx, leaf, value);
    struct trie_path path = {t->leaves->key(t->ctx, leaf)->b, from, TRIE_KEY_NIBBLES};
    return trie_encode_leaf(out, path, bytes_of(value, value_len));
}

static void hash_leaves(struct trie_hasher *h)
{
    const struct item *items[BATCH];
    for (size_t i = 0; i < h->leaf_count; i++) {
        const struct item *leaf = items[i] = &h->leaves[i];
        h->messages[i] = encode_leaf(leaf->trie, h->buffers[i], leaf->child & ~TRIE_LEAF, holder_of(leaf).path_start);
    }
    hash_and_store(h, items, h->leaf_count);
    h->leaf_count = 0;
}

static void add_leaf(struct trie_hasher *h, const struct item *item)
{
    const uint8_t *leaf = item->trie->leaves->key(item->trie->ctx, item->child & ~TRIE_LEAF)->b;
    __builtin_prefetch(leaf);
    __builtin_prefetch(leaf + 64);
    h->leaves[h->leaf_count++] = *item;
    if (h->leaf_count == BATCH)
        hash_leaves(h);
}

static void add_branch(struct trie_hasher *h, const struct item *item)
{
    if (h->branch_count == h->branch_capacity) {
        h->branch_capacity += h->branch_capacity / 2 + 1024;
        h->branches = arena_realloc(h->arena, h->branches, h->branch_capacity * sizeof *h->branches);
    }
    h->branches[h->branch_count++] = *item;
    h->per_depth[item->depth]++;
}

// Takes everything marked from this child down, and takes off the marks.
static void collect(struct trie_hasher *h, struct item item)
{
    if (item.child & TRIE_LEAF) {
        add_leaf(h, &item);
        return;
    }
    struct trie_node *node = trie_node_at(item.trie->pool, item.child);
    unsigned dirty = node->dirty;
    node->dirty = 0;
    for (; dirty; dirty &= dirty - 1) {
        unsigned nibble = (unsigned)__builtin_ctz(dirty);
        collect(h, (struct item){.trie = item.trie,
                                 .child = node->child[trie_child_index(node, nibble)],
                                 .parent = item.child,
                                 .nibble = (uint8_t)nibble});
    }
    item.depth = node->depth;
    item.lines = (uint8_t)(1 + trie_node_bytes(node->count) / 64);
    add_branch(h, &item);
}

struct trie_hasher *trie_hasher_new(struct arena *arena)
{
    struct trie_hasher *h = arena_alloc(arena, sizeof *h);
    h->arena = arena;
    h->leaf_count = 0;
    h->branches = NULL;
    h->branch_count = h->branch_capacity = 0;
    memset(h->per_depth, 0, sizeof h->per_depth);
    return h;
}

void trie_hasher_add(struct trie_hasher *h, struct trie *t)
{
    // A leaf at the root has no holder; trie_root makes what it needs.
    if (t->dirty && !(t->root & TRIE_LEAF))
        collect(h, (struct item){.trie = t, .child = t->root, .parent = TRIE_NONE});
    t->dirty = false;
}

static void prefetch_node(const struct item *item)
{
    const uint8_t *node = (const uint8_t *)trie_node_at(item->trie->pool, item->child);
    for (size_t line = 0; line < item->lines; line++)
        __builtin_prefetch(node + 64 * line);
    if (item->parent != TRIE_NONE) // it receives the hash
        __builtin_prefetch(trie_node_at(item->trie->pool, item->parent), 1);
}

// Between a branch and a parent further up lies an extension; the parent holds its reference instead.
static void hash_extensions(struct trie_hasher *h, const struct item *const *branches, size_t count)
{
    const struct item *items[BATCH];
    size_t extensions = 0;
    for (size_t i = 0; i < count; i++) {
        const struct item *item = branches[i];
        struct holder holder = holder_of(item);
        if (item->parent == TRIE_NONE || holder.path_start == item->depth)
            continue;
        struct trie_path path = {trie_any_key(item->trie, item->child)->b, holder.path_start, item->depth};
        h->messages[extensions] = trie_encode_extension(h->buffers[extensions], path, holder.ref, holder.embedded);
        items[extensions++] = item;
    }
    if (extensions > 0)
        hash_and_store(h, items, extensions);
}

// Hashes branches that don't hold one another. order: indices into h->branches.
static void hash_branches(struct trie_hasher *h, const uint32_t *order, size_t count)
{
    for (size_t done = 0; done < count; done += BATCH) {
        const struct item *items[BATCH];
        size_t n = count - done < BATCH ? count - done : BATCH;
        for (size_t i = 0; i < n; i++) {
            if (done + i + PREFETCH_AHEAD < count)
                prefetch_node(&h->branches[order[done + i + PREFETCH_AHEAD]]);
            const struct item *item = items[i] = &h->branches[order[done + i]];
            struct trie_node *node = trie_node_at(item->trie->pool, item->child);
            h->messages[i] = trie_encode_branch(h->buffers[i], node->children, node->embedded, trie_node_refs(node));
        }
        hash_and_store(h, items, n);
        hash_extensions(h, items, n);
    }
}

static void hash_levels(struct trie_hasher *h)
{
    assert(h->branch_count < UINT32_MAX);
    uint32_t *order = arena_alloc(h->arena, (h->branch_count + 1) * sizeof *order);
    size_t start[TRIE_KEY_NIBBLES], end[TRIE_KEY_NIBBLES], at = 0;
    for (unsigned depth = TRIE_KEY_NIBBLES; depth-- > 0; at += h->per_depth[depth])
        start[depth] = end[depth] = at;
    for (size_t i = 0; i < h->branch_count; i++)
        order[end[h->branches[i].depth]++] = (uint32_t)i;
    for (unsigned depth = TRIE_KEY_NIBBLES; depth-- > 0;)
        hash_branches(h, order + start[depth], end[depth] - start[depth]);
    arena_free(h->arena, order);
}

void trie_hasher_finish(struct trie_hasher *h)
{
    if (h->leaf_count > 0)
        hash_leaves(h);
    hash_levels(h);
    arena_free(h->arena, h->branches);
    arena_free(h->arena, h);
}

// The root node where its hash isn't kept; of length 0 where it is, in *hash.
static struct bytes encode_root(const struct trie *t, uint8_t buffer[TRIE_NODE_BYTES_MAX], bytes32 *hash)
{
    assert(!t->dirty);
    if (t->root == TRIE_NONE) {
        *hash = KECCAK256_EMPTY_RLP;
        return bytes_of(NULL, 0);
    }
    if (t->root & TRIE_LEAF)
        return encode_leaf(t, buffer, t->root & ~TRIE_LEAF, t->root_depth);
    unsigned depth = trie_node_at(t->pool, t->root)->depth;
    struct trie_path path = {trie_any_key(t, t->root)->b, t->root_depth, depth};
    if (path.from < path.to)
        return trie_encode_extension(buffer, path, &t->root_ref, t->root_embedded);
    if (t->root_embedded)
        return bytes_of(t->root_ref.b, trie_embedded_len(&t->root_ref));
    *hash = t->root_ref;
    return bytes_of(NULL, 0);
}

bytes32 trie_root(const struct trie *t)
{
    uint8_t buffer[TRIE_NODE_BYTES_MAX];
    bytes32 hash;
    const struct bytes encoded = encode_root(t, buffer, &hash);
    return encoded.len > 0 ? keccak256(encoded.ptr, encoded.len) : hash;
}

void trie_roots(bytes32 *out, const struct trie *const *tries, size_t count)
{
    enum { ROOTS = 16 };
    uint8_t buffers[ROOTS][TRIE_NODE_BYTES_MAX];
    struct bytes messages[ROOTS];
    bytes32 hashes[ROOTS];
    size_t places[ROOTS], n = 0;
    for (size_t i = 0; i < count; i++) {
        messages[n] = encode_root(tries[i], buffers[n], &out[i]);
        if (messages[n].len > 0)
            places[n++] = i;
        if (n < ROOTS && i + 1 < count)
            continue;
        keccak256_batch(hashes, messages, n);
        for (size_t j = 0; j < n; j++)
            out[places[j]] = hashes[j];
        n = 0;
    }
}
