// State sync: asking for a state, what is offered, and its parts.
#include "engine/net/wire/codec_private.h"

size_t wire_snap_key_bytes(uint8_t kind)
{
    switch (kind) {
    case WIRE_SNAP_BLOCK:
        return 16;
    case WIRE_SNAP_ACCOUNTS:
    case WIRE_SNAP_CODES:
        return 32;
    case WIRE_SNAP_SLOTS:
        return WIRE_SNAP_KEY_BYTES;
    default:
        return 0;
    }
}

bool wire_snap_is_table(uint8_t kind)
{
    return kind == WIRE_SNAP_ACCOUNTS || kind == WIRE_SNAP_SLOTS || kind == WIRE_SNAP_CODES;
}

void read_get_snap(struct reader *r, struct wire_get_snap *g)
{
    static const uint8_t zeros[WIRE_SNAP_KEY_BYTES];
    READ(r, *g);
    reader_check(r, g->kind < WIRE_SNAP_KINDS, WIRE_BAD_VALUE);
    if (!reader_ok(r))
        return;
    const size_t used = wire_snap_key_bytes(g->kind);
    reader_check(r, memcmp(g->from + used, zeros, sizeof zeros - used) == 0, WIRE_NOT_CANONICAL);
    reader_check(r, wire_snap_is_table(g->kind) || bytes32_is_zero(&g->block), WIRE_NOT_CANONICAL);
}

void read_snap_list(struct reader *r, struct wire_snap_list *l, const struct context *c)
{
    static const struct wire_block_header none;
    READ(r, l->offer);
    if (c->epoch == 0) {
        READ(r, l->boundary);
        reader_check(r, memcmp(&l->boundary, &none, sizeof none) == 0, WIRE_NOT_CANONICAL);
    } else {
        read_header(r, &l->boundary, &(struct context){c->epoch - 1, c->set});
    }
    reader_check(r, l->offer.height > 0, WIRE_BAD_VALUE);
}

void write_snap_list(struct writer *w, const struct wire_snap_list *l)
{
    WRITE(w, l->offer);
    WRITE(w, l->boundary);
}

bool wire_snap_next(struct bytes *rest, uint8_t kind, struct wire_snap_entry *out)
{
    struct reader r = {.p = rest->ptr, .left = rest->len};
    const size_t key_bytes = wire_snap_key_bytes(kind);
    uint32_t len;
    if (rest->len == 0)
        return false;
    out->key = bytes_of(reader_view(&r, key_bytes), key_bytes);
    READ(&r, len);
    out->value = bytes_of(reader_view(&r, len), len);
    *rest = bytes_of(r.p, r.left);
    return reader_ok(&r);
}

// Entries in rising order of their keys, from the one that was asked for on.
static void check_entries(struct reader *r, const struct wire_snap_chunk *c)
{
    struct bytes rest = c->data;
    struct wire_snap_entry entry;
    const uint8_t *least = c->get.from;
    bool first = true;
    while (reader_ok(r) && wire_snap_next(&rest, c->get.kind, &entry)) {
        const int order = memcmp(least, entry.key.ptr, entry.key.len);
        reader_check(r, order < 0 || (order == 0 && first), WIRE_NOT_CANONICAL);
        reader_check(r, entry.value.len > 0, WIRE_BAD_VALUE);
        least = entry.key.ptr;
        first = false;
    }
    reader_check(r, rest.len == 0, WIRE_SHORT);
}

void read_snap_chunk(struct reader *r, struct wire_snap_chunk *c)
{
    read_get_snap(r, &c->get);
    READ(r, c->more);
    reader_check(r, c->get.kind != WIRE_SNAP_OFFER && c->more <= WIRE_SNAP_GONE, WIRE_BAD_VALUE);
    uint32_t len;
    READ(r, len);
    c->data = bytes_of(reader_view(r, len), len);
    // What is not the end leads on.
    reader_check(r, c->more == WIRE_SNAP_END || (c->more == WIRE_SNAP_MORE) == (len > 0), WIRE_NOT_CANONICAL);
    if (reader_ok(r) && wire_snap_is_table(c->get.kind))
        check_entries(r, c);
}

void write_snap_chunk(struct writer *w, const struct wire_snap_chunk *c)
{
    WRITE(w, c->get);
    const uint32_t len = (uint32_t)c->data.len;
    WRITE(w, c->more);
    WRITE(w, len);
    writer_put(w, c->data.ptr, c->data.len);
}
