// The group of EIP-196: points of y^2 = x^3 + 3 over Fp, all of prime order r. Any thread; outputs may be inputs.
#ifndef GANTRY_SHARD_EVM_PRECOMPILES_BN254_G1_H
#define GANTRY_SHARD_EVM_PRECOMPILES_BN254_G1_H

#include "shard/evm/precompiles/bn254_fp.h"

// (0, 0), which is not on the curve, stands for the point at infinity.
struct bn_g1 {
    fp x, y;
};

// x || y, 32 bytes each, big-endian. false when a coordinate is not below p or the point is not on the curve.
MUST_CHECK bool bn_g1_read(struct bn_g1 *out, const uint8_t in[64]);
void bn_g1_write(uint8_t out[64], const struct bn_g1 *a);

bool bn_g1_is_infinity(const struct bn_g1 *a);
void bn_g1_add(struct bn_g1 *out, const struct bn_g1 *a, const struct bn_g1 *b);

// Any factor, also above r.
void bn_g1_mul(struct bn_g1 *out, const struct bn_g1 *a, const u256 *factor);

#endif
