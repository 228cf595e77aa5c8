// This backend's scalar kernels (sigverify/lanes/scalars.h).
//
// Eight lanes: limbs of 52 bits for vpmadd52, as the field's (field_ifma.h), with the same bounds of what is carried. The
// group's order n is 2^256 less a number of 129 bits, so a product is folded from 514 bits to 388, 262 and 257.
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_SCALARS_H
#define GANTRY_SIGVERIFY_LANES_SIMD_SCALARS_H

#include "sigverify/lanes/scalars.h"
#include "sigverify/lanes/simd/backend.h"

#if LANES == 8
#define SCALAR_KERNELS LANES_NAME(SCALAR_KERNELS)
extern const struct scalar_kernels SCALAR_KERNELS;
#else
#define SCALAR_KERNELS SCALARS_ONE_BY_ONE
#endif

#endif
