// Final ordering blocks on their way to execution: in order of height, each as soon as the cars of its cut are loaded
// and the executor is free. One thread, the coordinator's.
//
// O is the cut's transactions, lanes from (height mod n) on and wrapping, in a lane by position, in a car by stripe and
// index. A block without transactions yields an executed block only where it is marked as a tick, or as a heartbeat.
#ifndef GANTRY_ENGINE_PARTICIPANT_FEED_H
#define GANTRY_ENGINE_PARTICIPANT_FEED_H

#include "engine/cars/book.h"
#include "engine/executor.h"

struct feed_options {
    struct book *book;
    struct executor *executor;
    unsigned validators;
    const address *fee_addresses; // by validator
    unsigned shard_count;
    uint64_t heartbeat_ms; // 0: none
    unsigned skip;         // executed blocks of the first ordering block that are durable already
};

struct feed;

struct feed *feed_create(const struct feed_options *options);
void feed_free(struct feed *f);

// The next final block; a reference of its own is taken.
void feed_add(struct feed *f, struct kept_block *block);
// Goes on where it can. True for each block that is now executed and durable: its height and the hash of the last
// executed block up to it. False when it has to wait.
MUST_CHECK bool feed_step(struct feed *f, uint64_t now_ns, uint64_t *height, bytes32 *root);
bool feed_idle(const struct feed *f);
size_t feed_waiting(const struct feed *f);

#endif
