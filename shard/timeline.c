#include "shard/timeline.h"

#include <stdlib.h>

const struct timeline_point_info timeline_points[TIMELINE_POINT_COUNT] = {
#define TIMELINE_POINT_INFO(name, kind, a, b, meaning) {#name, TIMELINE_##kind, a, b, meaning},
    TIMELINE_POINTS(TIMELINE_POINT_INFO)
#undef TIMELINE_POINT_INFO
};

void timeline_start(struct timeline *r)
{
    if (!r->events && !(r->events = calloc(TIMELINE_EVENTS, sizeof *r->events)))
        abort();
    // What a writer added after the last stop is of no trace.
    atomic_store_explicit(&r->taken, atomic_load_explicit(&r->written, memory_order_acquire), memory_order_release);
    atomic_store_explicit(&r->lost, 0, memory_order_relaxed);
    atomic_store_explicit(&r->on, true, memory_order_release);
}

void timeline_stop(struct timeline *r)
{
    atomic_store_explicit(&r->on, false, memory_order_release);
}

size_t timeline_take(struct timeline *r, struct timeline_event *out, size_t max)
{
    const uint64_t written = atomic_load_explicit(&r->written, memory_order_acquire);
    uint64_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);
    size_t n = 0;
    for (; n < max && taken < written; n++, taken++)
        out[n] = r->events[taken % TIMELINE_EVENTS];
    atomic_store_explicit(&r->taken, taken, memory_order_release);
    return n;
}

uint64_t timeline_lost(const struct timeline *r)
{
    return atomic_load_explicit(&r->lost, memory_order_relaxed);
}

void timeline_free(struct timeline *r)
{
    free(r->events);
    r->events = NULL;
}

void timeline_record(struct timeline *r, enum timeline_point point, enum timeline_edge edge, uint32_t a, uint64_t b)
{
    // Pairs with timeline_start: the events are there.
    if (!atomic_load_explicit(&r->on, memory_order_acquire))
        return;
    const uint64_t written = atomic_load_explicit(&r->written, memory_order_relaxed);
    if (written - atomic_load_explicit(&r->taken, memory_order_acquire) == TIMELINE_EVENTS) {
        const uint64_t lost = atomic_load_explicit(&r->lost, memory_order_relaxed);
        atomic_store_explicit(&r->lost, lost + 1, memory_order_relaxed);
        return;
    }
    r->events[written % TIMELINE_EVENTS] =
        (struct timeline_event){clock_cycles(), b, a, (uint16_t)point, (uint16_t)edge};
    atomic_store_explicit(&r->written, written + 1, memory_order_release);
}
