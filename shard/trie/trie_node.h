// Nodes of path-compressed tries and the pool that they live in. Part of the trie's inside; others use trie.h.
//
// Only branches are nodes. A leaf is a number that its owner knows (the id of a record), and an extension is what lies
// between a branch and a parent that is more than one nibble above it; its path is that of any leaf below.
//
//   node:  maps, depth | child ids, u32 each | the children's references, 32 bytes each
//
// References stand with the parent, so that encoding a branch reads one stretch of memory. Nodes are as long as their
// children need, in one size class for each number of children; ids count units of 8 bytes through chunks that never
// move.
#ifndef GANTRY_SHARD_TRIE_TRIE_NODE_H
#define GANTRY_SHARD_TRIE_TRIE_NODE_H

#include "base/arena.h"

// A child: a leaf's number with TRIE_LEAF set, or a node's id.
#define TRIE_LEAF 0x80000000u
#define TRIE_NONE UINT32_MAX

struct trie_node {
    uint16_t children; // bit n: there is a child at nibble n; the two maps below lie in it
    uint16_t dirty;    // the child's reference has to be made anew
    uint16_t embedded; // the child's reference is the node itself, shorter than a hash
    uint8_t depth;     // nibbles of the path above this node
    uint8_t count;     // of children
    uint32_t child[];  // in the order of their nibbles; then the references
};

#define TRIE_FANOUT 16

struct trie_pool {
    struct arena *arena;
    uint8_t **chunks;
    uint32_t chunk_count, chunk_capacity;
    uint32_t next_unit;             // in the last chunk
    bool dense;                     // further chunks will be filled, so they are dense memory (base/arena.h)
    uint32_t free[TRIE_FANOUT + 1]; // first free node for each number of children
};

#define TRIE_UNIT_BYTES 8u
#define TRIE_UNITS_PER_CHUNK 16384u

void trie_pool_init(struct trie_pool *pool, struct arena *arena);
// Forgets all nodes and gives their memory back.
void trie_pool_reset(struct trie_pool *pool);

static inline struct trie_node *trie_node_at(const struct trie_pool *pool, uint32_t id)
{
    uint8_t *chunk = pool->chunks[id / TRIE_UNITS_PER_CHUNK];
    return (struct trie_node *)(chunk + (size_t)(id % TRIE_UNITS_PER_CHUNK) * TRIE_UNIT_BYTES);
}

// The children's references, in the order of child[].
static inline bytes32 *trie_node_refs(struct trie_node *node)
{
    return (bytes32 *)(node->child + node->count);
}

static inline size_t trie_node_bytes(unsigned children)
{
    return sizeof(struct trie_node) + children * (sizeof(uint32_t) + sizeof(bytes32));
}

// Plain x86-64 has no instruction for it, and the compiler's call costs more than this.
static inline unsigned trie_bit_count(uint16_t map)
{
    unsigned x = map - (map >> 1 & 0x5555u);
    x = (x & 0x3333) + (x >> 2 & 0x3333);
    x = (x + (x >> 4)) & 0x0f0f;
    return (x + (x >> 8)) & 0x1f;
}

// Place of the (present or coming) child at this nibble.
static inline unsigned trie_child_index(const struct trie_node *node, unsigned nibble)
{
    return trie_bit_count((uint16_t)(node->children & ((1u << nibble) - 1)));
}

static inline unsigned trie_nibble(const bytes32 *key, unsigned i)
{
    return i % 2 ? key->b[i / 2] & 15 : key->b[i / 2] >> 4;
}

// A node with these children, none of whose references are made yet. child[] is for the caller to fill.
uint32_t trie_node_new(struct trie_pool *pool, unsigned depth, uint16_t children);
void trie_node_free(struct trie_pool *pool, uint32_t id);
// Both move the node to another size class and return its new id. insert marks the new child as dirty.
MUST_CHECK uint32_t trie_node_insert(struct trie_pool *pool, uint32_t id, unsigned nibble, uint32_t child);
MUST_CHECK uint32_t trie_node_remove(struct trie_pool *pool, uint32_t id, unsigned nibble);

#endif
