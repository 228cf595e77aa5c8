// Sharded execution in three passes (execution.md, "From the ordered list O to the block B"): senders, calls, global. A
// deterministic state machine over partitions; it knows nothing of threads and transport: the shard loop carries
// parcels between shards, tests drive any number of shards in one thread.
//
// One block, seen from the coordinator (C) and the shards (S):
//
//   C -> S  exec_begin(env, its transactions of O, in O order)
//   repeat, as long as exec_next says EXEC_NEXT_ROUND:
//     C -> S  exec_senders          pass 1 over the waiting ones; fills one parcel a destination shard
//     S -> S  the parcels           exec_take of each incoming one, after the own pass is done
//     if exec_has_calls, which then is the same for all shards:
//             exec_calls            pass 2 over the calls of the own partitions; fills parcels anew
//     S -> S  the parcels           exec_take likewise
//     S -> C  struct exec_progress
//   C <- S  exec_left_over          the global list
//   C       exec_global             fees so far to the coinbase, then the global list in O order, as if serial,
//                                   over all partitions (the shards are parked)
//   C -> S  exec_end
//
// Results are written into the shared array results[], one entry an O index, by whoever executes, drops or passes on
// the transaction, and read by the coordinator after the barrier.
#ifndef GANTRY_SHARD_EXEC_EXEC_H
#define GANTRY_SHARD_EXEC_EXEC_H

#include "chain/header.h"
#include "mempool/pooled_tx.h"
#include "shard/evm/confine.h"
#include "shard/partition.h"
#include "shard/state/codes.h"
#include "shard/state/state.h"

#define EXEC_ROUNDS_MAX 16

// The hashes of the last 256 blocks, of block n at n mod 256.
struct exec_ancestors {
    bytes32 hash[256];
};

// What every transaction of a block sees.
struct exec_env {
    uint64_t chain_id;
    uint64_t number;
    uint64_t timestamp;
    uint64_t gas_limit;
    u256 base_fee;
    address coinbase;
    bytes32 coinbase_key; // keccak256(coinbase)
    bytes32 prevrandao;
    bytes32 parent_beacon_block_root;
    const struct exec_ancestors *ancestors; // lent until the block is over
};

// What execution needs of a transaction of O. key bytes decide the partition.
struct exec_tx {
    const struct tx *tx;
    const address *sender;
    const bytes32 *sender_key, *target_key;
    uint32_t index; // in O
};

enum exec_pass { EXEC_SENDERS = 1, EXEC_CALLS = 2, EXEC_GLOBAL = 3 };

// Why a transaction went to the global pass.
enum exec_global_reason {
    EXEC_NOT_GLOBAL = 0,
    EXEC_GLOBAL_CREATION,
    EXEC_GLOBAL_DATA,         // data for an address without code
    EXEC_GLOBAL_AFTER_ESCAPE, // an earlier call of its sender escaped
    EXEC_GLOBAL_WAITED,       // for a nonce, for money or for a binding to end, until the rounds ended
    EXEC_GLOBAL_ESCAPED,      // with an enum evm_escape added
    EXEC_GLOBAL_REASON_COUNT = EXEC_GLOBAL_ESCAPED + EVM_ESCAPE_COUNT,
};
// A few words, for metrics and traces. Never NULL.
const char *exec_global_reason_text(enum exec_global_reason reason);

struct exec_logs {
    struct bytes rlp; // the list, header included
    bloom bloom;
};

