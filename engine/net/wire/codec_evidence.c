// Evidence: two objects that one validator must not have signed both, or a header over an invalid body.
#include "engine/net/wire/codec_private.h"

// Equal digests are no conflict; the smaller one comes first.
static void check_order(struct reader *r, const bytes32 *first, const bytes32 *second)
{
    const int order = memcmp(first->b, second->b, sizeof first->b);
    reader_check(r, order != 0, WIRE_NO_CONFLICT);
    reader_check(r, order < 0, WIRE_NOT_CANONICAL);
}

static void read_proposals(struct reader *r, struct wire_signed_header *p, const struct context *c)
{
    for (unsigned i = 0; i < 2; i++) {
        read_header(r, &p[i].header, c);
        READ(r, p[i].signature);
        if (reader_ok(r))
            p[i].digest = wire_block_digest(c->set, &p[i].header);
    }
    if (!reader_ok(r))
        return;
    reader_check(r, p[0].header.view == p[1].header.view && p[0].header.leader == p[1].header.leader, WIRE_NO_CONFLICT);
    check_order(r, &p[0].digest, &p[1].digest);
}

static void read_votes(struct reader *r, struct wire_vote *v, uint8_t offence, const struct context *c)
{
    static const uint8_t kinds[][2] = {
        [WIRE_TWO_NOTARIZE] = {WIRE_NOTARIZE, WIRE_NOTARIZE},
        [WIRE_NULLIFY_FINALIZE] = {WIRE_NULLIFY, WIRE_FINALIZE},
        [WIRE_TWO_FINALIZE] = {WIRE_FINALIZE, WIRE_FINALIZE},
    };
    read_vote(r, &v[0], c);
    read_vote(r, &v[1], c);
    reader_check(r, v[0].kind == kinds[offence][0] && v[1].kind == kinds[offence][1], WIRE_NO_CONFLICT);
    reader_check(r, v[0].voter == v[1].voter && v[0].view == v[1].view, WIRE_NO_CONFLICT);
    if (offence != WIRE_NULLIFY_FINALIZE)
        check_order(r, &v[0].digest, &v[1].digest);
}

static void read_cars(struct reader *r, struct wire_car *cars, const struct context *c)
{
    read_car(r, &cars[0], c);
    read_car(r, &cars[1], c);
    if (!reader_ok(r))
        return;
    reader_check(r, cars[0].lane == cars[1].lane && cars[0].pos == cars[1].pos, WIRE_NO_CONFLICT);
    check_order(r, &cars[0].digest, &cars[1].digest);
}

static void read_bad_body(struct reader *r, struct wire_evidence *e, const struct context *c)
{
    read_car(r, &e->bad_body.car, c);
    READ(r, e->bad_body.stripe);
    reader_check(r, e->bad_body.stripe < WIRE_STRIPES, WIRE_BAD_VALUE);
    if (!reader_ok(r))
        return;
    reader_check(r, e->bad_body.car.stripe_bitmap >> e->bad_body.stripe & 1, WIRE_BAD_VALUE);
    const size_t len = r->left;
    e->bad_body.body = bytes_of(reader_view(r, len), len);
    if (reader_ok(r))
        reader_check(r, wire_stripe_matches(&e->bad_body.car.stripes[e->bad_body.stripe], e->bad_body.body),
                     WIRE_BAD_DIGEST);
}

void read_evidence(struct reader *r, struct wire_evidence *e, const struct context *c)
{
    READ(r, e->offence);
    switch (e->offence) {
    case WIRE_TWO_PROPOSALS:
        read_proposals(r, e->proposals, c);
        break;
    case WIRE_TWO_NOTARIZE:
    case WIRE_NULLIFY_FINALIZE:
    case WIRE_TWO_FINALIZE:
        read_votes(r, e->votes, e->offence, c);
        break;
    case WIRE_TWO_CARS:
        read_cars(r, e->cars, c);
        break;
    case WIRE_BAD_BODY:
        read_bad_body(r, e, c);
        break;
    default:
        reader_fail(r, WIRE_BAD_VALUE);
    }
}

void write_evidence(struct writer *w, const struct wire_evidence *e)
{
    WRITE(w, e->offence);
    switch (e->offence) {
    case WIRE_TWO_PROPOSALS:
        for (unsigned i = 0; i < 2; i++) {
            WRITE(w, e->proposals[i].header);
            WRITE(w, e->proposals[i].signature);
        }
        break;
    case WIRE_TWO_CARS:
        write_car(w, &e->cars[0]);
        write_car(w, &e->cars[1]);
        break;
    case WIRE_BAD_BODY:
        write_car(w, &e->bad_body.car);
        WRITE(w, e->bad_body.stripe);
        writer_put(w, e->bad_body.body.ptr, e->bad_body.body.len);
        break;
    default:
        WRITE(w, e->votes);
    }
}
