// Inside of the pool, shared by the files of this room.
//
//   by_hash --> txs[slot] --> pooled_tx <--> pooled_tx ...   a sender's queue, by nonce (sender_next, sender_prev)
//   senders --> sender.first, .last
//   ready       the senders with something executable                -> mempool_propose
//   evict_heap  of each sender the tail of its queue, cheapest first -> making room
//   queued      those behind a gap, by the time they came there      -> mempool_tick
#ifndef GANTRY_MEMPOOL_POOL_H
#define GANTRY_MEMPOOL_POOL_H

#include "mempool/drop_record.h"
#include "mempool/mempool.h"
#include "mempool/sender_table.h"

// What a transaction's place in its queue and the base fee make of it (pool_state.c). A proposed one has a state too.
enum pool_state {
    POOL_OUT = 0, // not in the pool
    POOL_QUEUED,  // behind a nonce gap
    POOL_HELD,    // pending, but its fee cap or that of one before it is under the base fee
    POOL_EXECUTABLE,
};

// No transaction needs more victims to make room for it: each frees at least its fixed part.
#define EVICT_VICTIMS_MAX (TX_RAW_MAX / sizeof(struct pooled_tx) + 2)

// Tip and fee cap, cut to 64 bits, stand in the heap itself; only beyond that (18 ether a gas) the transaction is
// asked.
struct evict_entry {
    uint64_t tip, fee;
    uint32_t sender;
};

// A sender with something executable and the prices of its next one, cut to 64 bits: proposing looks at all of these,
// and at the transactions only of those it picks.
struct ready_entry {
    uint64_t tip, fee, sequence;
    struct pooled_tx *next;
    uint32_t sender;
};

struct propose_entry {
    uint64_t tip; // effective, cut to 64 bits
    uint64_t sequence;
    struct pooled_tx *tx;
};

struct mempool {
    struct arena *arena;
    struct mempool_limits limits;
    u256 base_fee;
    uint64_t now_ns; // the latest time told
    uint64_t sequence;
    struct mempool_stats stats;
    uint32_t proposed;                // results awaited
    unsigned __int128 executable_gas; // as in stats, which has no room for the sum of the greatest gas limits

    struct pooled_tx **txs;
    uint32_t *free_slots;
    uint32_t free_slot_count, slots_used, tx_count;
    struct key_index by_hash;
    struct sender_table senders;
    struct drop_record drops;

    struct ready_entry *ready;
    uint32_t ready_count;
    struct evict_entry *evict_heap;
    uint32_t evict_count;
    struct propose_entry *propose_heap;
    struct pooled_tx *queued_first, *queued_last;
    struct pooled_tx *removed_first, *removed_last; // by sender_next; the reason is in status
    struct pooled_tx *victims[EVICT_VICTIMS_MAX];

    // No executable transaction's fee cap is below the floor; none that is held back by its own is above the roof.
    // While the base fee stays between them it changes nothing.
    u256 executable_floor, held_roof;
};

static inline struct sender *mp_sender_of(const struct mempool *mp, const struct pooled_tx *t)
{
    return &mp->senders.senders[t->sender_slot];
}

static inline uint64_t mp_low64(const u256 *v)
{
    return u256_fits_u64(v) ? v->w[0] : UINT64_MAX;
}

// mempool.c: takes one out for good. Settles what follows it; the sender's entry may be gone afterwards.
void mp_remove(struct mempool *mp, struct pooled_tx *t, enum tx_status reason);

// pool_state.c
// Reckons the states from t (may be NULL) to the end of its sender's queue; stops at the first unchanged one, since
// what follows depends on it alone.
void mp_settle(struct mempool *mp, struct sender *s, struct pooled_tx *t);
// The same for the whole queue, when the account's nonce or the base fee changed.
void mp_settle_all(struct mempool *mp, struct sender *s);
// Takes t out of the accounts kept by state.
void mp_state_leave(struct mempool *mp, struct sender *s, struct pooled_tx *t);
void mp_set_proposed(struct mempool *mp, struct sender *s, struct pooled_tx *t, bool proposed);

// mempool_evict.c
// Offers the tail of the sender's queue to eviction, if it may be evicted.
void mp_evict_offer_tail(struct mempool *mp, struct sender *s);
// Makes room for t of sender own (NULL: none yet), which replaces old (or NULL). Never touches own's nonces below t's.
// On anything but TX_OK nothing was evicted. own may be released by this.
MUST_CHECK enum tx_status mp_evict_for(struct mempool *mp, const struct pooled_tx *t, struct sender *own,
                                       const struct pooled_tx *old);

#endif
