// A shard's part of the data plane: it makes stripes from its pool, gathers, checks and stores those that come, sends
// and serves them over its bulk connections, and lends their transactions to execution.
//
// A depot lives on its shard's thread, on its loop. The coordinator talks to it by calls (depot_post) and is told of
// events (MSG_DEPOT, struct depot_event). Of a car it sees only the stripes that its shard owns: stripe s is the shard's
// that owns partition 16 s.
#ifndef GANTRY_ENGINE_CARS_DEPOT_H
#define GANTRY_ENGINE_CARS_DEPOT_H

#include "engine/net/links.h"
#include "engine/order/effects.h"
#include "shard/shard.h"

struct depot;

struct depot_options {
    struct shard *shard;
    unsigned shard_index, shard_count;
    struct depot **all; // every shard's, filled in before the shards' loops see one
    struct wire_set set;
    unsigned me;    // own lane; WIRE_VALIDATORS_MAX for a node that has none
    unsigned peers; // of the bulk connections
    // Bulk connections that there are with each peer, as the coordinator knows.
    const _Atomic uint8_t *groups;
    uint64_t chain_id, block_gas_limit;
    const char *dir; // of its cars
    bytes32 genesis_hash;
    uint64_t segment_bytes;
    struct inbox *coordinator;
};

// ---- what the coordinator asks

enum depot_ask {
    DEPOT_MAKE,    // stripes for the next own car, as request says: DEPOT_MADE
    DEPOT_UNMAKE,  // they, or those of the dropped own car `name`, go back to the pool
    DEPOT_STORE,   // gather (or take those made last: own), check, store durably: DEPOT_STORED or DEPOT_INVALID
    DEPOT_SEND,    // to the peers of `to`, the stripes in mask
    DEPOT_LOAD,    // lend the transactions of a stored car: DEPOT_LOADED
    DEPOT_RELEASE, // they are executed: memory may go, the store keeps the bodies
    DEPOT_FORGET,  // cars of epochs before name.epoch
    DEPOT_LINK,    // a bulk connection of peer and group: fd, link
    DEPOT_CLOSE,   // end the bulk connections of peer
    DEPOT_BULK,    // bytes, an encoded message, to peer on group
    DEPOT_STOP,    // end all connections and writes: DEPOT_STOPPED
};

struct depot_request {
    u256 base_fee;
    uint64_t gas_max, bytes_max; // of this shard
    size_t count_max;
};

struct depot_call {
    struct shard_call call; // first
    struct depot *depot;
    enum depot_ask ask;
    struct car_name name;
    struct wire_car car; // STORE
    bool ack, own;
    struct vmask to;
    uint16_t mask;
    struct depot_request request;
    unsigned peer, group;
    int fd;
    struct link *link;
    struct payload *bytes;
};

// Takes the call over (malloc'ed). The coordinator's thread.
void depot_post(struct depot *d, struct depot_call *call);

// ---- what the coordinator is told

enum depot_event_kind {
    DEPOT_MADE,
    DEPOT_STORED,
    DEPOT_INVALID, // stripe and bytes: its body
    DEPOT_LOADED,
    DEPOT_MESSAGE, // bytes came from peer on a bulk connection and are the coordinator's
    DEPOT_CLOSED,  // a bulk connection of peer and group is over
    DEPOT_BANNED,  // peer sent what nobody may send; detail says what
    DEPOT_FAILED,  // nothing more can be stored; detail says why
    DEPOT_STOPPED,
};

// Lent until DEPOT_RELEASE, DEPOT_UNMAKE or, for own ones, until the pool was told what became of them.
struct depot_stripe {
    struct wire_stripe_ref ref; // MADE
    const struct exec_tx *txs;  // each a pooled_tx's first field
    uint32_t count;
};

struct depot_event {
    enum depot_event_kind kind;
    unsigned shard;
    struct car_name name;
    bool acked;
    uint16_t mask; // stripes below that are set
    struct depot_stripe stripes[WIRE_STRIPES];
    uint16_t stripe;
    unsigned peer, group;
    uint8_t *bytes; // malloc'ed
    size_t len;
    char detail[STORE_ERROR_MAX];
};
void depot_event_free(struct depot_event *e);

// ---- life

// A car that the store holds, told while it is opened.
struct depot_held {
    struct car_name name;
    struct wire_car car;
    bool acked;
    uint16_t mask;
};
typedef void depot_held_visit(void *ctx, unsigned shard, const struct depot_held *held);

// Before the shard's loop knows it (shard_attach); visit is told what is stored. NULL with a message.
struct depot *depot_open(const struct depot_options *options, depot_held_visit *visit, void *ctx,
                         char error[STORE_ERROR_MAX]);
// Once its shard has ended.
void depot_close(struct depot *d);
// The guest of its shard.
struct shard_guest depot_guest(struct depot *d);

// Any thread: a stripe's shard.
static inline unsigned depot_of_stripe(unsigned stripe, unsigned shard_count)
{
    return partition_owner(stripe * WIRE_PARTITIONS_PER_STRIPE, shard_count);
}
// The shard that has a group's connections, of so many groups with this peer; and the group of a stripe.
static inline unsigned depot_of_group(unsigned group, unsigned groups, unsigned shard_count)
{
    return depot_of_stripe((group * WIRE_STRIPES + groups - 1) / groups, shard_count);
}
static inline unsigned depot_group_of_stripe(unsigned stripe, unsigned groups)
{
    return stripe * groups / WIRE_STRIPES;
}

#endif
