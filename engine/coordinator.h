// The coordinator: one more actor beside the shards. Alone, it gathers proposals, has them ordered, and gives each list
// to the executor; in a cluster, the participant does (engine/participant/participant.h), on this thread.
#ifndef GANTRY_ENGINE_COORDINATOR_H
#define GANTRY_ENGINE_COORDINATOR_H

#include "engine/executor.h"
#include "engine/participant/participant.h"

struct coordinator;

struct coordinator_options {
    const struct genesis *genesis;
    struct shard **shards;
    unsigned shard_count;
    struct order *order;             // or
    struct participant *participant; // its owner's
    struct block_store_options store;
    int disk_event_fd;          // readable when the log's disk has completions
    unsigned list_blocks;       // blocks' gas that one ordered list may hold; 0: one
    uint64_t stall_ms;          // a turn of its loop that takes longer is logged; 0: none is
    struct codes *codes;        // the node's
    struct root_history *roots; // told of each block's partitions; may be NULL
    struct list_board *board;   // told of each list; may be NULL
    struct header head;         // the newest block
    bytes32 head_hash;
    const struct exec_ancestors *ancestors;     // the newest block included; copied
    void (*failed)(void *ctx, const char *why); // the coordinator has stopped for good
    void *ctx;
};

// inbox is made first, because the shards need it. NULL when what runs contracts can't be made.
struct coordinator *coordinator_create(struct inbox *inbox, const struct coordinator_options *options);
MUST_CHECK bool coordinator_start(struct coordinator *c, char *error, size_t error_cap);
// Any thread: finish the block under way, then end the thread.
void coordinator_stop(struct coordinator *c);
void coordinator_join(struct coordinator *c);
void coordinator_free(struct coordinator *c);

// Its numbers and times: any thread.
const struct executor *coordinator_executor(const struct coordinator *c);
// Its turns and stages, and its part of the timeline (the ring's reader may be any one thread).
struct turn *coordinator_turn(struct coordinator *c);
int coordinator_thread_id(const struct coordinator *c);

#endif
