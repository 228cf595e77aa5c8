// The second group of EIP-197: the points of order r of y^2 = x^3 + 3 / (9 + i) over Fp2. Any thread.
#ifndef GANTRY_SHARD_EVM_PRECOMPILES_BN254_G2_H
#define GANTRY_SHARD_EVM_PRECOMPILES_BN254_G2_H

#include "shard/evm/precompiles/bn254_fp2.h"

// (0, 0), which is not on the curve, stands for the point at infinity.
struct bn_g2 {
    fp2 x, y;
};

// x || y, each as its imaginary and then its real part, 32 bytes each, big-endian. false when a number is not below p
// or the point is not on the curve; whether it is in the group is bn_g2_in_group's question.
MUST_CHECK bool bn_g2_read(struct bn_g2 *out, const uint8_t in[128]);

bool bn_g2_is_infinity(const struct bn_g2 *a);

// Whether a point of the curve has order r, or is infinity.
bool bn_g2_in_group(const struct bn_g2 *a);

// psi: untwist, raise the coordinates to p, twist again. On the group it multiplies by p.
void bn_g2_frobenius(struct bn_g2 *out, const struct bn_g2 *a);

#endif
