#include "tools/top/figures.h"

#include "tools/metrics/metrics_text.h"

#include <math.h>

struct readings {
    const char *before, *after;
    double seconds;
};

static double positive(double x)
{
    return x > 0 ? x : 0;
}

static double rate(const struct readings *r, const char *name)
{
    return positive(metrics_value(r->after, name) - metrics_value(r->before, name)) / r->seconds;
}

// Of all samples whose labels hold this text.
static double rate_of(const struct readings *r, const char *name, const char *label)
{
    return positive(metrics_sum(r->after, name, label) - metrics_sum(r->before, name, label)) / r->seconds;
}

static double lanes(const struct readings *r, const char *kernel)
{
    const double used = rate_of(r, "gantry_lanes_used_total", kernel);
    const double offered = rate_of(r, "gantry_lanes_offered_total", kernel);
    return offered > 0 ? used / offered : -1;
}

static double percentile(const struct readings *r, const char *name, double q)
{
    return metrics_quantile(r->before, r->after, name, q);
}

static size_t stage_place(struct top_figures *f, const char *stage)
{
    size_t i = 0;
    while (i < f->stage_count && strcmp(f->stages[i], stage) != 0)
        i++;
    if (i == f->stage_count && i < TOP_STAGES_MAX) {
        memcpy(f->stages[i], stage, TOP_NAME_MAX);
        f->stage_count++;
    }
    return i;
}

static struct top_thread *thread_place(struct top_figures *f, const char *thread)
{
    size_t i = 0;
    while (i < f->thread_count && strcmp(f->threads[i].name, thread) != 0)
        i++;
    if (i == TOP_THREADS_MAX)
        return NULL;
    if (i == f->thread_count) {
        memcpy(f->threads[i].name, thread, TOP_NAME_MAX);
        f->thread_count++;
    }
    return &f->threads[i];
}

struct adding {
    struct top_figures *figures;
    double sign;
};

static void add_cycles(void *ctx, struct bytes labels, double cycles)
{
    const struct adding *a = ctx;
    char thread[TOP_NAME_MAX] = "", stage[TOP_NAME_MAX] = "";
    if (!metrics_label(thread, sizeof thread, labels, "thread") || !metrics_label(stage, sizeof stage, labels, "stage"))
        return;
    struct top_thread *t = thread_place(a->figures, thread);
    const size_t place = stage_place(a->figures, stage);
    if (t && place < TOP_STAGES_MAX)
        t->share[place] += a->sign * cycles;
}

// A thread that has made no account slept all the time: it makes one before it sleeps and when it has woken. (Or it is
// in one long turn; /health tells that.)
static void shares(struct top_figures *f, const struct readings *r)
{
    struct adding adding = {f, 1};
    metrics_each(r->after, "gantry_stage_cycles_total", add_cycles, &adding);
    adding.sign = -1;
    metrics_each(r->before, "gantry_stage_cycles_total", add_cycles, &adding);
    for (size_t i = 0; i < f->thread_count; i++) {
        double total = 0;
        for (size_t s = 0; s < f->stage_count; s++)
            total += f->threads[i].share[s] = positive(f->threads[i].share[s]);
        for (size_t s = 0; s < f->stage_count; s++)
            f->threads[i].share[s] = total > 0 ? f->threads[i].share[s] / total : strcmp(f->stages[s], "idle") == 0;
    }
}

static void take_info(void *ctx, struct bytes labels, double value)
{
    struct top_figures *f = ctx;
    (void)value;
    if (!metrics_label(f->version, sizeof f->version, labels, "version") ||
        !metrics_label(f->kernels, sizeof f->kernels, labels, "kernels"))
        f->kernels[0] = '\0';
}

void top_figures(struct top_figures *f, const char *before, const char *after, double seconds)
{
    const struct readings r = {before, after, seconds > 0 ? seconds : 1};
    *f = (struct top_figures){0};
    metrics_each(after, "gantry_info", take_info, f);
    f->healthy = metrics_value(after, "gantry_healthy") > 0;
    f->uptime = metrics_value(after, "gantry_uptime_seconds");
    f->height = metrics_value(after, "gantry_head_height");
    f->durable = metrics_value(after, "gantry_durable_height");
    f->base_fee_gwei = metrics_value(after, "gantry_base_fee_wei") / 1e9;
    f->accepted = rate_of(&r, "gantry_submitted_total", "");
    f->refused = rate_of(&r, "gantry_refused_total", "");
    f->offered = f->accepted + f->refused;
    f->included = rate(&r, "gantry_transactions_total");
    f->dropped = rate_of(&r, "gantry_pool_left_total", "") + rate_of(&r, "gantry_transactions_dropped_total", "");
    f->blocks = rate(&r, "gantry_blocks_total");
    f->gas = rate(&r, "gantry_gas_total");
    f->latency_p50 = percentile(&r, "gantry_inclusion_latency_seconds", 0.5);
    f->latency_p99 = percentile(&r, "gantry_inclusion_latency_seconds", 0.99);
    f->commit_p50 = percentile(&r, "gantry_commit_latency_seconds", 0.5);
    f->commit_p99 = percentile(&r, "gantry_commit_latency_seconds", 0.99);
    f->sync_p50 = percentile(&r, "gantry_fdatasync_latency_seconds", 0.5);
    f->pending = metrics_sum(after, "gantry_pool_transactions", "state=\"pending\"");
    f->queued = metrics_sum(after, "gantry_pool_transactions", "state=\"queued\"");
    f->pool_bytes = metrics_sum(after, "gantry_pool_bytes", "");
    f->lanes_keccak = lanes(&r, "kernel=\"keccak\"");
    f->lanes_signatures = lanes(&r, "kernel=\"signatures\"");
    f->ingest_connections = metrics_sum(after, "gantry_ingest_connections", "");
    f->rpc_connections = metrics_sum(after, "gantry_rpc_connections", "");
    f->rpc_calls = rate_of(&r, "gantry_rpc_requests_total", "");
    f->resident_bytes = metrics_value(after, "gantry_resident_bytes");
    f->log_bytes = metrics_value(after, "gantry_log_bytes");
    shares(f, &r);
}
