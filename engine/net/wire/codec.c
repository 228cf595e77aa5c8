#include "engine/net/wire/codec_private.h"

const char *wire_status_text(enum wire_status status)
{
    static const char *const texts[WIRE_STATUS_COUNT] = {
        [WIRE_OK] = "valid",
        [WIRE_SHORT] = "ends inside a field",
        [WIRE_TRAILING] = "has bytes after its last field",
        [WIRE_BAD_VERSION] = "is of another protocol version",
        [WIRE_BAD_TYPE] = "is of no known type",
        [WIRE_TOO_LONG] = "is longer than its type may be",
        [WIRE_BAD_VALUE] = "holds a value out of range",
        [WIRE_BAD_COUNT] = "holds a list that is too long",
        [WIRE_NOT_CANONICAL] = "is not in canonical form",
        [WIRE_BAD_DIGEST] = "holds a digest of something else",
        [WIRE_NO_CONFLICT] = "is evidence of nothing",
    };
    return (unsigned)status < WIRE_STATUS_COUNT ? texts[status] : "unknown";
}

// ---- messages of a few fields

static void read_just(struct reader *r, struct wire_proposal *p, const struct context *c)
{
    READ(r, p->just_count);
    reader_check(r, p->just_count <= WIRE_JUST_MAX, WIRE_BAD_COUNT);
    for (unsigned i = 0; i < p->just_count && reader_ok(r); i++) {
        read_cert(r, &p->just[i], c);
        reader_check(r, i == 0 || cert_before(&p->just[i - 1], &p->just[i]), WIRE_NOT_CANONICAL);
    }
}

static void read_car_stripe(struct reader *r, struct wire_car_stripe *s, const struct context *c)
{
    READ(r, s->lane);
    READ(r, s->pos);
    READ(r, s->stripe);
    reader_check(r, s->lane < c->set->n && s->pos > 0 && s->stripe < WIRE_STRIPES, WIRE_BAD_VALUE);
    const size_t len = r->left;
    s->body = bytes_of(reader_view(r, len), len);
}

static void read_get_car(struct reader *r, struct wire_get_car *g, const struct context *c)
{
    READ(r, g->lane);
    READ(r, g->pos);
    READ(r, g->digest);
    READ(r, g->stripe_mask);
    reader_check(r, g->lane < c->set->n && g->pos > 0, WIRE_BAD_VALUE);
}

static void read_hello(struct reader *r, struct wire_hello *h, const struct context *c)
{
    READ(r, h->channel);
    READ(r, h->group);
    READ(r, h->shards);
    reader_check(r, h->channel <= WIRE_BULK && h->shards > 0 && h->group < WIRE_STRIPES, WIRE_BAD_VALUE);
    reader_check(r, c->epoch == 0 && (h->channel == WIRE_BULK || h->group == 0), WIRE_NOT_CANONICAL);
}

static void read_forward(struct reader *r, struct wire_forward *f, const struct context *c)
{
    struct wire_stripe stripe;
    const size_t len = r->left;
    f->body = bytes_of(reader_view(r, len), len);
    const enum wire_status status = reader_ok(r) ? wire_stripe_open(&stripe, f->body) : WIRE_OK;
    reader_check(r, status == WIRE_OK, status);
    reader_check(r, c->epoch == 0, WIRE_NOT_CANONICAL);
}

// ---- all of them

static void read_body(struct reader *r, struct wire_message *m, const struct context *c)
{
    switch ((enum wire_type)m->type) {
    case WIRE_CAR_HDR:
        read_car(r, &m->car, c);
        break;
    case WIRE_CAR_STRIPE:
        read_car_stripe(r, &m->car_stripe, c);
        break;
    case WIRE_ACKS:
        read_acks(r, &m->acks, c);
        break;
    case WIRE_ACK_STATE:
        read_ack_state(r, &m->ack_state, c);
        break;
    case WIRE_PROPOSAL:
        read_block(r, &m->proposal.block, c);
        READ(r, m->proposal.signature);
        read_just(r, &m->proposal, c);
        break;
    case WIRE_VOTE:
        read_vote(r, &m->vote, c);
        break;
    case WIRE_CERT:
        read_cert(r, &m->cert, c);
        break;
    case WIRE_GET_CERTS:
        READ(r, m->get_certs.from_view);
        READ(r, m->get_certs.to_view);
        reader_check(r, m->get_certs.from_view <= m->get_certs.to_view, WIRE_BAD_VALUE);
        break;
    case WIRE_CERTS:
        read_certs(r, &m->certs, c);
        break;
    case WIRE_GET_BLOCK:
        READ(r, m->get_block);
        break;
    case WIRE_BLOCK:
        read_block(r, &m->block, c);
        break;
    case WIRE_GET_RANGE:
        READ(r, m->get_range.from_height);
        READ(r, m->get_range.count);
        reader_check(r, m->get_range.count > 0, WIRE_BAD_VALUE);
        reader_check(r, m->get_range.count <= WIRE_RANGE_BLOCKS_MAX, WIRE_BAD_COUNT);
        break;
    case WIRE_RANGE:
        read_range(r, &m->range, c);
        break;
    case WIRE_GET_CAR:
        read_get_car(r, &m->get_car, c);
        break;
    case WIRE_EVIDENCE:
        read_evidence(r, &m->evidence, c);
        break;
    case WIRE_HELLO:
        read_hello(r, &m->hello, c);
        break;
    case WIRE_FORWARD:
        read_forward(r, &m->forward, c);
        break;
    case WIRE_CAR_CHUNK:
    case WIRE_SNAP_LIST:
    case WIRE_SNAP_CHUNK:
    case WIRE_TYPE_COUNT:
        reader_fail(r, WIRE_BAD_TYPE);
    }
}

