// BLAKE2b's rounds on the working vector, twice: for any machine, and four columns at a time. Any thread.
#ifndef GANTRY_SHARD_EVM_PRECOMPILES_BLAKE2F_ROUNDS_H
#define GANTRY_SHARD_EVM_PRECOMPILES_BLAKE2F_ROUNDS_H

#include "base/bytes.h"

#define BLAKE2F_SIGMAS 10
// The message word of each place in round i mod 10 (RFC 7693, 2.7).
extern const uint8_t BLAKE2F_SIGMA[BLAKE2F_SIGMAS][16];

// So many rounds with message m, from round 0 on.
void blake2f_rounds_portable(uint64_t v[16], const uint64_t m[16], uint32_t rounds);
void blake2f_rounds_avx2(uint64_t v[16], const uint64_t m[16], uint32_t rounds); // cpu_has_avx2()

#endif
