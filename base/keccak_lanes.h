// Implementations of keccak256_batch with several lanes; keccak.c chooses one at run time. Inside base/ only.
#ifndef GANTRY_BASE_KECCAK_LANES_H
#define GANTRY_BASE_KECCAK_LANES_H

#include "base/keccak.h"
#include "base/keccak_f.h"

// Each returns how it used its lanes. A message that is left alone is hashed without them, but counts as having had
// them all.
struct keccak256_lanes keccak256_batch_avx2(bytes32 *out, const struct bytes *in, size_t n);   // cpu_has_avx2()
struct keccak256_lanes keccak256_batch_avx512(bytes32 *out, const struct bytes *in, size_t n); // cpu_has_avx512()

// Permutations that a message, or the rest of one, takes.
static inline size_t keccak256_blocks(size_t len)
{
    return len / KECCAK256_BLOCK + 1;
}

// Counts permutations of which each used so many of the lanes.
static inline void keccak256_count(struct keccak256_lanes *use, size_t permutations, unsigned used, unsigned lanes)
{
    use->used += permutations * used;
    use->offered += permutations * lanes;
}

#endif
