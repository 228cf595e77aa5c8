// Checkpoints of the flat state in LMDB. A checkpoint at height h is one LMDB transaction that holds every record
// written since the last one, and h. The initial load goes in key order with the "complete" mark last. Low priority,
// own thread.
#ifndef GANTRY_ENGINE_STORE_CHECKPOINT_H
#define GANTRY_ENGINE_STORE_CHECKPOINT_H

#include "base/hist.h"
#include "engine/store/blog.h"
#include "shard/state/state.h"

struct checkpoint;

// Opens or creates the LMDB environment in dir. *height and *block_hash tell what it holds; *complete is false when
// there is no whole checkpoint yet (then the genesis must be loaded and written). NULL with a message for a foreign
// genesis, a newer format or an I/O error.
struct checkpoint *checkpoint_open(const char *dir, const bytes32 *genesis_hash, uint64_t *height, bytes32 *block_hash,
                                   bool *complete, char error[STORE_ERROR_MAX]);
void checkpoint_close(struct checkpoint *c); // finishes a running write first
// Any thread: a running write is given up, and no other is made: nothing is lost but time at the next start, since the
// log has all that is newer than the last checkpoint.
void checkpoint_abandon(struct checkpoint *c);

// Streams all accounts of the partitions [first, last) in key order, in a read transaction of the calling thread
// (several threads may load disjoint ranges at once). false with a message on damage.
MUST_CHECK bool checkpoint_load(struct checkpoint *c, unsigned first, unsigned last,
                                void (*visit)(void *ctx, const bytes32 *key, const struct account *account), void *ctx,
                                char error[STORE_ERROR_MAX]);

// About how many accounts one partition of it holds, never much too few: for sizing tables before loading.
size_t checkpoint_accounts_in_partition(const struct checkpoint *c);

// Writes the initial state (genesis): accounts in rising key order, then the complete mark. Synchronous.
MUST_CHECK bool checkpoint_write_initial(struct checkpoint *c, const struct state_dirty *accounts, size_t count,
                                         const bytes32 *block_hash, char error[STORE_ERROR_MAX]);

// The same in pieces, for states too large to hold twice: begin empties the table, add takes further accounts in rising
// order, end sets the mark.
MUST_CHECK bool checkpoint_initial_begin(struct checkpoint *c, char error[STORE_ERROR_MAX]);
MUST_CHECK bool checkpoint_initial_add(struct checkpoint *c, const struct state_dirty *accounts, size_t count,
                                       char error[STORE_ERROR_MAX]);
MUST_CHECK bool checkpoint_initial_end(struct checkpoint *c, const bytes32 *block_hash, char error[STORE_ERROR_MAX]);

// A batch of one shard for the checkpoint at height. Hands over `records` (malloc'ed; freed by the checkpoint thread).
struct checkpoint_part {
    struct state_dirty *records;
    size_t count;
};
// Starts writing a checkpoint on the checkpoint thread; parts are copied, their records taken over. False when one is
// still being written (the caller tries later). Callable by the coordinator.
MUST_CHECK bool checkpoint_start(struct checkpoint *c, uint64_t height, const bytes32 *block_hash,
                                 const struct checkpoint_part *parts, size_t count);
bool checkpoint_busy(const struct checkpoint *c);
// Height of the last committed checkpoint; any thread.
uint64_t checkpoint_height(const struct checkpoint *c);
// Text of the first write error (the node stops on it), NULL while all is well; any thread.
const char *checkpoint_failed(const struct checkpoint *c);
uint64_t checkpoint_bytes(const struct checkpoint *c);
// Adds the times that writing checkpoints took; any thread.
void checkpoint_add_times(struct checkpoint *c, struct hist *into);

// Runs job(ctx) on the checkpoint thread when it has nothing to write. False when too many wait (then call it
// yourself). checkpoint_close runs what still waits. Any thread.
MUST_CHECK bool checkpoint_background(struct checkpoint *c, void (*job)(void *ctx), void *ctx);

#endif
