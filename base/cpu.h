// What the processor offers beyond the x86-64 baseline; kernels are chosen by this once, at run time. Any thread.
//
// The environment variable GANTRY_LANES bounds it for the whole process, for Keccak's kernels and the signatures'
// alike:
//
//   portable   the x86-64 baseline alone
//   avx2       at most AVX2 (and BMI2)
//   avx512     AVX-512 with IFMA
//   auto       all that the machine runs; so does an empty or missing variable
//
// A name that is unknown or asks for what the machine lacks is refused rather than replaced, so that what was asked for
// is what runs.
#ifndef GANTRY_BASE_CPU_H
#define GANTRY_BASE_CPU_H

#include "base/bytes.h"

// Reads the variable, once for the process. False with a message when it is refused; then no feature is there. The
// functions below read it at their first call, too, but can't tell of a refusal: a program asks here first thing.
#define CPU_ERROR_MAX 160
MUST_CHECK bool cpu_choose_lanes(char error[CPU_ERROR_MAX]);

// Each of these says that the instructions are there, that the operating system keeps their registers, and that
// GANTRY_LANES allows them.
bool cpu_has_bmi2(void); // BMI1 and BMI2
bool cpu_has_avx2(void);
bool cpu_has_avx512(void);     // AVX-512 F, BW, DQ and VL
bool cpu_has_avx512ifma(void); // these and IFMA

#endif
