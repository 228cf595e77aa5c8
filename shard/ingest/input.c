#include "shard/ingest/input.h"

#include <stdlib.h>

// Memory that an emptied input keeps; more was for a burst.
#define KEPT_BYTES 4096

static size_t held_bytes(const struct input *in)
{
    return in->held_to - in->held_from;
}

void input_init(struct input *in, struct loop *loop)
{
    *in = (struct input){.loop = loop};
}

static void return_first(struct input *in)
{
    loop_buffer_return(in->loop, in->chunks[in->chunk_head].buffer);
    in->chunk_head = (in->chunk_head + 1) % LOOP_BUFFER_COUNT;
    in->chunk_count--;
}

void input_drop(struct input *in)
{
    while (in->chunk_count > 0)
        return_first(in);
    free(in->held);
    in->held = NULL;
    in->held_from = in->held_to = in->held_cap = 0;
}

bool input_is_empty(const struct input *in)
{
    return in->chunk_count == 0 && held_bytes(in) == 0;
}

void input_add(struct input *in, unsigned buffer, uint32_t len)
{
    unsigned at = (in->chunk_head + in->chunk_count++) % LOOP_BUFFER_COUNT;
    in->chunks[at] = (struct input_chunk){(uint16_t)buffer, 0, len};
}

static struct bytes first_chunk(const struct input *in)
{
    const struct input_chunk *k = &in->chunks[in->chunk_head];
    return bytes_of(loop_buffer(in->loop, k->buffer) + k->offset, k->len);
}

struct bytes input_front(const struct input *in)
{
    if (held_bytes(in) > 0)
        return bytes_of(in->held + in->held_from, held_bytes(in));
    return in->chunk_count > 0 ? first_chunk(in) : bytes_of(NULL, 0);
}

static void consume_chunk(struct input *in, size_t len)
{
    struct input_chunk *k = &in->chunks[in->chunk_head];
    k->offset += (uint32_t)len;
    k->len -= (uint32_t)len;
    if (k->len == 0)
        return_first(in);
}

void input_consume(struct input *in, size_t len)
{
    if (held_bytes(in) == 0) {
        consume_chunk(in, len);
        return;
    }
    in->held_from += len;
    if (held_bytes(in) > 0)
        return;
    in->held_from = in->held_to = 0;
    if (in->held_cap > KEPT_BYTES) {
        free(in->held);
        in->held = NULL;
        in->held_cap = 0;
    }
}

// Room for so many held bytes, counted from the first.
static void reserve(struct input *in, size_t want)
{
    if (in->held_from > 0) {
        memmove(in->held, in->held + in->held_from, held_bytes(in));
        in->held_to -= in->held_from;
        in->held_from = 0;
    }
    if (in->held_cap >= want)
        return;
    uint8_t *grown = realloc(in->held, want);
    if (!grown)
        abort();
    in->held = grown;
    in->held_cap = want;
}

bool input_gather(struct input *in, size_t want)
{
    if (input_front(in).len >= want)
        return true;
    reserve(in, want);
    while (held_bytes(in) < want && in->chunk_count > 0) {
        struct bytes chunk = first_chunk(in);
        size_t n = want - held_bytes(in) < chunk.len ? want - held_bytes(in) : chunk.len;
        memcpy(in->held + in->held_to, chunk.ptr, n);
        in->held_to += n;
        consume_chunk(in, n);
    }
    return held_bytes(in) >= want;
}

void input_hold_all(struct input *in)
{
    size_t total = held_bytes(in);
    for (unsigned i = 0; i < in->chunk_count; i++)
        total += in->chunks[(in->chunk_head + i) % LOOP_BUFFER_COUNT].len;
    if (in->chunk_count > 0 && !input_gather(in, total))
        abort();
}
