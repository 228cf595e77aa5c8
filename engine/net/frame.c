#include "engine/net/frame.h"

#include <stdlib.h>

#define MARK 0xffffu

struct WIRE_PACKED frame_header {
    uint16_t mark;
    uint8_t type, zero;
    uint32_t length, offset, zero2;
};

_Static_assert(sizeof(struct frame_header) == FRAME_HEADER_BYTES, "the documented layout");

const char *frame_status_text(enum frame_status status)
{
    static const char *const texts[FRAME_STATUS_COUNT] = {
        [FRAME_MESSAGE] = "whole",
        [FRAME_MORE] = "under way",
        [FRAME_BAD_MESSAGE] = "a message's prefix is refused",
        [FRAME_BAD_CHANNEL] = "a message came on the wrong kind of connection",
        [FRAME_BAD_HEADER] = "a frame's header is refused",
        [FRAME_BAD_LENGTH] = "a framed message has a length that it must not have",
        [FRAME_BAD_ORDER] = "frames are missing, repeated or interrupted",
    };
    return (unsigned)status < FRAME_STATUS_COUNT ? texts[status] : "unknown";
}

void frame_cut(struct frame_part *out, struct bytes message, size_t offset)
{
    if (message.len <= FRAME_PLAIN_MAX) {
        out->header_len = 0;
        out->body = message;
        return;
    }
    const struct frame_header h = {
        .mark = MARK, .type = message.ptr[2], .length = (uint32_t)message.len, .offset = (uint32_t)offset};
    const size_t left = message.len - offset;
    memcpy(out->header, &h, sizeof h);
    out->header_len = sizeof h;
    out->body = bytes_of(message.ptr + offset, left < FRAME_CHUNK_MAX ? left : FRAME_CHUNK_MAX);
}

void frame_reader_init(struct frame_reader *r, enum wire_channel channel)
{
    *r = (struct frame_reader){.channel = channel};
}

void frame_reader_free(struct frame_reader *r)
{
    free(r->stream);
    r->stream = NULL;
}

uint8_t *frame_keep(struct frame_reader *r)
{
    uint8_t *kept = r->stream;
    if (r->have < r->length)
        return NULL;
    r->stream = NULL;
    return kept;
}

// HELLO may come on either kind; the link sees to when.
static bool is_on_its_channel(const struct frame_reader *r, unsigned type)
{
    return type == WIRE_HELLO || wire_limit_of(type)->channel == r->channel;
}

// The prefix of a whole message, and that it came where it belongs.
static enum frame_status check_message(struct frame_reader *r, struct bytes message)
{
    struct wire_prefix prefix;
    r->wire_status = wire_peek(&prefix, message);
    if (r->wire_status != WIRE_OK)
        return FRAME_BAD_MESSAGE;
    return is_on_its_channel(r, prefix.type) ? FRAME_MESSAGE : FRAME_BAD_CHANNEL;
}

static enum frame_status begin(struct frame_reader *r, const struct frame_header *h)
{
    const struct wire_limit *limit = wire_limit_of(h->type);
    if (!limit)
        return FRAME_BAD_HEADER;
    if (h->length <= FRAME_PLAIN_MAX || h->length > limit->bytes_max)
        return FRAME_BAD_LENGTH;
    if (!is_on_its_channel(r, h->type))
        return FRAME_BAD_CHANNEL;
    if (h->offset != 0)
        return FRAME_BAD_ORDER;
    r->stream = malloc(h->length);
    if (!r->stream)
        abort();
    r->type = h->type;
    r->length = h->length;
    r->have = 0;
    return FRAME_MORE;
}

static enum frame_status read_frame(struct frame_reader *r, struct bytes plain, struct bytes *message)
{
    struct frame_header h;
    if (plain.len <= sizeof h)
        return FRAME_BAD_HEADER;
    memcpy(&h, plain.ptr, sizeof h);
    if (h.zero != 0 || h.zero2 != 0)
        return FRAME_BAD_HEADER;
    if (!r->stream) {
        const enum frame_status status = begin(r, &h);
        if (status != FRAME_MORE)
            return status;
    }
    const size_t chunk = plain.len - sizeof h, left = r->length - r->have;
    if (h.type != r->type || h.length != r->length || h.offset != r->have)
        return FRAME_BAD_ORDER;
    if (chunk != (left < FRAME_CHUNK_MAX ? left : FRAME_CHUNK_MAX))
        return FRAME_BAD_LENGTH;
    memcpy(r->stream + r->have, plain.ptr + sizeof h, chunk);
    r->have += (uint32_t)chunk;
    if (r->have < r->length)
        return FRAME_MORE;
    *message = bytes_of(r->stream, r->length);
    // The frames may have promised another type than the message is of.
    return r->stream[2] == r->type ? check_message(r, *message) : FRAME_BAD_HEADER;
}

enum frame_status frame_read(struct frame_reader *r, struct bytes plain, struct bytes *message)
{
    static const uint8_t mark[2] = {MARK & 0xff, MARK >> 8};
    // The last run's message is the caller's no longer.
    if (r->stream && r->have == r->length)
        frame_reader_free(r);
    if (plain.len >= sizeof mark && memcmp(plain.ptr, mark, sizeof mark) == 0)
        return read_frame(r, plain, message);
    if (r->stream)
        return FRAME_BAD_ORDER;
    *message = plain;
    return check_message(r, plain);
}
