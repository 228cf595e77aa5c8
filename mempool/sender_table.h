// The senders that have something pooled: a numbered table and an index by sender key. A sender's number and address
// stay the same while it has transactions; an emptied sender is released at once, so the pool's bound on transactions
// bounds this table too. One owner thread.
#ifndef GANTRY_MEMPOOL_SENDER_TABLE_H
#define GANTRY_MEMPOOL_SENDER_TABLE_H

#include "mempool/key_index.h"
#include "mempool/pooled_tx.h"

#define SENDER_NOWHERE UINT32_MAX

struct sender {
    bytes32 key;
    uint64_t nonce; // the account's, as last told
    u256 balance;
    u256 cost;                      // sum of max_cost of all its pooled transactions
    struct pooled_tx *first, *last; // by nonce
    struct pooled_tx *next;         // the first that is executable and not proposed; NULL: none
    struct pooled_tx *evictable;    // what eviction may take next; NULL: not in the eviction heap
    uint32_t count;                 // pooled transactions; 0: this number is free
    uint32_t executable;            // of them executable and not proposed
    bool reckoned;                  // all of the queue agrees with nonce and balance, so telling the same again is idle
};

// Apart from the senders, because the heap and the list move many entries at a time.
struct sender_place {
    uint32_t in_evict_heap, in_ready; // positions, or SENDER_NOWHERE
};

struct sender_table {
    struct sender *senders;
    struct sender_place *places;
    uint32_t *free_numbers;
    uint32_t free_count;
    uint32_t used; // numbers ever given out
    uint32_t capacity;
    struct key_index index;
};

void sender_table_init(struct sender_table *table, struct arena *arena, uint32_t capacity, uint64_t seed);
void sender_table_free(struct sender_table *table, struct arena *arena);
// Bytes that sender_table_init takes.
uint64_t sender_table_bytes(uint32_t capacity);

// NULL when this sender has nothing pooled.
struct sender *sender_table_find(const struct sender_table *table, const bytes32 *key);
// A new, empty entry; the key must not be there.
struct sender *sender_table_add(struct sender_table *table, const bytes32 *key);
// The sender has nothing pooled and is in no heap or list.
void sender_table_release(struct sender_table *table, struct sender *s);

static inline uint32_t sender_number(const struct sender_table *table, const struct sender *s)
{
    return (uint32_t)(s - table->senders);
}

static inline struct sender_place *sender_place(const struct sender_table *table, const struct sender *s)
{
    return &table->places[sender_number(table, s)];
}

#endif
