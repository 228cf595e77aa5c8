// This room's part of /metrics.
#include "engine/rpc/call.h"
#include "engine/rpc/metrics.h"

static const char *method_name(size_t i)
{
    return i < RPC_METHOD_COUNT ? RPC_METHODS[i].name : "other";
}

// Only what was called at least once: most methods never are.
static void write_methods(const struct rpc_core *core, FILE *out)
{
    metric_begin(out, METRIC_RPC_REQUESTS);
    for (size_t i = 0; i <= RPC_METHOD_COUNT; i++) {
        if (core->stats[i].calls > 0)
            metric_counter(out, METRIC_RPC_REQUESTS, (const char *[]){method_name(i)}, core->stats[i].calls);
    }
    metric_begin(out, METRIC_RPC_ERRORS);
    for (size_t i = 0; i <= RPC_METHOD_COUNT; i++) {
        if (core->stats[i].calls > 0)
            metric_counter(out, METRIC_RPC_ERRORS, (const char *[]){method_name(i)}, core->stats[i].errors);
    }
}

static unsigned count_subscriptions(const struct rpc_core *core, enum feed_kind kind)
{
    unsigned count = 0;
    for (const struct rpc_subscription *s = core->feed.subscriptions; s; s = s->next)
        count += s->kind == kind;
    return count;
}

void core_metrics(struct rpc_core *core, FILE *out)
{
    write_methods(core, out);
    metric_begin(out, METRIC_RPC_TEXTS);
    metric_counter(out, METRIC_RPC_TEXTS, (const char *[]){"single"}, core->request_count - core->batch_count);
    metric_counter(out, METRIC_RPC_TEXTS, (const char *[]){"batch"}, core->batch_count);
    metric_counter(out, METRIC_RPC_PARSE_ERRORS, NULL, core->parse_error_count);
    metric_counter(out, METRIC_RPC_BUSY, NULL, core->busy_count);
    metric_histogram(out, METRIC_RPC_LATENCY, NULL, &core->latency_ns);
    metric_gauge(out, METRIC_RPC_QUERIES, NULL, core->query_count);
    metric_begin(out, METRIC_RPC_SUBSCRIPTIONS);
    metric_gauge(out, METRIC_RPC_SUBSCRIPTIONS, (const char *[]){"newHeads"}, count_subscriptions(core, FEED_HEADS));
    metric_gauge(out, METRIC_RPC_SUBSCRIPTIONS, (const char *[]){"newPendingTransactions"},
                 count_subscriptions(core, FEED_PENDING));
    metric_gauge(out, METRIC_RPC_SUBSCRIPTIONS, (const char *[]){"logs"}, count_subscriptions(core, FEED_LOGS));
    metric_gauge(out, METRIC_RPC_SUBSCRIPTIONS, (const char *[]){"overview"}, core->feed.overview_users);
    metric_gauge(out, METRIC_RPC_FILTERS, NULL, core->feed.filter_count);
    metric_counter(out, METRIC_RPC_NOTIFICATIONS, NULL, core->feed.notification_count);
    metric_counter(out, METRIC_RPC_PENDING_LOST, NULL, atomic_load_explicit(&core->pending_lost, memory_order_relaxed));
    metric_gauge(out, METRIC_INDEX_BYTES, NULL, (double)chain_reader_index_bytes(core->reader));
    if (core->backend.metrics)
        core->backend.metrics(core->backend.ctx, out);
}

void core_count_lost(struct rpc_core *core, uint64_t count)
{
    atomic_fetch_add_explicit(&core->pending_lost, count, memory_order_relaxed);
}
