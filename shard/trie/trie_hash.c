// Making the references of changed nodes. One walk down the marks hashes the changed leaves in batches as it meets them
// and lists the changed branches; these are then hashed level by level from the deepest up, over all tries together.
#include "shard/trie/trie.h"

#include "base/keccak.h"
#include "shard/trie/trie_encode.h"

#include <assert.h>

#define BATCH 64
// Branches ahead of the one at hand whose children's references are asked for.
#define PREFETCH_AHEAD 4

// Something to hash, and who holds its reference.
struct item {
    uint32_t trie;   // index in tries
    uint32_t child;  // leaf or node, as in trie_node.child
    uint32_t parent; // node; TRIE_NONE for a root
    uint8_t nibble;  // in the parent
    uint8_t depth;   // of a branch
};

struct hasher {
    struct arena *arena;
    struct trie *const *tries;
    struct item leaves[BATCH];
    size_t leaf_count;
    struct item *branches;
    size_t branch_count, branch_capacity;
    size_t per_depth[TRIE_KEY_NIBBLES];
    struct bytes messages[BATCH];
    bytes32 hashes[BATCH];
    uint8_t buffers[BATCH][TRIE_NODE_BYTES_MAX];
};

static bytes32 *ref_of(const struct trie *t, uint32_t child)
{
    if (child & TRIE_LEAF)
        return t->leaves->ref(t->ctx, child & ~TRIE_LEAF);
    return &trie_node_at(t->pool, child)->ref;
}

// The nibble after the parent's branch.
static unsigned path_start(const struct trie *t, const struct item *item)
{
    return item->parent == TRIE_NONE ? t->root_depth : trie_node_at(t->pool, item->parent)->depth + 1u;
}

// Keeps the reference to an encoded node, and tells its holder which kind it is.
static void store_ref(struct trie *t, const struct item *item, struct bytes encoded, const bytes32 *hash)
{
    bool embedded = encoded.len < sizeof(bytes32);
    bytes32 *ref = ref_of(t, item->child);
    if (embedded)
        memcpy(ref->b, encoded.ptr, encoded.len);
    else
        *ref = *hash;
    if (item->parent == TRIE_NONE) {
        t->root_embedded = embedded;
        return;
    }
    struct trie_node *parent = trie_node_at(t->pool, item->parent);
    uint16_t bit = (uint16_t)(1u << item->nibble);
    parent->embedded = (uint16_t)(embedded ? parent->embedded | bit : parent->embedded & ~bit);
}

static void hash_and_store(struct hasher *h, const struct item *const *items, size_t count)
{
    keccak256_batch(h->hashes, h->messages, count);
    for (size_t i = 0; i < count; i++)
        store_ref(h->tries[items[i]->trie], items[i], h->messages[i], &h->hashes[i]);
}

static struct bytes encode_leaf(const struct trie *t, uint8_t *out, uint32_t leaf, unsigned from)
{
    uint8_t value[TRIE_VALUE_MAX];
    size_t value_len = t->leaves->value(t->ctx, leaf, value);
    struct trie_path path = {t->leaves->key(t->ctx, leaf)->b, from, TRIE_KEY_NIBBLES};
    return trie_encode_leaf(out, path, bytes_of(value, value_len));
}

static void hash_leaves(struct hasher *h)
{
    const struct item *items[BATCH];
    for (size_t i = 0; i < h->leaf_count; i++) {
        const struct trie *t = h->tries[h->leaves[i].trie];
        items[i] = &h->leaves[i];
        h->messages[i] = encode_leaf(t, h->buffers[i], h->leaves[i].child & ~TRIE_LEAF, path_start(t, &h->leaves[i]));
    }
    hash_and_store(h, items, h->leaf_count);
    h->leaf_count = 0;
}

static void add_leaf(struct hasher *h, const struct item *item)
{
    const struct trie *t = h->tries[item->trie];
    __builtin_prefetch(t->leaves->key(t->ctx, item->child & ~TRIE_LEAF));
    __builtin_prefetch(ref_of(t, item->child), 1);
    h->leaves[h->leaf_count++] = *item;
    if (h->leaf_count == BATCH)
        hash_leaves(h);
}

static void add_branch(struct hasher *h, const struct item *item)
{
    if (h->branch_count == h->branch_capacity) {
        h->branch_capacity += h->branch_capacity / 2 + 1024;
        h->branches = arena_realloc(h->arena, h->branches, h->branch_capacity * sizeof *h->branches);
    }
    h->branches[h->branch_count++] = *item;
    h->per_depth[item->depth]++;
}

// Takes everything marked from this child down, and takes off the marks.
static void collect(struct hasher *h, struct item item)
{
    if (item.child & TRIE_LEAF) {
        add_leaf(h, &item);
        return;
    }
    struct trie_node *node = trie_node_at(h->tries[item.trie]->pool, item.child);
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
    add_branch(h, &item);
}

