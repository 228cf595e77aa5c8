// Checkpoints of the flat state in LMDB: accounts, storage slots, codes. A checkpoint at height h is one LMDB
// transaction that holds every record written since the last one, the codes that came since, and h. The initial load
// goes in key order with the "complete" mark last. Low priority, own thread.
#ifndef GANTRY_ENGINE_STORE_CHECKPOINT_H
#define GANTRY_ENGINE_STORE_CHECKPOINT_H

#include "base/hist.h"
#include "engine/store/blog.h"
#include "shard/state/codes.h"
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

// Adds the codes on disk to `codes`, before accounts are loaded; from then on each checkpoint writes what came to
// `codes` since, codes that are there now but not on disk included. Without it nothing with code can be written. false
// with a message on damage.
MUST_CHECK bool checkpoint_load_codes(struct checkpoint *c, struct codes *codes, char error[STORE_ERROR_MAX]);

// Told what a load finds; false where it doesn't fit what came before, which is damage.
struct checkpoint_visitor {
    void *ctx;
    bool (*account)(void *ctx, const bytes32 *key, const struct account *account,
                    const struct account_contract *contract);
    bool (*slot)(void *ctx, const bytes32 *key, const bytes32 *slot, const u256 *value);
};
// Streams all accounts of the partitions [first, last) in key order, then their slots in order of account and number,
// in a read transaction of the calling thread (several threads may load disjoint ranges at once). false with a message
// on damage.
MUST_CHECK bool checkpoint_visit(struct checkpoint *c, unsigned first, unsigned last,
                                 const struct checkpoint_visitor *visitor, char error[STORE_ERROR_MAX]);
// Loads them into states[first..last), between state_load_begin and state_load_end.
MUST_CHECK bool checkpoint_load(struct checkpoint *c, unsigned first, unsigned last, struct state **states,
                                char error[STORE_ERROR_MAX]);

// About how many accounts one partition of it holds, never much too few: for sizing tables before loading.
size_t checkpoint_accounts_in_partition(const struct checkpoint *c);

// Writes the initial state (genesis): accounts in rising key order, slots likewise, the codes, then the complete mark.
// Synchronous.
MUST_CHECK bool checkpoint_write_initial(struct checkpoint *c, const struct state_batch *initial,
                                         const bytes32 *block_hash, char error[STORE_ERROR_MAX]);

// Starts writing a checkpoint at height on the checkpoint thread: a batch of each shard, which are copied, their arrays
// taken over. False when one is still being written (the caller tries later). Callable by the coordinator, while no one
// adds codes.
MUST_CHECK bool checkpoint_start(struct checkpoint *c, uint64_t height, const bytes32 *block_hash,
                                 const struct state_batch *parts, size_t count);
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
