// Serving this node's state: what other nodes ask of it (GET_SNAP), answered from the newest checkpoint, which stays
// pinned while somebody fetches it, and from the block log. Tables are read on the checkpoint thread, the rest here.
//
// One question of a peer at a time, all answers together at most SNAP_BYTES_PER_S. Owner thread only: the
// coordinator's.
#ifndef GANTRY_ENGINE_SNAP_SNAP_SERVER_H
#define GANTRY_ENGINE_SNAP_SNAP_SERVER_H

#include "engine/cluster.h"
#include "engine/finality.h"
#include "engine/store/blog.h"
#include "engine/store/checkpoint_snapshot.h"
#include "shard/inbox.h"

#define SNAP_BYTES_PER_S (64u << 20)
// A pinned checkpoint that nobody has asked about for so long is let go, and a new one offered.
#define SNAP_IDLE_NS 10000000000ull
// So far back a block is looked for that was attested lately.
#define SNAP_ATTESTED_BLOCKS 1024u

struct snap_server_options {
    struct checkpoint *checkpoint;
    struct blog *blog;
    struct finality *finality;
    struct inbox *owner; // woken when a job is done
    // The message goes to this peer; valid during the call.
    void (*send)(void *ctx, unsigned peer, const struct wire_message *m);
    // Fills an offer (but for height, block and bytes) and the message's epoch. False: nothing can be offered now.
    bool (*describe)(void *ctx, struct wire_message *m);
    // Digest of the newest ordering block whose execution a final one attests. False: there is none yet.
    bool (*attested)(void *ctx, bytes32 *digest);
    void *ctx;
};

struct snap_server;

struct snap_server *snap_server_create(const struct snap_server_options *options);
// Waits for what is under way on the checkpoint thread.
void snap_server_free(struct snap_server *s); // NULL is fine

// A question of a peer. What comes while its last one is unanswered is dropped.
void snap_server_ask(struct snap_server *s, unsigned peer, const struct wire_get_snap *get);
// Each turn. Returns when it wants the next one at the latest.
uint64_t snap_server_step(struct snap_server *s, uint64_t now_ns);

#endif
