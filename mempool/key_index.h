// Finds numbered things (a transaction's slot, a sender's, a place in the drop record) by a 32-byte key.
//
//   tag = 32 bits of XXH3(key, seed);  slots: [tag|number] [tag|number] [empty] ...   linear probing, at most half full
//
// A slot holds no key: whoever looks up compares the keys of the few numbers that share the tag. Clients choose what
// is hashed into the keys, so the seed should be a number that they can't know; it never changes an answer.
// One owner thread. Fixed size; the arena owns the memory.
#ifndef GANTRY_MEMPOOL_KEY_INDEX_H
#define GANTRY_MEMPOOL_KEY_INDEX_H

#include "base/arena.h"

#define KEY_INDEX_NONE UINT32_MAX

struct key_slot {
    uint32_t tag;
    uint32_t number_plus_one; // 0: empty
};

struct key_index {
    struct key_slot *slots;
    uint32_t mask;
    uint64_t seed;
};

// For at most entries_max numbers (below 2^30) at once.
void key_index_init(struct key_index *index, struct arena *arena, uint32_t entries_max, uint64_t seed);
void key_index_free(struct key_index *index, struct arena *arena);
// Bytes that key_index_init takes.
uint64_t key_index_bytes(uint32_t entries_max);

uint32_t key_index_tag(const struct key_index *index, const bytes32 *key);

// Walks the numbers with this tag: start with *position = tag, until KEY_INDEX_NONE.
static inline uint32_t key_index_next(const struct key_index *index, uint32_t tag, uint32_t *position)
{
    for (;;) {
        struct key_slot slot = index->slots[*position & index->mask];
        if (slot.number_plus_one == 0)
            return KEY_INDEX_NONE;
        ++*position;
        if (slot.tag == tag)
            return slot.number_plus_one - 1;
    }
}

// The pair must not be there yet.
void key_index_put(struct key_index *index, uint32_t tag, uint32_t number);
// The pair must be there.
void key_index_remove(struct key_index *index, uint32_t tag, uint32_t number);

#endif
