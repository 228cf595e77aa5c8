// The serial path: a block that was made elsewhere is executed in its own order on a state, and held to its header. The
// oracle of all other ways to execute a block (execution.md, "Replay"). One thread.
//
//   block_body_read -> block_check_header, block_body_check -> block_execute -> block_check_results -> state root
//   '--------------------------------- block_accept ----------------------------------------------------------'
//
// Sources: yellow paper 4.3 and 11; EIP-658, EIP-4788, EIP-4844, EIP-4895. Proof of work, its rewards and its ommers
// are not here: blocks of forks from before Paris can be executed, their receipts are exact, their state lacks the
// reward.
#ifndef GANTRY_SHARD_SERIAL_BLOCK_RUN_H
#define GANTRY_SHARD_SERIAL_BLOCK_RUN_H

#include "shard/evm/evm.h"
#include "shard/serial/block_body.h"
#include "shard/serial/block_rules.h"

// The state that blocks change. After a refusal it may have been changed, too: the owner takes it back or gives it up.
struct block_state {
    const struct evm_host *host; // never says EVM_LATER, and knows the hashes of the last 256 blocks
    void *ctx;
    bytes32 (*root)(void *ctx); // only block_accept asks
    // From the next block on the codes are run by these rules.
    void (*set_rules)(void *ctx, const struct evm_rules *rules);
};

// What execution gives. receipts, and their logs, belong to the runner until the next block.
struct block_results {
    uint64_t gas_used, blob_gas_used;
    bloom logs_bloom;
    bytes32 receipts_root;
    const struct receipt *receipts; // one a transaction
};

struct block_runner;

// Memory comes from the arena. NULL when libcrypto offers no RIPEMD-160.
struct block_runner *block_runner_create(struct arena *arena, const struct block_state *state);
void block_runner_free(struct block_runner *r);

// Executes the body on the state of its parent. False when a transaction isn't valid at its turn.
MUST_CHECK bool block_execute(struct block_runner *r, const struct chain_rules *chain, const struct block_body *body,
                              struct block_results *results, struct block_verdict *out);
// Whether execution gave what the header says, but for the state root.
MUST_CHECK bool block_check_results(const struct header *h, const struct block_results *results,
                                    struct block_verdict *out);

// All of it for a body that was read: everything that makes a block valid after its parent.
MUST_CHECK bool block_accept(struct block_runner *r, const struct chain_rules *chain, const struct header *parent,
                             const bytes32 *parent_hash, struct block_body *body, struct block_results *results,
                             struct block_verdict *out);

#endif
