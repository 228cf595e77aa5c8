// Re-execution of stored blocks: serially in B's order (the oracle), or in rounds over shards. Used when the log's tail
// is replayed at a start, and by `gantry replay` to check a whole chain.
#ifndef GANTRY_ENGINE_REPLAY_H
#define GANTRY_ENGINE_REPLAY_H

#include "chain/genesis.h"
#include "engine/store/blog.h"
#include "shard/exec/exec.h"

// Re-executes a stored block's transactions serially, in B's order, over states[0..255] (each at the height before).
// False with a message when a transaction is not valid at its turn, or its gas, status or logs differ.
MUST_CHECK bool replay_block(struct exec_machine *machine, struct state **states, uint64_t chain_id,
                             const struct exec_ancestors *ancestors, const struct record *record,
                             char error[STORE_ERROR_MAX]);

struct replay_options {
    unsigned threads; // shards for the parallel way; tries are hashed by as many threads either way
    bool parallel;
    uint64_t to; // last height, at most the log's; 0: all
    void (*progress)(void *ctx, uint64_t height, uint64_t transactions);
    void *ctx;
};

struct replay_report {
    uint64_t blocks, transactions;
    uint64_t execute_ns, trie_ns;
};

// Replays the log from the genesis on and compares gas, statuses, logs and state root of every block. False with a
// message that names the first block that differs.
MUST_CHECK bool replay_chain(struct replay_report *out, const struct genesis *genesis, struct blog *blog,
                             const struct replay_options *options, char error[STORE_ERROR_MAX]);

#endif
