#include "engine/sim/sim_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// ---- the queue: a binary heap by time, then by order of pushing

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void sim_push(struct sim *s, struct sim_event e)
{
    struct sim_queue *q = &s->queue;
    if (q->count == q->cap) {
        q->cap = q->cap == 0 ? 1024 : 2 * q->cap;
        q->items = realloc(q->items, q->cap * sizeof *q->items);
        if (!q->items)
            abort();
    }
    e.order = q->order++;
    size_t i = q->count++;
    while (i > 0 && before(&e, &q->items[(i - 1) / 2])) {
        q->items[i] = q->items[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->items[i] = e;
}

static bool pop(struct sim *s, struct sim_event *out)
{
    struct sim_queue *q = &s->queue;
    if (q->count == 0)
        return false;
    *out = q->items[0];
    const struct sim_event last = q->items[--q->count];
    size_t i = 0;
    while (2 * i + 1 < q->count) {
        size_t child = 2 * i + 1;
        if (child + 1 < q->count && before(&q->items[child + 1], &q->items[child]))
            child++;
        if (!before(&q->items[child], &last))
            break;
        q->items[i] = q->items[child];
        i = child;
    }
    q->items[i] = last;
    return true;
}

void sim_violate(struct sim *s, const char *format, ...)
{
    if (!s->result->good)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(s->result->violation, sizeof s->result->violation, format, args);
    va_end(args);
    s->result->good = false;
    s->result->at_ms = s->now_ns / MS;
}

void sim_trace(const struct sim *s, const char *format, ...)
{
    if (!s->options.trace)
        return;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%10.3f ms  ", (double)s->now_ns / 1e6);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

// Where everybody stands, for those who look for a mistake.
static void trace_state(const struct sim *s)
{
    for (unsigned i = 0; i < s->actor_count; i++) {
        const struct sim_actor *a = &s->actors[i];
        if (!a->up) {
            sim_trace(s, "validator %u is down", a->id);
            continue;
        }
        const struct ord *o = &a->v->ord;
        const struct view_rec *r = ord_view_if(o, o->view);
        sim_trace(s,
                  "validator %u%s (behaviours %x): epoch %llu view %llu (leader %u) floor view %llu height %llu "
                  "executed %llu, voted %x, proposal %s%s, k %u, pending %llu, exit in %lld ms, retry in %lld ms, "
                  "votes from epoch %llu",
                  a->id, a->lost ? " (lost its disk)" : "", a->byzantine, (unsigned long long)o->epoch,
                  (unsigned long long)o->view, leader_of(&o->leaders, o->view),
                  (unsigned long long)o->floor->header.view, (unsigned long long)o->floor->header.height,
                  (unsigned long long)a->executed, r ? r->voted : 0, r && r->proposal ? "yes" : "no",
                  r && r->invalid ? " (invalid)" : "", o->failures,
                  (unsigned long long)(o->pending ? o->pending->cert.view : 0),
                  (long long)(o->exit_due_ns - s->now_ns) / (long long)MS,
                  (long long)(o->retry_due_ns - s->now_ns) / (long long)MS, (unsigned long long)o->vote_from);
        char line[256];
        size_t at = 0;
        for (uint64_t u = o->base; u <= o->view && at + 40 < sizeof line; u++) {
            const struct view_rec *q = ord_view_if(o, u);
            if (q)
                at += (size_t)snprintf(line + at, sizeof line - at, " %llu:%s%s%s%x", (unsigned long long)u,
                                       q->notarized ? "N" : "", q->nullified ? "X" : "",
                                       q->proposal && q->proposal->chain_held ? "h" : "", q->voted);
        }
        sim_trace(s, "  views%s", at > 0 ? line : " none");
        for (unsigned f = 0; f < a->v->dp.fetch_count; f++) {
            const struct fetch *x = &a->v->dp.fetches[f];
            sim_trace(s, "  waits for car %u/%u of epoch %llu, %u tries, due in %lld ms%s", x->name.lane, x->name.pos,
                      (unsigned long long)x->name.epoch, x->tries, (long long)(x->due_ns - s->now_ns) / (long long)MS,
                      x->final ? ", final" : "");
        }
    }
}

// ---- a run

static void configure(struct sim *s)
{
    // The configured delay may be right, or far too short: then backing off must find the right one.
    const uint64_t delta = sim_between(&s->random, 10, 40) * MS;
    s->delay_min_ns = MS / 5;
    s->delay_max_ns = sim_chance(&s->random, 250) ? sim_between(&s->random, 2, 6) * delta : delta / 2;
    s->slow_network = sim_chance(&s->random, 80);
    if (s->slow_network) {
        s->delay_min_ns = 5 * delta;
        s->delay_max_ns = 7 * delta;
    }
    // A finalization takes some twenty hops where leaders fail and timeouts start too short.
    s->patience_ns = 5000 * MS + 20 * s->delay_max_ns;
    s->ord_config = (struct ord_config){
        .delta_ns = delta,
        .fsync_ns = 3 * MS,
        .idle_ns = 2 * delta,
        .block_ns = 5 * MS,
        .skip_ns = sim_chance(&s->random, 500) ? 2000 * MS : 20000 * MS,
        .drift_ms = 500,
        .stale_ms = 2000,
        .epoch_blocks = sim_chance(&s->random, 500) ? sim_between(&s->random, 20, 120) : 100000,
        .epoch_ms = sim_chance(&s->random, 200) ? sim_between(&s->random, 3000, 10000) : 0,
        .retain_blocks = 5000,
        .cars_per_lane = 8,
        .mutations = s->options.mutations,
    };
    s->dp_config = (struct dp_config){
        .ack_tick_ns = 5 * MS,
        .ack_state_ns = 1000 * MS,
        .car_retry_ns = 500 * MS + 4 * s->delay_max_ns,
        .fetch_ns = 50 * MS + 2 * s->delay_max_ns,
        .fetch_grace_ns = 2 * delta,
        .window_bytes = 16 << 20,
    };
    sim_trace(s, "links take up to %llu ms, configured are %llu ms", (unsigned long long)(s->delay_max_ns / MS),
              (unsigned long long)(delta / MS));
}

void sim_be_patient(struct sim *s, uint64_t from_ns)
{
    if (s->end_ns < from_ns + s->patience_ns)
        s->end_ns = from_ns + s->patience_ns;
}

static void set_up(struct sim *s)
{
    const unsigned n = s->options.validators;
    uint32_t weights[WIRE_VALIDATORS_MAX];
    bytes32 keys[WIRE_VALIDATORS_MAX];
    const bool weighted = sim_chance(&s->random, 200);
    for (unsigned i = 0; i < n; i++) {
        weights[i] = weighted ? (uint32_t)sim_between(&s->random, 1, 3) : 1;
        keys[i] = sim_public_key(1000 + i);
    }
    vset_init(&s->set, 31337, n, weights, keys);
    memset(&s->genesis_hash, 0x47, sizeof s->genesis_hash);
    s->end_ns = s->options.duration_ms * MS;
    s->calm_ns = s->end_ns * 2 / 5;
    configure(s);
    sim_be_patient(s, s->calm_ns);
    s->actor_count = n;
    for (unsigned i = 0; i < n; i++)
        s->actors[i].index = s->actors[i].id = i;
    sim_plan_faults(s);
    // Short logs, where nobody will need all of the chain: there is no state to sync from here.
    s->snapshot_turns = sim_between(&s->random, 100, 2000);
    if (s->result->lost == 0 && sim_chance(&s->random, 500))
        s->ord_config.retain_blocks = n == 1 ? 50 : 600;
    for (unsigned i = 0; i < s->actor_count; i++) {
        struct sim_actor *a = &s->actors[i];
        actor_init(s, a);
        sim_push(s, (struct sim_event){
                        .at_ns = sim_between(&s->random, 0, 30 * MS), .kind = SIM_RESTART, .actor = (uint16_t)i});
    }
}

static void step(struct sim *s, struct sim_event *e)
{
    if (e->kind == SIM_FAULT && e->actor != UINT16_MAX)
        actor_lose_disk(s, &s->actors[e->actor]);
    else if (e->kind == SIM_FAULT)
        sim_fault(s, e->number);
    else
        actor_event(s, &s->actors[e->actor], e);
    if (e->kind != SIM_FAULT && s->actors[e->actor].up)
        check_bounds(s, &s->actors[e->actor]);
}

void sim_run(const struct sim_options *options, struct sim_result *out)
{
    struct sim *s = calloc(1, sizeof *s);
    if (!s || !(s->audit = XXH3_createState()))
        abort();
    *out = (struct sim_result){.good = true};
    s->options = *options;
    s->result = out;
    s->random = options->seed * 0x2545f4914f6cdd1du + options->validators;
    XXH3_128bits_reset(s->audit);
    set_up(s);
    struct sim_event e;
    while (out->good && pop(s, &e)) {
        if (e.at_ns > s->end_ns) {
            shared_bytes_unref(e.bytes);
            break;
        }
        s->now_ns = e.at_ns;
        if (!s->calm && s->now_ns >= s->calm_ns)
            sim_calm_down(s);
        step(s, &e);
        shared_bytes_unref(e.bytes);
    }
    out->simulated_ns = s->now_ns;
    if (s->options.trace)
        trace_state(s);
    if (out->good) {
        out->at_ms = s->now_ns / MS;
        check_end(s);
        for (unsigned i = 0; i < s->actor_count; i++)
            actor_check_replay(s, &s->actors[i]);
    }
    const XXH128_hash_t audit = XXH3_128bits_digest(s->audit);
    store_le64(out->audit.b, audit.low64);
    store_le64(out->audit.b + 8, audit.high64);
    while (pop(s, &e))
        shared_bytes_unref(e.bytes);
    for (unsigned i = 0; i < s->actor_count; i++)
        actor_free(&s->actors[i]);
    check_free(s);
    free(s->queue.items);
    XXH3_freeState(s->audit);
    free(s);
}
