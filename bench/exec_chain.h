// A chain that is executed and nothing else: one shard with all partitions, no pool, no signatures, no blocks. One
// thread.
#ifndef GANTRY_BENCH_EXEC_CHAIN_H
#define GANTRY_BENCH_EXEC_CHAIN_H

#include "shard/exec/exec.h"
#include "tools/load/load_mix.h"

struct exec_chain;

struct exec_chain *exec_chain_create(void);
void exec_chain_free(struct exec_chain *c);

// Before exec_chain_loaded. code may be empty.
void exec_chain_load(struct exec_chain *c, const address *who, const struct account *account, struct bytes code);
void exec_chain_load_slot(struct exec_chain *c, const address *who, const bytes32 *slot, const u256 *value);
void exec_chain_loaded(struct exec_chain *c);

// Transactions of a block under construction, with what they point to.
struct exec_block {
    size_t count, capacity;
    struct tx *txs;
    struct exec_tx *items;
    address *senders;
    bytes32 *keys; // of sender and target, in turn
    uint8_t (*data)[LOAD_CALL_DATA_MAX];
    struct exec_result *results;
};
struct exec_block exec_block_create(size_t capacity);
void exec_block_free(struct exec_block *b);
// A transaction with these fields; fees and chain id are filled in. Data up to LOAD_CALL_DATA_MAX is copied, longer
// data is lent.
void exec_block_add(struct exec_block *b, const address *sender, const struct tx_fields *fields);

// Executes it as the chain's next block; the results are in it. Returns the CPU time, nanoseconds, of execution alone:
// the logs' blooms, which belong to the receipts, and the tries follow, without being counted.
uint64_t exec_chain_run(struct exec_chain *c, struct exec_block *b);

#endif
