// How long a thread runs at a time when others wait for its core.
#ifndef GANTRY_BASE_TIME_SLICE_H
#define GANTRY_BASE_TIME_SLICE_H

#include <stdint.h>

// Asks for slices of so many nanoseconds (0.1 to 100 ms) for the calling thread: the same share of the core in smaller
// pieces, each taken soon after the thread woke. For a thread that does little at a time and that others wait for.
// Linux 6.12 and newer; others leave things as they are.
void time_slice_set(uint64_t ns);

#endif
