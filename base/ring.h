// Bounded lock-free rings of fixed-size elements. Capacity is a power of two, set at creation; a full ring is an
// answer (push returns less), not an error. Elements are copied in and out.
//
// spsc: one producer thread, one consumer thread, batches in one release store.
// mpsc: any number of producers, one consumer (Vyukov's bounded queue: each cell carries a sequence number).
//
// create may be called by any thread; free when no thread uses the ring any more.
#ifndef GANTRY_BASE_RING_H
#define GANTRY_BASE_RING_H

#include "base/bytes.h"

struct spsc_ring;
struct mpsc_ring;

// NULL when capacity is not a power of two >= 2, elem_bytes is 0, or memory is short.
struct spsc_ring *spsc_create(size_t capacity, size_t elem_bytes);
void spsc_free(struct spsc_ring *ring);
// Producer: copies up to n elements in; returns how many went in.
MUST_CHECK size_t spsc_push(struct spsc_ring *ring, const void *elems, size_t n);
// Consumer: copies up to max elements out; returns how many came.
MUST_CHECK size_t spsc_pop(struct spsc_ring *ring, void *elems, size_t max);
// Either side: a snapshot.
size_t spsc_count(const struct spsc_ring *ring);

struct mpsc_ring *mpsc_create(size_t capacity, size_t elem_bytes);
void mpsc_free(struct mpsc_ring *ring);
// Any thread: false when full.
MUST_CHECK bool mpsc_push(struct mpsc_ring *ring, const void *elem);
// Consumer: copies up to max elements out; returns how many came.
MUST_CHECK size_t mpsc_pop(struct mpsc_ring *ring, void *elems, size_t max);
// Any thread: a snapshot, exact only when no producer is active.
size_t mpsc_count(const struct mpsc_ring *ring);

#endif
