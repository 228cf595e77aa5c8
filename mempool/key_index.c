#include "mempool/key_index.h"

#include <assert.h>

static uint32_t slot_count(uint32_t entries_max)
{
    assert(entries_max < (1u << 30));
    uint32_t count = 16;
    while (count < 2 * entries_max)
        count *= 2;
    return count;
}

uint64_t key_index_bytes(uint32_t entries_max)
{
    return (uint64_t)slot_count(entries_max) * sizeof(struct key_slot);
}

void key_index_init(struct key_index *index, struct arena *arena, uint32_t entries_max, uint64_t seed)
{
    index->slots = arena_alloc_zero(arena, key_index_bytes(entries_max));
    index->mask = slot_count(entries_max) - 1;
    index->home_shift = (unsigned)__builtin_clz(index->mask);
    index->multiplier = (seed ^ 0x9e3779b97f4a7c15) | 1;
}

void key_index_free(struct key_index *index, struct arena *arena)
{
    arena_free(arena, index->slots);
    index->slots = NULL;
}

void key_index_put(struct key_index *index, uint32_t tag, uint32_t number)
{
    uint32_t position = key_index_home(index, tag);
    while (index->slots[position].number_plus_one != 0)
        position = (position + 1) & index->mask;
    index->slots[position] = (struct key_slot){tag, number + 1};
}

// Closes the hole by moving back every follower that may stand there, so that no tombstones gather.
void key_index_remove(struct key_index *index, uint32_t tag, uint32_t number)
{
    struct key_slot *slots = index->slots;
    uint32_t mask = index->mask, hole = key_index_home(index, tag);
    while (slots[hole].tag != tag || slots[hole].number_plus_one != number + 1) {
        assert(slots[hole].number_plus_one != 0);
        hole = (hole + 1) & mask;
    }
    for (uint32_t at = (hole + 1) & mask; slots[at].number_plus_one != 0; at = (at + 1) & mask) {
        uint32_t distance = (at - key_index_home(index, slots[at].tag)) & mask;
        if (distance >= ((at - hole) & mask)) {
            slots[hole] = slots[at];
            hole = at;
        }
    }
    slots[hole].number_plus_one = 0;
}
