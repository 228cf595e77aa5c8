// Implementations of keccak256_batch with several lanes; keccak.c chooses one at run time. Inside base/ only.
#ifndef GANTRY_BASE_KECCAK_LANES_H
#define GANTRY_BASE_KECCAK_LANES_H

#include "base/bytes.h"

// Only where cpu_has_avx2().
void keccak256_batch_avx2(bytes32 *out, const struct bytes *in, size_t n);

#endif
