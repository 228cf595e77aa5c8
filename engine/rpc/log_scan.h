// A search for logs over a range of blocks: block after block, by the index of bloom filters first. It is done in
// pieces, so that other calls are answered in between: a call that is not answered by its first piece waits in the
// core's list. Bounded in blocks, logs and bytes read; what goes beyond is an error that says so. Inside engine/rpc
// only.
#ifndef GANTRY_ENGINE_RPC_LOG_SCAN_H
#define GANTRY_ENGINE_RPC_LOG_SCAN_H

#include "engine/rpc/call.h"
#include "engine/rpc/log_filter.h"

#define LOG_RANGE_MAX 1000000    // blocks
#define LOG_RESULTS_MAX 10000    // logs in one answer
#define LOG_BYTES_MAX (1u << 30) // of blocks read for one answer
#define LOG_SCANS_MAX 256        // under way

struct log_scan {
    struct rpc_call *call;
    struct log_filter *filter;
    uint64_t next, last; // heights
    size_t found;
    bool follows; // answers what came since a filter was last asked, and moves it on
    struct feed_id id;
    uint64_t bytes_read;
    struct log_scan *next_scan, *prev_scan; // in the core's ring
};

// Answers the call with the logs from height `from` to `to` that match, now or later. Shares the filter.
void log_scan_start(struct rpc_call *call, struct log_filter *filter, uint64_t from, uint64_t to);
// The same for what `filter` has not told yet, up to height `to`: after LOG_RESULTS_MAX logs the rest comes next time.
void log_scan_follow(struct rpc_call *call, const struct rpc_filter *filter, uint64_t from, uint64_t to);
// One piece of one search that waits. True while any does.
bool log_scan_work(struct rpc_core *core);
// The call is being answered.
void log_scan_end(struct rpc_call *call);

#endif
