#include "shard/state/record_table.h"

#include <assert.h>
#include <sys/random.h>

#define XXH_INLINE_ALL // of 32 bytes it is a few instructions
#include <xxhash.h>

#define SLOT_EMPTY 0u // tags are never 0

static uint64_t process_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
        seed = (uint64_t)(uintptr_t)&seed;
    return seed;
}

void record_table_init(struct record_table *t, struct arena *arena, const struct record_shape *shape)
{
    *t = (struct record_table){.arena = arena, .shape = *shape, .seed = process_seed(), .free = RECORD_NONE};
}

void record_table_free(struct record_table *t)
{
    for (uint32_t i = 0; i < t->chunk_count; i++)
        arena_free(t->arena, t->chunks[i]);
    arena_free(t->arena, t->chunks);
    arena_free(t->arena, t->slots);
}

struct place {
    uint32_t home; // slot where probing starts
    uint32_t tag;  // in its bits of the slot
};

static inline struct place place_of(const struct record_table *t, const bytes32 *key, uint32_t contract)
{
    uint64_t h = XXH3_64bits_withSeed(key->b, sizeof key->b, t->seed + contract);
    const uint32_t tag = (uint32_t)h & ~t->id_mask;
    // The high half scaled to the table's size (Lemire's multiply-shift), which need not be a power of two.
    return (struct place){(uint32_t)(((h >> 32) * t->slot_count) >> 32), tag ? tag : t->id_mask + 1};
}

static inline struct place place_of_record(const struct record_table *t, uint32_t id)
{
    const struct record_head *r = record_at(t, id);
    return place_of(t, &r->key, t->shape.by_contract ? r->contract : 0);
}

static inline bool is_at(const struct record_table *t, uint32_t id, const bytes32 *key, uint32_t contract)
{
    const struct record_head *r = record_at(t, id);
    return bytes32_equal(&r->key, key) && (!t->shape.by_contract || r->contract == contract);
}

static inline uint32_t next_slot(const struct record_table *t, uint32_t slot)
{
    return slot + 1 == t->slot_count ? 0 : slot + 1;
}

uint32_t record_table_find(const struct record_table *t, const bytes32 *key, uint32_t contract)
{
    if (t->slot_count == 0)
        return RECORD_NONE;
    const uint32_t mask = t->id_mask;
    struct place place = place_of(t, key, contract);
    for (uint32_t i = place.home; t->slots[i] != SLOT_EMPTY; i = next_slot(t, i)) {
        if ((t->slots[i] & ~mask) == place.tag && is_at(t, t->slots[i] & mask, key, contract))
            return t->slots[i] & mask;
    }
    return RECORD_NONE;
}

void record_table_prefetch_way(const struct record_table *t, const bytes32 *key, uint32_t contract)
{
    if (t->slot_count > 0)
        __builtin_prefetch(&t->slots[place_of(t, key, contract).home]);
}

void record_table_prefetch(const struct record_table *t, const bytes32 *key, uint32_t contract)
{
    if (t->slot_count == 0)
        return;
    const uint32_t mask = t->id_mask;
    struct place place = place_of(t, key, contract);
    for (uint32_t i = place.home; t->slots[i] != SLOT_EMPTY; i = next_slot(t, i)) {
        if ((t->slots[i] & ~mask) == place.tag) {
            record_prefetch(t, t->slots[i] & mask);
            return;
        }
    }
}

static void slot_put(struct record_table *t, uint32_t id)
{
    struct place place = place_of_record(t, id);
    uint32_t i = place.home;
    while (t->slots[i] != SLOT_EMPTY)
        i = next_slot(t, i);
    t->slots[i] = place.tag | id;
}

static bool is_free(const struct record_table *t, uint32_t id, const uint8_t *free_map)
{
    return t->free != RECORD_NONE && (free_map[id / 8] >> (id % 8) & 1);
}