static void write_body(struct writer *w, const struct wire_message *m)
{
    switch ((enum wire_type)m->type) {
    case WIRE_CAR_HDR:
        write_car(w, &m->car);
        break;
    case WIRE_CAR_STRIPE:
        WRITE(w, m->car_stripe.lane);
        WRITE(w, m->car_stripe.pos);
        WRITE(w, m->car_stripe.stripe);
        writer_put(w, m->car_stripe.body.ptr, m->car_stripe.body.len);
        break;
    case WIRE_ACKS:
        write_acks(w, &m->acks);
        break;
    case WIRE_ACK_STATE:
        write_ack_state(w, &m->ack_state);
        break;
    case WIRE_PROPOSAL:
        write_block(w, &m->proposal.block);
        WRITE(w, m->proposal.signature);
        WRITE(w, m->proposal.just_count);
        for (unsigned i = 0; i < m->proposal.just_count; i++)
            write_cert(w, &m->proposal.just[i]);
        break;
    case WIRE_VOTE:
        WRITE(w, m->vote);
        break;
    case WIRE_CERT:
        write_cert(w, &m->cert);
        break;
    case WIRE_GET_CERTS:
        WRITE(w, m->get_certs.from_view);
        WRITE(w, m->get_certs.to_view);
        break;
    case WIRE_CERTS:
        write_certs(w, &m->certs);
        break;
    case WIRE_GET_BLOCK:
        WRITE(w, m->get_block);
        break;
    case WIRE_BLOCK:
        write_block(w, &m->block);
        break;
    case WIRE_GET_RANGE:
        WRITE(w, m->get_range.from_height);
        WRITE(w, m->get_range.count);
        break;
    case WIRE_RANGE:
        write_range(w, &m->range);
        break;
    case WIRE_GET_CAR:
        WRITE(w, m->get_car.lane);
        WRITE(w, m->get_car.pos);
        WRITE(w, m->get_car.digest);
        WRITE(w, m->get_car.stripe_mask);
        break;
    case WIRE_EVIDENCE:
        write_evidence(w, &m->evidence);
        break;
    case WIRE_HELLO:
        WRITE(w, m->hello.channel);
        WRITE(w, m->hello.group);
        WRITE(w, m->hello.shards);
        break;
    case WIRE_FORWARD:
        writer_put(w, m->forward.body.ptr, m->forward.body.len);
        break;
    case WIRE_CAR_CHUNK:
    case WIRE_SNAP_LIST:
    case WIRE_SNAP_CHUNK:
    case WIRE_TYPE_COUNT:
        break;
    }
}

static void read_prefix(struct reader *r, struct wire_prefix *m, size_t len)
{
    READ(r, m->version);
    READ(r, m->type);
    READ(r, m->epoch);
    reader_check(r, m->version == WIRE_VERSION, WIRE_BAD_VERSION);
    const struct wire_limit *limit = wire_limit_of(m->type);
    reader_check(r, limit && limit->bytes_max > 0, WIRE_BAD_TYPE);
    reader_check(r, !limit || len <= limit->bytes_max, WIRE_TOO_LONG);
}

enum wire_status wire_peek(struct wire_prefix *out, struct bytes in)
{
    struct reader r = {.p = in.ptr, .left = in.len};
    read_prefix(&r, out, in.len);
    return r.status;
}

enum wire_status wire_decode(struct wire_message *out, struct bytes in, const struct wire_set *set)
{
    struct reader r = {.p = in.ptr, .left = in.len};
    struct wire_prefix prefix;
    read_prefix(&r, &prefix, in.len);
    reader_check(&r, set || prefix.type == WIRE_HELLO, WIRE_BAD_TYPE);
    if (!reader_ok(&r))
        return r.status;
    out->version = prefix.version;
    out->type = prefix.type;
    out->epoch = prefix.epoch;
    read_body(&r, out, &(struct context){out->epoch, set});
    reader_check(&r, r.left == 0, WIRE_TRAILING);
    return r.status;
}

static void write_message(struct writer *w, const struct wire_message *m)
{
    const uint16_t version = WIRE_VERSION;
    WRITE(w, version);
    WRITE(w, m->type);
    WRITE(w, m->epoch);
    write_body(w, m);
}

size_t wire_size(const struct wire_message *m)
{
    const struct wire_limit *limit = wire_limit_of(m->type);
    struct writer w = {0};
    write_message(&w, m);
    return limit && w.len <= limit->bytes_max ? w.len : 0;
}

void wire_encode(uint8_t *out, const struct wire_message *m)
{
    struct writer w = {.p = out};
    write_message(&w, m);
}
