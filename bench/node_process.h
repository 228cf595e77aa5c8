// A node as a child process of this one (the same executable), for benchmarks. One thread.
#ifndef GANTRY_BENCH_NODE_PROCESS_H
#define GANTRY_BENCH_NODE_PROCESS_H

#include "base/bytes.h"
#include "tools/load/rpc_client.h"

#include <sys/types.h>

#define NODE_PATH_MAX 4096

struct node_setup {
    char folder[NODE_PATH_MAX - 64]; // holds chain/, genesis.json, node.conf and node.log
    uint64_t block_time_ms;
    uint64_t shards; // 0: one a core
};

struct node_process {
    pid_t pid;
    uint16_t rpc_port, ingest_port;
    char log[NODE_PATH_MAX];
};

// Writes node.conf, starts the node on two free ports of 127.0.0.1, and waits until it answers. False after a line on
// standard error. The node ends when this process does.
MUST_CHECK bool node_process_start(struct node_process *p, const struct node_setup *setup);
// Starts the node that a folder's node.conf describes, with its log in node.log there, and waits likewise; the ports
// are the configuration's.
MUST_CHECK bool node_process_start_in(struct node_process *p, const char *folder, uint16_t rpc_port,
                                      uint16_t ingest_port);
// Asks it to end and waits. False when it did not end well, after lines on standard error that say how it ended and
// what its log says last.
bool node_process_stop(struct node_process *p);

// SIGKILL, and waits for it.
void node_process_kill(struct node_process *p);

// User and system time of the process so far, all its threads (io_uring's kernel workers are among them).
uint64_t node_process_cpu_ns(const struct node_process *p);

// Its /metrics; the caller's to free. Empty when it does not answer.
char *node_process_metrics(const struct node_process *p);

// Writes a genesis with the load generator's accounts, each with 1000 ether: the senders, then receivers of their seed;
// and the mix's tokens where it has placed them, every sender having some of each. mix NULL: none.
struct load_senders;
struct load_mix;
MUST_CHECK bool node_write_genesis(const char *path, const struct load_senders *senders, uint32_t accounts,
                                   const struct load_mix *mix);

#endif
