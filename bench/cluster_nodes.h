// The validators of bench cluster: each a process of its own on this machine, made anew with the load generator's
// accounts. One thread at a time.
#ifndef GANTRY_BENCH_CLUSTER_NODES_H
#define GANTRY_BENCH_CLUSTER_NODES_H

#include "bench/faults/faults.h"
#include "bench/faults/relay.h"
#include "bench/node_process.h"
#include "tools/cluster/init.h"

#define CLUSTER_NODES_MAX RELAY_NODES_MAX

struct cluster_nodes {
    uint32_t count;
    char folder[64];
    struct init_settings init;
    struct node_process nodes[CLUSTER_NODES_MAX];
    struct relay *relay; // NULL: they reach one another directly
};

struct cluster_plan {
    uint32_t validators, accounts;
    uint64_t shards; // of each
    const struct load_senders *senders;
    bool relayed; // so that they can be partitioned
};

// Makes and starts them, and waits until all are connected. False after a line on standard error; cluster_nodes_stop is
// due either way. c is zeroed.
MUST_CHECK bool cluster_nodes_start(struct cluster_nodes *c, const struct cluster_plan *plan);
// Ends them. Removes their folder when all is well with them and `remove` is set. False when one did not end well.
bool cluster_nodes_stop(struct cluster_nodes *c, bool remove);

// User and system time of all so far; and of those before that were killed, nothing.
uint64_t cluster_nodes_cpu_ns(const struct cluster_nodes *c);

// Its ctx is to be the cluster.
extern const struct fault_hooks CLUSTER_FAULT_HOOKS;

#endif
