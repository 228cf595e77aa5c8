// The Ethereum Virtual Machine: executes one transaction after the other on a state that its host holds (host.h), by
// the rules of a fork (rules.h). Knows nothing of shards, blocks of transactions or storage.
//
//   evm_transact ----> checks, gas bought, frames run ----> struct evm_result
//        |  EVM_DONE: evm_commit hands the changes to the host, evm_drop forgets them
//        |  EVM_INVALID, EVM_ESCAPED: nothing has happened
//        '- EVM_WAITING, EVM_PAUSED: evm_resume goes on
//
// Calls inside calls are frames on one stack of the EVM's own, never of the C stack. All changes are in a journal that
// undoes one frame or the whole transaction. One thread an evm; codes (code.h) may be shared.
//
// Bounds: 1,024 frames of 1,024 words (33 MB, resident as far as used); memory as far as gas pays, and EVM_MEMORY_MAX
// bytes for all frames together, which costs more than 2^45 gas in one frame: asking for more is running out of gas.
#ifndef GANTRY_SHARD_EVM_EVM_H
#define GANTRY_SHARD_EVM_EVM_H

#include "chain/tx.h"
#include "shard/evm/confine.h"

#define EVM_MEMORY_MAX ((uint64_t)1 << 32)

struct evm;
struct precompiles;

struct evm_block {
    uint64_t chain_id, number, timestamp, gas_limit;
    address coinbase;
    u256 base_fee;
    u256 blob_base_fee; // evm_blob_base_fee
    bytes32 prevrandao; // before Paris the difficulty
};

struct evm_tx {
    enum tx_type type;
    address sender;
    bool is_create;
    address to;
    uint64_t nonce, gas_limit;
    u256 max_fee, max_tip; // both the gas price for types 0 and 1
    u256 value;
    struct bytes data;
    struct bytes access_list; // the RLP list, header included; may be empty
    u256 max_blob_fee;        // type 3
    const bytes32 *blob_hashes;
    size_t blob_count;
};

// The EVM's form of a decoded transaction.
struct evm_tx evm_tx_of(const struct tx *tx, const address *sender);

struct evm_log {
    address who;
    uint8_t topic_count;
    bytes32 topics[4];
    struct bytes data;
};

struct evm_result {
    enum tx_status status; // EVM_INVALID: why
    bool success;          // EVM_DONE: neither reverted nor failed
    bool reverted;         // not successful, and output holds what REVERT gave
    uint64_t gas_used;
    u256 fee; // tip per gas * gas used: what the coinbase gets
    address created;
    struct bytes output; // these views: until the next evm_transact, evm_commit or evm_drop
    const struct evm_log *logs;
    size_t log_count;
    enum evm_escape escape; // EVM_ESCAPED: why
};

enum evm_outcome {
    EVM_DONE,
    EVM_INVALID, // not a transaction of this block
    EVM_ESCAPED, // confined: belongs into the global pass
    EVM_WAITING, // the host said EVM_LATER
    EVM_PAUSED,  // the slice's gas is used up
};

enum evm_flags {
    EVM_CONFINED = 1,  // escapes by the rules of confine.h
    EVM_DEFER_FEE = 2, // the coinbase isn't paid: result.fee is the caller's to give
    EVM_NO_CHECKS = 4, // calls without a signed transaction behind them: nonce, code and balance of the sender and
                       // fee cap aren't tested, and gas isn't paid for; the value is still taken from the balance
    EVM_CHECKED = 8,   // the caller has found it to be valid at its turn: it isn't tested again
};

