// The pre-images of one kind of records of a partition: a queue of {record, its previous pre-image, old values}, one
// entry a record and block in which it was written. Entries are numbered by a 32-bit counter that may wrap; all
// comparisons are relative to the oldest entry kept. Part of the state's inside; not for others.
#ifndef GANTRY_SHARD_STATE_HISTORY_H
#define GANTRY_SHARD_STATE_HISTORY_H

#include "base/arena.h"
#include "shard/state/state.h"

#define HISTORY_ENTRIES_PER_CHUNK 256u

// What every entry begins with.
struct history_entry {
    uint32_t record;
    uint32_t previous; // number of the record's pre-image before this one; its own number when there is none
};

struct history {
    struct arena *arena;
    uint32_t entry_bytes;
    uint32_t chunk_capacity;               // power of two
    uint8_t **chunks;                      // a ring, indexed by number / HISTORY_ENTRIES_PER_CHUNK
    uint8_t *spare;                        // an emptied chunk, kept for the next need
    uint32_t oldest, next;                 // numbers of the oldest entry kept and of the next one
    uint32_t block_start;                  // first entry of the open block, else of the last ended one
    uint32_t starts[STATE_HISTORY_BLOCKS]; // first entry of block h, at h mod STATE_HISTORY_BLOCKS
};

// The numbering starts at `first`.
void history_init(struct history *h, struct arena *arena, size_t entry_bytes, uint32_t first);
void history_free(struct history *h);

static inline uint32_t history_count(const struct history *h)
{
    return h->next - h->oldest;
}

// Is entry `number` kept, and not older than `from`?
static inline bool history_holds(const struct history *h, uint32_t number, uint32_t from)
{
    uint32_t age = number - h->oldest;
    return age < history_count(h) && age >= from - h->oldest;
}

static inline void *history_at(const struct history *h, uint32_t number)
{
    return h->chunks[number / HISTORY_ENTRIES_PER_CHUNK & (h->chunk_capacity - 1)] +
           (size_t)(number % HISTORY_ENTRIES_PER_CHUNK) * h->entry_bytes;
}

void history_begin_block(struct history *h, uint64_t height);
// Appends an entry and returns its number; the caller fills it.
uint32_t history_append(struct history *h);
// Forgets all entries before number `first` (at most `next`).
void history_drop_before(struct history *h, uint32_t first);

// The entry for the record's first write in a block, its values for the caller to fill; NULL when it has one already.
// *newest is the number of the record's newest pre-image, if it has any, and is kept up to date.
static inline void *history_keep(struct history *h, uint32_t record, bool has_any, uint32_t *newest)
{
    if (has_any && history_holds(h, *newest, h->block_start))
        return NULL;
    const uint32_t number = history_append(h);
    struct history_entry *e = history_at(h, number);
    *e = (struct history_entry){record, has_any ? *newest : number};
    *newest = number;
    return e;
}

// The oldest pre-image of a record that is no older than entry `from`: its values after the block before. NULL when the
// record was not written since.
const void *history_find(const struct history *h, uint32_t newest, uint32_t from);

#endif
