// The senders' pass of sharded execution (execution.md, "From the ordered list O to the block B"), for plain transfers:
// rounds, credit messages, barriers and the global pass. A deterministic state machine over partitions; it knows
// nothing of threads and transport: the shard loop carries exec_credits between shards, tests drive any number of
// shards in one thread.
//
// One block, seen from the coordinator (C) and the shards (S):
//
//   C -> S  exec_begin(env, its transactions of O, in O order)
//   repeat, up to EXEC_ROUNDS_MAX:
//     C -> S  exec_round            pass 1 over the waiting ones; fills one credit list a destination shard
//     S -> S  the credit lists      exec_apply of each incoming list, after the own round is done
//     S -> C  struct exec_progress
//   C <- S  exec_waiting            what still waits: the global list
//   C       exec_global             fees so far to the coinbase, then the global list in O order, as if serial,
//                                   over all partitions (the shards are parked)
//   C -> S  exec_end
//
// Results are written into the shared array results[], one entry an O index, by the shard that owns the sender (in the
// global pass by the coordinator), and read by the coordinator after the barrier.
#ifndef GANTRY_SHARD_EXEC_EXEC_H
#define GANTRY_SHARD_EXEC_EXEC_H

#include "mempool/pooled_tx.h"
#include "shard/partition.h"
#include "shard/state/state.h"

#define EXEC_ROUNDS_MAX 16

// What every transaction of a block sees.
struct exec_env {
    uint64_t chain_id;
    uint64_t number;
    uint64_t gas_limit;
    u256 base_fee;
    address coinbase;
    bytes32 coinbase_key; // keccak256(coinbase)
};

// What execution needs of a transaction of O. key bytes decide the partition.
struct exec_tx {
    const struct tx *tx;
    const bytes32 *sender_key, *target_key;
    uint32_t index; // in O
};

enum exec_pass { EXEC_SENDERS = 1, EXEC_CALLS = 2, EXEC_GLOBAL = 3 };

struct exec_result {
    uint8_t drop;  // enum tx_status; TX_OK: part of B
    bool again;    // dropped, but the reason is not final: back to the pool
    uint8_t round; // 0..15; the global pass counts as EXEC_ROUNDS_MAX
    uint8_t pass;  // enum exec_pass
    bool success;
    uint64_t gas_used;
};

// Money for an account in a partition of another shard, or of another partition of the same one.
struct exec_credit {
    bytes32 key;
    u256 amount;
};
struct exec_credit_list {
    struct exec_credit *items;
    size_t count, capacity;
};

struct exec_progress {
    uint64_t executed, dropped, waiting; // in this round; waiting after it
    bool changed;                        // something was executed, dropped or sent to the global list
};

struct exec_shard; // one shard's part in the current block

// states: the shard's partitions, states[p] for global partition number p (others NULL). Arrays live as long as the
// shard.
struct exec_shard *exec_create(struct arena *arena, unsigned shard, unsigned shard_count, struct state **states);
void exec_free(struct exec_shard *x);

// Starts a block: opens it in every own partition. txs are this shard's, rising in index; they and results stay valid
// until exec_end.
void exec_begin(struct exec_shard *x, const struct exec_env *env, const struct exec_tx *txs, size_t count,
                struct exec_result *results);
// Pass 1 of round `round` over what waits. The list for destination shard d is exec_outgoing(x, d) until the next
// round; d = own shard holds credits between different partitions of this shard.
void exec_round(struct exec_shard *x, unsigned round);
const struct exec_credit_list *exec_outgoing(const struct exec_shard *x, unsigned destination);
// Applies a list that was sent to this shard. Additions commute, so the order of lists does not matter. Must come after
// the own exec_round of this round and before the next.
void exec_apply(struct exec_shard *x, const struct exec_credit_list *credits);
struct exec_progress exec_progress(const struct exec_shard *x);
// Fees (tips) collected by this shard in the block so far.
u256 exec_fees(const struct exec_shard *x);
// What still waits, rising in index; valid until exec_end.
size_t exec_waiting(const struct exec_shard *x, const struct exec_tx ***out);

// The global pass, by one thread while no other touches any partition: credits fees to the coinbase, then runs
// `waiting` (any order; sorted inside by index) against states[0..255]. Also used, with everything waiting
// and fees zero, as the serial path.
void exec_global(struct state **states, const struct exec_env *env, const u256 *fees, const struct exec_tx **waiting,
                 size_t count, struct exec_result *results);

// Closes the block in every own partition (state_end_block). Changed records are then the trie's.
void exec_end(struct exec_shard *x);

// The order of B from one block's results, all of which are there: writes the positions of included transactions,
// counted from results, in B's order into order[] (room for count); returns how many. counts[round][pass] (pass 1..3)
// receives how many each (round, pass) holds.
struct exec_counts {
    uint32_t of[EXEC_ROUNDS_MAX + 1][4];
};
size_t exec_order(uint32_t *order, struct exec_counts *counts, const struct exec_result *results, size_t count);

// The cut by gas (execution.md): how many of O's transactions from `from` on make the next executed block. Those whose
// own gas limit exceeds the block's are dropped (results written) and count as passed over. txs is O.
size_t exec_cut(const struct exec_tx *txs, size_t count, size_t from, uint64_t block_gas_limit,
                struct exec_result *results);

#endif
