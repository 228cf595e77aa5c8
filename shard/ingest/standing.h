// What an ingest connection's transactions have cost: whether it goes on, and whether its witnesses are to be believed.
//
// A wrong witness makes the node look at a whole batch item by item, and a signature can be made so that it leaves the
// lanes; both cost many times what an honest transaction does. Mistakes happen, so some are forgiven, and then a share
// of all that was verified. One owner thread.
#ifndef GANTRY_SHARD_INGEST_STANDING_H
#define GANTRY_SHARD_INGEST_STANDING_H

#include "base/bytes.h"

// Costly items that never end a connection, however few others there were.
#define STANDING_FORGIVEN 16
// How many items after a costly one a connection's witnesses stay doubtful.
#define STANDING_DOUBT_ITEMS 1000

// Zeroed: a new connection's.
struct standing {
    uint64_t verified, costly;
    uint64_t doubtful_until; // by `verified`
};

static inline void standing_add(struct standing *s, bool costly)
{
    s->verified++;
    s->costly += costly;
    if (costly)
        s->doubtful_until = s->verified + STANDING_DOUBT_ITEMS;
}

// Costlier than the allowed share? 100 percent allows everything.
static inline bool standing_is_too_costly(const struct standing *s, uint32_t percent)
{
    return s->costly > STANDING_FORGIVEN && s->costly * 100 > s->verified * percent;
}

static inline bool standing_is_doubtful(const struct standing *s)
{
    return s->verified < s->doubtful_until;
}

#endif
