// What clients want to hear of: subscriptions (WebSocket, told at once) and filters (any transport, asked for).
//
// Filters hold no copies: a filter for blocks or logs is a height, a filter for pending transactions a position in one
// ring of the newest hashes that all share. Who asks too rarely misses the oldest of them. A filter that nobody asked
// for during FILTER_EXPIRY_NS goes. Ids are random, so that nobody guesses another's. Owner: the rpc thread.
#ifndef GANTRY_ENGINE_RPC_FEED_H
#define GANTRY_ENGINE_RPC_FEED_H

#include "base/bytes.h"

#include <stdatomic.h>

struct rpc_core;
struct rpc_peer;
struct record;
struct log_filter;

#define FILTER_EXPIRY_NS (UINT64_C(300) * 1000 * 1000 * 1000)
// Addresses and topics that all filters and subscriptions for logs name together.
#define FEED_ALTERNATIVES_MAX 1000000
#define PENDING_RING 65536 // hashes kept for filters
// Blocks that one answer of a block filter tells of at most; the rest comes with the next.
#define FILTER_BLOCKS_MAX 10000

enum feed_kind { FEED_HEADS, FEED_PENDING, FEED_LOGS, FEED_OVERVIEW };

struct feed_id {
    uint8_t b[16];
};

struct rpc_subscription {
    struct feed_id id;
    enum feed_kind kind;
    struct log_filter *logs; // FEED_LOGS
    struct rpc_peer *peer;
    struct rpc_subscription *next_of_peer;
    struct rpc_subscription *next, *prev; // of all
};

struct rpc_filter {
    struct feed_id id;
    enum feed_kind kind;
    uint64_t position;       // FEED_HEADS, FEED_LOGS: last height told; FEED_PENDING: hashes seen so far
    struct log_filter *logs; // FEED_LOGS
    uint64_t used_ns;
};

struct feed {
    struct rpc_subscription *subscriptions;
    unsigned subscription_count, overview_users;
    struct rpc_filter *filters; // filter_max slots, the first filter_count in use
    unsigned filter_count, filter_max;
    bytes32 *pending; // ring of PENDING_RING, allocated with the first filter that needs it
    uint64_t pending_seen;
    _Atomic unsigned pending_users; // subscriptions and filters for pending transactions
    uint64_t notification_count;
    size_t alternative_count; // of all filters for logs
};

void feed_init(struct feed *feed, unsigned filter_max);
void feed_free(struct feed *feed);

// NULL when memory is short, or too many alternatives are kept. logs (shared) is of FEED_LOGS, else NULL.
struct rpc_subscription *feed_subscribe(struct feed *feed, struct rpc_peer *peer, enum feed_kind kind,
                                        struct log_filter *logs);
bool feed_unsubscribe(struct feed *feed, struct rpc_peer *peer, const struct feed_id *id);
void feed_peer_closed(struct feed *feed, struct rpc_peer *peer);

// NULL when filter_max are in use (after removing the expired ones), or as above. logs as above.
struct rpc_filter *feed_add_filter(struct feed *feed, enum feed_kind kind, struct log_filter *logs, uint64_t height,
                                   uint64_t now_ns);
struct rpc_filter *feed_find_filter(struct feed *feed, const struct feed_id *id, uint64_t now_ns);
bool feed_remove_filter(struct feed *feed, const struct feed_id *id, uint64_t now_ns);
// Copies up to max hashes that the filter has not seen and advances it; returns how many.
size_t feed_take_pending(struct feed *feed, struct rpc_filter *filter, bytes32 *out, size_t max);

// Text forms of an id: 0x and its digits without leading zeros, as geth writes them.
#define FEED_ID_TEXT 35
void feed_id_write(char out[FEED_ID_TEXT], const struct feed_id *id);
MUST_CHECK bool feed_id_read(struct feed_id *out, struct bytes text);

// Tells subscribers.
void feed_block(struct rpc_core *core, const struct record *r);
void feed_pending(struct rpc_core *core, const bytes32 *hashes, size_t count);
// overview: JSON. A subscriber that has not read what it was told before is left out.
void feed_overview(struct rpc_core *core, struct bytes overview);

#endif
