#include "shard/trie/proof.h"

#include "base/keccak.h"
#include "shard/trie/trie_encode.h"

#include <assert.h>
#include <stdlib.h>

void proof_free(struct proof *p)
{
    free(p->bytes);
    *p = (struct proof){0};
}

void proof_add(struct proof *p, struct bytes node)
{
    assert(p->count < sizeof p->ends / sizeof p->ends[0]);
    if (p->len + node.len > p->capacity) {
        p->capacity = 2 * p->capacity + node.len;
        p->bytes = realloc(p->bytes, p->capacity);
        if (!p->bytes)
            abort();
    }
    memcpy(p->bytes + p->len, node.ptr, node.len);
    p->len += node.len;
    p->ends[p->count++] = p->len;
}

void proof_append(struct proof *p, const struct proof *more)
{
    for (unsigned i = 0; i < more->count; i++)
        proof_add(p, proof_node(more, i));
}

struct bytes proof_node(const struct proof *p, unsigned i)
{
    const size_t start = i > 0 ? p->ends[i - 1] : 0;
    return bytes_of(p->bytes + start, p->ends[i] - start);
}

static struct bytes encode_leaf(const struct trie *t, uint8_t *out, uint32_t leaf, unsigned from)
{
    uint8_t value[TRIE_VALUE_MAX];
    const size_t len = t->leaves->value(t->ctx, leaf, value);
    const struct trie_path path = {t->leaves->key(t->ctx, leaf)->b, from, TRIE_KEY_NIBBLES};
    return trie_encode_leaf(out, path, bytes_of(value, len));
}

static bool agree(const bytes32 *a, const bytes32 *b, unsigned from, unsigned to)
{
    while (from < to && trie_nibble(a, from) == trie_nibble(b, from))
        from++;
    return from == to;
}

static void add_unless_embedded(struct proof *p, struct bytes node, bool is_root)
{
    if (is_root || node.len >= sizeof(bytes32))
        proof_add(p, node);
}

static void add_branch(struct proof *p, struct trie_node *node, bool is_root)
{
    uint8_t buffer[TRIE_NODE_BYTES_MAX];
    add_unless_embedded(p, trie_encode_branch(buffer, node->children, node->embedded, trie_node_refs(node)), is_root);
}

// The hash of a branch, or the branch itself, from which an extension above it is made.
static struct bytes encode_extension(const struct trie *t, uint8_t *out, uint32_t child, unsigned depth)
{
    uint8_t buffer[TRIE_NODE_BYTES_MAX];
    struct trie_node *node = trie_node_at(t->pool, child);
    const struct bytes branch = trie_encode_branch(buffer, node->children, node->embedded, trie_node_refs(node));
    const bool embedded = branch.len < sizeof(bytes32);
    bytes32 ref;
    if (embedded)
        memcpy(ref.b, branch.ptr, branch.len);
    else
        ref = keccak256(branch.ptr, branch.len);
    return trie_encode_extension(out, (struct trie_path){trie_any_key(t, child)->b, depth, node->depth}, &ref,
                                 embedded);
}

void trie_prove(struct proof *out, const struct trie *t, const bytes32 *key, bool with_top)
{
    uint8_t buffer[TRIE_NODE_BYTES_MAX];
    uint32_t at = t->root;
    unsigned depth = t->root_depth;
    assert(!t->dirty);
    for (bool is_root = true; at != TRIE_NONE; is_root = false) {
        const bool shown = with_top || !is_root;
        if (at & TRIE_LEAF) {
            if (shown)
                add_unless_embedded(out, encode_leaf(t, buffer, at & ~TRIE_LEAF, depth), is_root);
            return;
        }
        struct trie_node *node = trie_node_at(t->pool, at);
        const bool extended = node->depth > depth;
        if (extended && shown)
            add_unless_embedded(out, encode_extension(t, buffer, at, depth), is_root);
        if (!agree(key, trie_any_key(t, at), depth, node->depth))
            return;
        add_branch(out, node, is_root && !extended);
        const unsigned nibble = trie_nibble(key, node->depth);
        depth = node->depth + 1u;
        at = node->children >> nibble & 1 ? node->child[trie_child_index(node, nibble)] : TRIE_NONE;
    }
}

void account_proof_free(struct account_proof *p)
{
    proof_free(&p->account_nodes);
    for (size_t i = 0; p->slot_nodes && i < p->slot_count; i++)
        proof_free(&p->slot_nodes[i]);
    free(p->values);
    free(p->slot_nodes);
    *p = (struct account_proof){0};
}
