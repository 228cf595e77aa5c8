// One shard's part of gathering cars (consensus specification, D1 to D3): bodies come from their owner's bulk channel
// or as answers to GET_CAR, are compared with the car's header, checked as batches, stored durably, and reported to the
// coordinator, which puts the shards' parts together.
//
//   want -> bodies -> digest -> decode -> signatures -> car log -> durable -> report, lent until release
//
// Sans-IO: the time is handed in, the car log is a state machine over its disk. Bounds: wanted cars are the data
// plane's (WC a lane, and fetches); bodies that come before they are wanted, GATHER_EARLY_MAX and GATHER_EARLY_BYTES a
// peer, of positions that are not far off; anything else is dropped. Two cars of one position are two cars here: a body
// is taken by the header that names its digest. One owner thread.
#ifndef GANTRY_ENGINE_CARS_GATHER_H
#define GANTRY_ENGINE_CARS_GATHER_H

#include "engine/cars/car_log.h"
#include "engine/cars/stripe.h"
#include "shard/stage.h"

#define GATHER_EARLY_MAX (2u * WIRE_LANE_WINDOW)
#define GATHER_EARLY_BYTES (8u << 20)

struct gather;

struct gather_options {
    unsigned shard, shard_count, me, peers;
    struct stripe_rules rules;
    const struct wire_set *set; // of all epochs
    struct car_log *log;
    struct arena *arena;
    struct stage_clock *stages; // of the thread, for its time; NULL: nobody counts it
};

// The stripes of a shard: those whose first partition it owns.
uint16_t gather_stripes_of(unsigned shard, unsigned shard_count);
// Whether this shard has a part in a car: one of its stripes, or the car is empty and this is the first shard.
bool gather_has_part(unsigned shard, unsigned shard_count, const struct wire_car *car);

// This shard's part of a car, the gather's until gather_release; lent to the coordinator by a report.
struct car_part {
    struct car_name name;
    struct wire_car car;
    uint16_t stripes; // of this shard
    bool ack, own;
    // The transactions, in the order of the stripe; NULL where there is none. Of an own car that was made since the
    // start they are the pools' own, else the part's.
    const struct exec_tx *txs[WIRE_STRIPES];
    uint32_t counts[WIRE_STRIPES];
    struct bytes bodies[WIRE_STRIPES];
};

enum part_status {
    PART_STORED,  // checked and durable
    PART_INVALID, // a stripe's body is: `stripe` and its `body`, valid until the part is released
    PART_REFUSED, // the log is full or has failed: `why`
};
struct part_report {
    enum part_status status;
    struct car_part *part;
    unsigned stripe;
    struct bytes body;
    struct stripe_verdict verdict;
    const char *why;
};

struct gather *gather_create(const struct gather_options *options);
void gather_free(struct gather *g);

// Own cars. The body of a stripe in the making, of transactions that the pools hold as proposed; txs are copied. False
// when they do not fit a body. What was made waits for gather_want of a car of this validator that names it; making the
// same stripe again, or gather_unmake, drops it.
MUST_CHECK bool gather_make(struct gather *g, unsigned stripe, const struct exec_tx *txs, size_t count,
                            struct wire_stripe_ref *ref);
void gather_unmake(struct gather *g);

// The coordinator wants this car checked and stored (EFFECT_STORE_CAR). Wanting one twice is idle; one that the log
// holds already is reported from there.
void gather_want(struct gather *g, const struct car_name *name, const struct wire_car *car, bool ack);
// The transactions of a stored car, for execution: lent as those of a wanted one. NULL with a message.
MUST_CHECK const struct car_part *gather_load(struct gather *g, const struct car_name *name,
                                              char error[STORE_ERROR_MAX]);
// A stripe's body from a peer. memory: the allocation that body lies in, taken over by this; NULL: it is copied.
// Returns false when it was dropped.
bool gather_body(struct gather *g, unsigned peer, uint64_t epoch, const struct wire_car_stripe *m, uint8_t *memory);
// Epoch and finalized positions: early bodies of others are dropped; with a new epoch so is what is still being
// gathered for an earlier one (a final block's cars are wanted anew).
void gather_floor(struct gather *g, uint64_t epoch, const uint32_t *tips);
// The part of a car that is being gathered or lent, NULL where there is none. Its bodies are there from when they came.
const struct car_part *gather_find(const struct gather *g, const struct car_name *name);
// A car that nobody needs any more (its report may not have come yet), or whose report has served its purpose: the part
// and what hangs on it are freed. What is stored stays stored.
void gather_release(struct gather *g, const struct car_name *name);

// Checks what has gathered (whole stripes, at least one and on until about so many transactions), stores, commits. True
// when there is more to check at once. *next: as car_log_step.
bool gather_step(struct gather *g, uint64_t now_ns, uint64_t *next);
MUST_CHECK bool gather_take(struct gather *g, struct part_report *out);

struct gather_numbers {
    uint64_t wanted, early, early_bytes; // now
    uint64_t bodies, dropped, invalid;   // so far
};
struct gather_numbers gather_numbers(const struct gather *g);

#endif
