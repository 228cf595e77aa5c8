// A table of records and the hash table that finds them by key: the accounts of a partition, or the storage slots of
// its contracts. Part of the state's inside; not for others.
//
// Records lie in chunks and never move; an id stays a record's until record_table_remove, which may give it away again.
// The slot table is one u32 a slot (tag, then id), open addressing with linear probing, filled to at most 4/5. Ids get
// the bits that they need at the table's size, the tag has the rest: a tag that is right by chance costs a read of
// another record. It grows in steps of a quarter and is rebuilt from the records in place of the old one, so that
// growing never needs both at once. A small table's memory is resident as it is used; from a chunk's worth of records
// on, all new memory is dense (base/arena.h).
// Where a key lands depends on a secret of the process: nobody can make keys that crowd one place. Nothing that leaves
// this table depends on it.
#ifndef GANTRY_SHARD_STATE_RECORD_TABLE_H
#define GANTRY_SHARD_STATE_RECORD_TABLE_H

#include "base/arena.h"
#include "base/u256.h"

#define RECORD_NONE UINT32_MAX
#define RECORDS_PER_CHUNK 2048u

#define RECORD_DIRTY 1u       // written since the last checkpoint
#define RECORD_HAS_HISTORY 2u // `history` is the number of its newest pre-image

// What every record begins with.
struct record_head {
    bytes32 key;
    uint32_t flags : 8;
    uint32_t contract : 24; // of a slot: part of the key; of an account: its own matter
    uint32_t history;       // while the record is free: the next free id
};

struct record_shape {
    uint32_t bytes;   // of a record
    uint32_t id_bits; // bounds the records; below 32
    bool by_contract; // the contract is part of the key
};

struct record_table {
    struct arena *arena;
    struct record_shape shape;
    uint64_t seed;
    uint8_t **chunks;
    uint32_t chunk_count, chunk_capacity;
    uint32_t given; // ids below this were given out at least once
    uint32_t free;  // first id that was given back
    uint32_t count; // records in the table
    uint32_t slot_count;
    uint32_t id_mask; // of a slot; the rest is the tag
    uint32_t *slots;
};

void record_table_init(struct record_table *t, struct arena *arena, const struct record_shape *shape);
void record_table_free(struct record_table *t);

static inline struct record_head *record_at(const struct record_table *t, uint32_t id)
{
    uint8_t *chunk = t->chunks[id / RECORDS_PER_CHUNK];
    return (struct record_head *)(chunk + (size_t)(id % RECORDS_PER_CHUNK) * t->shape.bytes);
}

// Brings the whole record, which may lie on three cache lines, to be written.
static inline void record_prefetch(const struct record_table *t, uint32_t id)
{
    const uint8_t *r = (const uint8_t *)record_at(t, id);
    for (uint32_t at = 0; at < t->shape.bytes; at += 64)
        __builtin_prefetch(r + at, 1);
    __builtin_prefetch(r + t->shape.bytes - 1, 1);
}

// contract: 0 in a table that isn't by contract.
uint32_t record_table_find(const struct record_table *t, const bytes32 *key, uint32_t contract);
// The key must not be there. The new record is all zero but for its key and contract.
uint32_t record_table_add(struct record_table *t, const bytes32 *key, uint32_t contract);
void record_table_remove(struct record_table *t, uint32_t id);
// Sizes the slots for this many records at once.
void record_table_reserve(struct record_table *t, size_t count);
// Prefetches what record_table_find will touch: the way to the record; and, when that is there, the record.
void record_table_prefetch_way(const struct record_table *t, const bytes32 *key, uint32_t contract);
void record_table_prefetch(const struct record_table *t, const bytes32 *key, uint32_t contract);

#endif
