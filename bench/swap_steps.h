// How many instructions one swap on a pair of gantry load takes.
#ifndef GANTRY_BENCH_SWAP_STEPS_H
#define GANTRY_BENCH_SWAP_STEPS_H

#include <stdint.h>

// 0: it fails.
uint64_t swap_steps(void);

#endif
