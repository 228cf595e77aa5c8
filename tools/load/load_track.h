// What became of each transaction of a set. Each array has one writer: the sender thread, or the watcher; others read
// `visible_ns` at any time and the rest once the sender thread stands still.
#ifndef GANTRY_TOOLS_LOAD_LOAD_TRACK_H
#define GANTRY_TOOLS_LOAD_LOAD_TRACK_H

#include "base/ring.h"
#include "tools/load/load_set.h"

#include <stdatomic.h>

enum load_state {
    LOAD_UNSENT = 0,
    LOAD_SENT,     // the answer is not here yet
    LOAD_ACCEPTED, // in the pool, as the node said
    LOAD_REFUSED,  // and not sent again
    LOAD_SKIPPED,  // not sent: an earlier one of its sender was refused for good
    LOAD_LEFT,     // accepted, and reported as having left the pool
};

struct load_track {
    const struct load_set *set;
    uint64_t *due_ns;                // by item: when the schedule wanted it sent (sender thread)
    uint64_t *sent_ns;               // by item: when it was first handed to the socket (sender thread)
    uint8_t *state;                  // by item: enum load_state (sender thread)
    uint8_t *status;                 // by item: the last answer, enum tx_status (sender thread)
    _Atomic uint64_t *visible_ns;    // by item: when its block became visible; 0 not yet (watcher)
    struct spsc_ring *included;      // items, watcher -> sender thread
    _Atomic uint64_t included_count; // (watcher)
    // Hash -> item: open addressing, item + 1 or 0.
    uint32_t *table;
    uint32_t mask;
};

struct load_track *load_track_create(const struct load_set *set);
void load_track_free(struct load_track *t);
// Watcher: marks the item of this hash as visible; UINT32_MAX when the hash is not of this set, or was seen before.
uint32_t load_track_found(struct load_track *t, const bytes32 *hash, uint64_t visible_ns);

static inline bool load_is_visible(const struct load_track *t, uint32_t item)
{
    return atomic_load_explicit(&t->visible_ns[item], memory_order_relaxed) != 0;
}

#endif