// Called before each instruction while a tracer is set, which makes execution slower and changes nothing else.
struct evm_step {
    unsigned depth; // 1: the transaction's own frame
    uint64_t pc;
    uint8_t opcode;
    int64_t gas;
    uint64_t refund;
    const u256 *stack; // bottom first
    size_t stack_count;
    struct bytes memory;
    address self;
};
// A call, creation or destruction begins, whether a frame is made for it or not.
struct evm_enter {
    uint8_t opcode; // CALL or CREATE for the transaction's own
    unsigned depth; // of what begins
    address from, to;
    u256 value; // none with STATICCALL
    struct bytes input;
    uint64_t gas;       // that it has
    int64_t caller_gas; // that its caller has kept
};
// The one that began last and has not ended yet, ends.
struct evm_exit {
    unsigned depth;
    struct bytes output; // of a creation that succeeds: the code
    uint64_t gas_left;
    int64_t gas;       // before what is left was taken away by a failure; negative when it was too little
    const char *error; // NULL: it succeeded. In geth's words; until the next of them
    bool reverted;
};
// Functions that are NULL aren't called.
struct evm_tracer {
    void *ctx;
    void (*step)(void *ctx, const struct evm_step *step);
    void (*enter)(void *ctx, const struct evm_enter *enter);
    void (*exit)(void *ctx, const struct evm_exit *exit);
    void (*log)(void *ctx, const struct evm_log *log);
};

// Memory comes from the arena. precompiles belongs to the same thread and outlives the evm.
struct evm *evm_create(struct arena *arena, const struct evm_rules *rules, struct precompiles *precompiles,
                       const struct evm_host *host);
void evm_free(struct evm *x);
// Another state, between transactions; what was left of the last one is forgotten.
void evm_set_host(struct evm *x, const struct evm_host *host);
// The block that the next transactions run in; copied.
void evm_set_block(struct evm *x, const struct evm_block *block);
void evm_set_tracer(struct evm *x, const struct evm_tracer *tracer); // NULL: none

// The transaction stays valid until it is done. out is filled with EVM_DONE, EVM_INVALID and EVM_ESCAPED.
enum evm_outcome evm_transact(struct evm *x, const struct evm_tx *tx, unsigned flags, struct evm_result *out);
// Pauses after about this much gas, counted from here; 0: never. For what must not hold its thread for long.
void evm_set_slice(struct evm *x, uint64_t gas);
enum evm_outcome evm_resume(struct evm *x, struct evm_result *out);

// Transactions that will run soon. What the like of them has hashed and read before is computed and named ahead, by
// guess (foresight.h): out receives slots that they may read, room for EVM_AHEAD_SLOTS_MAX; returns how many. From the
// first time on, functions are learned, which takes memory. Between transactions; count is at most EVM_AHEAD_MAX.
enum { EVM_AHEAD_MAX = 16, EVM_AHEAD_SLOTS_MAX = 8 * EVM_AHEAD_MAX };
struct evm_ahead {
    const address *sender, *to;
    struct bytes data;
};
struct evm_slot_ahead {
    size_t call; // counted from calls
    address contract;
    u256 slot;
};
size_t evm_foresee(struct evm *x, const struct evm_ahead *calls, size_t count, struct evm_slot_ahead *out);

// A call by the protocol itself (EIP-4788): no transaction, no fee, gas of its own. False when code fails.
bool evm_system_call(struct evm *x, const address *to, struct bytes data);

// After EVM_DONE: exactly one of both before the next transaction. (After other outcomes neither is needed.)
void evm_commit(struct evm *x);
void evm_drop(struct evm *x);

// Where a creation puts its contract: a transaction's or CREATE's, by its creator's nonce before it; CREATE2's
// (EIP-1014), by the Keccak-256 of the init code.
address evm_create_address(const address *creator, uint64_t nonce);
address evm_create2_address(const address *creator, const u256 *salt, const bytes32 *init_code_hash);

// The gas that a transaction takes before its first instruction; UINT64_MAX with a malformed access list.
uint64_t evm_intrinsic_gas(const struct evm_rules *rules, const struct evm_tx *tx);

// Logs as a receipt holds them: size, then write (returns the end) the RLP list.
size_t evm_logs_size(const struct evm_log *logs, size_t count);
uint8_t *evm_logs_put(uint8_t *p, const struct evm_log *logs, size_t count);

#endif
