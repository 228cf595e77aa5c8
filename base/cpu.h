// What the processor offers beyond the x86-64 baseline; kernels are chosen by this once, at run time. Any thread.
//
// GANTRY_LANES=portable in the environment when the process first asks makes every answer false, so that the
// portable kernels run.
#ifndef GANTRY_BASE_CPU_H
#define GANTRY_BASE_CPU_H

#include <stdbool.h>

// BMI1 and BMI2.
bool cpu_has_bmi2(void);
// The instructions are there and the operating system keeps their registers.
bool cpu_has_avx2(void);

#endif