static void prefetch_children(const struct hasher *h, const struct item *item)
{
    const struct trie *t = h->tries[item->trie];
    const struct trie_node *node = trie_node_at(t->pool, item->child);
    for (unsigned i = 0; i < trie_node_count(node); i++) {
        const bytes32 *ref = ref_of(t, node->child[i]);
        __builtin_prefetch(ref);
        __builtin_prefetch(ref->b + sizeof ref->b - 1);
    }
}

static struct bytes encode_branch(const struct trie *t, uint8_t *out, uint32_t id)
{
    const struct trie_node *node = trie_node_at(t->pool, id);
    struct trie_ref refs[16];
    unsigned count = 0;
    for (unsigned map = node->children; map; map &= map - 1, count++) {
        refs[count].ptr = ref_of(t, node->child[count])->b;
        refs[count].embedded = node->embedded >> __builtin_ctz(map) & 1;
    }
    return trie_encode_branch(out, node->children, refs);
}

// Between a branch and a parent further up lies an extension; the parent holds its reference instead.
static void hash_extensions(struct hasher *h, const struct item *const *branches, size_t count)
{
    const struct item *items[BATCH];
    size_t extensions = 0;
    for (size_t i = 0; i < count; i++) {
        const struct trie *t = h->tries[branches[i]->trie];
        unsigned from = path_start(t, branches[i]);
        if (branches[i]->parent == TRIE_NONE || from == branches[i]->depth)
            continue;
        const struct trie_node *parent = trie_node_at(t->pool, branches[i]->parent);
        struct trie_path path = {trie_any_key(t, branches[i]->child)->b, from, branches[i]->depth};
        struct trie_ref branch = {ref_of(t, branches[i]->child)->b, parent->embedded >> branches[i]->nibble & 1};
        h->messages[extensions] = trie_encode_extension(h->buffers[extensions], path, branch);
        items[extensions++] = branches[i];
    }
    if (extensions > 0)
        hash_and_store(h, items, extensions);
}

// Hashes branches that don't hold one another. order: indices into h->branches.
static void hash_branches(struct hasher *h, const uint32_t *order, size_t count)
{
    for (size_t i = 0; i < count && i < PREFETCH_AHEAD; i++)
        prefetch_children(h, &h->branches[order[i]]);
    for (size_t done = 0; done < count; done += BATCH) {
        const struct item *items[BATCH];
        size_t n = count - done < BATCH ? count - done : BATCH;
        for (size_t i = 0; i < n; i++) {
            if (done + i + PREFETCH_AHEAD < count)
                prefetch_children(h, &h->branches[order[done + i + PREFETCH_AHEAD]]);
            items[i] = &h->branches[order[done + i]];
            h->messages[i] = encode_branch(h->tries[items[i]->trie], h->buffers[i], items[i]->child);
        }
        hash_and_store(h, items, n);
        hash_extensions(h, items, n);
    }
}

static void hash_levels(struct hasher *h)
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

void trie_hash(struct arena *arena, struct trie *const *tries, size_t count)
{
    struct hasher *h = arena_alloc(arena, sizeof *h);
    h->arena = arena;
    h->tries = tries;
    h->leaf_count = 0;
    h->branches = NULL;
    h->branch_count = h->branch_capacity = 0;
    memset(h->per_depth, 0, sizeof h->per_depth);
    for (size_t i = 0; i < count; i++) {
        struct trie *t = tries[i];
        // A leaf at the root has no holder; trie_root makes what it needs.
        if (t->dirty && !(t->root & TRIE_LEAF))
            collect(h, (struct item){.trie = (uint32_t)i, .child = t->root, .parent = TRIE_NONE});
        t->dirty = false;
    }
    if (h->leaf_count > 0)
        hash_leaves(h);
    hash_levels(h);
    arena_free(arena, h->branches);
    arena_free(arena, h);
}

bytes32 trie_root(const struct trie *t)
{
    assert(!t->dirty);
    if (t->root == TRIE_NONE)
        return KECCAK256_EMPTY_RLP;
    uint8_t buffer[TRIE_NODE_BYTES_MAX];
    struct bytes encoded;
    if (t->root & TRIE_LEAF) {
        encoded = encode_leaf(t, buffer, t->root & ~TRIE_LEAF, t->root_depth);
    } else {
        const struct trie_node *node = trie_node_at(t->pool, t->root);
        struct trie_ref branch = {node->ref.b, t->root_embedded};
        struct trie_path path = {trie_any_key(t, t->root)->b, t->root_depth, node->depth};
        if (path.from < path.to)
            encoded = trie_encode_extension(buffer, path, branch);
        else if (t->root_embedded)
            encoded = bytes_of(node->ref.b, trie_embedded_len(node->ref.b));
        else
            return node->ref;
    }
    return keccak256(encoded.ptr, encoded.len);
}
