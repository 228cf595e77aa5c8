// What the 256 partitions contributed to the state roots of the last heights: from it come the upper nodes of proofs
// (shard/trie/proof.h). The coordinator's thread puts, any thread asks.
#ifndef GANTRY_ENGINE_ROOT_HISTORY_H
#define GANTRY_ENGINE_ROOT_HISTORY_H

#include "shard/trie/proof.h"

// 57 KB a height, as many heights as the states keep.
struct root_history;

struct root_history *root_history_create(void);
void root_history_free(struct root_history *r);

// Heights rise by one from the first on, which may be any.
void root_history_put(struct root_history *r, uint64_t height, const struct subroot subroots[256]);
// The nodes above the key's partition after block `height`: 1 when the partition's own nodes follow, 0 when they don't,
// -1 when the height isn't kept.
MUST_CHECK int root_history_prove(struct root_history *r, uint64_t height, const bytes32 *key, struct proof *out);

#endif
