#include "engine/rpc/metrics.h"

#include "shard/stage.h"

#include <assert.h>
#include <math.h>

const struct metric METRICS[METRIC_COUNT] = {
    [METRIC_INFO] = {"gantry_info", METRIC_GAUGE, "", "Always 1; the labels tell what runs.", {"version", "kernels"}},
    [METRIC_UPTIME_SECONDS] = {"gantry_uptime_seconds", METRIC_GAUGE, "seconds", "Time since the start.", {0}},
    [METRIC_HEALTHY] = {"gantry_healthy", METRIC_GAUGE, "", "1 when /health says so, else 0.", {0}},
    [METRIC_STAGE_CYCLES] =
        {"gantry_stage_cycles_total",
         METRIC_COUNTER,
         "cycles",
         "Cycles of the time stamp counter that a thread spent in a stage of the transaction's way.",
         {"thread", "stage"}},
    [METRIC_STAGE_ITEMS] = {"gantry_stage_items_total",
                            METRIC_COUNTER,
                            "",
                            "Items (transactions, frames, records) that a thread took through a stage.",
                            {"thread", "stage"}},
    [METRIC_THREAD_CPU_SECONDS] =
        {"gantry_thread_cpu_seconds_total", METRIC_COUNTER, "seconds", "User and system time of a thread.", {"thread"}},
    [METRIC_HEAD_HEIGHT] =
        {"gantry_head_height", METRIC_GAUGE, "", "Number of the newest block that clients see.", {0}},
    [METRIC_DURABLE_HEIGHT] =
        {"gantry_durable_height", METRIC_GAUGE, "", "Number of the newest block that an fdatasync covers.", {0}},
    [METRIC_CHECKPOINT_HEIGHT] =
        {"gantry_checkpoint_height", METRIC_GAUGE, "", "Block of the last checkpoint; a start replays from here.", {0}},
    [METRIC_RETAINED_HEIGHT] =
        {"gantry_retained_height", METRIC_GAUGE, "", "Number of the oldest block whose body is kept.", {0}},
    [METRIC_BLOCKS] = {"gantry_blocks_total", METRIC_COUNTER, "", "Blocks made since the start.", {0}},
    [METRIC_TRANSACTIONS] = {"gantry_transactions_total",
                             METRIC_COUNTER,
                             "",
                             "Transactions included in durable blocks since the start.",
                             {0}},
    [METRIC_DROPPED] = {"gantry_transactions_dropped_total",
                        METRIC_COUNTER,
                        "",
                        "Ordered transactions that no block took, by reason.",
                        {"reason"}},
    [METRIC_PASSES] = {"gantry_pass_transactions_total",
                       METRIC_COUNTER,
                       "",
                       "Included transactions by the pass that executed them: senders and calls run on all shards at "
                       "once, global on one core.",
                       {"pass"}},
    [METRIC_ROUNDS] = {"gantry_rounds_total", METRIC_COUNTER, "", "Rounds of the passes senders and calls.", {0}},
    [METRIC_GLOBAL] = {"gantry_global_pass_total",
                       METRIC_COUNTER,
                       "",
                       "Transactions that went to the global pass, by what kept them from running on their shards.",
                       {"reason"}},
    [METRIC_GAS] = {"gantry_gas_total", METRIC_COUNTER, "gas", "Gas used by blocks since the start.", {0}},
    [METRIC_BASE_FEE_WEI] = {"gantry_base_fee_wei", METRIC_GAUGE, "wei", "Base fee of the next block.", {0}},
    [METRIC_BLOCK_INTERVAL] = {"gantry_block_interval_seconds",
                               METRIC_HISTOGRAM,
                               "seconds",
                               "Time from one block's start to the next one's.",
                               {0}},
    [METRIC_COMMIT_LATENCY] = {"gantry_commit_latency_seconds",
                               METRIC_HISTOGRAM,
                               "seconds",
                               "Time from a block's start until it is durable.",
                               {0}},
    [METRIC_INCLUSION_LATENCY] = {"gantry_inclusion_latency_seconds",
                                  METRIC_HISTOGRAM,
                                  "seconds",
                                  "Time from a transaction's arrival to its durable receipt.",
                                  {0}},
    [METRIC_ACCOUNTS] = {"gantry_accounts", METRIC_GAUGE, "", "Existing accounts.", {"shard"}},
    [METRIC_POOL_TRANSACTIONS] = {"gantry_pool_transactions",
                                  METRIC_GAUGE,
                                  "",
                                  "Pooled transactions: pending, or queued behind a nonce gap.",
                                  {"shard", "state"}},
    [METRIC_POOL_BYTES] = {"gantry_pool_bytes", METRIC_GAUGE, "bytes", "Memory of pooled transactions.", {"shard"}},
    [METRIC_POOL_LEFT] = {"gantry_pool_left_total",
                          METRIC_COUNTER,
                          "",
                          "Transactions that left the pool without being included, by reason.",
                          {"shard", "reason"}},
    [METRIC_SUBMITTED] =
        {"gantry_submitted_total", METRIC_COUNTER, "", "Transactions accepted into the pool.", {"shard"}},
    [METRIC_REFUSED] =
        {"gantry_refused_total", METRIC_COUNTER, "", "Transactions refused at intake, by reason.", {"shard", "reason"}},
    [METRIC_VERIFY_BATCHES] = {"gantry_verify_batches_total",
                               METRIC_COUNTER,
                               "",
                               "Batches of signatures verified: keys recovered, witnesses, doubtful witnesses.",
                               {"shard", "kind"}},
    [METRIC_VERIFIED] =
        {"gantry_verified_total", METRIC_COUNTER, "", "Signatures in these batches.", {"shard", "kind"}},
    [METRIC_VERIFY_COSTLY] = {"gantry_verify_costly_total",
                              METRIC_COUNTER,
                              "",
                              "Signatures that cost many times the usual through their own fault, by reason.",
                              {"shard", "reason"}},
    [METRIC_LANES_USED] = {"gantry_lanes_used_total",
                           METRIC_COUNTER,
                           "",
                           "Lanes of batched kernels that had an item; over those offered: how full they are.",
                           {"thread", "kernel"}},
    [METRIC_LANES_OFFERED] = {"gantry_lanes_offered_total",
                              METRIC_COUNTER,
                              "",
                              "Lanes that batched kernels had: as many as an instruction has, each time they ran.",
                              {"thread", "kernel"}},
    [METRIC_LOG_BYTES] = {"gantry_log_bytes", METRIC_GAUGE, "bytes", "Size of the block log on disk.", {0}},
    [METRIC_CHECKPOINT_BYTES] =
        {"gantry_checkpoint_bytes", METRIC_GAUGE, "bytes", "Size of the checkpoint on disk.", {0}},
    [METRIC_INDEX_BYTES] =
        {"gantry_index_bytes", METRIC_GAUGE, "bytes", "Size of the transaction-hash index on disk.", {0}},
    [METRIC_CHECKPOINT_SECONDS] =
        {"gantry_checkpoint_seconds", METRIC_HISTOGRAM, "seconds", "Time to write a checkpoint.", {0}},
    [METRIC_FSYNC_LATENCY] = {"gantry_fdatasync_latency_seconds",
                              METRIC_HISTOGRAM,
                              "seconds",
                              "Time from handing blocks to the log until an fdatasync covers them.",
                              {0}},
    [METRIC_MEMORY_BYTES] =
        {"gantry_memory_bytes", METRIC_GAUGE, "bytes", "Live allocations of a thread's arena.", {"thread"}},
    [METRIC_RESIDENT_BYTES] = {"gantry_resident_bytes", METRIC_GAUGE, "bytes", "Resident memory of the process.", {0}},
    [METRIC_INGEST_CONNECTIONS] =
        {"gantry_ingest_connections", METRIC_GAUGE, "", "Open connections of the binary ingest port.", {"shard"}},
    [METRIC_INGEST_FRAMES] =
        {"gantry_ingest_frames_total", METRIC_COUNTER, "", "Frames received on the ingest port.", {"shard"}},
    [METRIC_INGEST_REFUSED] = {"gantry_ingest_refused_total",
                               METRIC_COUNTER,
                               "",
                               "Connections that the ingest port refused or ended, by reason.",
                               {"shard", "reason"}},
    [METRIC_INGEST_BYTES] =
        {"gantry_ingest_bytes_total", METRIC_COUNTER, "bytes", "Bytes received on the ingest port.", {"shard"}},
    [METRIC_INGEST_PAUSES] = {"gantry_ingest_pauses_total",
                              METRIC_COUNTER,
                              "",
                              "Times that the ingest port stopped reading because shards were full.",
                              {"shard"}},
    [METRIC_VOTING] =
        {"gantry_voting", METRIC_GAUGE, "", "1 when this node votes, else 0 (gantry_consensus says why).", {0}},
    [METRIC_EPOCH] = {"gantry_epoch", METRIC_GAUGE, "", "Epoch of ordering.", {0}},
    [METRIC_VIEW] = {"gantry_view", METRIC_GAUGE, "", "View of the epoch that this node is in.", {0}},
    [METRIC_FINAL_HEIGHT] =
        {"gantry_final_height", METRIC_GAUGE, "", "Height of the newest final block of ordering.", {0}},
    [METRIC_EXECUTED_HEIGHT] =
        {"gantry_executed_height", METRIC_GAUGE, "", "Height of ordering whose blocks are executed here.", {0}},
    [METRIC_TIMEOUTS_IN_A_ROW] =
        {"gantry_timeouts_in_a_row", METRIC_GAUGE, "", "Views left by timeout since the last final block.", {0}},
    [METRIC_VIEWS] = {"gantry_views_total", METRIC_COUNTER, "", "Views entered.", {0}},
    [METRIC_VOTES] = {"gantry_votes_total", METRIC_COUNTER, "", "Own votes, by kind; nullify is a timeout.", {"kind"}},
    [METRIC_CERTIFICATES] =
        {"gantry_certificates_total", METRIC_COUNTER, "", "Certificates made or taken, by kind.", {"kind"}},
    [METRIC_REFUSED_VOTES] =
        {"gantry_refused_votes_total", METRIC_COUNTER, "", "Own votes that the sign guard refused.", {0}},
    [METRIC_EVIDENCE] = {"gantry_evidence_total", METRIC_COUNTER, "", "Proofs of misbehaviour kept.", {0}},
    [METRIC_BANS] = {"gantry_bans_total", METRIC_COUNTER, "", "Times that a peer broke the rules.", {0}},
    [METRIC_CARS] = {"gantry_cars_total", METRIC_COUNTER, "", "Own cars made.", {0}},
    [METRIC_CAR_BYTES] = {"gantry_car_bytes_total", METRIC_COUNTER, "bytes", "Bytes of own cars.", {0}},
    [METRIC_ACKS] = {"gantry_acks_total", METRIC_COUNTER, "", "Cars acked, own ones included.", {0}},
    [METRIC_FETCHES] =
        {"gantry_car_fetches_total", METRIC_COUNTER, "", "Requests for cars that did not come by themselves.", {0}},
    [METRIC_UNFINAL_BYTES] =
        {"gantry_unfinal_bytes", METRIC_GAUGE, "bytes", "Bytes of own cars that are not final yet.", {0}},
    [METRIC_LANE_FINALIZED] =
        {"gantry_lane_finalized_total", METRIC_COUNTER, "", "Cars of a lane that are final in this epoch.", {"owner"}},
    [METRIC_LANE_WAITING] =
        {"gantry_lane_waiting",
         METRIC_GAUGE,
         "",
         "Cars of a lane beyond the final ones: held here, or available, that is acked by a quorum and next.",
         {"owner", "state"}},
    [METRIC_LANE_WASTED_BYTES] = {"gantry_lane_wasted_bytes_total",
                                  METRIC_COUNTER,
                                  "bytes",
                                  "Bytes of a lane's ordered transactions that no block took.",
                                  {"owner"}},
    [METRIC_STORED_CARS] =
        {"gantry_stored_cars", METRIC_GAUGE, "", "Cars of which a shard has its stripes stored.", {"shard"}},
    [METRIC_CAR_LOG_BYTES] =
        {"gantry_car_log_bytes", METRIC_GAUGE, "bytes", "Size of a shard's car log on disk.", {"shard"}},
    [METRIC_CAR_LOG_RECORDS] =
        {"gantry_car_log_records_total", METRIC_COUNTER, "", "Records put into a shard's car log.", {"shard"}},
    [METRIC_CAR_LOG_COMMITS] = {"gantry_car_log_commits_total",
                                METRIC_COUNTER,
                                "",
                                "Groups of records that were made durable together.",
                                {"shard"}},
    [METRIC_GATHERING] = {"gantry_gathering_cars",
                          METRIC_GAUGE,
                          "",
                          "Cars whose stripes a shard gathers, checks or stores now, or that are lent to execution.",
                          {"shard"}},
    [METRIC_EARLY_BYTES] = {"gantry_early_bytes",
                            METRIC_GAUGE,
                            "bytes",
                            "Stripes' bodies that came before their cars' headers and wait for them.",
                            {"shard"}},
    [METRIC_BODIES] = {"gantry_stripe_bodies_total",
                       METRIC_COUNTER,
                       "",
                       "Stripes' bodies from peers, and of them those that nobody wanted or that were invalid.",
                       {"shard", "event"}},
    [METRIC_SERVED_BYTES] = {"gantry_served_bytes_total",
                             METRIC_COUNTER,
                             "bytes",
                             "Bytes of stored cars that peers asked for and got.",
                             {"shard"}},
    [METRIC_FORWARDED] =
        {"gantry_forwarded_total",
         METRIC_COUNTER,
         "",
         "Transactions handed to validators (out) by a node that makes no cars, and taken from such (in).",
         {"shard", "direction"}},
    [METRIC_PEER_CONNECTIONS] =
        {"gantry_peer_connections", METRIC_GAUGE, "", "Open connections with a peer.", {"peer", "channel"}},
    [METRIC_PEER_BYTES_IN] = {"gantry_peer_received_bytes_total",
                              METRIC_COUNTER,
                              "bytes",
                              "Bytes received from a peer on its present connections, as sealed.",
                              {"peer", "channel"}},
    [METRIC_PEER_BYTES_OUT] = {"gantry_peer_sent_bytes_total",
                               METRIC_COUNTER,
                               "bytes",
                               "Bytes sent to a peer on its present connections, as sealed.",
                               {"peer", "channel"}},
    [METRIC_PEER_MESSAGES_IN] = {"gantry_peer_received_total",
                                 METRIC_COUNTER,
                                 "",
                                 "Messages received from a peer on its present connections.",
                                 {"peer", "channel"}},
    [METRIC_PEER_MESSAGES_OUT] = {"gantry_peer_sent_total",
                                  METRIC_COUNTER,
                                  "",
                                  "Messages sent to a peer on its present connections.",
                                  {"peer", "channel"}},
    [METRIC_PEER_DROPPED] = {"gantry_peer_dropped_total",
                             METRIC_COUNTER,
                             "",
                             "Messages to a peer dropped because its queue was full.",
                             {"peer", "channel"}},
    [METRIC_PEER_REPLACED] = {"gantry_peer_replaced_total",
                              METRIC_COUNTER,
                              "",
                              "Messages to a peer that a newer one replaced in the queue.",
                              {"peer", "channel"}},
    [METRIC_PEER_QUEUED_BYTES] =
        {"gantry_peer_queued_bytes", METRIC_GAUGE, "bytes", "Bytes waiting to be sent to a peer.", {"peer", "channel"}},
    [METRIC_PEER_VIEW] = {"gantry_peer_view", METRIC_GAUGE, "", "Highest view heard of from a validator.", {"peer"}},
    [METRIC_HANDSHAKES] = {"gantry_handshakes_total",
                           METRIC_COUNTER,
                           "",
                           "Connections with peers and strangers, by what became of them.",
                           {"event"}},
    [METRIC_HANDSHAKE_FAILURES] = {"gantry_handshake_failures_total",
                                   METRIC_COUNTER,
                                   "",
                                   "Connections that ended before they were open, by reason.",
                                   {"reason"}},
    [METRIC_RPC_REQUESTS] = {"gantry_rpc_requests_total",
                             METRIC_COUNTER,
                             "",
                             "JSON-RPC calls, by method; \"other\" for what is no known method.",
                             {"method"}},
    [METRIC_RPC_ERRORS] = {"gantry_rpc_errors_total",
                           METRIC_COUNTER,
                           "",
                           "JSON-RPC calls answered with an error, by method.",
                           {"method"}},
    [METRIC_RPC_TEXTS] =
        {"gantry_rpc_texts_total", METRIC_COUNTER, "", "Request texts: single calls or batches.", {"kind"}},
    [METRIC_RPC_PARSE_ERRORS] = {"gantry_rpc_parse_errors_total",
                                 METRIC_COUNTER,
                                 "",
                                 "Request texts that were no JSON, too deep or too large.",
                                 {0}},
    [METRIC_RPC_BUSY] =
        {"gantry_rpc_busy_total", METRIC_COUNTER, "", "Calls refused because the node's inboxes were full.", {0}},
    [METRIC_RPC_LATENCY] = {"gantry_rpc_latency_seconds",
                            METRIC_HISTOGRAM,
                            "seconds",
                            "Time from a call's parsing to its answer's last byte being built.",
                            {0}},
    [METRIC_RPC_QUERIES] = {"gantry_rpc_queries", METRIC_GAUGE, "", "Questions that are with the shards now.", {0}},
    [METRIC_RPC_CONNECTIONS] = {"gantry_rpc_connections", METRIC_GAUGE, "", "Open connections, by kind.", {"kind"}},
    [METRIC_RPC_CONNECTIONS_REFUSED] = {"gantry_rpc_connections_refused_total",
                                        METRIC_COUNTER,
                                        "",
                                        "Connections refused because the limit was reached.",
                                        {0}},
    [METRIC_RPC_HTTP_REFUSED] = {"gantry_rpc_http_refused_total",
                                 METRIC_COUNTER,
                                 "",
                                 "HTTP requests answered with an error status, by status.",
                                 {"status"}},
    [METRIC_RPC_SUBSCRIPTIONS] = {"gantry_rpc_subscriptions", METRIC_GAUGE, "", "Subscriptions, by kind.", {"kind"}},
    [METRIC_RPC_FILTERS] = {"gantry_rpc_filters", METRIC_GAUGE, "", "Filters.", {0}},
    [METRIC_RPC_NOTIFICATIONS] =
        {"gantry_rpc_notifications_total", METRIC_COUNTER, "", "Messages to subscribers.", {0}},
    [METRIC_RPC_SLOW_DROPPED] = {"gantry_rpc_slow_dropped_total",
                                 METRIC_COUNTER,
                                 "",
                                 "WebSocket connections closed because they read too slowly.",
                                 {0}},
    [METRIC_RPC_PENDING_LOST] = {"gantry_rpc_pending_lost_total",
                                 METRIC_COUNTER,
                                 "",
                                 "Hashes of pending transactions that no subscriber was told, the queue being full.",
                                 {0}},
};

