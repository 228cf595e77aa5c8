// The backend that a translation unit of simd/ is compiled for. CMake compiles every .c file of this folder once per
// backend and says which with one definition:
//
//   LANES_AVX2      4 lanes: AVX2 and FMA, limbs in doubles (field_fma.h)
//   LANES_AVX512    8 lanes: AVX-512 F, DQ, VL, BW, IFMA, limbs in integers (field_ifma.h)
//   LANES_EMULATED  8 lanes: the code of LANES_AVX512 on vec512_emulated.h, for tests on any machine
//
// External names carry the backend's name: LANES_NAME(x) is x_avx2, x_avx512, x_emulated.
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_BACKEND_H
#define GANTRY_SIGVERIFY_LANES_SIMD_BACKEND_H

#include <stdint.h>

#if defined LANES_AVX2
#define LANES 4
#define LANES_BACKEND "avx2"
#define LANES_NAME(name) name##_avx2
#elif defined LANES_AVX512
#define LANES 8
#define LANES_BACKEND "avx512"
#define LANES_NAME(name) name##_avx512
#elif defined LANES_EMULATED
#define LANES 8
#define LANES_BACKEND "emulated"
#define LANES_NAME(name) name##_emulated
#else
#error "no backend: see CMakeLists.txt"
#endif

#define INLINE static inline __attribute__((always_inline))

// Bit i speaks of lane i.
typedef uint32_t lane_mask;
#define ALL_LANES ((lane_mask)((1u << LANES) - 1))

#endif
