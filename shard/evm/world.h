// A state in memory that is an evm_host: for official tests, benchmarks and fuzzing, where a whole shard would be in
// the way. Its root is the state root of Ethereum's tries. One thread; nothing is shared.
#ifndef GANTRY_SHARD_EVM_WORLD_H
#define GANTRY_SHARD_EVM_WORLD_H

#include "shard/evm/host.h"

struct world;

struct world *world_create(struct arena *arena, const struct evm_rules *rules);
void world_free(struct world *w);
// As new, but for the codes that it knows.
void world_clear(struct world *w);

// The host's functions for this world; valid as long as it is.
const struct evm_host *world_host(struct world *w);
// Hashes of earlier blocks; until then, and for numbers that were not set, keccak256 of the number in decimal digits,
// as the official state tests have it.
void world_set_block_hash(struct world *w, uint64_t number, const bytes32 *hash);

// Fills in an account; code may be empty. An account that is there already is replaced, but for its storage.
void world_put_account(struct world *w, const address *who, uint64_t nonce, const u256 *balance, struct bytes code);
void world_put_slot(struct world *w, const address *who, const u256 *key, const u256 *value);

// Zero where there is none.
struct evm_account_state world_account(const struct world *w, const address *who);
struct bytes world_code(const struct world *w, const bytes32 *hash);
u256 world_slot(const struct world *w, const address *who, const u256 *key);

// Which accounts a confined transaction finds in its own partition; without it all of them.
void world_set_partition(struct world *w, bool (*is_own)(const address *who));

bytes32 world_root(struct world *w);

#endif
