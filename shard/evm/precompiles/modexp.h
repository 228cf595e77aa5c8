// Modular exponentiation of EIP-198 on GMP, with the gas of EIP-2565.
#ifndef GANTRY_SHARD_EVM_PRECOMPILES_MODEXP_H
#define GANTRY_SHARD_EVM_PRECOMPILES_MODEXP_H

#include "shard/evm/precompiles/precompiles.h"

// Numbers and output of one thread's calls. They keep the size of the largest call.
struct pc_modexp;

// NULL when memory is short.
struct pc_modexp *pc_modexp_create(void);
void pc_modexp_free(struct pc_modexp *modexp);

// UINT64_MAX when it is that or more. Any thread.
uint64_t pc_modexp_gas(struct bytes input);

// Input: the lengths of base, exponent and modulus (32 bytes each), then the three; what is missing at the end is
// zeros. Output: as many bytes as the modulus has, good until the next call. Memory is bounded by the input's size and
// PRECOMPILE_MODEXP_MAX_BYTES, whatever the lengths say.
MUST_CHECK enum precompile_status pc_modexp_run(struct pc_modexp *modexp, struct bytes *output, struct bytes input);

#endif