struct exec_result {
    uint8_t drop;  // enum tx_status; TX_OK: part of B
    bool again;    // dropped, but the reason is not final: back to the pool
    uint8_t round; // 0..15; the global pass counts as EXEC_ROUNDS_MAX
    uint8_t pass;  // enum exec_pass
    uint8_t global_reason;
    uint8_t partition; // that the transaction was executed in; not of the global pass
    bool success;
    uint64_t gas_used;
    const struct exec_logs *logs; // NULL: none. Kept until who made them begins its next block
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
// A transaction on its way to a partition.
struct exec_call {
    const struct exec_tx *tx;
    uint32_t index; // in O
    uint8_t partition;
};
struct exec_call_list {
    struct exec_call *items;
    size_t count, capacity;
};

// What one shard has for another one, or for itself, after a pass. Read only, until the same pass of the next round.
struct exec_parcel {
    struct exec_credit_list credits;
    struct exec_call_list calls; // after pass 1: for the receiver to run; after pass 2: its senders' that escaped
    size_t calls_sent;           // after pass 1: in all parcels of this shard
};

struct exec_progress {
    uint64_t executed, dropped, escaped; // in this round
    uint64_t waiting, global;            // after it: waiting; on the global list
    bool changed;                        // something was executed, dropped, escaped or sent to the global list
};
void exec_progress_add(struct exec_progress *sum, const struct exec_progress *one);

// What comes after a round, from the sum of all shards' progress.
enum exec_next { EXEC_NEXT_ROUND, EXEC_NEXT_GLOBAL, EXEC_NEXT_END };
enum exec_next exec_next(const struct exec_progress *sum, unsigned round);

// What runs contracts for one thread: an EVM on the accounts and storage of states, and the logs that it leaves.
struct exec_machine;

// codes: the node's. NULL when memory or libcrypto's hash functions are short.
struct exec_machine *exec_machine_create(struct arena *arena, struct codes *codes);
void exec_machine_free(struct exec_machine *m);

// After exec_calls and exec_global, before anybody reads the results' logs: the blooms, which the receipts need, of
// those that the machine's transactions have left.
void exec_finish_logs(struct exec_machine *m);

struct exec_shard; // one shard's part in the current block

// states: the shard's partitions, states[p] for global partition number p (others NULL). Arrays and machine live as
// long as the shard.
struct exec_shard *exec_create(struct arena *arena, unsigned shard, unsigned shard_count, struct state **states,
                               struct exec_machine *machine);
void exec_free(struct exec_shard *x);

// Starts a block: opens it in every own partition, and makes the block's system call (EIP-4788) where that is here. txs
// are this shard's, rising in index; they and results stay valid until exec_end.
void exec_begin(struct exec_shard *x, const struct exec_env *env, const struct exec_tx *txs, size_t count,
                struct exec_result *results);
// Transactions that wait from now on, behind those that do: for blocks whose rounds are known. As exec_begin's.
void exec_add(struct exec_shard *x, const struct exec_tx *txs, size_t count);
// Pass 1 of round `round` over what waits.
void exec_senders(struct exec_shard *x, unsigned round);
// Pass 2. After every shard's parcel of pass 1 was taken, and before exec_finish_logs.
void exec_calls(struct exec_shard *x);
bool exec_has_calls(const struct exec_shard *x);
// What this shard has for another one after pass EXEC_SENDERS or EXEC_CALLS; for itself: between its partitions.
const struct exec_parcel *exec_parcel(const struct exec_shard *x, enum exec_pass pass, unsigned destination);
// Takes a parcel that was sent to this shard, or the own one, after the own pass. The order does not matter: additions
// commute, and calls are sorted.
void exec_take(struct exec_shard *x, enum exec_pass pass, const struct exec_parcel *parcel);
// After all parcels of the round.
struct exec_progress exec_progress(const struct exec_shard *x);
// Fees (tips) collected by this shard in the block so far.
u256 exec_fees(const struct exec_shard *x);
// The part of the global list that is here, what still waits included; valid until exec_end. In no order.
size_t exec_left_over(struct exec_shard *x, const struct exec_tx ***out);

// The fees of the passes before, without a global pass. Only the coinbase's partition is touched.
void exec_pay_coinbase(struct state **states, const struct exec_env *env, const u256 *fees);
// The global pass, by one thread while no other touches any partition: credits fees to the coinbase, then runs txs (any
// order; sorted inside by index) against states[0..255].
void exec_global(struct exec_machine *m, struct state **states, const struct exec_env *env, const u256 *fees,
                 const struct exec_tx **txs, size_t count, struct exec_result *results);

// Closes the block in every own partition (state_end_block). Changed records are then the trie's.
void exec_end(struct exec_shard *x);

// The serial path: a whole block, opened and closed in states[0..255], as any Ethereum client executes it.
void exec_serial(struct exec_machine *m, struct state **states, const struct exec_env *env, const struct exec_tx **txs,
                 size_t count, struct exec_result *results);

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
