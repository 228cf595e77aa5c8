#include "tools/load/load_result.h"

#include "base/hex.h"

#include <stdlib.h>

// The generator is called the limit when the p99 of its lateness is above LATE_NS and a tenth of the p99 of latency.
#define LATE_NS 10000000ull
#define BUSY_SHARE 0.9

double load_ms(const struct hist *h, double quantile)
{
    return (double)hist_quantile(h, quantile) / 1e6;
}

// Accepted items that no block held: the node is asked what became of them.
struct inquiry {
    struct load_result *out;
    struct load_track *track;
    uint32_t *items;
    size_t count;
    bool unknown_method;
};

static void inquiry_params(void *ctx, size_t i, char out[RPC_PARAMS_MAX])
{
    const struct inquiry *q = ctx;
    char hex[65] = {0};
    hex_encode(hex, q->track->set->hash[q->items[i]].b, 32);
    snprintf(out, RPC_PARAMS_MAX, "[\"0x%s\"]", hex);
}

static void inquiry_answered(void *ctx, size_t i, const json_t *result, const char *message)
{
    struct inquiry *q = ctx;
    struct load_result *out = q->out;
    const char *status = json_string_value(json_object_get(result, "status"));
    const char *reason = json_string_value(json_object_get(result, "reason"));
    (void)message;
    if (status && strcmp(status, "included") == 0) {
        out->included++;
    } else if (status && (strcmp(status, "pending") == 0 || strcmp(status, "queued") == 0)) {
        out->waiting++;
    } else if (status && strcmp(status, "dropped") == 0) {
        q->track->state[q->items[i]] = LOAD_LEFT;
        out->left++;
        out->left_by[load_status_of_text(bytes_of(reason, reason ? strlen(reason) : 0))]++;
    } else {
        out->unaccounted++;
    }
}

static void inquire(struct inquiry *q, struct rpc_client *rpc)
{
    const struct rpc_batch batch = {"gantry_transactionStatus", q, inquiry_params, inquiry_answered};
    char error[RPC_ERROR_MAX];
    if (q->count == 0)
        return;
    if (!rpc_call_batch(rpc, &batch, q->count, error)) {
        fprintf(stderr, "asking what became of %zu transactions: %s\n", q->count, error);
        q->out->unaccounted = q->out->accepted - q->out->included - q->out->left - q->out->waiting;
    }
}

static void count_items(struct load_result *out, struct load_track *track, struct rpc_client *rpc)
{
    const struct load_sending *s = &out->sending;
    struct inquiry q = {.out = out, .track = track};
    q.items = calloc(s->end_item - s->first_item + 1, sizeof *q.items);
    if (!q.items)
        abort();
    uint64_t sent_in_window = 0;
    for (uint32_t i = s->first_item; i < s->end_item; i++) {
        const uint64_t visible = atomic_load_explicit(&track->visible_ns[i], memory_order_relaxed);
        if (track->sent_ns[i] >= s->window_start_ns && track->sent_ns[i] < s->window_end_ns)
            sent_in_window++;
        if (visible) {
            out->accepted++;
            out->included++;
            if (track->due_ns[i] >= s->window_start_ns && track->due_ns[i] < s->window_end_ns) {
                // A head can come before the clock read that stamps the sending: then no time passed.
                hist_add(&out->latency_ns, visible > track->due_ns[i] ? visible - track->due_ns[i] : 0);
                hist_add(&out->latency_sent_ns, visible > track->sent_ns[i] ? visible - track->sent_ns[i] : 0);
            }
        } else if (track->state[i] == LOAD_ACCEPTED) {
            out->accepted++;
            q.items[q.count++] = i;
        } else if (track->state[i] == LOAD_SENT) {
            out->unanswered++;
        } else if (track->state[i] == LOAD_UNSENT) {
            out->held++;
        }
    }
    out->sent_rate = (double)sent_in_window / out->window_s;
    inquire(&q, rpc);
    free(q.items);
}

