// The codes of a node's contracts: by hash, each once, and the directory that tells which account has which code. One
// for all shards: they read both, without locks, while a block's passes run side by side (execution.md: the directory
// is frozen until pass 3). Writing needs that no one else reads or writes: the global pass, replay, a start; only the
// functions that say so may run beside one another.
//
// A code, once added, stays at its address until codes_free: the same code may come back, and nearly nothing ever goes.
#ifndef GANTRY_SHARD_STATE_CODES_H
#define GANTRY_SHARD_STATE_CODES_H

#include "shard/evm/code.h"

struct codes;

// The codes get an arena of their own.
struct codes *codes_create(const struct evm_rules *rules);
void codes_free(struct codes *c);

// NULL when no such code is there; &EVM_NO_CODE for KECCAK256_EMPTY.
const struct evm_code *codes_find(const struct codes *c, const bytes32 *hash);
// hash is keccak256(bytes). Takes a copy unless it is there already.
const struct evm_code *codes_add(struct codes *c, const bytes32 *hash, struct bytes bytes);

// In the order in which they were added, so that what is new since a number of codes were there is known.
size_t codes_count(const struct codes *c);
const struct evm_code *codes_at(const struct codes *c, size_t i);

// The directory, kept by the states (state_use_codes). key is keccak256(address); &EVM_NO_CODE when it has none.
const struct evm_code *codes_of_account(const struct codes *c, const bytes32 *key);
// code: one of this store's, or EVM_NO_CODE. Loading threads may call this side by side, with no reader about.
void codes_set_account(struct codes *c, const bytes32 *key, const struct evm_code *code);

#endif
