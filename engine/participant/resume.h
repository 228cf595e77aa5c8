// Where a restarted participant goes on: which ordering blocks the executed chain has taken already, and what their
// execution gave. An executed block names its ordering block in parentBeaconBlockRoot.
#ifndef GANTRY_ENGINE_PARTICIPANT_RESUME_H
#define GANTRY_ENGINE_PARTICIPANT_RESUME_H

#include "engine/order/validator.h"
#include "engine/store/blog.h"

struct resume {
    uint64_t executed; // ordering height up to which all is executed
    unsigned skip;     // executed blocks that the next ordering block has given already
    // The hash of the last executed block of ordering heights up to `executed - i` is roots[i].
    bytes32 roots[LAG];
    unsigned root_count;
};

// chain: the final blocks that the log of ordering brought back; blog, head: the executed chain. False with a message
// when a stored block can't be read.
MUST_CHECK bool resume_find(struct resume *out, const struct chain *chain, struct blog *blog, const struct header *head,
                            const bytes32 *head_hash, const bytes32 *genesis_hash, char error[STORE_ERROR_MAX]);

#endif