static void sum_blocks(struct load_result *out, struct load_watch *watch)
{
    const struct load_sending *s = &out->sending;
    const size_t count = load_watch_blocks(watch, s->window_start_ns, s->window_end_ns, NULL, 0);
    struct load_block *blocks = calloc(count + 1, sizeof *blocks);
    if (!blocks)
        abort();
    const size_t now = load_watch_blocks(watch, s->window_start_ns, s->window_end_ns, blocks, count);
    uint64_t included = 0;
    double fill_sum = 0;
    out->base_fee_min = UINT64_MAX;
    for (size_t i = 0; i < count && i < now; i++) {
        const struct load_block *b = &blocks[i];
        included += b->matched;
        out->blocks++;
        if (b->gas_limit == 0)
            continue;
        const double fill = (double)b->gas_used / (double)b->gas_limit;
        fill_sum += fill;
        out->fill_max = fill > out->fill_max ? fill : out->fill_max;
        out->base_fee_min = b->base_fee < out->base_fee_min ? b->base_fee : out->base_fee_min;
        out->base_fee_max = b->base_fee > out->base_fee_max ? b->base_fee : out->base_fee_max;
    }
    if (out->base_fee_min == UINT64_MAX)
        out->base_fee_min = 0;
    out->fill_mean = out->blocks ? fill_sum / (double)out->blocks : 0;
    out->included_rate = (double)included / out->window_s;
    free(blocks);
}

static const char *find_limit(const struct load_result *r)
{
    if (r->sending.set_ended)
        return "the signed set was used up before the duration was over";
    if (r->sender_share > BUSY_SHARE)
        return "the sending thread used all of a processor";
    const uint64_t late_ns = hist_quantile(&r->sending.lateness_ns, 0.99);
    if (late_ns > LATE_NS && late_ns > hist_quantile(&r->latency_ns, 0.99) / 10)
        return "transactions were sent late: the sending thread did not get a processor in time";
    return NULL;
}

void load_result_make(struct load_result *out, const struct load_phase *phase, const struct load_sending *sending,
                      struct load_track *track, struct load_watch *watch, uint64_t watch_cpu_ns, struct rpc_client *rpc)
{
    memset(out, 0, sizeof *out);
    hist_init(&out->latency_ns);
    hist_init(&out->latency_sent_ns);
    out->sending = *sending;
    const uint64_t window_ns = sending->window_end_ns - sending->window_start_ns;
    out->window_s = window_ns ? (double)window_ns / 1e9 : 1e-9;
    out->offered_rate = phase->rate;
    out->accepted_rate = (double)sending->window_accepted / out->window_s;
    count_items(out, track, rpc);
    sum_blocks(out, watch);
    const uint32_t items = sending->end_item - sending->first_item;
    out->generator_cpu_us = items ? (double)(sending->cpu_ns + watch_cpu_ns) / 1e3 / items : 0;
    out->sender_share = sending->wall_ns ? (double)sending->cpu_ns / (double)sending->wall_ns : 0;
    out->limit = find_limit(out);
}

static void print_reasons(FILE *out, const char *what, const uint64_t by[TX_STATUS_COUNT + 1])
{
    for (unsigned s = 0; s <= TX_STATUS_COUNT; s++) {
        if (by[s] > 0)
            fprintf(out, "  %s: %llu %s\n", what, (unsigned long long)by[s],
                    s < TX_STATUS_COUNT ? tx_status_text((enum tx_status)s) : "(other words)");
    }
}

static void print_latency(FILE *out, const char *what, const struct hist *h)
{
    fprintf(out, "%-22s p50 %.2f  p90 %.2f  p99 %.2f  p99.9 %.2f  max %.2f ms\n", what, load_ms(h, 0.5),
            load_ms(h, 0.9), load_ms(h, 0.99), load_ms(h, 0.999), load_ms(h, 1));
}

