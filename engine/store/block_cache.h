// Decoded blocks in memory: the genesis, the newest ones in a row, and a few older ones that were asked for. Bounded in
// bytes. Owner: the chain reader's thread.
#ifndef GANTRY_ENGINE_STORE_BLOCK_CACHE_H
#define GANTRY_ENGINE_STORE_BLOCK_CACHE_H

#include "engine/store/record.h"

// Of the newest blocks, if there is more than one.
#define BLOCK_CACHE_BYTES_MAX (64u << 20)

struct block_cache;

struct block_cache *block_cache_create(void);
void block_cache_free(struct block_cache *c);

// Each takes over bytes (malloc'ed), which record points into.
void block_cache_set_genesis(struct block_cache *c, uint8_t *bytes, const struct record *record);
void block_cache_add_newest(struct block_cache *c, uint64_t height, uint8_t *bytes, const struct record *record);
// Returns the record, valid until the next call that adds or retains.
const struct record *block_cache_add_old(struct block_cache *c, uint64_t height, uint8_t *bytes,
                                         const struct record *record);

// NULL when it is not here.
const struct record *block_cache_find(struct block_cache *c, uint64_t height);
// Forgets blocks below height, but for the genesis.
void block_cache_retain(struct block_cache *c, uint64_t height);

#endif
