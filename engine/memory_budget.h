// What a node's parts may take at most, computed from its configuration before they are made.
//
// Bounds, not guesses of what will be used: the pre-images of 128 full blocks are counted though no chain fills them.
// What libraries and thread stacks take (some 10 MB) is not in it. Pure.
#ifndef GANTRY_ENGINE_MEMORY_BUDGET_H
#define GANTRY_ENGINE_MEMORY_BUDGET_H

#include "engine/node_config.h"
#include "mempool/mempool.h"

// Memory of transactions beyond the pools' own: what is being verified or on its way to a pool; and the least of it for
// a shard.
#define RECEIVE_SLACK_BYTES ((uint64_t)64 << 20)
#define RECEIVE_SHARD_BYTES_MIN ((uint64_t)1 << 20)

struct memory_budget {
    uint64_t state;      // accounts and their tries, as many as there are now
    uint64_t history;    // pre-images for readers
    uint64_t pools;      // all shards'
    uint64_t receiving;  // from the first byte to the pool, and answers
    uint64_t log;        // blocks not yet durable
    uint64_t checkpoint; // the records of one, until they are written
    uint64_t rpc;        // requests, answers, decoded blocks
    uint64_t calls;      // eth_call and its like under way: the EVMs' stacks and memory, and traces
    uint64_t paths;      // ways of transactions that are remembered
    uint64_t cluster;    // what waits to be sent to peers, acks, proofs of finality; 0 for a node alone
};

struct memory_budget memory_budget(const struct node_config *config, const struct mempool_limits *pool, unsigned shards,
                                   uint64_t block_gas_limit, uint64_t accounts);
// Adds what a node of a cluster takes beside. peers: validators and followers that it may be connected with.
void memory_budget_add_cluster(struct memory_budget *b, unsigned validators, unsigned peers, unsigned shards);
uint64_t memory_budget_total(const struct memory_budget *b);
// One line of the log; a warning when the machine has less memory than that.
void memory_budget_log(const struct memory_budget *b);

#endif