static const char *const type_names[] = {"counter", "gauge", "histogram"};

static unsigned label_count(const struct metric *m)
{
    unsigned count = 0;
    while (count < METRIC_LABELS_MAX && m->labels[count])
        count++;
    return count;
}

void metric_begin(FILE *out, enum metric_id id)
{
    const struct metric *m = &METRICS[id];
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, type_names[m->type]);
}

// A label's value: backslash, quote and line feed are escaped.
static void write_value(FILE *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n')
            fputs("\\n", out);
        else if (*value == '\\' || *value == '"')
            fprintf(out, "\\%c", *value);
        else
            fputc(*value, out);
    }
}

// Name and labels; extra is a further label (le), NULL for none.
static void write_name(FILE *out, const struct metric *m, const char *suffix, const char *const *values,
                       const char *extra)
{
    unsigned count = label_count(m);
    assert((count > 0) == (values != NULL));
    fprintf(out, "%s%s", m->name, suffix);
    if (count == 0 && !extra) {
        fputc(' ', out);
        return;
    }
    fputc('{', out);
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, "%s%s=\"", i > 0 ? "," : "", m->labels[i]);
        write_value(out, values[i]);
        fputc('"', out);
    }
    if (extra)
        fprintf(out, "%sle=\"%s\"", count > 0 ? "," : "", extra);
    fputs("} ", out);
}

