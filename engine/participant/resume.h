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

    // The log of ordering was lost and the executed chain was not: final blocks come again, and what they gave is here.
    // So it goes up to the one that gave the newest executed block, with which execution goes on (skip).
    bool behind;
    bytes32 head_digest; // of that one
    uint64_t next;       // executed block that comes next in this
    bytes32 root;        // hash of the one before it
};

// chain: the final blocks that the log of ordering brought back; blog, head: the executed chain. ordered: height of
// ordering up to which the newest of it is the result, where that is known otherwise (a fetched state); else 0. False
// with a message when a stored block can't be read.
MUST_CHECK bool resume_find(struct resume *out, const struct chain *chain, struct blog *blog, const struct header *head,
                            const bytes32 *head_hash, const bytes32 *genesis_hash, uint64_t ordered,
                            char error[STORE_ERROR_MAX]);

// While behind: the ordering block with this digest comes before head_digest's; *root is its execution result. False
// with a message when a stored block can't be read.
MUST_CHECK bool resume_pass(struct resume *r, struct blog *blog, const bytes32 *digest, bytes32 *root,
                            char error[STORE_ERROR_MAX]);

#endif
