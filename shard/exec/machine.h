// Contracts on the shards' states: the EVM's host, over one partition (confined) or over all. Internal to shard/exec.
//
// A confined transaction's sender is a stranger even in its own partition: its money and nonce were taken when the call
// was sent (execution.md, "Pass 1"). The machine shows the EVM an account that has exactly them, and reports what comes
// back. Of other partitions it knows only the frozen directory of codes, which is all that a transaction that doesn't
// escape can ask for.
#ifndef GANTRY_SHARD_EXEC_MACHINE_H
#define GANTRY_SHARD_EXEC_MACHINE_H

#include "shard/exec/log_memory.h"
#include "shard/exec/round_senders.h"

// A transaction's execution.
struct execution {
    bool success;
    uint64_t gas_used;
    const struct exec_logs *logs;
};

// From here on this block: forgets the last one's logs. states[p] of the partitions that are here; NULL for others.
void machine_open(struct exec_machine *m, struct state **states, const struct exec_env *env);
// The block's system call (EIP-4788), if there is code for it; its partition's.
void machine_system_call(struct exec_machine *m);
unsigned machine_system_partition(const struct exec_machine *m);

// Calls that run soon, at most EVM_AHEAD_MAX, confined to their partitions or not: as far as it can be guessed, memory
// is asked for what they will read, and what they will hash is computed together. Changes no result.
void machine_foresee(struct exec_machine *m, const struct exec_call *calls, size_t count, bool confined);

// A target without code: at most a precompile runs. Touches no state.
struct execution machine_plain(struct exec_machine *m, const struct tx *tx);

// A call of code in partition `home`, confined to it. round: senders who have reserved calls. EVM_STAYS: it was
// executed, and its changes are in the state of the partition; received is what the sender got in the course of it,
// and in no state yet. Otherwise nothing has happened.
enum evm_escape machine_confined(struct exec_machine *m, const struct exec_tx *t, unsigned home,
                                 const struct round_senders *round, struct execution *out, u256 *received);

// Any transaction, over all partitions, fee and coinbase included. It is valid: rules_check said TX_OK.
struct execution machine_transact(struct exec_machine *m, const struct exec_tx *t);

const struct codes *machine_codes(const struct exec_machine *m);

#endif
