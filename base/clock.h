// Time. State machines never call this: they are handed `now`. Any thread.
#ifndef GANTRY_BASE_CLOCK_H
#define GANTRY_BASE_CLOCK_H

#include "base/bytes.h"

// Monotonic, nanoseconds.
uint64_t clock_ns(void);
// Wall clock, milliseconds since 1970.
uint64_t clock_wall_ms(void);
// CPU time (user + system) of this thread, nanoseconds.
uint64_t clock_thread_cpu_ns(void);

// Cycle counter for stage accounting; cheap, not serialising.
static inline uint64_t clock_cycles(void)
{
    return __builtin_ia32_rdtsc();
}

// Frequency of clock_cycles, measured once (takes about 20 ms the first time).
double clock_cycles_per_ns(void);

#endif
