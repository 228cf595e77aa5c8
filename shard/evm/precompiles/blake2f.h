// BLAKE2b's compression function as EIP-152 calls it. Any thread.
#ifndef GANTRY_SHARD_EVM_PRECOMPILES_BLAKE2F_H
#define GANTRY_SHARD_EVM_PRECOMPILES_BLAKE2F_H

#include "base/bytes.h"

#define PC_BLAKE2F_INPUT_BYTES 213

// The rounds that an input of PC_BLAKE2F_INPUT_BYTES asks for: its gas.
uint32_t pc_blake2f_rounds(const uint8_t *in);

// Input: rounds (4 bytes, big-endian), state h (64), message m (128), offsets t (16), final-block flag (1). false when
// the length is another or the flag is neither 0 nor 1.
MUST_CHECK bool pc_blake2f(uint8_t out[64], struct bytes in);

#endif