// Marks the ids on the free list, which the records themselves don't show. NULL when there are none.
static uint8_t *map_free_ids(const struct record_table *t)
{
    if (t->free == RECORD_NONE)
        return NULL;
    uint8_t *map = arena_alloc_zero(t->arena, t->given / 8 + 1);
    for (uint32_t id = t->free; id != RECORD_NONE; id = record_at(t, id)->history)
        map[id / 8] |= (uint8_t)(1 << (id % 8));
    return map;
}

// How many records fit before the slots have to grow.
static uint32_t room(const struct record_table *t)
{
    return t->slot_count / 5 * 4;
}

static void *alloc_table(const struct record_table *t, size_t size)
{
    return room(t) >= RECORDS_PER_CHUNK ? arena_alloc_dense(t->arena, size) : arena_alloc_zero(t->arena, size);
}

// All bits of the numbers below n.
static uint32_t mask_below(uint32_t n)
{
    return n > 1 ? UINT32_MAX >> __builtin_clz(n - 1) : 0;
}

static void resize_slots(struct record_table *t, size_t slot_count)
{
    assert(slot_count > t->count && slot_count < UINT32_MAX);
    arena_free(t->arena, t->slots);
    t->slot_count = (uint32_t)slot_count;
    t->id_mask = mask_below(room(t)) & mask_below(1u << t->shape.id_bits);
    t->slots = alloc_table(t, slot_count * sizeof *t->slots);
    uint8_t *free_map = map_free_ids(t);
    for (uint32_t id = 0; id < t->given; id++) {
        if (!is_free(t, id, free_map))
            slot_put(t, id);
    }
    arena_free(t->arena, free_map);
}

void record_table_reserve(struct record_table *t, size_t count)
{
    size_t slot_count = count + count / 4 + 16;
    if (slot_count > t->slot_count)
        resize_slots(t, slot_count);
}

static uint32_t new_id(struct record_table *t)
{
    if (t->free != RECORD_NONE) {
        uint32_t id = t->free;
        t->free = record_at(t, id)->history;
        return id;
    }
    assert(t->given >> t->shape.id_bits == 0 && "more records in a partition than its table can number");
    if (t->given == t->chunk_count * RECORDS_PER_CHUNK) {
        if (t->chunk_count == t->chunk_capacity) {
            t->chunk_capacity += t->chunk_capacity / 2 + 8;
            t->chunks = arena_realloc(t->arena, t->chunks, t->chunk_capacity * sizeof *t->chunks);
        }
        t->chunks[t->chunk_count++] = alloc_table(t, (size_t)RECORDS_PER_CHUNK * t->shape.bytes);
    }
    return t->given++;
}

uint32_t record_table_add(struct record_table *t, const bytes32 *key, uint32_t contract)
{
    if (t->count >= room(t))
        resize_slots(t, (size_t)t->slot_count + t->slot_count / 4 + 16);
    uint32_t id = new_id(t);
    struct record_head *r = record_at(t, id);
    memset(r, 0, t->shape.bytes);
    r->key = *key;
    r->contract = contract;
    slot_put(t, id);
    t->count++;
    return id;
}

static uint32_t distance(const struct record_table *t, uint32_t from, uint32_t to)
{
    return to >= from ? to - from : to + t->slot_count - from;
}

void record_table_remove(struct record_table *t, uint32_t id)
{
    struct record_head *r = record_at(t, id);
    struct place place = place_of_record(t, id);
    uint32_t hole = place.home;
    while (t->slots[hole] != (place.tag | id)) {
        assert(t->slots[hole] != SLOT_EMPTY);
        hole = next_slot(t, hole);
    }
    // Knuth's algorithm R (6.4): whoever may move back into the hole does, so that no probe ends too early.
    for (uint32_t i = next_slot(t, hole); t->slots[i] != SLOT_EMPTY; i = next_slot(t, i)) {
        uint32_t home = place_of_record(t, t->slots[i] & t->id_mask).home;
        if (distance(t, home, i) >= distance(t, hole, i)) {
            t->slots[hole] = t->slots[i];
            hole = i;
        }
    }
    t->slots[hole] = SLOT_EMPTY;
    memset(r, 0, t->shape.bytes);
    r->history = t->free;
    t->free = id;
    t->count--;
}
