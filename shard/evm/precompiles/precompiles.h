// The precompiled contracts 1..10 of Cancun.
//
// A call of one is: precompile_gas, which the caller charges (a call that cannot pay fails and takes all its gas), then
// precompile_run. Whoever calls for a thread owns one context, created once; a context belongs to one thread.
// Sources: Yellow Paper appendix E; EIP-152 (BLAKE2f), EIP-196, 197, 1108 (alt_bn128), EIP-198, 2565 (modexp),
// EIP-4844 (point evaluation).
#ifndef GANTRY_SHARD_EVM_PRECOMPILES_PRECOMPILES_H
#define GANTRY_SHARD_EVM_PRECOMPILES_PRECOMPILES_H

#include "base/bytes.h"

enum precompile {
    PRECOMPILE_NONE = 0,
    PRECOMPILE_ECRECOVER = 1,
    PRECOMPILE_SHA256,
    PRECOMPILE_RIPEMD160,
    PRECOMPILE_IDENTITY,
    PRECOMPILE_MODEXP,
    PRECOMPILE_BN_ADD,
    PRECOMPILE_BN_MUL,
    PRECOMPILE_BN_PAIRING,
    PRECOMPILE_BLAKE2F,
    PRECOMPILE_POINT_EVALUATION,
    PRECOMPILE_LAST = PRECOMPILE_POINT_EVALUATION,
};

enum precompile_status {
    PRECOMPILE_OK = 0,
    PRECOMPILE_FAILED,        // malformed input: the call fails and takes all its gas
    PRECOMPILE_NOT_AVAILABLE, // what this build doesn't compute; in a block it counts as failed
};

// What modexp computes at most: longer moduli (1.4e12 gas) are PRECOMPILE_NOT_AVAILABLE.
#define PRECOMPILE_MODEXP_MAX_BYTES ((size_t)1 << 24)

struct precompiles;

// Scratch memory, hash functions and a signature verifier for one thread. NULL when memory is short or libcrypto
// offers no RIPEMD-160.
struct precompiles *precompiles_create(void);
void precompiles_free(struct precompiles *ctx);

// Number of the precompile at this address, 0 (PRECOMPILE_NONE) when there is none.
static inline unsigned precompile_at(const address *a)
{
    static const uint8_t zeros[19];
    return a->b[19] <= PRECOMPILE_LAST && memcmp(a->b, zeros, sizeof zeros) == 0 ? a->b[19] : PRECOMPILE_NONE;
}

// Gas that precompile `number` (1..PRECOMPILE_LAST) takes for this input; UINT64_MAX when no gas is enough. Any thread.
uint64_t precompile_gas(unsigned number, struct bytes input);

// Runs precompile `number` (1..PRECOMPILE_LAST), whose gas has been paid: the time and memory that it takes are bounded
// by that gas. With PRECOMPILE_OK, output is what it returns: a view of the context's memory or of the input itself
// (identity), good until the next run with this context and while the input's memory is unchanged. Otherwise output is
// empty.
MUST_CHECK enum precompile_status precompile_run(struct precompiles *ctx, struct bytes *output, unsigned number,
                                                 struct bytes input);

#endif
