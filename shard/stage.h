// Where a thread's time goes: cycles and items by stage, counted at batch boundaries, always on. One writer thread;
// readers take relaxed snapshots.
#ifndef GANTRY_SHARD_STAGE_H
#define GANTRY_SHARD_STAGE_H

#include "base/clock.h"

#include <stdatomic.h>

enum stage {
    STAGE_RECEIVE,
    STAGE_DECODE,
    STAGE_VERIFY,
    STAGE_POOL,
    STAGE_LINK,
    STAGE_ORDER,
    STAGE_EXECUTE,
    STAGE_TRIE,
    STAGE_STORE,
    STAGE_REPLY,
    STAGE_PREEMPTED, // runnable but not running: from schedstat, filled in by the reader
    STAGE_IDLE,
    STAGE_COUNT,
};

extern const char *const stage_names[STAGE_COUNT];

struct stage_clock {
    enum stage current;
    uint64_t since; // cycles
    _Atomic uint64_t cycles[STAGE_COUNT];
    _Atomic uint64_t items[STAGE_COUNT];
};

static inline void stage_clock_start(struct stage_clock *c, enum stage first)
{
    c->current = first;
    c->since = clock_cycles();
}

// Time from now on belongs to `next`; returns the stage before, so that a nested piece can go back to it.
static inline enum stage stage_enter(struct stage_clock *c, enum stage next)
{
    uint64_t now = clock_cycles();
    enum stage before = c->current;
    uint64_t total = atomic_load_explicit(&c->cycles[before], memory_order_relaxed) + (now - c->since);
    atomic_store_explicit(&c->cycles[before], total, memory_order_relaxed);
    c->since = now;
    c->current = next;
    return before;
}

static inline void stage_items(struct stage_clock *c, enum stage stage, uint64_t n)
{
    uint64_t total = atomic_load_explicit(&c->items[stage], memory_order_relaxed) + n;
    atomic_store_explicit(&c->items[stage], total, memory_order_relaxed);
}

#endif
