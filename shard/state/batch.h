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
extern const struct account_contract ACCOUNT_NO_CONTRACT;

struct state_dirty {
    bytes32 key;
    bool exists;
    struct account account;
};

#endif
