// The coordinator: one more actor beside the shards. It gathers proposals, has them ordered, leads the shards through
// the rounds of each block, assembles it, makes it durable and only then shows it.
//
//   idle -> propose -> [execute -> rounds -> (gather, global) -> finish]* -> store -> settle -> idle
//
// The bracket runs once for each executed block that the cut by gas makes of one ordered list.
#ifndef GANTRY_ENGINE_COORDINATOR_H
#define GANTRY_ENGINE_COORDINATOR_H

#include "base/hist.h"
#include "chain/genesis.h"
#include "engine/block_store.h"
#include "engine/order/order.h"
#include "shard/shard.h"

struct coordinator;

struct coordinator_options {
    const struct genesis *genesis;
    struct shard **shards;
    unsigned shard_count;
    struct order *order;
    struct block_store_options store;
    int disk_event_fd;    // readable when the log's disk has completions
    unsigned list_blocks; // blocks' gas that one ordered list may hold; 0: one
    struct header head;   // the newest block
    bytes32 head_hash;
    void (*failed)(void *ctx, const char *why); // the coordinator has stopped for good
    void *ctx;
};

// inbox is made first, because the shards need it.
struct coordinator *coordinator_create(struct inbox *inbox, const struct coordinator_options *options);
MUST_CHECK bool coordinator_start(struct coordinator *c, char *error, size_t error_cap);
// Any thread: finish the block under way, then end the thread.
void coordinator_stop(struct coordinator *c);
void coordinator_join(struct coordinator *c);
void coordinator_free(struct coordinator *c);

// Any thread.
struct coordinator_numbers {
    _Atomic uint64_t height, durable_height, blocks, empty_blocks, transactions, gas, global_pass_transactions, rounds;
    _Atomic uint64_t head_timestamp, head_gas_used, head_gas_limit;
    _Atomic uint64_t base_fee_low; // of the next block, saturated to 64 bits
    _Atomic uint64_t last_block_start_ns, log_bytes, retained_from;
    _Atomic uint64_t keccak_lanes_used, keccak_lanes_offered; // keccak256_lane_use of its thread
    _Atomic uint64_t dropped_by[TX_STATUS_COUNT];             // ordered transactions that no block takes, by reason
};
const struct coordinator_numbers *coordinator_numbers(const struct coordinator *c);
const struct stage_clock *coordinator_stages(const struct coordinator *c);
int coordinator_thread_id(const struct coordinator *c);
// A copy, any thread.
struct coordinator_times {
    struct hist commit;   // from a list's start until its blocks are durable
    struct hist interval; // from a list's start to the next one's
    struct hist flush;    // from handing a list's blocks to the log until they are durable
};
void coordinator_copy_times(struct coordinator *c, struct coordinator_times *out);

#endif
