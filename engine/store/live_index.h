// The look-up index of the segment that is still being written: what tx_index will hold, in memory. One thread writes;
// when it is sealed (nobody writes any more) several may read.
#ifndef GANTRY_ENGINE_STORE_LIVE_INDEX_H
#define GANTRY_ENGINE_STORE_LIVE_INDEX_H

#include "engine/store/record.h"
#include "engine/store/tx_index.h"

struct live_index;

// seed: a number that clients cannot guess, so that nobody fills one chain of the table. NULL when memory is short.
struct live_index *live_index_create(uint32_t segment, uint64_t first_height, uint64_t seed);
void live_index_free(struct live_index *x);

// The block after the last one added. False when memory is short.
MUST_CHECK bool live_index_add(struct live_index *x, const struct record *r, struct blog_place place);

uint64_t live_index_first(const struct live_index *x);
uint64_t live_index_next(const struct live_index *x); // height after the last one added

// As tx_index_find and tx_index_place_of.
MUST_CHECK bool live_index_find(const struct live_index *x, uint64_t prefix, uint64_t *cursor,
                                struct tx_index_entry *out);
MUST_CHECK bool live_index_place_of(const struct live_index *x, uint64_t height, struct tx_index_place *out);
// As tx_index_bloom_of; until the next block is added.
MUST_CHECK bool live_index_bloom_of(const struct live_index *x, uint64_t height, const bloom **out);

// Writes the index file. 0 or -errno.
MUST_CHECK int live_index_write(const struct live_index *x, const char *dir, const bytes32 *genesis_hash);

#endif
