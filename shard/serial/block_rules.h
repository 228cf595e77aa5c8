// The rules between a block's header and its parent's, from Paris to Cancun, and which fork's rules a block is under.
// Pure functions; any thread. Sources: yellow paper 4.3.4; EIP-1559, EIP-3675, EIP-4788, EIP-4844, EIP-4895.
#ifndef GANTRY_SHARD_SERIAL_BLOCK_RULES_H
#define GANTRY_SHARD_SERIAL_BLOCK_RULES_H

#include "chain/header.h"
#include "shard/evm/rules.h"
#include "shard/serial/verdict.h"

struct chain_fork {
    uint64_t from_number, from_time; // both must be reached
    const struct evm_rules *rules;
};

struct chain_rules {
    uint64_t chain_id;
    struct fee_rules fees;
    bool subsecond; // a block may have its parent's timestamp
    // The first holds from the genesis on; each later one supersedes those before it.
    struct chain_fork forks[EVM_FORK_COUNT];
    size_t fork_count; // at least 1
};

const struct evm_rules *chain_rules_at(const struct chain_rules *chain, uint64_t number, uint64_t timestamp);

// EIP-4844: the excess of a block whose parent this is.
uint64_t block_excess_blob_gas(const struct evm_rules *rules, const struct header *parent);

// Whether h may follow its parent, whose hash is given. What needs the block's body or its execution isn't looked at.
MUST_CHECK bool block_check_header(const struct chain_rules *chain, const struct header *parent,
                                   const bytes32 *parent_hash, const struct header *h, struct block_verdict *out);

#endif