void load_result_print(FILE *out, const struct load_result *r)
{
    const struct load_sending *s = &r->sending;
    fprintf(out, "measured for           %.1f s\n", r->window_s);
    fprintf(out, "offered                %.0f /s\n", r->offered_rate);
    fprintf(out, "sent                   %.0f /s\n", r->sent_rate);
    fprintf(out, "accepted               %.0f /s\n", r->accepted_rate);
    fprintf(out, "included, durable      %.0f /s\n", r->included_rate);
    print_latency(out, "latency (scheduled)", &r->latency_ns);
    print_latency(out, "latency (sent)", &r->latency_sent_ns);
    fprintf(out, "blocks                 %llu, fill %.1f %% (max %.1f %%), base fee %.9g to %.9g gwei\n",
            (unsigned long long)r->blocks, 100 * r->fill_mean, 100 * r->fill_max, (double)r->base_fee_min / 1e9,
            (double)r->base_fee_max / 1e9);
    fprintf(out, "account                accepted %llu = included %llu + left %llu + waiting %llu + unaccounted %llu\n",
            (unsigned long long)r->accepted, (unsigned long long)r->included, (unsigned long long)r->left,
            (unsigned long long)r->waiting, (unsigned long long)r->unaccounted);
    print_reasons(out, "left", r->left_by);
    fprintf(
        out,
        "refused                %llu (besides, %llu sent again), skipped %llu, held to the end %llu, unanswered %llu\n",
        (unsigned long long)s->refused, (unsigned long long)s->resent, (unsigned long long)s->skipped,
        (unsigned long long)r->held, (unsigned long long)r->unanswered);
    print_reasons(out, "refused", s->refused_by);
    fprintf(out,
            "held back              %.1f s by the bound on transactions in flight, %.1f s by the node's backpressure\n",
            (double)s->held_ns / 1e9, (double)s->backpressure_ns / 1e9);
    fprintf(
        out,
        "generator              %.2f us CPU a transaction, sending thread %.0f %% busy, waited %.2f s for a processor, "
        "late p99 %.2f ms\n",
        r->generator_cpu_us, 100 * r->sender_share, (double)s->run_delay_ns / 1e9, load_ms(&s->lateness_ns, 0.99));
    if (r->limit)
        fprintf(out, "THE GENERATOR WAS THE LIMIT: %s\n", r->limit);
}

static json_t *reasons_json(const uint64_t by[TX_STATUS_COUNT + 1])
{
    json_t *object = json_object();
    for (unsigned s = 0; s <= TX_STATUS_COUNT; s++) {
        if (by[s] > 0)
            json_object_set_new(object, s < TX_STATUS_COUNT ? tx_status_text((enum tx_status)s) : "other words",
                                json_integer((json_int_t)by[s]));
    }
    return object;
}

static json_t *latency_json(const struct hist *h)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "p50", load_ms(h, 0.5), "p90", load_ms(h, 0.9), "p99",
                     load_ms(h, 0.99), "p99.9", load_ms(h, 0.999), "max", load_ms(h, 1));
}

json_t *load_result_json(const struct load_result *r)
{
    const struct load_sending *s = &r->sending;
    json_t *rates = json_pack("{s:f, s:f, s:f, s:f}", "offered", r->offered_rate, "sent", r->sent_rate, "accepted",
                              r->accepted_rate, "included", r->included_rate);
    json_t *account = json_pack("{s:I, s:I, s:I, s:I, s:I}", "accepted", (json_int_t)r->accepted, "included",
                                (json_int_t)r->included, "left", (json_int_t)r->left, "waiting", (json_int_t)r->waiting,
                                "unaccounted", (json_int_t)r->unaccounted);
    json_t *blocks = json_pack("{s:I, s:f, s:f, s:I, s:I}", "count", (json_int_t)r->blocks, "fill_mean", r->fill_mean,
                               "fill_max", r->fill_max, "base_fee_min", (json_int_t)r->base_fee_min, "base_fee_max",
                               (json_int_t)r->base_fee_max);
    json_t *generator =
        json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:b, s:s*}", "cpu_us_per_transaction", r->generator_cpu_us,
                  "sender_share", r->sender_share, "waited_s", (double)s->run_delay_ns / 1e9, "late_p99_ms",
                  load_ms(&s->lateness_ns, 0.99), "held_s", (double)s->held_ns / 1e9, "backpressure_s",
                  (double)s->backpressure_ns / 1e9, "was_the_limit", r->limit != NULL, "limit", r->limit);
    return json_pack("{s:f, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "window_s", r->window_s,
                     "rates", rates, "latency_ms", latency_json(&r->latency_ns), "latency_sent_ms",
                     latency_json(&r->latency_sent_ns), "account", account, "left", reasons_json(r->left_by), "refused",
                     (json_int_t)s->refused, "resent", (json_int_t)s->resent, "skipped", (json_int_t)s->skipped, "held",
                     (json_int_t)r->held, "unanswered", (json_int_t)r->unanswered, "refused_by",
                     reasons_json(s->refused_by), "blocks", blocks, "generator", generator);
}
