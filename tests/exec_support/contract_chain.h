// A small chain with contracts, executed block by block in several ways that must agree:
//
//   with 1, 2, 4 and 16 shards, in interleavings that a seed picks
//   serially in the order of B (exec_serial), the path that replay takes
//   serially by the EVM over a state of its own (evm_world), which shares nothing with shard/state, shard/exec or the
//   tries' incremental updates
//
// Whatever differs ends the process with a line that names it. No Criterion here: fuzz targets use it too.
#ifndef GANTRY_TESTS_EXEC_SUPPORT_CONTRACT_CHAIN_H
#define GANTRY_TESTS_EXEC_SUPPORT_CONTRACT_CHAIN_H

#include "shard/exec/exec.h"

#define CHAIN_ACCOUNTS_MAX 64
#define CHAIN_TXS_MAX 128
#define CHAIN_DATA_MAX 128

struct contract_chain;

struct contract_chain *contract_chain_new(const char *what); // what: named with whatever differs
void contract_chain_free(struct contract_chain *c);

// Before the first block. Accounts of any partition; the number is for chain_send and the like.
unsigned chain_add(struct contract_chain *c, unsigned partition, uint64_t balance, uint64_t nonce, struct bytes code);
unsigned chain_add_at(struct contract_chain *c, const address *who, uint64_t balance, uint64_t nonce,
                      struct bytes code);
void chain_put_slot(struct contract_chain *c, unsigned account, uint64_t slot, uint64_t value);
// An address that isn't there, or needn't be: a precompile, a contract to come.
unsigned chain_name(struct contract_chain *c, const address *who);
const address *chain_address(const struct contract_chain *c, unsigned account);

// What the next blocks have: coinbase, base fee, gas limit may be changed. Number, timestamp and ancestors rise by
// themselves.
struct exec_env *chain_env(struct contract_chain *c);
void chain_set_coinbase(struct contract_chain *c, unsigned account);

// Adds a transaction to the next block: type 2, max fee 10 and tip 2, gas limit 200,000, the sender's next nonce
// (counted by chain_send). It may be changed until the block runs, but for data and access list, which the functions
// set.
struct tx *chain_send(struct contract_chain *c, unsigned from, unsigned to, uint64_t value);
struct tx *chain_create(struct contract_chain *c, unsigned from, uint64_t value, struct bytes init);
void chain_set_data(struct contract_chain *c, struct tx *t, struct bytes data);
// One address and one slot.
void chain_set_access_list(struct contract_chain *c, struct tx *t, unsigned account, uint64_t slot);

// The sender's next transaction has the same nonce as its last one.
void chain_repeat_nonce(struct contract_chain *c, unsigned from);

// Runs what was added as one ordered list, everywhere; more than one block when the gas limit says so. The results
// stay until the next call.
struct chain_outcome {
    size_t count;
    const struct exec_result *results; // by position in O
    uint32_t order[CHAIN_TXS_MAX];     // B, of all blocks
    size_t included;
    bytes32 root;
};
const struct chain_outcome *chain_run(struct contract_chain *c, uint64_t seed);

// After the last block.
struct account chain_account(const struct contract_chain *c, unsigned account);
bool chain_has_code(const struct contract_chain *c, unsigned account);
u256 chain_slot(const struct contract_chain *c, unsigned account, uint64_t slot);

#endif
