// A cluster of whole nodes in the test's own process, on free ports of 127.0.0.1: made by what `gantry init` makes
// clusters with, each node started and stopped by itself.
#ifndef GANTRY_TESTS_WHOLE_CLUSTER_H
#define GANTRY_TESTS_WHOLE_CLUSTER_H

#include "tests/engine_support/transfers.h"
#include "tests/engine_support/whole_node.h"
#include "tests/support/test_folder.h"

#define WHOLE_CLUSTER_MAX 7

struct whole_cluster {
    unsigned count;
    uint64_t seed;
    char folder[TEST_FOLDER_MAX]; // temporary, removed in the end
    char settings[512];
    char allow[WHOLE_CLUSTER_MAX * 67 + 1]; // channel keys of those that follow
    unsigned p2p_ports[WHOLE_CLUSTER_MAX];
    unsigned followers;                    // the last of count
    struct node *nodes[WHOLE_CLUSTER_MAX]; // NULL: not running
    struct node_config configs[WHOLE_CLUSTER_MAX];
    char error[NODE_ERROR_MAX]; // why one did not start
};

struct whole_cluster_options {
    unsigned validators, followers;
    uint64_t seed;         // of the funded senders, WHOLE_NODE_SENDERS of them
    uint64_t epoch_blocks; // 0: as init's default
    uint64_t gas_limit;    // of a block; 0: the default
    const char *settings;  // lines of a configuration file for all, may be ""
};

// Makes the folders and starts all. False when one is refused.
bool whole_cluster_start(struct whole_cluster *c, const struct whole_cluster_options *options);
bool whole_cluster_start_node(struct whole_cluster *c, unsigned i);
void whole_cluster_stop_node(struct whole_cluster *c, unsigned i); // as a signal would
// Of a node that does not run: what this shard stored of cars is gone.
void whole_cluster_lose_cars(struct whole_cluster *c, unsigned i, unsigned shard);
// Stops what runs and removes the folder.
void whole_cluster_end(struct whole_cluster *c);

// Submits a raw transaction to a node; its hash. False: refused.
bool whole_cluster_submit(struct whole_cluster *c, unsigned node, struct bytes raw, bytes32 *hash);
// The receipt that a node shows within a minute, as JSON, malloc'ed; NULL when there was none.
char *whole_cluster_receipt(struct whole_cluster *c, unsigned node, const bytes32 *hash);
// The receipt that a node shows now; NULL for none.
char *whole_cluster_receipt_now(struct whole_cluster *c, unsigned node, const bytes32 *hash);
// What a node says now of a lane: "finalized", "newest" or "held", as gantry_consensus names them.
uint64_t whole_cluster_lane(struct whole_cluster *c, unsigned node, unsigned lane, const char *what);
// The newest block's number; and a block's hash as text (NULL: not there), malloc'ed.
uint64_t whole_cluster_height(struct whole_cluster *c, unsigned node);
char *whole_cluster_block_hash(struct whole_cluster *c, unsigned node, uint64_t number);
// Whether all running nodes have come to the same newest block within a minute, and agree on every block before it.
bool whole_cluster_agrees(struct whole_cluster *c);

#endif
