// One ordered list O at a time through the shards: cut by gas into executed blocks, each led through the rounds,
// assembled and appended to the store; shown when all of the list is durable; then the pools are told what became of
// it.
//
//   ready -> [execute -> rounds -> (gather, global) -> finish]* -> store -> settle -> ready
//
// The bracket runs once for each executed block. Owner: the coordinator, on its thread.
#ifndef GANTRY_ENGINE_EXECUTOR_H
#define GANTRY_ENGINE_EXECUTOR_H

#include "base/hist.h"
#include "chain/genesis.h"
#include "engine/block_store.h"
#include "engine/ordered_list.h"
#include "engine/root_history.h"
#include "shard/shard.h"

struct executor;

struct executor_options {
    const struct genesis *genesis;
    struct shard **shards;
    unsigned shard_count;
    struct block_store_options store;
    struct root_history *roots; // told of each block's partitions; may be NULL
    struct list_board *board;   // told of each list; may be NULL
    struct codes *codes;        // the node's
    struct arena *arena;        // of the thread that the executor runs on
    struct header head;         // the newest block
    bytes32 head_hash;
    const struct exec_ancestors *ancestors;     // the newest block included; copied
    struct turn *turn;                          // the coordinator's
    void (*failed)(void *ctx, const char *why); // nothing further may be executed
    void *ctx;
};

// NULL when what runs contracts can't be made (exec_machine_create).
struct executor *executor_create(const struct executor_options *options);
void executor_free(struct executor *x);

const struct header *executor_head(const struct executor *x);
const bytes32 *executor_head_hash(const struct executor *x);
u256 executor_next_base_fee(const struct executor *x);

// The list to be filled, sealed and grouped while the executor is ready; its until settled.
struct ordered_list *executor_list(struct executor *x);
bool executor_ready(const struct executor *x); // no list is under way
// Starts the list. start_ns: when it was begun to be gathered, for the times and numbers.
void executor_run(struct executor *x, uint64_t start_ns);
// The same for a list whose first executed blocks are there already, from before a restart. False: there was nothing
// left of it.
MUST_CHECK bool executor_run_from(struct executor *x, uint64_t start_ns, unsigned blocks_there);

// A shard's answer to the executor.
void executor_handle(struct executor *x, const struct message *m);
// Takes what the disk has completed.
void executor_step(struct executor *x);
// It waits for the disk, not for shards.
bool executor_storing(const struct executor *x);

// Any thread.
struct executor_numbers {
    _Atomic uint64_t height, durable_height, blocks, empty_blocks, transactions, gas, rounds;
    _Atomic uint64_t passes[EXEC_GLOBAL + 1];             // included transactions, by enum exec_pass
    _Atomic uint64_t global_by[EXEC_GLOBAL_REASON_COUNT]; // that went to the global pass, by reason
    _Atomic uint64_t head_timestamp, head_gas_used, head_gas_limit;
    _Atomic uint64_t base_fee_low; // of the next block, saturated to 64 bits
    _Atomic uint64_t last_block_start_ns, log_bytes, retained_from;
    _Atomic uint64_t keccak_lanes_used, keccak_lanes_offered; // keccak256_lane_use of its thread
    _Atomic uint64_t dropped_by[TX_STATUS_COUNT];             // ordered transactions that no block takes, by reason
};
const struct executor_numbers *executor_numbers(const struct executor *x);
// A copy, any thread.
struct executor_times {
    struct hist commit;   // from a list's start until its blocks are durable
    struct hist interval; // from a list's start to the next one's
    struct hist flush;    // from handing a list's blocks to the log until they are durable
};
void executor_copy_times(const struct executor *x, struct executor_times *out);

#endif
