// The pre-images of one partition: a queue of {record, its previous pre-image, old values}, one entry a record and
// block in which it was written. Entries are numbered by a 32-bit counter that may wrap; all comparisons are relative
// to the oldest entry kept. Part of state.c's inside; not for others.
#ifndef GANTRY_SHARD_STATE_HISTORY_H
#define GANTRY_SHARD_STATE_HISTORY_H

#include "base/arena.h"
#include "base/u256.h"

#define HISTORY_ENTRIES_PER_CHUNK 256u

struct history_entry {
    uint32_t record;
    uint32_t previous; // number of the record's pre-image before this one; its own number when there is none
    uint64_t nonce;
    u256 balance;
};

struct history {
    struct arena *arena;
    struct history_entry **chunks; // a ring, indexed by number / HISTORY_ENTRIES_PER_CHUNK
    uint32_t chunk_capacity;       // power of two
    uint32_t oldest, next;         // numbers of the oldest entry kept and of the next one
    struct history_entry *spare;   // an emptied chunk, kept for the next need
};

// The numbering starts at `first`.
void history_init(struct history *h, struct arena *arena, uint32_t first);
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

static inline struct history_entry *history_at(const struct history *h, uint32_t number)
{
    return &h->chunks[number / HISTORY_ENTRIES_PER_CHUNK & (h->chunk_capacity - 1)][number % HISTORY_ENTRIES_PER_CHUNK];
}

// Appends an entry and returns its number; the caller fills it.
uint32_t history_append(struct history *h);
// Forgets all entries before number `first` (at most `next`).
void history_drop_before(struct history *h, uint32_t first);

#endif
