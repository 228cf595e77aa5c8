// Partitions: the protocol's 256 slices of the state, and which shard owns which (execution.md, "Partitions and
// shards").
#ifndef GANTRY_SHARD_PARTITION_H
#define GANTRY_SHARD_PARTITION_H

#include "base/bytes.h"

#define PARTITION_COUNT 256
#define SHARD_MAX 256

// key is keccak256(address).
static inline unsigned partition_of_key(const bytes32 *key)
{
    return key->b[0];
}

static inline unsigned partition_owner(unsigned partition, unsigned shard_count)
{
    return partition * shard_count / PARTITION_COUNT;
}

// First partition of a shard; a shard owns [first(s), first(s + 1)).
static inline unsigned partition_first(unsigned shard, unsigned shard_count)
{
    return (shard * PARTITION_COUNT + shard_count - 1) / shard_count;
}

#endif
