// The permutation Keccak-f[1600] (FIPS 202, section 3) on one state of 25 little-endian lanes; lane x + 5y. Inside
// base/ only: others use keccak.h. Any thread.
#ifndef GANTRY_BASE_KECCAK_F_H
#define GANTRY_BASE_KECCAK_F_H

#include "base/bytes.h"

#define KECCAK_ROUNDS 24
#define KECCAK256_BLOCK 136 // bytes absorbed by one permutation
#define KECCAK256_BLOCK_LANES (KECCAK256_BLOCK / 8)

extern const uint64_t KECCAK_ROUND_CONSTANTS[KECCAK_ROUNDS];

void keccak_f1600(uint64_t state[25]);

// The hash of a message of which `rest` is not yet absorbed; whole blocks before it are in the state, which is used up.
bytes32 keccak256_resume(uint64_t state[25], struct bytes rest);

// The last len % 8 bytes of a message's rest, and the padding's first byte after them, as a lane.
static inline uint64_t keccak_last_lane(const uint8_t *in, size_t len)
{
    size_t odd = len % 8;
    uint64_t lane = 0;
    if (odd != 0 && len >= 8)
        lane = load_le64(in + len - 8) >> (64 - 8 * odd);
    else if (odd != 0)
        memcpy(&lane, in, odd);
    return lane | UINT64_C(1) << 8 * odd;
}

#endif
