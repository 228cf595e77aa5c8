// What the tries need of the state besides its accounts: which slots changed, where they are, where the roots go, and
// what was written since an older height. Contracts
// and slots go by numbers within the partition; a slot's number is its leaf's in the contract's trie. The owner thread.
#ifndef GANTRY_SHARD_STATE_STORAGE_H
#define GANTRY_SHARD_STATE_STORAGE_H

#include "shard/state/state.h"

// Contracts are numbered from 1 to below this; some of the numbers may be free.
uint32_t storage_contract_limit(const struct state *s);
// Number of an account's contract, 0 when it has none.
uint32_t storage_contract(const struct state *s, uint32_t id);
void storage_set_root(struct state *s, uint32_t contract, const bytes32 *root);
// All roots are right now, and from now on: state_roots_since.
void storage_roots_are_right(struct state *s);

// Slots changed in the open block or, between blocks, in the last one, each once.
size_t storage_changed_count(const struct state *s);
uint32_t storage_changed(const struct state *s, size_t i);

uint32_t storage_slot_contract(const struct state *s, uint32_t slot);
u256 storage_slot_value(const struct state *s, uint32_t slot); // zero: not in the trie
// keccak256 of the slot's number: its key in the trie. Made by storage_hash_keys.
const bytes32 *storage_slot_key(const struct state *s, uint32_t slot);
// Makes the hashed keys of slots that have none yet, in batches.
void storage_hash_keys(struct state *s, const uint32_t *slots, size_t count);

// The slot's value after block `height`, which is kept.
u256 storage_slot_value_at(const struct state *s, uint32_t slot, uint64_t height);
// The records written after block `height` (kept) and up to the last ended one; a record may be among them several
// times.
size_t state_written_count(const struct state *s, uint64_t height);
uint32_t state_written(const struct state *s, uint64_t height, size_t i);
size_t storage_written_count(const struct state *s, uint64_t height);
uint32_t storage_written(const struct state *s, uint64_t height, size_t i);

// Visits every slot that is not zero (any order).
void storage_visit(const struct state *s, void (*visit)(void *ctx, uint32_t slot), void *ctx);

// As state_find, but also finds a record whose account doesn't exist now.
uint32_t state_find_record(const struct state *s, const bytes32 *key);
// Number of the slot's record, STATE_NONE when there is none.
uint32_t storage_find(const struct state *s, uint32_t contract, const u256 *slot);

#endif
