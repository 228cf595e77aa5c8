// The final blocks of this validator in order of height, the certificates that finalized them directly, and how earlier
// epochs closed. Bounded by chain_retain. One thread.
#ifndef GANTRY_ENGINE_ORDER_CHAIN_H
#define GANTRY_ENGINE_ORDER_CHAIN_H

#include "engine/order/kept.h"

struct chain_entry {
    struct kept_block *block;
    struct kept_cert *cert; // NULL: final because a descendant is
    uint64_t turn;          // of the log, in which it became final
};

// How an epoch ended: its boundary block is final by this certificate, of itself or of the last of the tails.
#define CLOSING_TAILS_MAX 64
struct closing {
    uint64_t epoch;
    struct kept_cert *cert;
    struct kept_block *tails[CLOSING_TAILS_MAX];
    unsigned tail_count;
};
#define CLOSINGS_MAX 8

struct chain {
    struct chain_entry *entries; // heights first to first + count - 1
    uint64_t first;
    size_t count, cap;
    struct closing closings[CLOSINGS_MAX]; // the newest, by epoch mod CLOSINGS_MAX
};

void chain_free(struct chain *c);
// The next block; the first one may have any height. Takes references of its own.
void chain_append(struct chain *c, struct kept_block *block, struct kept_cert *cert, uint64_t turn);
// A block before the first one, found when a log is read from its middle.
void chain_prepend(struct chain *c, struct kept_block *block);
static inline uint64_t chain_last(const struct chain *c)
{
    return c->count > 0 ? c->first + c->count - 1 : 0;
}
// NULL when it is not kept.
const struct chain_entry *chain_at(const struct chain *c, uint64_t height);
// Among the newest blocks and the tails; NULL when it is not there.
struct kept_block *chain_find(const struct chain *c, const bytes32 *digest);
void chain_retain(struct chain *c, uint64_t from_height);

void chain_close_epoch(struct chain *c, uint64_t epoch, struct kept_cert *cert, struct kept_block *const *tails,
                       unsigned tail_count);
const struct closing *chain_closing(const struct chain *c, uint64_t epoch);

#endif
