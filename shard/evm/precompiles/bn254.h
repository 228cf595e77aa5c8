// The calls 6, 7 and 8: alt_bn128 addition, multiplication (EIP-196) and pairing check (EIP-197). Any thread. Each is
// false when the input is malformed: a number not below p, a point not on its curve or not in its group.
#ifndef GANTRY_SHARD_EVM_PRECOMPILES_BN254_H
#define GANTRY_SHARD_EVM_PRECOMPILES_BN254_H

#include "base/bytes.h"

// Two points of 64 bytes; a point and a factor of 32 bytes. What is missing at the end is zeros, what is beyond is
// ignored.
MUST_CHECK bool pc_bn_add(uint8_t out[64], struct bytes in);
MUST_CHECK bool pc_bn_mul(uint8_t out[64], struct bytes in);

#define PC_BN_PAIR_BYTES 192

// Pairs of a point of the first group and one of the second (64 + 128 bytes). Output: a word, 1 if the product of their
// pairings is one, else 0. Malformed too when the length is no multiple of a pair's.
MUST_CHECK bool pc_bn_pairing(uint8_t out[32], struct bytes in);

#endif
