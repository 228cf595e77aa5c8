// Every metric of the program, declared once: the table gives the exposition its names, types and help texts, and
// docs/metrics.md its content. Samples are written only through the functions here, so that nothing undeclared and
// nothing of the wrong type or with other labels comes out. Prometheus text format 0.0.4.
//
// A metric's samples stand together: metric_begin once, then its samples. For metrics without labels the sample
// functions begin by themselves. Any thread; FILE's own lock.
#ifndef GANTRY_ENGINE_RPC_METRICS_H
#define GANTRY_ENGINE_RPC_METRICS_H

#include "base/hist.h"

#include <stdio.h>

enum metric_id {
    // The node
    METRIC_INFO,
    METRIC_UPTIME_SECONDS,
    METRIC_HEALTHY,
    METRIC_STAGE_CYCLES,
    METRIC_STAGE_ITEMS,
    METRIC_THREAD_CPU_SECONDS,
    METRIC_HEAD_HEIGHT,
    METRIC_DURABLE_HEIGHT,
    METRIC_CHECKPOINT_HEIGHT,
    METRIC_RETAINED_HEIGHT,
    METRIC_BLOCKS,
    METRIC_TRANSACTIONS,
    METRIC_DROPPED,
    METRIC_PASSES,
    METRIC_ROUNDS,
    METRIC_GLOBAL,
    METRIC_GAS,
    METRIC_BASE_FEE_WEI,
    METRIC_BLOCK_INTERVAL,
    METRIC_COMMIT_LATENCY,
    METRIC_INCLUSION_LATENCY,
    METRIC_ACCOUNTS,
    METRIC_POOL_TRANSACTIONS,
    METRIC_POOL_BYTES,
    METRIC_POOL_LEFT,
    METRIC_SUBMITTED,
    METRIC_REFUSED,
    METRIC_VERIFY_BATCHES,
    METRIC_VERIFIED,
    METRIC_VERIFY_COSTLY,
    METRIC_LANES_USED,
    METRIC_LANES_OFFERED,
    METRIC_LOG_BYTES,
    METRIC_CHECKPOINT_BYTES,
    METRIC_INDEX_BYTES,
    METRIC_CHECKPOINT_SECONDS,
    METRIC_FSYNC_LATENCY,
    METRIC_MEMORY_BYTES,
    METRIC_RESIDENT_BYTES,
    METRIC_INGEST_CONNECTIONS,
    METRIC_INGEST_FRAMES,
    METRIC_INGEST_REFUSED,
    METRIC_INGEST_BYTES,
    METRIC_INGEST_PAUSES,
    // The cluster: only of a node that belongs to one
    METRIC_CLUSTER_FIRST,
    METRIC_VOTING = METRIC_CLUSTER_FIRST,
    METRIC_EPOCH,
    METRIC_VIEW,
    METRIC_FINAL_HEIGHT,
    METRIC_EXECUTED_HEIGHT,
    METRIC_TIMEOUTS_IN_A_ROW,
    METRIC_VIEWS,
    METRIC_VOTES,
    METRIC_CERTIFICATES,
    METRIC_REFUSED_VOTES,
    METRIC_EVIDENCE,
    METRIC_BANS,
    METRIC_CARS,
    METRIC_CAR_BYTES,
    METRIC_ACKS,
    METRIC_FETCHES,
    METRIC_UNFINAL_BYTES,
    METRIC_LANE_FINALIZED,
    METRIC_LANE_WAITING,
    METRIC_LANE_WASTED_BYTES,
    METRIC_STORED_CARS,
    METRIC_CAR_LOG_BYTES,
    METRIC_CAR_LOG_RECORDS,
    METRIC_CAR_LOG_COMMITS,
    METRIC_GATHERING,
    METRIC_EARLY_BYTES,
    METRIC_BODIES,
    METRIC_SERVED_BYTES,
    METRIC_FORWARDED,
    METRIC_PEER_CONNECTIONS,
    METRIC_PEER_BYTES_IN,
    METRIC_PEER_BYTES_OUT,
    METRIC_PEER_MESSAGES_IN,
    METRIC_PEER_MESSAGES_OUT,
    METRIC_PEER_DROPPED,
    METRIC_PEER_REPLACED,
    METRIC_PEER_QUEUED_BYTES,
    METRIC_PEER_VIEW,
    METRIC_HANDSHAKES,
    METRIC_HANDSHAKE_FAILURES,
    METRIC_CLUSTER_LAST = METRIC_HANDSHAKE_FAILURES,
    // JSON-RPC
    METRIC_RPC_REQUESTS,
    METRIC_RPC_ERRORS,
    METRIC_RPC_TEXTS,
    METRIC_RPC_PARSE_ERRORS,
    METRIC_RPC_BUSY,
    METRIC_RPC_LATENCY,
    METRIC_RPC_QUERIES,
    METRIC_RPC_CONNECTIONS,
    METRIC_RPC_CONNECTIONS_REFUSED,
    METRIC_RPC_HTTP_REFUSED,
    METRIC_RPC_SUBSCRIPTIONS,
    METRIC_RPC_FILTERS,
    METRIC_RPC_NOTIFICATIONS,
    METRIC_RPC_SLOW_DROPPED,
    METRIC_RPC_PENDING_LOST,
    METRIC_COUNT
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_LABELS_MAX 2

struct metric {
    const char *name;
    enum metric_type type;
    const char *unit; // of the exposed value; "" for plain numbers
    const char *help;
    const char *labels[METRIC_LABELS_MAX]; // names; NULL after the last
};

extern const struct metric METRICS[METRIC_COUNT];

// # HELP and # TYPE.
void metric_begin(FILE *out, enum metric_id id);
// values holds one text for each declared label; NULL for a metric without labels.
void metric_counter(FILE *out, enum metric_id id, const char *const *values, uint64_t value);
void metric_counter_double(FILE *out, enum metric_id id, const char *const *values, double value);
void metric_gauge(FILE *out, enum metric_id id, const char *const *values, double value);
// h holds nanoseconds when the metric's unit is seconds, else the unit itself. Buckets 1, 2, 5, 10, ... of the range.
void metric_histogram(FILE *out, enum metric_id id, const char *const *values, const struct hist *h);

// docs/metrics.md.
void metrics_markdown(FILE *out);

#endif
