// SHA-256 and RIPEMD-160 from libcrypto, fetched once a context instead of once a call. One thread a context.
#ifndef GANTRY_SHARD_EVM_PRECOMPILES_HASHES_H
#define GANTRY_SHARD_EVM_PRECOMPILES_HASHES_H

#include "base/bytes.h"

struct pc_hashes;

// NULL when memory is short or libcrypto has one of the two neither in its default nor in its legacy provider.
struct pc_hashes *pc_hashes_create(void);
void pc_hashes_free(struct pc_hashes *hashes);

void pc_sha256(struct pc_hashes *hashes, uint8_t out[32], struct bytes in);
void pc_ripemd160(struct pc_hashes *hashes, uint8_t out[20], struct bytes in);

#endif
