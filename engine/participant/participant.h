// This node's part in its cluster, on the coordinator's thread: the validator (ordering and data plane) between its
// disks, the control connections, the shards' depots, and execution.
//
//   control messages --.                     .--> control connections
//   depots' events   ---> validator -> effects --> depots: store, send, serve, connections
//   execution's end  --'   (turns)           '--> feed -> executor
//
// One turn of the coordinator's loop is one turn of the validator: what came is given to it, then its effects that are
// durable are carried out.
#ifndef GANTRY_ENGINE_PARTICIPANT_PARTICIPANT_H
#define GANTRY_ENGINE_PARTICIPANT_PARTICIPANT_H

#include "engine/cars/depot.h"
#include "engine/consensus_view.h"
#include "engine/executor.h"
#include "engine/finality.h"

struct participant;

struct participant_options {
    const struct genesis *genesis;
    bytes32 genesis_hash;
    struct cluster *cluster; // the keys in it stay its owner's
    struct shard **shards;   // running
    unsigned shard_count;
    struct inbox *inbox;             // the coordinator's
    const char *log_dir, *guard_dir; // vote_folder.h
    const char *cars_dir;            // made when missing; one folder a shard in it
    uint64_t cars_bytes_max;         // of all stored cars
    uint64_t serve_bytes_per_s;      // of them, to nodes that ask
    bool recover;                    // the log is gone
    int listen_fd;                   // stays the caller's
    struct blog *blog;               // of executed blocks
    struct header head;              // the newest of them
    bytes32 head_hash;
    struct consensus_board *board;              // what it publishes on
    struct finality *finality;                  // told of final blocks
    void (*failed)(void *ctx, const char *why); // it can't go on
    void *ctx;
};

// Opens logs and stores and takes back what they hold; on the starting thread. NULL with a message.
struct participant *participant_open(const struct participant_options *options, char error[STORE_ERROR_MAX]);
// Once the coordinator's and the shards' threads have ended (or never ran).
void participant_free(struct participant *p);

// All below: the coordinator's thread, with its loop.
MUST_CHECK bool participant_enter(struct participant *p, struct loop *loop, struct executor *executor,
                                  char error[STORE_ERROR_MAX]);
// A shard's MSG_DEPOT.
void participant_handle(struct participant *p, const struct message *m);
// Ends the turn. Returns when it wants the next one at the latest.
uint64_t participant_turn(struct participant *p, uint64_t now_ns);
// Before the loop sleeps.
void participant_arm(struct participant *p);
// Ends connections; the loop runs until it is idle.
void participant_stop(struct participant *p);
bool participant_idle(const struct participant *p);

#endif
