#include "tests/shard/trie_fixture.h"

#include "tests/shard/naive_trie.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const bytes32 *leaf_key(void *ctx, uint32_t leaf)
{
    struct trie_fixture *f = ctx;
    return &f->leaves[leaf].key;
}

static size_t leaf_value(void *ctx, uint32_t leaf, uint8_t *out)
{
    struct trie_fixture *f = ctx;
    memcpy(out, f->leaves[leaf].value, f->leaves[leaf].value_len);
    return f->leaves[leaf].value_len;
}

static const struct trie_leaves fixture_leaves = {leaf_key, leaf_value};

struct trie_fixture *trie_fixture_new(unsigned root_depth)
{
    struct trie_fixture *f = calloc(1, sizeof *f);
    f->arena = arena_create();
    trie_pool_init(&f->pool, f->arena);
    trie_init(&f->trie, &fixture_leaves, f, &f->pool, root_depth);
    return f;
}

void trie_fixture_free(struct trie_fixture *f)
{
    trie_pool_reset(&f->pool);
    arena_destroy(f->arena);
    free(f);
}

uint32_t trie_fixture_leaf(struct trie_fixture *f, const bytes32 *key)
{
    for (uint32_t i = 0; i < f->count; i++) {
        if (bytes32_equal(&f->leaves[i].key, key))
            return i;
    }
    if (f->count == FIXTURE_LEAVES)
        abort();
    f->leaves[f->count].key = *key;
    return f->count++;
}

void trie_fixture_put(struct trie_fixture *f, uint32_t leaf, struct bytes value)
{
    memcpy(f->leaves[leaf].value, value.ptr, value.len);
    f->leaves[leaf].value_len = value.len;
    f->leaves[leaf].in = true;
    trie_put(&f->trie, leaf);
}

void trie_fixture_remove(struct trie_fixture *f, uint32_t leaf)
{
    f->leaves[leaf].in = false;
    trie_remove(&f->trie, leaf);
}

static void check_no_marks(const struct trie *t, uint32_t child)
{
    if (child & TRIE_LEAF)
        return;
    const struct trie_node *node = trie_node_at(t->pool, child);
    cr_assert_eq(node->dirty, 0);
    cr_assert_eq(node->count, __builtin_popcount(node->children));
    cr_assert_eq(node->embedded & ~node->children, 0);
    for (unsigned i = 0; i < node->count; i++)
        check_no_marks(t, node->child[i]);
}

bytes32 trie_fixture_root(struct trie_fixture *f)
{
    struct trie_hasher *h = trie_hasher_new(f->arena);
    trie_hasher_add(h, &f->trie);
    trie_hasher_finish(h);
    cr_assert_not(f->trie.dirty);
    check_no_marks(&f->trie, f->trie.root);
    return trie_root(&f->trie);
}

bytes32 trie_fixture_naive_root(const struct trie_fixture *f)
{
    struct naive_item *items = calloc(FIXTURE_LEAVES, sizeof *items);
    size_t count = 0, skipped = f->trie.root_depth / 2u;
    for (uint32_t i = 0; i < f->count; i++) {
        const struct fixture_leaf *leaf = &f->leaves[i];
        if (leaf->in)
            items[count++] = (struct naive_item){bytes_of(leaf->key.b + skipped, sizeof leaf->key.b - skipped),
                                                 bytes_of(leaf->value, leaf->value_len)};
    }
    bytes32 root = naive_trie_root(items, count);
    free(items);
    return root;
}
