// The hashes of the last 256 blocks, which BLOCKHASH gives to contracts: exec_ancestors, kept from block to block.
#ifndef GANTRY_ENGINE_ANCESTORS_H
#define GANTRY_ENGINE_ANCESTORS_H

#include "engine/store/blog.h"
#include "shard/exec/exec.h"

// As far as the log must reach back behind the block that a state is loaded for.
#define ANCESTORS_KEPT 256

static inline void ancestors_add(struct exec_ancestors *a, uint64_t height, const bytes32 *hash)
{
    a->hash[height % ANCESTORS_KEPT] = *hash;
}

// Those up to and with `head`, from the log's headers, each of which must have the hash that its child names. False
// with a message when the log is damaged or doesn't reach back far enough.
MUST_CHECK bool ancestors_load(struct exec_ancestors *out, struct blog *blog, const struct header *head,
                               const bytes32 *head_hash, char error[STORE_ERROR_MAX]);

#endif
