// Where the EVM finds the state, and where a finished transaction's changes go. The EVM asks once a transaction for
// each account and slot, keeps everything in its journal, and gives back what changed in one go (evm_commit).
//
// Calls come from the thread that runs the EVM. What is handed out stays valid until that transaction was committed or
// given up.
#ifndef GANTRY_SHARD_EVM_HOST_H
#define GANTRY_SHARD_EVM_HOST_H

#include "shard/evm/code.h"

struct evm_account_state {
    bool exists;      // in the trie; all that follows is zero, and code_hash of nothing, where it isn't
    bool has_storage; // its storage trie isn't empty (EIP-7610); only asked of accounts without code
    uint64_t nonce;
    u256 balance;
    bytes32 code_hash; // KECCAK256_EMPTY for none
    uint64_t handle;   // the host's own, handed back with every question about this account
};

// EVM_LATER: the record is on its way. The instruction is taken back and the interpreter stops with EVM_WAITING, to be
// resumed once it is there.
enum evm_answer { EVM_NOW, EVM_LATER };

// What a confined transaction may know of an account before it touches it (execution.md, "Confinement"). The host fills
// in what stood before the transaction, the EVM the rest.
struct evm_facts {
    bool own_partition;
    bool has_code;    // by the frozen code directory
    bool has_nonce;   // above zero, reserved calls not counted; own partition only
    bool has_balance; // above zero; own partition only
    bool is_precompile;
    bool is_coinbase;
    bool known_non_empty; // own partition and a nonce or balance above zero, or the transaction's sender
};

struct evm_host {
    void *ctx;
    enum evm_answer (*account)(void *ctx, const address *who, struct evm_account_state *out);
    // Of an account with code.
    enum evm_answer (*code)(void *ctx, uint64_t handle, const bytes32 *hash, const struct evm_code **out);
    enum evm_answer (*slot)(void *ctx, const address *who, uint64_t handle, const u256 *key, u256 *out);
    // Of the last 256 blocks before the current one; the EVM has tested that.
    bytes32 (*block_hash)(void *ctx, uint64_t number);
    // Only asked of a confined transaction.
    void (*facts)(void *ctx, const address *who, struct evm_facts *out);

    // Of evm_commit, in the order in which the transaction first came to each: codes, then accounts that were changed
    // (exists is false for one that ceases to exist, with its storage), then slots.
    void (*put_code)(void *ctx, const bytes32 *hash, struct bytes code);
    void (*put_account)(void *ctx, const address *who, uint64_t handle, const struct evm_account_state *state);
    void (*put_slot)(void *ctx, const address *who, uint64_t handle, const u256 *key, const u256 *value);
};

#endif
