// How actors (shards, coordinator) reach one another: a bounded ring of messages with a wake-up.
//
// The owner drains its ring in its loop; before it sleeps it declares so, and whoever posts to a sleeping owner writes
// its eventfd. Posting never blocks: false means full, and the poster keeps the message and tries again in its next
// turn.
#ifndef GANTRY_SHARD_INBOX_H
#define GANTRY_SHARD_INBOX_H

#include "base/ring.h"

#include <stdatomic.h>

// One message. What a, n and p mean depends on the kind (shard/message.h).
struct message {
    uint16_t kind;
    uint16_t from; // shard index, or MESSAGE_FROM_OUTSIDE
    uint32_t n;
    uint64_t a;
    void *p;
};

struct inbox {
    struct mpsc_ring *ring;
    size_t capacity;
    int event_fd;
    atomic_bool sleeping;
};

// false when memory or descriptors are short. capacity is a power of two.
MUST_CHECK bool inbox_init(struct inbox *in, size_t capacity);
void inbox_free(struct inbox *in);

// Any thread.
MUST_CHECK bool inbox_post(struct inbox *in, const struct message *m);
// Any thread: the same for messages of which any number may come, while less than a share of the ring waits. The last
// quarter is left to those whose number is bounded by the protocol between actors, so that posting these never fails;
// questions from outside leave another quarter to what actors pass on to one another.
enum inbox_share { INBOX_HALF = 2, INBOX_THREE_QUARTERS = 3 };
MUST_CHECK bool inbox_post_below(struct inbox *in, const struct message *m, enum inbox_share share);
// Any thread: wakes the owner without a message.
void inbox_wake(struct inbox *in);

// Owner: takes up to max messages.
size_t inbox_take(struct inbox *in, struct message *out, size_t max);
// Owner: waits for a message without sleeping, for at most so long; other threads get the core meanwhile. True when one
// is there. For answers that are under way: waking a sleeping thread on another core takes longer than most of them.
bool inbox_await(const struct inbox *in, uint64_t ns);
// Owner, before sleeping: true when it may sleep (nothing is waiting). After waking: inbox_awake.
MUST_CHECK bool inbox_prepare_sleep(struct inbox *in);
void inbox_awake(struct inbox *in);

#endif
