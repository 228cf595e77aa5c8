// The inside of struct gather, shared by gather.c (what is wanted, checked and stored) and gather_bodies.c (what
// comes).
#ifndef GANTRY_ENGINE_CARS_GATHER_PRIVATE_H
#define GANTRY_ENGINE_CARS_GATHER_PRIVATE_H

#include "engine/cars/fifo.h"
#include "engine/cars/gather.h"

#define GATHER_BUCKETS 1024u

// Memory that bytes lie in; the allocation may begin before them.
struct kept_bytes {
    struct bytes bytes;
    uint8_t *memory;
};

enum pending_state {
    PENDING_BODIES,  // some are missing, or not checked yet
    PENDING_LOG,     // all checked; the log takes it when it is ready
    PENDING_DISK,    // put, not durable
    PENDING_DONE,    // reported and lent
    PENDING_INVALID, // reported; nothing more is taken
};

struct pending {
    struct car_part part; // first
    enum pending_state state;
    uint16_t missing, unchecked; // of part.stripes: bodies that have not come, and not been found valid
    struct kept_bytes bodies[WIRE_STRIPES];
    struct stripe *stripes[WIRE_STRIPES];
    struct exec_tx *own[WIRE_STRIPES];
    uint8_t *record;          // memory of a stored record's bodies
    struct pending *next;     // of its bucket
    struct pending *next_put; // of those that wait for the log
};

// A stripe's body that has come and waits to be checked.
struct check {
    struct pending *pending;
    unsigned stripe;
};

// A body that came before its car was wanted.
struct early {
    uint64_t epoch;
    uint16_t lane, stripe;
    uint32_t pos;
    struct kept_bytes body;
};
// Of one peer, oldest first.
struct early_ring {
    struct early items[GATHER_EARLY_MAX];
    unsigned first, count;
    uint64_t bytes;
};

struct made {
    struct wire_stripe_ref ref;
    uint8_t *body; // NULL: none
    struct exec_tx *txs;
};

struct gather {
    struct gather_options options;
    struct stripe_check *check;
    uint16_t own_stripes; // of this shard
    struct pending *buckets[GATHER_BUCKETS];
    struct fifo checks; // of struct check
    struct pending *put_first, **put_last;
    struct fifo reports; // of struct part_report
    struct made made[WIRE_STRIPES];
    bool doubtful[WIRE_VALIDATORS_MAX]; // lanes whose last car was invalid
    uint64_t epoch;
    uint32_t tips[WIRE_VALIDATORS_MAX];
    struct early_ring *early; // one a peer
    struct gather_numbers numbers;
};

static inline struct pending **gather_bucket(struct gather *g, unsigned lane, uint32_t pos)
{
    return &g->buckets[(lane * 41u + pos) % GATHER_BUCKETS];
}

// Queues the body of a stripe, which its header names, for checking; the pending takes it over.
void gather_take_body(struct gather *g, struct pending *p, unsigned stripe, struct kept_bytes body);
// gather_bodies.c: gives p what came early.
void gather_use_early(struct gather *g, struct pending *p);
void gather_drop_early(struct gather *g);
// gather.c: drops what is still being gathered for earlier epochs.
void gather_drop_earlier(struct gather *g);

#endif
