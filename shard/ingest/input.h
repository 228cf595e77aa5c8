// What a connection has received and not yet taken, in order: bytes held in memory of its own, then chunks in the
// loop's provided buffers.
//
//   [ held: an incomplete frame, or what was moved here to give the buffers back ][ chunk ][ chunk ] ...
//
// The buffers are shared by all connections of the shard, so a connection whose frames can't be taken for a reason of
// its own must not keep them (input_hold_all). Owner: the shard's thread.
#ifndef GANTRY_SHARD_INGEST_INPUT_H
#define GANTRY_SHARD_INGEST_INPUT_H

#include "shard/loop.h"

struct input_chunk {
    uint16_t buffer;
    uint32_t offset, len;
};

struct input {
    struct loop *loop;
    struct input_chunk chunks[LOOP_BUFFER_COUNT];
    unsigned chunk_head, chunk_count;
    uint8_t *held; // malloc'ed
    size_t held_from, held_to, held_cap;
};

void input_init(struct input *in, struct loop *loop);
// Drops everything, gives the buffers back and frees.
void input_drop(struct input *in);
bool input_is_empty(const struct input *in);

// Takes over a provided buffer that holds len bytes.
void input_add(struct input *in, unsigned buffer, uint32_t len);
// The bytes at the front that lie together; empty when there are none. Valid until the next call of another function
// here.
struct bytes input_front(const struct input *in);
// Takes len bytes off the front view.
void input_consume(struct input *in, size_t len);
// Makes the front view at least `want` bytes long. False when there are not as many (all are in the view then).
MUST_CHECK bool input_gather(struct input *in, size_t want);
// Moves everything into memory of its own, so that no provided buffer is kept.
void input_hold_all(struct input *in);

#endif
