// A state in memory that is an evm_host: for official tests, benchmarks and fuzzing, where a whole shard would be in
// the way. Its root is the state root of Ethereum's tries. One thread; nothing is shared.
#ifndef GANTRY_SHARD_EVM_WORLD_H
#define GANTRY_SHARD_EVM_WORLD_H

#include "shard/evm/host.h"

struct evm_world;

struct evm_world *evm_world_create(struct arena *arena, const struct evm_rules *rules);
void evm_world_free(struct evm_world *w);
// As new, but for the codes that it knows.
void evm_world_clear(struct evm_world *w);
// From now on codes are those of another fork, and the codes that were handed out are gone.
void evm_world_set_rules(struct evm_world *w, const struct evm_rules *rules);

// The host's functions for this world; valid as long as it is.
const struct evm_host *evm_world_host(struct evm_world *w);
// Hashes of earlier blocks, of which the last 256 are kept; for other numbers it is keccak256 of the number in decimal
// digits, as the official state tests have it.
void evm_world_set_block_hash(struct evm_world *w, uint64_t number, const bytes32 *hash);

// Fills in an account; code may be empty. An account that is there already is replaced, but for its storage.
void evm_world_put_account(struct evm_world *w, const address *who, uint64_t nonce, const u256 *balance,
                           struct bytes code);
void evm_world_put_slot(struct evm_world *w, const address *who, const u256 *key, const u256 *value);

// Zero where there is none.
struct evm_account_state evm_world_account(const struct evm_world *w, const address *who);
struct bytes evm_world_code(const struct evm_world *w, const bytes32 *hash);
u256 evm_world_slot(const struct evm_world *w, const address *who, const u256 *key);

// Which accounts a confined transaction finds in its own partition; without it all of them.
void evm_world_set_partition(struct evm_world *w, bool (*is_own)(const address *who));

// Takes as long as what changed since the last time.
bytes32 evm_world_root(struct evm_world *w);

#endif