static const struct metric *begin_sample(FILE *out, enum metric_id id, enum metric_type type)
{
    const struct metric *m = &METRICS[id];
    assert(m->type == type);
    if (label_count(m) == 0)
        metric_begin(out, id);
    return m;
}

void metric_counter(FILE *out, enum metric_id id, const char *const *values, uint64_t value)
{
    write_name(out, begin_sample(out, id, METRIC_COUNTER), "", values, NULL);
    fprintf(out, "%llu\n", (unsigned long long)value);
}

void metric_counter_double(FILE *out, enum metric_id id, const char *const *values, double value)
{
    write_name(out, begin_sample(out, id, METRIC_COUNTER), "", values, NULL);
    fprintf(out, "%.9g\n", value);
}

void metric_gauge(FILE *out, enum metric_id id, const char *const *values, double value)
{
    write_name(out, begin_sample(out, id, METRIC_GAUGE), "", values, NULL);
    fprintf(out, "%.15g\n", value);
}

// Values of a histogram that are at most `bound`: whole buckets, so the count is exact to a bucket's width (1/32).
static uint64_t count_up_to(const struct hist *h, uint64_t bound)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        unsigned shift = i >> HIST_SUB_BITS ? (i >> HIST_SUB_BITS) - 1 : 0;
        uint64_t low =
            i >> HIST_SUB_BITS ? (uint64_t)((1u << HIST_SUB_BITS) + (i & ((1u << HIST_SUB_BITS) - 1))) << shift : i;
        if (low > bound)
            break;
        count += h->bucket[i];
    }
    return count;
}

