// What `gantry top` shows of a node: two readings of its /metrics turned into rates, latencies and shares. Pure
// functions; any thread.
#ifndef GANTRY_TOOLS_TOP_FIGURES_H
#define GANTRY_TOOLS_TOP_FIGURES_H

#include "base/bytes.h"

#define TOP_STAGES_MAX 16
#define TOP_THREADS_MAX 258
#define TOP_NAME_MAX 32

struct top_thread {
    char name[TOP_NAME_MAX];
    double share[TOP_STAGES_MAX]; // of the time between the readings, by stage; together about 1
};

// Rates are a second, times in seconds, sizes in bytes.
struct top_figures {
    char version[64], kernels[96];
    bool healthy;
    double uptime, height, durable, base_fee_gwei;
    double offered, refused, accepted, included, dropped; // transactions: received, and what became of them
    double blocks, gas;
    double latency_p50, latency_p99; // from arrival to durable receipt
    double commit_p50, commit_p99;   // from a block's start until it is durable
    double sync_p50;
    double pending, queued, pool_bytes;
    double lanes_keccak, lanes_signatures; // how full, 0 to 1; below 0: nothing ran
    double ingest_connections, rpc_connections, rpc_calls;
    double resident_bytes, log_bytes;
    char stages[TOP_STAGES_MAX][TOP_NAME_MAX];
    size_t stage_count;
    struct top_thread threads[TOP_THREADS_MAX];
    size_t thread_count;
};

// seconds: between the readings. Rates are 0 where the node was started anew in between.
void top_figures(struct top_figures *out, const char *before, const char *after, double seconds);

#endif
