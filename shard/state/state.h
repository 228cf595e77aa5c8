// The flat state of one partition: a table from account key (keccak256 of the address) to account record, a table from
// (account, slot) to the storage slots of its contracts, the pre-images that readers of the last 128 heights need, and
// the lists of what changed for the tries and for checkpoints.
//
//   accounts:   hash table -> records in a chunked array, ids never move -- contract --> code hash, storage root
//   slots:      hash table -> records likewise, by contract and slot
//   history:    for each of the three a growing sequence of {record, previous pre-image of it, old values}
//
// An account without code and storage has no contract, and pays nothing for there being any.
//
// A block is open between state_begin_block and state_end_block. The first write to a record in a block appends its
// pre-image, so "changed in this block" is the tail of the history, and the value at an older height is found by
// walking a record's pre-images. One owner thread (the partition's shard; in the global pass whoever the coordinator
// lets). Memory comes from the shard's arena. Target: with the trie at most 200 bytes an account, and as many a slot.
#ifndef GANTRY_SHARD_STATE_STATE_H
#define GANTRY_SHARD_STATE_STATE_H

#include "base/arena.h"
#include "shard/state/batch.h"

#define STATE_HISTORY_BLOCKS 128
#define STATE_NONE UINT32_MAX
// What each change of a block takes in the history.
#define STATE_HISTORY_ACCOUNT_BYTES 48
#define STATE_HISTORY_SLOT_BYTES 40
#define STATE_HISTORY_CONTRACT_BYTES 72

struct codes;
struct state;

struct state *state_create(struct arena *arena);
void state_free(struct state *s);
// From now on the directory of codes (codes.h) learns which account has which code. Before anything is loaded.
void state_use_codes(struct state *s, struct codes *codes);

// Number of existing accounts; of slots that are not zero.
size_t state_count(const struct state *s);
size_t state_slot_count(const struct state *s);

// Id of the record with this key, STATE_NONE when there is none (or it doesn't exist any more). Ids are stable.
uint32_t state_find(const struct state *s, const bytes32 *key);
// As state_find, but makes an empty record (not yet existing) when there is none. Only inside a block or load. The id
// of a record that does not exist holds until the block ends: then records that no reader and no checkpoint needs are
// given back.
uint32_t state_find_or_add(struct state *s, const bytes32 *key);
// Prefetches the record that state_find will touch, and reads a table for that; state_prefetch_way, a while before,
// prefetches what is read there.
void state_prefetch(const struct state *s, const bytes32 *key);
void state_prefetch_way(const struct state *s, const bytes32 *key);

const bytes32 *state_key(const struct state *s, uint32_t id);
struct account state_get(const struct state *s, uint32_t id);
// Does the account exist (EIP-161: nonce or balance is not zero, or it has code)?
bool state_exists(const struct state *s, uint32_t id);
// Writes; takes the pre-image on the first write of the block. An account that becomes empty (EIP-161) ceases to exist,
// with its storage.
void state_set(struct state *s, uint32_t id, const struct account *value);

// Code. The directory of codes is frozen while shards run side by side, so code changes only where one thread has all
// partitions: in the global pass, and when blocks are replayed.
bool state_has_code(const struct state *s, uint32_t id);
bytes32 state_code_hash(const struct state *s, uint32_t id); // KECCAK256_EMPTY for none
// KECCAK256_EMPTY takes the code away, and with it the account if it is empty then.
void state_set_code(struct state *s, uint32_t id, const bytes32 *hash);

// Storage, of any account. Slots are named by the number that the EVM names them by; what was never set is zero.
bool state_has_storage(const struct state *s, uint32_t id); // any slot that is not zero (EIP-7610)
bytes32 state_storage_root(const struct state *s, uint32_t id);
u256 state_slot_get(const struct state *s, uint32_t id, const u256 *slot);
// Zero takes the slot out. The account counts as changed.
void state_slot_put(struct state *s, uint32_t id, const u256 *slot, const u256 *value);
// Prefetches what state_slot_get and state_slot_put will touch; the second one after the first one's memory is there.
void state_slot_prefetch_way(const struct state *s, uint32_t id, const u256 *slot);
void state_slot_prefetch(const struct state *s, uint32_t id, const u256 *slot);

// The account ceases to exist: no nonce, no balance, no code, no storage. Whoever comes back at this address finds
// nothing of it. Takes as long as the partition has slots if it had any, which no account that EIP-6780 lets go has.
void state_remove(struct state *s, uint32_t id);

// Blocks. Heights rise by one from the height given to state_set_height (genesis or checkpoint).
void state_set_height(struct state *s, uint64_t height);
uint64_t state_height(const struct state *s); // last ended block
void state_begin_block(struct state *s, uint64_t height);
void state_end_block(struct state *s);
// Records changed in the open block (or, between blocks, in the last one), each once: the i-th of count. An account
// whose storage changed is among them.
size_t state_changed_count(const struct state *s);
uint32_t state_changed(const struct state *s, size_t i);

// As it was after block `height`: 1 found, 0 no such account then (no such slot: zero), -1 height is not kept (older
// than the last 128, or above the last ended block). While a block is open its writes are not seen at heights below it.
// Of what isn't found, out is that of an account that isn't there.
MUST_CHECK int state_get_at(const struct state *s, const bytes32 *key, uint64_t height, struct account *out);
MUST_CHECK int state_slot_at(const struct state *s, const bytes32 *key, const u256 *slot, uint64_t height, u256 *out);
// found: has or had code or storage.
MUST_CHECK int state_contract_at(const struct state *s, const bytes32 *key, uint64_t height,
                                 struct account_contract *out);

// Loading (genesis, checkpoint): between state_load_begin and state_load_end, what isn't there yet is added, without
// history or dirty marks. expected, a number of accounts, is a hint for sizing.
void state_load_begin(struct state *s, size_t expected);
void state_load(struct state *s, const bytes32 *key, const struct account *value);
// The same for an account that may have code, which the directory of codes knows, and storage. Returns the id for its
// slots. It must not be empty (EIP-161).
uint32_t state_load_contract(struct state *s, const bytes32 *key, const struct account *value,
                             const bytes32 *code_hash);
void state_load_slot(struct state *s, uint32_t id, const u256 *slot, const u256 *value);
void state_load_end(struct state *s);

// Checkpoints: adds copies of the records written since the last time (existing or not) to the batch, and clears their
// marks. Between two blocks, after the trie update.
size_t state_dirty_count(const struct state *s); // accounts and slots
void state_take_dirty(struct state *s, struct state_batch *out);

// From this height on the storage roots that the state answers are right: no trie was there when blocks before it were
// replayed.
uint64_t state_roots_since(const struct state *s);

// Visits every existing account (any order); visit returns false to stop.
void state_visit(const struct state *s, bool (*visit)(void *ctx, uint32_t id), void *ctx);

#endif
