// What operators see of consensus: a copy of the coordinator's numbers, published by it now and then (some times a
// second) and read by any thread, under a lock that is held for the copying alone.
#ifndef GANTRY_ENGINE_CONSENSUS_VIEW_H
#define GANTRY_ENGINE_CONSENSUS_VIEW_H

#include "engine/cars/depot.h"
#include "engine/cluster.h"
#include "engine/finality.h"

// Why a node does not vote.
enum consensus_mode {
    CONSENSUS_VOTING,
    CONSENSUS_FOLLOWING,  // it is no validator
    CONSENSUS_RECOVERING, // it lost its log (`gantry recover`)
    CONSENSUS_DIVERGED,   // the others agree on another execution result
    CONSENSUS_FAILED,     // its log can't be written
};
const char *consensus_mode_text(enum consensus_mode mode); // "voting", ...

struct consensus_lane {
    uint32_t finalized;    // position
    uint32_t newest;       // highest position seen, at least finalized
    uint32_t held;         // cars beyond finalized that are durably here
    uint32_t available;    // cars beyond finalized, one after another, that a quorum acked
    bool held_back;        // its owner says that only the base fee holds transactions back
    uint64_t wasted_bytes; // of its ordered transactions that no block took
};

// One peer: its connections, and what it was last heard to say. Traffic is that of the present connections.
struct consensus_peer {
    bool control, banned;
    uint8_t bulk, bulk_wanted; // bulk connections that are open, and that are to be
    struct link_counters control_traffic, bulk_traffic;
    uint64_t view, executed; // of a validator: highest heard of (0: nothing yet)
    uint64_t heard_ms_ago;   // since its last message of ordering, or this node's start; UINT64_MAX: unknown
};

// struct gate_numbers as a copy.
struct consensus_handshakes {
    uint64_t accepted, dialed, opened, refused_rate, refused_pending;
    uint64_t failed[LINK_STATUS_COUNT];
};

struct consensus_view {
    enum consensus_mode mode;
    uint32_t me; // CLUSTER_FOLLOWER: none
    uint64_t epoch, epoch_start_height;
    uint64_t vote_from; // epoch from which it votes; UINT64_MAX: not known yet
    uint64_t view, leader, in_view_ms;
    uint64_t floor_view, floor_height; // newest final block of ordering
    bytes32 floor_digest;
    uint64_t executed;                    // height of ordering whose blocks are executed here
    uint64_t failures;                    // k: timeouts since the last final block
    uint64_t unfinal_cars, unfinal_bytes; // own
    uint64_t fetching, acks_unsent, refused_votes;
    struct order_counts counts;
    struct consensus_handshakes handshakes;
    unsigned lane_count, peer_count, shard_count;
    struct consensus_lane lanes[WIRE_VALIDATORS_MAX];
    struct consensus_peer peers[CLUSTER_PEERS_MAX]; // numbered as cluster's
    struct depot_numbers shards[SHARD_MAX];
};

// What the state machines know: everything but connections, handshakes, shards, wasted_bytes, and peer_count beyond the
// validators, which stay as they are.
void consensus_view_take(struct consensus_view *out, const struct validator *v);
// Control connections, handshakes, and how many bulk connections there are to be; peers as the gate's.
void consensus_view_take_links(struct consensus_view *out, const struct links *control, const struct gate *gate,
                               unsigned peers);

// What the shards' depots count, and the bulk connections' traffic, which it adds up; after the links.
void consensus_view_take_depots(struct consensus_view *out, struct depot *const *depots, unsigned count);

struct consensus_board;
struct consensus_board *consensus_board_create(void);
void consensus_board_free(struct consensus_board *b); // NULL is fine
void consensus_board_publish(struct consensus_board *b, const struct consensus_view *view);
// false: nothing has been published yet.
MUST_CHECK bool consensus_board_read(struct consensus_board *b, struct consensus_view *out);

// Why a node that has published this is of no use to clients, in a sentence; NULL when it is.
#define CONSENSUS_STUCK_MS 30000u
const char *consensus_trouble(const struct consensus_view *view);

// What a node shows of its cluster, for who answers questions: owned by the node, read by any thread.
struct cluster_report {
    const struct cluster *cluster;
    struct consensus_board *board;
    struct finality *finality;
};

#endif
