// The newest blocks' hashes, for BLOCKHASH in calls at any height whose state is kept. Owner: the rpc thread.
#ifndef GANTRY_ENGINE_RPC_RECENT_HASHES_H
#define GANTRY_ENGINE_RPC_RECENT_HASHES_H

#include "engine/store/chain_reader.h"

// At least the heights of states and BLOCKHASH's 256 before the oldest; a power of two.
#define RECENT_HASHES 512

struct recent_hashes {
    bytes32 hashes[RECENT_HASHES]; // by height
    uint64_t next[RECENT_HASHES];  // height + 1; 0: none
};

void recent_hashes_add(struct recent_hashes *r, uint64_t height, const bytes32 *hash);
// The hashes of the blocks before height `before`, the newest first: at most max, and no more than are there. What
// isn't remembered is read.
size_t recent_hashes_take(struct recent_hashes *r, struct chain_reader *reader, uint64_t before, bytes32 *out,
                          size_t max);

#endif
