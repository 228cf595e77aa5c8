// A small world of plain transfers for tests of shard/exec (contracts: tests/exec_support/contract_chain.h): accounts
// with chosen partitions, an ordered list of transactions, and four ways to execute it that must agree:
//
//   world_run      the real thing, N shards in one thread, in an interleaving that a seed picks
//   model_run      the rules of passes 1 and 3 written down plainly over arrays, partition after partition
//   serial_check   the transactions of B one by one, as any Ethereum client would: each must be valid at its turn
//   world_serial   exec_serial over B, the path that replay takes
#ifndef GANTRY_TESTS_SHARD_EXEC_WORLD_H
#define GANTRY_TESTS_SHARD_EXEC_WORLD_H

#include "shard/exec/exec.h"

#define WORLD_ACCOUNTS_MAX 64
#define WORLD_TXS_MAX 512

struct world_account {
    address addr;
    bytes32 key; // made up: only its first byte, the partition, and its being unique matter to exec
    struct account start;
    uint64_t next_nonce; // what world_send gives the next transaction
};

struct world_tx {
    struct tx tx;
    unsigned from, to; // accounts
};

struct world {
    struct exec_env env;    // of the first block
    uint64_t base_fee_rise; // what each further block adds to the base fee
    unsigned coinbase;
    unsigned account_count;
    struct world_account accounts[WORLD_ACCOUNTS_MAX];
    size_t tx_count;
    struct world_tx txs[WORLD_TXS_MAX];
};

// What an execution of O came to. O may be cut into several blocks: order holds B of the first, then of the second, ...
struct outcome {
    struct exec_result results[WORLD_TXS_MAX];
    uint32_t order[WORLD_TXS_MAX];
    size_t included;
    size_t block_count;
    size_t block_end[WORLD_TXS_MAX]; // in order[]
    struct account accounts[WORLD_ACCOUNTS_MAX];
};

// Chain id 7, base fee 7, gas limit 30 million; account 0 is the coinbase, in partition 200, and does not exist yet.
struct world *world_new(void);
void world_free(struct world *w);
// Returns the account's number.
unsigned world_account(struct world *w, unsigned partition, uint64_t balance, uint64_t nonce);
// Appends to O a transfer with the sender's next nonce, gas limit 21000, fee cap 10, tip cap 2 (so it costs 189,000 at
// the base fee of 7, and 210,000 must be there). The caller may change the fields.
struct tx *world_send(struct world *w, unsigned from, unsigned to, uint64_t value);

// The base fee of the n-th block, from 0.
u256 world_base_fee(const struct world *w, size_t block);

void world_run(const struct world *w, unsigned shard_count, uint64_t interleaving, struct outcome *out);
void model_run(const struct world *w, struct outcome *out);
// Asserts validity, gas, block gas limits and end state of everything in out.
void serial_check(const struct world *w, const struct outcome *out, const char *what);
void world_serial(const struct world *w, const struct outcome *out, const char *what);
// Asserts that two outcomes are the same.
void outcome_same(const struct world *w, const struct outcome *a, const struct outcome *b, const char *what);

// All of it: 1, 2, 3, 16 and 256 shards in several interleavings, model and serial execution agree. out: the outcome.
void world_run_everywhere(const struct world *w, uint64_t seed, struct outcome *out);

#endif
