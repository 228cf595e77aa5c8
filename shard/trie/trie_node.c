#include "shard/trie/trie_node.h"

#include <assert.h>

_Static_assert(sizeof(struct trie_node) == 40, "the size classes below count on it");

static unsigned class_of(unsigned children)
{
    return (children + 1) / 2;
}

static unsigned class_units(unsigned class)
{
    return (sizeof(struct trie_node) + class * 2 * sizeof(uint32_t)) / TRIE_UNIT_BYTES;
}

static void forget_nodes(struct trie_pool *pool)
{
    pool->chunk_count = 0;
    pool->next_unit = TRIE_UNITS_PER_CHUNK;
    for (unsigned i = 0; i <= TRIE_SIZE_CLASSES; i++)
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
    assert(pool->chunk_count < TRIE_LEAF / TRIE_UNITS_PER_CHUNK && "16 GiB of nodes a pool");
    pool->chunks[pool->chunk_count++] = arena_alloc(pool->arena, TRIE_UNITS_PER_CHUNK * TRIE_UNIT_BYTES);
    pool->next_unit = 0;
}

static uint32_t take(struct trie_pool *pool, unsigned class)
{
    uint32_t id = pool->free[class];
    if (id != TRIE_NONE) {
        memcpy(&pool->free[class], trie_node_at(pool, id), sizeof pool->free[class]);
        return id;
    }
    if (pool->next_unit + class_units(class) > TRIE_UNITS_PER_CHUNK)
        add_chunk(pool);
    id = (pool->chunk_count - 1) * TRIE_UNITS_PER_CHUNK + pool->next_unit;
    pool->next_unit += class_units(class);
    return id;
}

static void give_back(struct trie_pool *pool, uint32_t id, unsigned class)
{
    memcpy(trie_node_at(pool, id), &pool->free[class], sizeof pool->free[class]);
    pool->free[class] = id;
}

uint32_t trie_node_new(struct trie_pool *pool, unsigned depth, uint16_t children)
{
    uint32_t id = take(pool, class_of((unsigned)__builtin_popcount(children)));
    *trie_node_at(pool, id) = (struct trie_node){.children = children, .dirty = children, .depth = (uint8_t)depth};
    return id;
}

void trie_node_free(struct trie_pool *pool, uint32_t id)
{
    give_back(pool, id, class_of(trie_node_count(trie_node_at(pool, id))));
}

// Moves a node of `count` children to the class for `new_count`, if that is another one.
static uint32_t move(struct trie_pool *pool, uint32_t id, unsigned count, unsigned new_count)
{
    unsigned from = class_of(count), to = class_of(new_count);
    if (from == to)
        return id;
    uint32_t new_id = take(pool, to);
    unsigned units = class_units(from < to ? from : to);
    memcpy(trie_node_at(pool, new_id), trie_node_at(pool, id), (size_t)units * TRIE_UNIT_BYTES);
    give_back(pool, id, from);
    return new_id;
}

uint32_t trie_node_insert(struct trie_pool *pool, uint32_t id, unsigned nibble, uint32_t child)
{
    unsigned count = trie_node_count(trie_node_at(pool, id));
    id = move(pool, id, count, count + 1);
    struct trie_node *node = trie_node_at(pool, id);
    unsigned index = trie_child_index(node, nibble);
    memmove(node->child + index + 1, node->child + index, (count - index) * sizeof *node->child);
    node->child[index] = child;
    node->children |= (uint16_t)(1u << nibble);
    node->dirty |= (uint16_t)(1u << nibble);
    return id;
}

uint32_t trie_node_remove(struct trie_pool *pool, uint32_t id, unsigned nibble)
{
    struct trie_node *node = trie_node_at(pool, id);
    unsigned count = trie_node_count(node);
    unsigned index = trie_child_index(node, nibble);
    memmove(node->child + index, node->child + index + 1, (count - index - 1) * sizeof *node->child);
    uint16_t others = (uint16_t) ~(1u << nibble);
    node->children &= others;
    node->dirty &= others;
    node->embedded &= others;
    return move(pool, id, count, count - 1);
}