#define BUCKET_DECADES 6
static const unsigned steps[] = {1, 2, 5};

void metric_histogram(FILE *out, enum metric_id id, const char *const *values, const struct hist *h)
{
    const struct metric *m = begin_sample(out, id, METRIC_HISTOGRAM);
    // 10 us to 5 s of nanoseconds; 1 to 500,000 of other units.
    double scale = strcmp(m->unit, "seconds") == 0 ? 1e-9 : 1;
    uint64_t decade = scale < 1 ? 10000 : 1;
    char text[32];
    for (int d = 0; d < BUCKET_DECADES; d++, decade *= 10) {
        for (unsigned s = 0; s < sizeof steps / sizeof *steps; s++) {
            snprintf(text, sizeof text, "%.6g", (double)(decade * steps[s]) * scale);
            write_name(out, m, "_bucket", values, text);
            fprintf(out, "%llu\n", (unsigned long long)count_up_to(h, decade * steps[s]));
        }
    }
    write_name(out, m, "_bucket", values, "+Inf");
    fprintf(out, "%llu\n", (unsigned long long)h->count);
    write_name(out, m, "_sum", values, NULL);
    fprintf(out, "%.9g\n", (double)h->sum * scale);
    write_name(out, m, "_count", values, NULL);
    fprintf(out, "%llu\n", (unsigned long long)h->count);
}

void metrics_markdown(FILE *out)
{
    fputs("# Metrics\n\n"
          "`GET /metrics` on the JSON-RPC port, in Prometheus' text format. This page is generated from the table in\n"
          "`engine/rpc/metrics.c`; a test compares the two.\n\n"
          "| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n",
          out);
    for (int id = 0; id < METRIC_COUNT; id++) {
        const struct metric *m = &METRICS[id];
        fprintf(out, "| `%s` | %s | %s | ", m->name, type_names[m->type], m->unit);
        for (unsigned i = 0; i < label_count(m); i++)
            fprintf(out, "%s`%s`", i > 0 ? ", " : "", m->labels[i]);
        fprintf(out, " | %s |\n", m->help);
    }
    fputs("\nStages (label `stage`): ", out);
    for (int i = 0; i < STAGE_COUNT; i++)
        fprintf(out, "%s%s", i > 0 ? ", " : "", stage_names[i]);
    fputs(".\n", out);
}
