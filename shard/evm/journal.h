// What one transaction has seen and changed of the state: accounts and slots by address and key, with the value that
// each had before, and the way back (a list of old values) for every change, so that a frame or the whole transaction
// can be undone. Warm addresses and slots (EIP-2929) and transient storage (EIP-1153) are marks and entries of the same
// tables: where nothing is used, nothing is done. Inside of shard/evm.
//
// Entries never move while the transaction runs. Forgetting all of them takes the same short time for any number: the
// index counts transactions.
#ifndef GANTRY_SHARD_EVM_JOURNAL_H
#define GANTRY_SHARD_EVM_JOURNAL_H

#include "shard/evm/evm.h"

struct evm_account {
    address who;
    bool loaded; // what follows from `before` on is there
    bool warm;
    bool touched;   // by this transaction: ceases to exist if it ends up empty (EIP-161)
    bool created;   // by this transaction
    bool destroyed; // at the end of this transaction
    bool code_changed;
    uint32_t number; // in the order of first use
    struct evm_account_state before;
    uint64_t nonce;
    u256 balance;
    bytes32 code_hash;
    const struct evm_code *code; // NULL: not asked for yet
};

enum slot_space { SLOT_STORAGE, SLOT_TRANSIENT };

struct evm_slot {
    struct evm_account *account;
    u256 key;
    uint8_t space; // enum slot_space
    bool loaded;
    bool warm;
    u256 before;
    u256 value;
};

enum undo_kind {
    UNDO_BALANCE,
    UNDO_NONCE,
    UNDO_CODE,
    UNDO_CREATED,
    UNDO_DESTROYED,
    UNDO_TOUCHED,
    UNDO_WARM_ACCOUNT,
    UNDO_WARM_SLOT,
    UNDO_SLOT,
};
struct undo {
    enum undo_kind kind;
    union {
        struct evm_account *account;
        struct evm_slot *slot;
    };
    union {
        u256 word; // balance, slot
        uint64_t nonce;
        const struct evm_code *code;
    };
};

struct index_entry {
    uint32_t transaction, number;
};
struct index {
    struct index_entry *entries;
    size_t size; // power of two
};

struct journal {
    struct arena *arena;
    uint64_t seed[4];
    uint32_t transaction;
    struct index account_index, slot_index;
    struct evm_account **account_chunks;
    struct evm_slot **slot_chunks;
    size_t account_chunk_count, slot_chunk_count;
    size_t account_count, slot_count;
    struct undo *undo;
    size_t undo_count, undo_capacity;
    uint64_t refund;
    struct evm_log *logs; // data.ptr counts from log_data until the transaction is over
    size_t log_count, log_capacity;
    uint8_t *log_data;
    size_t log_data_len, log_data_capacity;
    struct evm_code **new_codes; // made by this transaction; the host has copies after commit
    size_t new_code_count, new_code_capacity;
};

struct snapshot {
    size_t undo_count, log_count, log_data_len;
    uint64_t refund;
};

void journal_init(struct journal *j, struct arena *arena);
void journal_free(struct journal *j);
void journal_reset(struct journal *j);

// The entry of an account or slot; made when there is none, neither loaded nor warm.
struct evm_account *journal_account(struct journal *j, const address *who);
struct evm_slot *journal_slot(struct journal *j, struct evm_account *account, const u256 *key, enum slot_space space);

static inline struct snapshot journal_snapshot(const struct journal *j)
{
    return (struct snapshot){j->undo_count, j->log_count, j->log_data_len, j->refund};
}
void journal_undo(struct journal *j, const struct snapshot *to);

// Changes; each can be undone. The two warming ones return whether it was cold.
bool journal_warm_account(struct journal *j, struct evm_account *a);
bool journal_warm_slot(struct journal *j, struct evm_slot *s);
void journal_touch(struct journal *j, struct evm_account *a);
void journal_set_balance(struct journal *j, struct evm_account *a, const u256 *balance);
void journal_set_nonce(struct journal *j, struct evm_account *a, uint64_t nonce);
void journal_set_code(struct journal *j, struct evm_account *a, struct evm_code *code);
void journal_mark_created(struct journal *j, struct evm_account *a);
void journal_mark_destroyed(struct journal *j, struct evm_account *a);
void journal_set_slot(struct journal *j, struct evm_slot *s, const u256 *value);
// data is copied.
void journal_log(struct journal *j, const address *who, const u256 *topics, unsigned topic_count, struct bytes data);

struct evm_account *journal_account_at(const struct journal *j, size_t number);
struct evm_slot *journal_slot_at(const struct journal *j, size_t number);

static inline bool account_has_code(const struct evm_account *a, const bytes32 *empty_hash)
{
    return !bytes32_equal(&a->code_hash, empty_hash);
}

#endif
