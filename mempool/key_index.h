// Finds numbered things (a transaction's slot, a sender's, a place in the drop record) by a 32-byte key.
//
//   slots: [tag|number] [tag|number] [empty] ...   linear probing from the tag's upper bits, at most half full
//
// A slot holds no key: whoever looks up compares the keys of the few numbers that share the tag. Keys are Keccak
// hashes, so eight of their bytes are random enough; but clients choose what is hashed, and could try until the keys
// crowd one place. So the tag is a multiply-shift hash (Dietzfelbinger et al., 1997) by a multiplier from a seed, which
// should be a number that they can't know; it never changes an answer. One owner thread. Fixed size; the arena owns the
// memory.
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
    unsigned home_shift;
    uint64_t multiplier;
};

// For at most entries_max numbers (below 2^30) at once.
void key_index_init(struct key_index *index, struct arena *arena, uint32_t entries_max, uint64_t seed);
void key_index_free(struct key_index *index, struct arena *arena);
// Bytes that key_index_init takes.
uint64_t key_index_bytes(uint32_t entries_max);

static inline uint32_t key_index_tag(const struct key_index *index, const bytes32 *key)
{
    return (uint32_t)(load_le64(key->b + 8) * index->multiplier >> 32);
}

// The slot where the search for a tag begins.
static inline uint32_t key_index_home(const struct key_index *index, uint32_t tag)
{
    return tag >> index->home_shift;
}

static inline void key_index_prefetch(const struct key_index *index, const bytes32 *key)
{
    __builtin_prefetch(&index->slots[key_index_home(index, key_index_tag(index, key))], 1);
}

// Walks the numbers with this tag: start with *position = key_index_home, until KEY_INDEX_NONE.
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
