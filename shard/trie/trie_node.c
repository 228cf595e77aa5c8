#include "shard/trie/trie_node.h"

#include <assert.h>

static uint32_t units_for(unsigned children)
{
    return (uint32_t)((trie_node_bytes(children) + TRIE_UNIT_BYTES - 1) / TRIE_UNIT_BYTES);
}

static void forget_nodes(struct trie_pool *pool)
{
    pool->chunk_count = 0;
    pool->next_unit = TRIE_UNITS_PER_CHUNK;
    pool->dense = false;
    for (unsigned i = 0; i <= TRIE_FANOUT; i++)
        pool->free[i] = TRIE_NONE;
}

void trie_pool_init(struct trie_pool *pool, struct arena *arena)
{
    *pool = (struct trie_pool){.arena = arena};
    forget_nodes(pool);
}

void trie_pool_reset(struct trie_pool *pool)
{
    for (uint32_t i = 0; i < pool->chunk_count; i++)
        arena_free(pool->arena, pool->chunks[i]);
    arena_free(pool->arena, pool->chunks);
    pool->chunks = NULL;
    pool->chunk_capacity = 0;
    forget_nodes(pool);
}

static void add_chunk(struct trie_pool *pool)
{
    if (pool->chunk_count == pool->chunk_capacity) {
        pool->chunk_capacity += pool->chunk_capacity / 2 + 8;
        pool->chunks = arena_realloc(pool->arena, pool->chunks, pool->chunk_capacity * sizeof *pool->chunks);
    }
    assert(pool->chunk_count < TRIE_LEAF / TRIE_UNITS_PER_CHUNK && "a pool holds 16 GiB of nodes");
    const size_t bytes = TRIE_UNITS_PER_CHUNK * TRIE_UNIT_BYTES;
    pool->chunks[pool->chunk_count++] =
        pool->dense ? arena_alloc_dense(pool->arena, bytes) : arena_alloc(pool->arena, bytes);
    pool->next_unit = 0;
    pool->dense = true; // nobody fills one chunk to leave the next one empty
}

// A free node's first bytes are the id of the next free one.
static uint32_t take(struct trie_pool *pool, unsigned children)
{
    uint32_t id = pool->free[children];
    if (id != TRIE_NONE) {
        memcpy(&pool->free[children], trie_node_at(pool, id), sizeof id);
        return id;
    }
    if (pool->next_unit + units_for(children) > TRIE_UNITS_PER_CHUNK)
        add_chunk(pool);
    id = (pool->chunk_count - 1) * TRIE_UNITS_PER_CHUNK + pool->next_unit;
    pool->next_unit += units_for(children);
    return id;
}

void trie_node_free(struct trie_pool *pool, uint32_t id)
{
    struct trie_node *node = trie_node_at(pool, id);
    unsigned children = node->count;
    memcpy(node, &pool->free[children], sizeof id);
    pool->free[children] = id;
}

uint32_t trie_node_new(struct trie_pool *pool, unsigned depth, uint16_t children)
{
    unsigned count = trie_bit_count(children);
    uint32_t id = take(pool, count);
    *trie_node_at(pool, id) =
        (struct trie_node){.children = children, .dirty = children, .depth = (uint8_t)depth, .count = (uint8_t)count};
    return id;
}

static void copy_children(struct trie_node *to, unsigned to_index, struct trie_node *from, unsigned from_index,
                          unsigned count)
{
    memcpy(to->child + to_index, from->child + from_index, count * sizeof *to->child);
    memcpy(trie_node_refs(to) + to_index, trie_node_refs(from) + from_index, count * sizeof(bytes32));
}

uint32_t trie_node_insert(struct trie_pool *pool, uint32_t id, unsigned nibble, uint32_t child)
{
    uint32_t new_id = take(pool, trie_node_at(pool, id)->count + 1u);
    struct trie_node *old = trie_node_at(pool, id), *node = trie_node_at(pool, new_id);
    unsigned index = trie_child_index(old, nibble);
    *node = *old;
    node->count++;
    node->children |= (uint16_t)(1u << nibble);
    node->dirty |= (uint16_t)(1u << nibble);
    node->child[index] = child;
    copy_children(node, 0, old, 0, index);
    copy_children(node, index + 1, old, index, old->count - index);
    trie_node_free(pool, id);
    return new_id;
}

uint32_t trie_node_remove(struct trie_pool *pool, uint32_t id, unsigned nibble)
{
    uint32_t new_id = take(pool, trie_node_at(pool, id)->count - 1u);
    struct trie_node *old = trie_node_at(pool, id), *node = trie_node_at(pool, new_id);
    unsigned index = trie_child_index(old, nibble);
    uint16_t others = (uint16_t) ~(1u << nibble);
    *node = *old;
    node->count--;
    node->children &= others;
    node->dirty &= others;
    node->embedded &= others;
    copy_children(node, 0, old, 0, index);
    copy_children(node, index, old, index + 1, node->count - index);
    trie_node_free(pool, id);
    return new_id;
}
