// One of a contract_chain's nodes: states, tries and shards without threads.
#ifndef GANTRY_TESTS_EXEC_SUPPORT_CHAIN_NODE_H
#define GANTRY_TESTS_EXEC_SUPPORT_CHAIN_NODE_H

#include "shard/exec/exec.h"
#include "shard/trie/account_trie.h"
#include "tests/exec_support/contract_chain.h"

struct chain_node {
    struct arena *arena;
    struct codes *codes;
    struct state *states[PARTITION_COUNT];
    struct account_trie *tries[PARTITION_COUNT];
    struct subroot *subroots;
    struct exec_machine *machine;        // of all shards: one runs at a time
    struct exec_machine *global_machine; // of the global pass, or of the serial path
    unsigned shard_count;                // 0: serial
    struct exec_shard *shards[16];
    uint64_t random;
    struct exec_result results[CHAIN_TXS_MAX];
};

struct chain_node *chain_node_new(unsigned shard_count);
void chain_node_free(struct chain_node *n);

void chain_node_load(struct chain_node *n, const bytes32 *key, const struct account *account, struct bytes code);
void chain_node_load_slot(struct chain_node *n, const bytes32 *key, uint64_t slot, uint64_t value);
void chain_node_loaded(struct chain_node *n);

// Runs one block: the transactions, rising in index. Results by index.
void chain_node_run(struct chain_node *n, const struct exec_env *env, const struct exec_tx *txs, size_t count);
bytes32 chain_node_root(struct chain_node *n);

#endif
