// Remembers why the last so many transactions were dropped: a ring of (hash, reason) and an index by hash.
// Each record counts against the bound, also a second one of the same hash; the latest reason of a hash is the answer.
// One owner thread.
#ifndef GANTRY_MEMPOOL_DROP_RECORD_H
#define GANTRY_MEMPOOL_DROP_RECORD_H

#include "chain/tx.h"
#include "mempool/key_index.h"

struct drop_entry {
    bytes32 hash;
    uint8_t reason; // enum tx_status; TX_OK: forgotten, or a newer entry tells
};

struct drop_record {
    struct drop_entry *entries;
    struct key_index index;
    uint32_t capacity; // 0: nothing is remembered
    uint32_t used;     // entries ever written, up to capacity
    uint32_t next;     // where the next one goes: over the oldest
};

void drop_record_init(struct drop_record *record, struct arena *arena, uint32_t capacity, uint64_t seed);
void drop_record_free(struct drop_record *record, struct arena *arena);
// Bytes that drop_record_init takes.
uint64_t drop_record_bytes(uint32_t capacity);

// reason is not TX_OK.
void drop_record_add(struct drop_record *record, const bytes32 *hash, enum tx_status reason);
// TX_OK when nothing is remembered.
enum tx_status drop_record_reason(const struct drop_record *record, const bytes32 *hash);
void drop_record_forget(struct drop_record *record, const bytes32 *hash);

#endif
