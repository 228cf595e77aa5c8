// Reading and writing fields. A reader that has failed stays failed, so decoders check once, at the end and before they
// use a length. A writer without a buffer counts.
#ifndef GANTRY_ENGINE_NET_WIRE_CODEC_PRIVATE_H
#define GANTRY_ENGINE_NET_WIRE_CODEC_PRIVATE_H

#include "engine/net/wire/codec.h"

struct reader {
    const uint8_t *p;
    size_t left;
    enum wire_status status;
};

struct writer {
    uint8_t *p; // NULL: count only
    size_t len;
};

static inline void reader_fail(struct reader *r, enum wire_status why)
{
    if (r->status == WIRE_OK)
        r->status = why;
    r->left = 0;
}

static inline void reader_check(struct reader *r, bool condition, enum wire_status why)
{
    if (!condition)
        reader_fail(r, why);
}

static inline bool reader_ok(const struct reader *r)
{
    return r->status == WIRE_OK;
}

// A view of the next n bytes, NULL after a failure.
static inline const void *reader_view(struct reader *r, size_t n)
{
    if (r->status != WIRE_OK || r->left < n) {
        reader_fail(r, WIRE_SHORT);
        return NULL;
    }
    const uint8_t *p = r->p;
    r->p += n;
    r->left -= n;
    return p;
}

// Zeroes out after a failure.
static inline void reader_take(struct reader *r, void *out, size_t n)
{
    const void *p = reader_view(r, n);
    if (p)
        memcpy(out, p, n);
    else
        memset(out, 0, n);
}

#define READ(r, field) reader_take(r, &(field), sizeof(field))

static inline void writer_put(struct writer *w, const void *p, size_t n)
{
    if (w->p && n > 0)
        memcpy(w->p + w->len, p, n);
    w->len += n;
}

#define WRITE(w, field) writer_put(w, &(field), sizeof(field))

// The objects, each a run of fields inside messages. Epoch and set are those of the message.
struct context {
    uint64_t epoch;
    const struct wire_set *set;
};

void read_car(struct reader *r, struct wire_car *car, const struct context *c);
void write_car(struct writer *w, const struct wire_car *car);
void write_car_unsigned(struct writer *w, const struct wire_car *car);

void read_header(struct reader *r, struct wire_block_header *header, const struct context *c);
void read_block(struct reader *r, struct wire_block *block, const struct context *c);
void write_block(struct writer *w, const struct wire_block *block);
void write_cut(struct writer *w, const struct wire_block *block);
void read_vote(struct reader *r, struct wire_vote *vote, const struct context *c);
void read_cert(struct reader *r, struct wire_cert *cert, const struct context *c);
void write_cert(struct writer *w, const struct wire_cert *cert);
// The order of certificates in lists: by view, then kind.
bool cert_before(const struct wire_cert *a, const struct wire_cert *b);

void read_acks(struct reader *r, struct wire_acks *a, const struct context *c);
void write_acks(struct writer *w, const struct wire_acks *a);
void read_ack_state(struct reader *r, struct wire_ack_state *a, const struct context *c);
void write_ack_state(struct writer *w, const struct wire_ack_state *a);

void read_certs(struct reader *r, struct wire_certs *certs, const struct context *c);
void write_certs(struct writer *w, const struct wire_certs *certs);
void read_range(struct reader *r, struct wire_range *range, const struct context *c);
void write_range(struct writer *w, const struct wire_range *range);
void read_evidence(struct reader *r, struct wire_evidence *e, const struct context *c);
void write_evidence(struct writer *w, const struct wire_evidence *e);
void read_get_snap(struct reader *r, struct wire_get_snap *g);
void read_snap_list(struct reader *r, struct wire_snap_list *l, const struct context *c);
void write_snap_list(struct writer *w, const struct wire_snap_list *l);
void read_snap_chunk(struct reader *r, struct wire_snap_chunk *c);
void write_snap_chunk(struct writer *w, const struct wire_snap_chunk *c);

// H_cut of an encoded cut.
bytes32 cut_digest(struct bytes cut);

#endif
