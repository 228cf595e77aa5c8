// Decoded transactions on their way to the pools: they gather into a batch, and are hashed and verified together.
//
// Nothing waits for company: the shard runs whatever has gathered once in every turn of its loop, so a transaction that
// comes alone is verified alone and at once, and under load what comes during one batch makes up the next. Then a batch
// is cut where it has cost its share of time, by what the last batches cost an item, so that cheap items make large
// batches, which are cheaper still; and it goes on from there until every lane of its kernels has an item.
//
// One owner thread.
#ifndef GANTRY_SHARD_VERIFY_H
#define GANTRY_SHARD_VERIFY_H

#include "base/arena.h"
#include "mempool/pooled_tx.h"
#include "sigverify/sigverify.h"

// The longest batch.
#define VERIFY_BATCH_MAX SV_BATCH_MAX

// Each kind in a batch is verified as a batch of its own.
enum verify_kind {
    VERIFY_RECOVER,
    VERIFY_WITNESS,
    // A witness from a submitter whose last ones were not all right. One bad witness makes its whole batch be looked at
    // item by item, so these are kept away from the others'.
    VERIFY_DOUBTFUL,
    VERIFY_KIND_COUNT,
};

struct verify_batch;

// NULL only when memory is short.
struct verify_batch *verify_batch_create(struct arena *arena);
void verify_batch_free(struct verify_batch *b);

size_t verify_batch_count(const struct verify_batch *b);
struct pooled_tx *verify_batch_at(const struct verify_batch *b, size_t i);
// Whether another one should be added. pressed: something else waits for this thread (a block under way), so that the
// batch is cut earlier. A batch without room may still be added to while it is shorter than VERIFY_BATCH_MAX.
bool verify_batch_has_room(const struct verify_batch *b, bool pressed);
// witness is NULL exactly for VERIFY_RECOVER.
void verify_batch_add(struct verify_batch *b, struct pooled_tx *t, enum verify_kind kind,
                      const struct sv_witness *witness);

// Verifies what has gathered: sets each transaction's hash and status and, where that is TX_OK, sender, sender_key,
// target_key and witness; and the time for all.
void verify_batch_run(struct verify_batch *b);
// After running: whether the item cost many times what others do through its own fault (a wrong witness, or
// sv_result.slow).
bool verify_batch_was_costly(const struct verify_batch *b, size_t i);
void verify_batch_clear(struct verify_batch *b);

// Of all batches so far.
struct verify_totals {
    uint64_t batches[VERIFY_KIND_COUNT], items[VERIFY_KIND_COUNT];
    uint64_t wrong_witnesses, slow;
    struct sv_lanes lanes;
};
struct verify_totals verify_batch_totals(const struct verify_batch *b);

#endif
