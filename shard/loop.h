// An actor's io_uring (a shard's, the coordinator's): one ring, single issuer, with a wake-up descriptor and, where
// asked for, a group of provided receive buffers. Completions are dispatched to the struct loop_op that was submitted.
// Owner thread only.
#ifndef GANTRY_SHARD_LOOP_H
#define GANTRY_SHARD_LOOP_H

#include "base/arena.h"

#include <liburing.h>

#define LOOP_BUFFER_BYTES 16384u
#define LOOP_BUFFER_COUNT 64u // a power of two

struct loop;

// What a completion belongs to; embedded in its user's structure.
struct loop_op {
    void (*done)(struct loop_op *op, int result, uint32_t flags);
};

// NULL with a message in words (kernel too old, io_uring forbidden and how to allow it, limits).
// May be called by another thread than the owner: the ring is enabled by loop_enter_owner on the owner's thread.
struct loop *loop_create(struct arena *arena, int wake_fd, char *error, size_t error_cap);
void loop_free(struct loop *l);
MUST_CHECK bool loop_enter_owner(struct loop *l);
// Makes the receive buffers; after loop_enter_owner, once.
MUST_CHECK bool loop_provide_buffers(struct loop *l);

// A submission entry with op as its user data; flushes the queue when it is full. Never NULL.
struct io_uring_sqe *loop_sqe(struct loop *l, struct loop_op *op);

// Submits what is queued. Waits up to wait_ns for a completion when there is none (0: don't wait, UINT64_MAX: for
// ever).
void loop_wait(struct loop *l, uint64_t wait_ns);
// Calls what completed; returns how many.
unsigned loop_dispatch(struct loop *l);
// Both.
unsigned loop_run(struct loop *l, uint64_t wait_ns);

// Provided buffers of group 0 (loop_provide_buffers), for receives with IOSQE_BUFFER_SELECT.
uint8_t *loop_buffer(struct loop *l, unsigned id);
void loop_buffer_return(struct loop *l, unsigned id);
unsigned loop_buffers_out(const struct loop *l); // handed out by the kernel and not yet returned
void loop_buffer_taken(struct loop *l);          // a completion brought one

#endif
