// One shard's part in a block, as its passes share it. Internal to shard/exec.
#ifndef GANTRY_SHARD_EXEC_PART_H
#define GANTRY_SHARD_EXEC_PART_H

#include "shard/exec/machine.h"
#include "shard/exec/rules.h"

struct exec_shard {
    struct arena *arena;
    unsigned shard, shard_count;
    struct state **states;
    struct exec_machine *machine;
    const struct codes *codes;
    struct exec_parcel *parcels[EXEC_CALLS + 1]; // by pass; one a destination shard

    // The current block.
    struct exec_env env;
    struct exec_result *results;
    const struct exec_tx **waiting; // rising in index
    size_t waiting_count, waiting_capacity;
    const struct exec_tx **global;
    size_t global_count, global_capacity;
    struct round_senders escaped; // own senders that had a call that escaped
    u256 fees;

    // The current round.
    unsigned round;
    struct round_senders senders; // own ones
    struct round_senders callers; // of calls that escaped here
    struct exec_call_list calls;  // to be run here
    size_t call_count;            // in all shards
    struct exec_progress progress;
};

void part_add_global(struct exec_shard *x, const struct exec_tx *t);
// Money for an account anywhere, at the barrier after the pass.
void part_send_credit(struct exec_shard *x, enum exec_pass pass, const bytes32 *key, const u256 *amount);
void part_send_call(struct exec_shard *x, enum exec_pass pass, unsigned partition, const struct exec_tx *t);
void part_clear_parcels(struct exec_shard *x, enum exec_pass pass);
// The value of a transfer out of partition `from`: at once where the target is in the same partition, even when both
// partitions are this shard's: the block must not depend on the number of shards.
void part_credit_target(struct exec_shard *x, enum exec_pass pass, unsigned from, const struct exec_tx *t);
void part_included(struct exec_shard *x, enum exec_pass pass, unsigned home, const struct exec_tx *t,
                   const struct execution *done);

static inline struct state *part_state(const struct exec_shard *x, const bytes32 *key)
{
    return x->states[partition_of_key(key)];
}

static inline size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Transactions and credits are taken in batches. While one batch is executed, memory brings the accounts of the next
// and the transactions of the one after; a batch's requests are issued together, so that their latencies overlap.
#define PREFETCH_BATCH 16
_Static_assert(PREFETCH_BATCH <= EVM_AHEAD_MAX, "a batch of calls is looked at together");

static inline void prefetch_tx(const struct exec_tx *t)
{
    for (size_t at = 0; at < sizeof *t->tx; at += 64)
        __builtin_prefetch((const char *)t->tx + at);
    __builtin_prefetch(t->sender_key);
    __builtin_prefetch(t->target_key);
}

// After prefetch_tx. As much of the data as most calls have.
static inline void prefetch_data(const struct exec_tx *t)
{
    __builtin_prefetch(t->sender);
    for (size_t at = 0; at < min_size(t->tx->data.len, 256); at += 64)
        __builtin_prefetch(t->tx->data.ptr + at);
}

#endif
