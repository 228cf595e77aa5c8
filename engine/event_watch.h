// An eventfd that an actor sleeps on together with its other work: a disk's, whose completions its owner polls for.
// Owner thread only.
#ifndef GANTRY_ENGINE_EVENT_WATCH_H
#define GANTRY_ENGINE_EVENT_WATCH_H

#include "shard/loop.h"

struct event_watch {
    struct loop_op op;
    int fd;
    bool armed;
};

void event_watch_init(struct event_watch *w, int fd);
// Before the loop sleeps: a count above zero wakes it. Reading it empties it.
void event_watch_arm(struct event_watch *w, struct loop *loop);

#endif
