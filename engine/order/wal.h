// The validator's write-ahead log: one record a turn (the turn's records one behind the other, effects.h) in a block
// log of its own (engine/store/blog.h), whose heights count turns. So groups, torn tails and damage are judged as
// there. Owner: the coordinator.
//
// A log without a disk keeps nothing: what is appended counts as durable at once. It is for a validator that has nobody
// to keep a promise to (solo.c).
#ifndef GANTRY_ENGINE_ORDER_WAL_H
#define GANTRY_ENGINE_ORDER_WAL_H

#include "engine/order/effects.h"
#include "engine/store/blog.h"

struct wal {
    struct blog *blog; // NULL: without a disk
    uint64_t last;     // turn appended last
};

// disk NULL: without one. False with a message: damaged, foreign, or the disk fails. Then this validator must not vote.
MUST_CHECK bool wal_open(struct wal *w, struct disk *disk, const bytes32 *genesis_hash, uint64_t segment_bytes,
                         char error[STORE_ERROR_MAX]);
void wal_close(struct wal *w);

// Appends a turn's records; returns the turn's number, 0 when the log has failed.
MUST_CHECK uint64_t wal_append(struct wal *w, struct bytes records);
void wal_flush(struct wal *w);
// Takes completions, with wait at least one; true when more became durable.
bool wal_step(struct wal *w, bool wait);
static inline uint64_t wal_durable(const struct wal *w)
{
    return w->blog ? blog_durable(w->blog) : w->last;
}
// Why it failed, NULL while all is well.
static inline const char *wal_failed(const struct wal *w)
{
    return w->blog ? blog_failed(w->blog) : NULL;
}
static inline uint64_t wal_first(const struct wal *w)
{
    return blog_first(w->blog);
}
// Lets go of turns before this one.
void wal_retain(struct wal *w, uint64_t turn);

// Tells each record of the kept turns in order. False with a message when a turn can't be read, or visit returned false
// (then error is visit's).
typedef bool wal_visit(void *ctx, uint64_t turn, enum record_kind kind, struct bytes record,
                       char error[STORE_ERROR_MAX]);
MUST_CHECK bool wal_replay(const struct wal *w, wal_visit *visit, void *ctx, char error[STORE_ERROR_MAX]);

#endif
