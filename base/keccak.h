// Keccak-256 as Ethereum uses it (original padding 0x01, not SHA3's 0x06). Any thread; no allocation.
#ifndef GANTRY_BASE_KECCAK_H
#define GANTRY_BASE_KECCAK_H

#include "base/bytes.h"

bytes32 keccak256(const void *in, size_t len);

// Hashes n messages of any lengths: out[i] = keccak256(in[i]). This is the interface of the hot path: callers
// gather as many messages as they have, so that implementations with several lanes can fill them.
void keccak256_batch(bytes32 *out, const struct bytes *in, size_t n);
// The implementation that keccak256_batch uses, for reports: "scalar", "avx2 x4", "avx512 x8". The widest that cpu.h
// allows.
const char *keccak256_implementation(void);
// For tests and benchmarks, while no other thread hashes: from now on it is this one; NULL: the widest again. False
// when there is none of this name that may run here.
MUST_CHECK bool keccak256_use(const char *implementation);

// How full the lanes of this thread's batches were so far: each permutation of a batch offers as many lanes as the
// implementation has, and uses those that had a message.
struct keccak256_lanes {
    uint64_t used, offered;
};
struct keccak256_lanes keccak256_lane_use(void);

// Incremental: init, add any number of times, finish once.
struct keccak256_ctx {
    uint64_t state[25];
    size_t fill; // bytes of the current 136-byte block already absorbed
};

void keccak256_init(struct keccak256_ctx *ctx);
void keccak256_add(struct keccak256_ctx *ctx, const void *in, size_t len);
bytes32 keccak256_finish(struct keccak256_ctx *ctx);

// keccak256 of the empty string and of the RLP of the empty string (the root of an empty trie).
extern const bytes32 KECCAK256_EMPTY;
extern const bytes32 KECCAK256_EMPTY_RLP;
// keccak256 of the RLP of an empty list (the ommers hash of every block).
extern const bytes32 KECCAK256_EMPTY_LIST;

#endif
