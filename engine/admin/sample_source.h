// What interrupts one thread after so much of its CPU time, and the processor's counters of it.
#ifndef GANTRY_ENGINE_ADMIN_SAMPLE_SOURCE_H
#define GANTRY_ENGINE_ADMIN_SAMPLE_SOURCE_H

#include "engine/admin/frames.h"

#include <signal.h>
#include <time.h>

#define SAMPLE_SIGNAL SIGPROF

// The best first.
enum sample_source_kind {
    SAMPLE_PERF_CYCLES, // the processor's cycle counter
    SAMPLE_PERF_CLOCK,  // the kernel's high-resolution timer while the thread runs
    SAMPLE_CPU_TIMER,   // a POSIX timer of the thread's CPU time, looked at by the kernel's tick
    SAMPLE_SOURCE_KINDS
};
const char *sample_source_text(enum sample_source_kind kind);

struct sample_source {
    enum sample_source_kind kind;
    unsigned hertz;
    bool open;
    int fd;                          // of perf_event_open
    timer_t timer;                   // else
    int counter_fds[ADMIN_COUNTERS]; // -1: not here
};

// False when this kind is refused or missing here (or the thread has gone).
MUST_CHECK bool sample_source_open(struct sample_source *s, enum sample_source_kind kind, int thread_id,
                                   unsigned hertz);
void sample_source_start(struct sample_source *s);
void sample_source_stop(struct sample_source *s);
void sample_source_close(struct sample_source *s);
// Whether the signal came from it. Async-signal-safe.
bool sample_source_sent(const struct sample_source *s, const siginfo_t *info);

// Counters since the start; returns which there are, bit by bit.
uint64_t sample_source_counters(const struct sample_source *s, uint64_t out[ADMIN_COUNTERS]);

// The CPU time of a thread of this process, for clock_gettime.
clockid_t sample_source_clock(int thread_id);

#endif
