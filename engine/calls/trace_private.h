// What the kinds of traces share. Inside engine/calls only.
#ifndef GANTRY_ENGINE_CALLS_TRACE_PRIVATE_H
#define GANTRY_ENGINE_CALLS_TRACE_PRIVATE_H

#include "engine/calls/trace.h"

// Members that are NULL do nothing.
struct trace_kind_ops {
    size_t size; // of the structure that begins with a struct trace
    void (*begin)(struct trace *t);
    void (*step)(void *t, const struct evm_step *step);
    void (*enter)(void *t, const struct evm_enter *enter);
    void (*exit)(void *t, const struct evm_exit *exit);
    void (*log)(void *t, const struct evm_log *log);
    enum evm_answer (*done)(struct trace *t, const struct evm_result *result);
    enum evm_answer (*committed)(struct trace *t);
    void (*release)(struct trace *t);
};

struct trace {
    const struct trace_kind_ops *ops;
    struct trace_options options;
    struct json_writer *w;
    struct call_state *state;
    const struct evm_tx *tx;
    const struct evm_block *block;
    struct evm_tracer tracer;
    bool stepped; // the transaction has begun an instruction
    bool again;   // the next step was told already
};

extern const struct trace_kind_ops TRACE_STEPS_OPS, TRACE_CALLS_OPS, TRACE_PRESTATE_OPS;

// Addresses and slots in the order in which they were first named.
struct touched_slot {
    size_t account;
    u256 key;
};
struct touched {
    address *accounts;
    size_t account_count, account_capacity;
    struct touched_slot *slots;
    size_t slot_count, slot_capacity;
    uint32_t *index; // of both: open addressing
    size_t index_size;
};
// The account's number.
size_t touched_account(struct touched *t, const address *who);
void touched_slot(struct touched *t, const address *who, const u256 *key);
void touched_free(struct touched *t);
void touched_clear(struct touched *t);
// An address as the stack holds it.
address address_of_word(const u256 *word);
// What an instruction is about to touch: the account and slot that its operands name.
void touched_step(struct touched *t, const struct evm_step *step);

#endif
