// Final ordering blocks on their way to execution: in order of height, each as soon as the cars of its cut are loaded
// and the executor is free. One thread, the coordinator's.
//
// O is the cut's transactions, lanes from (height mod n) on and wrapping, in a lane by position, in a car by stripe and
// index. A block without transactions yields an executed block only where it is marked as a tick, or as a heartbeat.
#ifndef GANTRY_ENGINE_PARTICIPANT_ORDERED_FEED_H
#define GANTRY_ENGINE_PARTICIPANT_ORDERED_FEED_H

#include "engine/cars/book.h"
#include "engine/executor.h"

struct ordered_feed_options {
    struct book *book;
    struct executor *executor;
    unsigned validators;
    const address *fee_addresses; // by validator
    unsigned shard_count;
    uint64_t heartbeat_ms; // 0: none
    unsigned skip;         // executed blocks of the first ordering block that are durable already
};

struct ordered_feed;

struct ordered_feed *ordered_feed_create(const struct ordered_feed_options *options);
void ordered_feed_free(struct ordered_feed *f);

// The next final block; a reference of its own is taken.
void ordered_feed_add(struct ordered_feed *f, struct kept_block *block);
// Goes on where it can. True for each block that is now executed and durable: its height and the hash of the last
// executed block up to it. False when it has to wait.
MUST_CHECK bool ordered_feed_step(struct ordered_feed *f, uint64_t now_ns, uint64_t *height, bytes32 *root);
// Bytes of this lane's transactions that were ordered and that no block took, nor a later one will.
uint64_t ordered_feed_wasted(const struct ordered_feed *f, unsigned lane);
bool ordered_feed_idle(const struct ordered_feed *f);

#endif
