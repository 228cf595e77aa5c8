// Where connections with peers begin: listens, dials, shakes hands, and lets only those in whose key is on the list.
// An open control connection goes into `links`, an open bulk connection to the shard that owns its group (`bulk`).
// Owner thread only, on its loop: the coordinator's.
//
// Who dials is set for each peer: of two validators exactly one. A dialed peer gets its control connection first, then,
// knowing how many shards it has, min(16, own shards, its shards) bulk connections. What fails is dialed again after
// GATE_RETRY_MIN_NS, doubled each time up to GATE_RETRY_MAX_NS, give or take a quarter; a connection that lasted
// GATE_STEADY_NS begins anew.
//
// Strangers are bounded in time (LINK_OPEN_NS from accepting to open), number (GATE_PENDING_MAX handshakes, of which
// addresses of no peer have GATE_STRANGERS_MAX) and cost (GATE_BURST handshakes an address, then one each
// GATE_INTERVAL_NS; of all addresses together GATE_ALL_BURST, then one each GATE_ALL_INTERVAL_NS; addresses of peers,
// several of which may be on one machine, GATE_PEER_BURST each). Beyond that they are closed at once, unanswered, and
// counted. A handshake takes about 0.3 ms, so that strangers take at most 6 % of the thread.
#ifndef GANTRY_ENGINE_NET_GATE_H
#define GANTRY_ENGINE_NET_GATE_H

#include "engine/net/links.h"

#include <stdatomic.h>

#define GATE_PENDING_MAX 256u
#define GATE_STRANGERS_MAX 64u
#define GATE_BURST 20u
#define GATE_INTERVAL_NS 200000000ull
#define GATE_ALL_BURST 100u
#define GATE_ALL_INTERVAL_NS 5000000ull
#define GATE_PEER_BURST 1024u
#define GATE_PEER_INTERVAL_NS 10000000ull
#define GATE_RETRY_MIN_NS 100000000ull
#define GATE_RETRY_MAX_NS 1000000000ull
#define GATE_STEADY_NS 5000000000ull

struct gate;

struct gate_peer {
    uint8_t key[NOISE_KEY_BYTES];
    bool dial;
    struct sockaddr_storage at; // zero: unknown, it dials us
};

// An open bulk link, held back: link_resume is the taker's (links_add does it). Free or close both if it is not taken.
struct gate_bulk {
    int fd;
    struct link *link;
};

struct gate_options {
    struct loop *loop;
    int listen_fd; // stays the caller's; -1: none
    bytes32 secret;
    bytes32 genesis_hash;
    uint16_t shards;
    const struct gate_peer *peers; // copied; a peer's number is its place here
    unsigned peer_count;
    struct links *control; // one group, peer_count peers
    // NULL: bulk connections are neither dialed nor accepted.
    void (*bulk)(void *ctx, unsigned peer, unsigned group, struct gate_bulk bulk);
    void *ctx;
};

// NULL with a message when the secret is none or no randomness is to be had.
struct gate *gate_create(const struct gate_options *options, char *error, size_t error_cap);
// Closes what is under way and accepts no more. Then run the loop until idle, and only then free.
void gate_stop(struct gate *g);
bool gate_idle(const struct gate *g);
void gate_free(struct gate *g);

// Each turn of the loop: dials what is due, ends what is late. Returns when it wants to be called again at the latest.
uint64_t gate_step(struct gate *g, uint64_t now_ns);
// What the gate gave away is over (the owner of `control` calls it from its links_ops.closed): dial again when due.
void gate_closed(struct gate *g, unsigned peer, enum wire_channel channel, unsigned group);

// The peer broke the rules (an invalid certificate, say): its control connection ends as LINK_MISBEHAVED, and it is
// neither let in nor dialed until then. Its bulk connections are their owners' to close.
void gate_ban(struct gate *g, unsigned peer, uint64_t until_ns);

// How many bulk connections there are to be with this peer: 0 until its control connection has opened.
unsigned gate_groups(const struct gate *g, unsigned peer);

// Any thread.
struct gate_numbers {
    _Atomic uint64_t accepted, dialed, opened;
    _Atomic uint64_t refused_rate, refused_pending; // closed at once
    _Atomic uint64_t failed[LINK_STATUS_COUNT];     // ended before they were open, by reason
};
const struct gate_numbers *gate_numbers(const struct gate *g);

#endif
