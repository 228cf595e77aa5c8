// A thread's part of the node's timeline: events of TIMELINE_POINTS in a bounded ring, one writer (the thread) and one
// reader. Off, a point costs a branch and a no-op for the static probe; on, one event. A full ring drops events and
// counts them.
//
// The same points are static probes gantry:NAME__begin and gantry:NAME__end (MARK: gantry:NAME), with a and b.
#ifndef GANTRY_SHARD_TIMELINE_H
#define GANTRY_SHARD_TIMELINE_H

#include "base/clock.h"
#include "shard/timeline_points.h"

#include <stdatomic.h>
#include <sys/sdt.h>

#define TIMELINE_EVENTS 32768u // a power of two

#define TIMELINE_POINT_NAME(name, ...) TIMELINE_POINT_##name,
enum timeline_point { TIMELINE_POINTS(TIMELINE_POINT_NAME) TIMELINE_POINT_COUNT };
#undef TIMELINE_POINT_NAME

enum timeline_point_kind { TIMELINE_SPAN, TIMELINE_WAIT, TIMELINE_MARK };
struct timeline_point_info {
    const char *name;
    enum timeline_point_kind kind;
    const char *a, *b, *meaning; // a and b: labels, "" where there is no value
};
extern const struct timeline_point_info timeline_points[TIMELINE_POINT_COUNT];

enum timeline_edge { TIMELINE_BEGIN, TIMELINE_END, TIMELINE_AT };
struct timeline_event {
    uint64_t cycles, b;
    uint32_t a;
    uint16_t point; // enum timeline_point
    uint16_t edge;  // enum timeline_edge
};

struct timeline {
    atomic_bool on;
    struct timeline_event *events; // made when it is first started
    _Atomic uint64_t written, taken, lost;
};

// The reader's.
void timeline_start(struct timeline *r);
void timeline_stop(struct timeline *r);
// Up to max events, oldest first.
size_t timeline_take(struct timeline *r, struct timeline_event *out, size_t max);
// Dropped since the start of the ring.
uint64_t timeline_lost(const struct timeline *r);
// When its writer has ended.
void timeline_free(struct timeline *r);

void timeline_record(struct timeline *r, enum timeline_point point, enum timeline_edge edge, uint32_t a, uint64_t b);

#define timeline_note(ring, point, edge, a, b)                                                                         \
    do {                                                                                                               \
        if (__builtin_expect(atomic_load_explicit(&(ring)->on, memory_order_relaxed), 0))                              \
            timeline_record(ring, TIMELINE_POINT_##point, edge, (uint32_t)(a), b);                                     \
    } while (0)

// point is a name of TIMELINE_POINTS.
#define timeline_begin(ring, point, a, b)                                                                              \
    do {                                                                                                               \
        DTRACE_PROBE2(gantry, point##__begin, a, b);                                                                   \
        timeline_note(ring, point, TIMELINE_BEGIN, a, b);                                                              \
    } while (0)
#define timeline_end(ring, point, a, b)                                                                                \
    do {                                                                                                               \
        DTRACE_PROBE2(gantry, point##__end, a, b);                                                                     \
        timeline_note(ring, point, TIMELINE_END, a, b);                                                                \
    } while (0)
#define timeline_mark(ring, point, a, b)                                                                               \
    do {                                                                                                               \
        DTRACE_PROBE2(gantry, point, a, b);                                                                            \
        timeline_note(ring, point, TIMELINE_AT, a, b);                                                                 \
    } while (0)

#endif
