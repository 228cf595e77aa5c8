// The state as one call sees it: the records of a height, fetched when they are asked for, under what the caller
// overrides and what the transactions before have changed. An evm_host that may answer EVM_LATER: then the record that
// is wanted comes from the source (call_state_take) and the EVM is resumed. One thread.
#ifndef GANTRY_ENGINE_CALLS_CALL_STATE_H
#define GANTRY_ENGINE_CALLS_CALL_STATE_H

#include "shard/evm/host.h"

// A record at a height: an account, or one of its slots.
struct call_read {
    bool is_slot;
    address who;
    bytes32 key; // keccak256(who)
    u256 slot;
    uint64_t height;
    // Answer
    bool lost; // the height isn't kept
    struct evm_account_state account;
    const struct evm_code *code; // NULL: none. Stays while the node runs.
    u256 value;
};

struct call_source {
    void *ctx;
    // EVM_NOW: answered. EVM_LATER: the answer is on its way, to be handed to call_state_take.
    enum evm_answer (*read)(void *ctx, struct call_read *read);
};

// What the caller wants of an account to be otherwise. Memory is the caller's, and stays.
struct call_slot {
    u256 key, value;
};
struct call_override {
    address who;
    bool has_nonce, has_balance, has_code;
    bool whole_storage; // the slots are all that there are
    uint64_t nonce;
    u256 balance;
    struct bytes code;
    struct call_slot *slots;
    size_t slot_count;
};

struct call_state;

struct call_state *call_state_create(struct arena *arena, const struct evm_rules *rules,
                                     const struct call_source *source, uint64_t height);
void call_state_free(struct call_state *s);
const struct evm_host *call_state_host(struct call_state *s);
// Of the blocks before `next`, the newest first: what BLOCKHASH gives. Zero beyond.
void call_state_set_hashes(struct call_state *s, uint64_t next, const bytes32 *hashes, size_t count);
// Before the first question. An account named twice takes both.
void call_state_override(struct call_state *s, const struct call_override *o);

// The record of the read that was answered with EVM_LATER last.
void call_state_take(struct call_state *s, const struct call_read *read);
// It has not been taken yet.
bool call_state_waits(const struct call_state *s);
// A record could not be had: what came out is worth nothing.
bool call_state_lost(const struct call_state *s);

// As the host's functions, for who looks at the state between transactions. code may be NULL.
enum evm_answer call_state_account(struct call_state *s, const address *who, struct evm_account_state *out,
                                   const struct evm_code **code);
enum evm_answer call_state_slot(struct call_state *s, const address *who, const u256 *key, u256 *out);

#endif
