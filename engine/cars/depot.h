// A shard's part of the data plane: it makes stripes from its pool, gathers, checks and stores those that come, sends
// and serves them over its bulk connections, and lends their transactions to execution.
//
// A depot lives on its shard's thread, on its loop. The coordinator talks to it by calls (depot_post) and is told of
// events (MSG_DEPOT, struct depot_event). Of a car it sees only the stripes that its shard owns: stripe s is the
// shard's that owns partition 16 s.
#ifndef GANTRY_ENGINE_CARS_DEPOT_H
#define GANTRY_ENGINE_CARS_DEPOT_H

#include "engine/cars/gather.h"
#include "engine/net/links.h"
#include "shard/shard.h"

struct depot;

struct depot_options {
    struct shard *shard;
    unsigned shard_index, shard_count;
    const struct vset *set;
    unsigned me;    // own lane; beyond the set's for a node that has none
    unsigned peers; // of the bulk connections
    // How many bulk connections there are to be with each peer; written by the coordinator.
    const _Atomic uint8_t *groups;
    uint64_t chain_id, block_gas_limit;
    const char *dir; // of its cars, made when missing
    bytes32 genesis_hash;
    uint64_t segment_bytes, bytes_max;
    uint64_t serve_bytes_per_s; // above 0
    struct inbox *coordinator;
};

// ---- what the coordinator asks

enum depot_ask {
    DEPOT_MAKE,    // stripes for the next own car, as request says: DEPOT_MADE
    DEPOT_BUILD,   // a stripe of txs that several shards' pools proposed: DEPOT_BUILT
    DEPOT_UNMAKE,  // own car `number` is dropped: what the pool proposed for it goes back
    DEPOT_LANDED,  // the pool was told what became of own car `number`
    DEPOT_STORE,   // gather car (its own stripes were made last), check, store durably: DEPOT_STORED or DEPOT_INVALID
    DEPOT_SEND,    // to the peers of `to`, the stripes in mask
    DEPOT_SERVE,   // the same for one that asked; with want_header DEPOT_HEADER first
    DEPOT_LOAD,    // lend the transactions of a stored car: DEPOT_LOADED
    DEPOT_RELEASE, // lent transactions are done with; what is stored stays
    DEPOT_FORGET,  // stored cars of epochs before name.epoch
    DEPOT_FLOOR,   // of epoch name.epoch the positions up to tips are final
    DEPOT_LINK,    // a bulk connection with peer: group, fd, link
    DEPOT_CLOSE,   // the bulk connections with peer are to end
    DEPOT_BULK,    // bytes, an encoded message, to the peers of `to`
    DEPOT_BODY,    // from another depot: bytes, a CAR_STRIPE from peer whose stripe is this shard's
    DEPOT_RELAY,   // from another depot: bytes to peer on group, whose connection is this shard's
    DEPOT_FORWARD, // hand transactions of the pool to peer, a validator, as request says; again until they are included
    DEPOT_STOP,    // end connections: DEPOT_STOPPED
};

struct depot_request {
    u256 base_fee;
    uint64_t gas_max, bytes_max; // of this shard; bytes as in bodies
};

struct depot_call {
    struct shard_call call; // first
    struct depot *depot;
    enum depot_ask ask;
    struct car_name name;
    struct wire_car car; // STORE
    bool ack, want_header;
    uint64_t number;     // MAKE, UNMAKE, LANDED: counts own cars since the start
    unsigned stripe;     // BUILD
    struct exec_tx *txs; // BUILD: malloc'ed
    size_t tx_count;
    struct vmask to;
    uint16_t mask;
    struct depot_request request;
    uint32_t *tips; // FLOOR: one a lane, malloc'ed
    unsigned peer, group;
    int fd;
    struct link *link;
    struct payload *bytes;
};

struct depot_call *depot_call_new(struct depot *d, enum depot_ask ask);
// Has the depot do it and takes the call over. The coordinator's thread.
void depot_post(struct depot_call *call);

// ---- what the coordinator is told

enum depot_event_kind {
    DEPOT_MADE, // a stripe without ref is to be built: its transactions are not all of this shard's senders
    DEPOT_BUILT,
    DEPOT_STORED,
    DEPOT_INVALID, // stripe, and bytes: its body
    DEPOT_LOADED,
    DEPOT_HEADER,  // bytes: CAR_HDR for peer
    DEPOT_MESSAGE, // bytes came from peer on a bulk connection
    DEPOT_CLOSED,  // the bulk connection of peer and group is over
    DEPOT_BANNED,  // peer sent what nobody may send; detail says what
    DEPOT_FAILED,  // detail: nothing more can be stored, or a stored car not be read
    DEPOT_STOPPED,
};

// Transactions are lent until DEPOT_RELEASE; those that were just made stay the pool's until it is told what became of
// them.
struct depot_stripe {
    struct wire_stripe_ref ref; // MADE, BUILT
    const struct exec_tx *txs;  // each a pooled_tx's first field
    uint32_t count;
};

struct depot_event {
    enum depot_event_kind kind;
    unsigned shard;
    struct car_name name;
    bool acked;
    uint16_t mask; // which of stripes are set
    struct depot_stripe stripes[WIRE_STRIPES];
    uint16_t stripe;
    unsigned peer, group;
    uint8_t *bytes; // malloc'ed
    size_t len;
    char detail[STORE_ERROR_MAX];
};
void depot_event_free(struct depot_event *e);

// ---- life

// Opens its log. NULL with a message. The shard gets it as its guest by depot_start, which may be before its thread
// runs or on it.
struct depot *depot_open(const struct depot_options *options, char error[STORE_ERROR_MAX]);
// all: every shard's depot.
void depot_start(struct depot *d, struct depot *const *all);
// Before depot_start, or once its shard has ended.
void depot_close(struct depot *d);

// What it did since the start, and what it has now; brought up to date some times a second. Any thread. traffic: of
// each peer; what its bulk connections here have counted is added.
struct depot_numbers {
    struct gather_numbers gather;
    struct car_log_numbers log;
    uint64_t served_bytes;            // of cars, to those that asked
    uint64_t forwarded, forwarded_in; // transactions handed to validators, and taken from peers
};
struct depot_numbers depot_numbers(const struct depot *d, struct link_counters *traffic);

// Before depot_start: what is stored here; and one car's header.
void depot_visit(const struct depot *d, void (*visit)(void *ctx, const struct car_entry *e), void *ctx);
MUST_CHECK bool depot_read_header(struct depot *d, const struct car_name *name, struct wire_car *out,
                                  char error[STORE_ERROR_MAX]);

// Any thread: a stripe's shard.
static inline unsigned depot_of_stripe(unsigned stripe, unsigned shard_count)
{
    return partition_owner(stripe * WIRE_PARTITIONS_PER_STRIPE, shard_count);
}
// How many shards own partitions of a stripe.
static inline unsigned depots_of_stripe(unsigned stripe, unsigned shard_count)
{
    return partition_owner((stripe + 1) * WIRE_PARTITIONS_PER_STRIPE - 1, shard_count) -
           depot_of_stripe(stripe, shard_count) + 1;
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
