// Accounts and slots as values, and batches of them on their way to or from the disk. Plain data; a batch's arrays are
// malloc'ed, so that it can go from thread to thread.
#ifndef GANTRY_SHARD_STATE_BATCH_H
#define GANTRY_SHARD_STATE_BATCH_H

#include "base/u256.h"

// What every account has.
struct account {
    uint64_t nonce;
    u256 balance;
};

// What accounts with code or storage have besides: the constants of an empty trie and of no code where there is none.
struct account_contract {
    bytes32 storage_root;
    bytes32 code_hash;
};
struct account_contract account_no_contract(void);

struct state_dirty {
    bytes32 key; // keccak256 of the address
    bool exists;
    uint32_t contract; // 1 + its place in the batch's contracts; 0 when it has neither code nor storage
    struct account account;
};
struct state_dirty_slot {
    bytes32 key;  // of the account
    bytes32 slot; // its number, big-endian
    u256 value;   // zero: the slot is not there
};

// All zero: empty.
struct state_batch {
    struct state_dirty *accounts;
    struct account_contract *contracts;
    struct state_dirty_slot *slots;
    size_t account_count, contract_count, slot_count;
    size_t account_capacity, contract_capacity, slot_capacity;
};

void state_batch_free(struct state_batch *b); // empty again
// Makes room for that many more, at once.
void state_batch_reserve(struct state_batch *b, size_t accounts, size_t slots);
// contract: NULL for none.
void state_batch_add(struct state_batch *b, const bytes32 *key, bool exists, const struct account *account,
                     const struct account_contract *contract);
void state_batch_add_slot(struct state_batch *b, const bytes32 *key, const bytes32 *slot, const u256 *value);
// Of the i-th account.
struct account_contract state_batch_contract(const struct state_batch *b, size_t i);

#endif
