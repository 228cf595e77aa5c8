#include "shard/turn.h"

#include "base/log.h"

#include <inttypes.h>

// A stall that follows another one sooner than this is counted and not logged.
#define TELL_EVERY_NS 1000000000ull

static void begin(struct turn *t)
{
    memcpy(t->spent, t->stages.spent, sizeof t->spent);
    for (unsigned s = 0; s < STAGE_COUNT; s++)
        t->items[s] = atomic_load_explicit(&t->stages.items[s], memory_order_relaxed);
    atomic_store_explicit(&t->since, t->stages.since, memory_order_relaxed);
}

// The stages have been brought up to now and were not accounted since the turn began.
static void tell_stall(struct turn *t, uint64_t cycles)
{
    const struct stage_clock *c = &t->stages;
    const double ms = clock_cycles_per_ns() * 1e6;
    const uint64_t now = clock_ns(), delay_ns = stage_delay_ns(c) - c->account_delay_ns;
    unsigned longest = 0;
    atomic_fetch_add_explicit(&t->stalls, 1, memory_order_relaxed);
    if (t->told_ns != 0 && now - t->told_ns < TELL_EVERY_NS)
        return;
    t->told_ns = now;
    for (unsigned s = 0; s < STAGE_COUNT; s++) {
        if (c->spent[s] - t->spent[s] > c->spent[longest] - t->spent[longest])
            longest = s;
    }
    log_warn("stall", "a turn took too long",
             "thread=\"%s\" turn_ms=%.0f stage=%s stage_ms=%.0f stage_items=%" PRIu64
             " waited_for_processor_ms=%.0f stalls=%" PRIu64,
             t->thread, (double)cycles / ms, stage_names[longest], (double)(c->spent[longest] - t->spent[longest]) / ms,
             atomic_load_explicit(&c->items[longest], memory_order_relaxed) - t->items[longest], (double)delay_ns / 1e6,
             atomic_load_explicit(&t->stalls, memory_order_relaxed));
}

static void end(struct turn *t, enum stage next)
{
    stage_enter(&t->stages, next);
    const uint64_t took = t->stages.since - atomic_load_explicit(&t->since, memory_order_relaxed);
    if (took > t->limit_cycles)
        tell_stall(t, took);
    atomic_store_explicit(&t->since, 0, memory_order_relaxed);
    if (next == STAGE_IDLE || stage_account_due(&t->stages))
        stage_account(&t->stages);
}

void turn_start(struct turn *t, uint64_t limit_ms)
{
    const double limit = (double)limit_ms * 1e6 * clock_cycles_per_ns();
    t->limit_cycles = limit_ms > 0 ? (uint64_t)limit : UINT64_MAX;
    stage_clock_start(&t->stages, STAGE_LINK);
    begin(t);
}

void turn_stop(struct turn *t)
{
    atomic_store_explicit(&t->since, 0, memory_order_relaxed);
    stage_clock_end(&t->stages);
}

void turn_rest(struct turn *t, struct loop *loop, uint64_t wait_ns)
{
    const bool sleeps = wait_ns > 0;
    end(t, sleeps ? STAGE_IDLE : STAGE_RECEIVE);
    if (sleeps)
        timeline_begin(&t->timeline, sleep, 0, 0);
    loop_wait(loop, wait_ns);
    if (sleeps)
        timeline_end(&t->timeline, sleep, 0, 0);
    stage_enter(&t->stages, STAGE_RECEIVE);
    begin(t);
    loop_dispatch(loop);
    stage_enter(&t->stages, STAGE_LINK);
}

void turn_next(struct turn *t)
{
    end(t, STAGE_LINK);
    begin(t);
}

uint64_t turn_age_ns(const struct turn *t, enum stage *stage)
{
    const uint64_t since = atomic_load_explicit(&t->since, memory_order_relaxed), now = clock_cycles();
    *stage = atomic_load_explicit(&t->stages.current, memory_order_relaxed);
    return since != 0 && now > since ? (uint64_t)((double)(now - since) / clock_cycles_per_ns()) : 0;
}
