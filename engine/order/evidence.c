#include "engine/order/evidence.h"

void evidence_start_epoch(struct evidence *e, const struct vset *set, uint64_t epoch)
{
    e->set = set;
    e->epoch = epoch;
    memset(e->count, 0, sizeof e->count);
    memset(e->kinds, 0, sizeof e->kinds);
}

unsigned evidence_offender(const struct evidence *e, const struct wire_evidence *w)
{
    (void)e;
    switch (w->offence) {
    case WIRE_TWO_PROPOSALS:
        return w->proposals[0].header.leader;
    case WIRE_TWO_CARS:
        return w->cars[0].lane;
    case WIRE_BAD_BODY:
        return w->bad_body.car.lane;
    default:
        return w->votes[0].voter;
    }
}

static bool signed_by(const struct evidence *e, unsigned who, const wire_signature *sig, const bytes32 *message)
{
    const bytes32 *key = &e->set->key[who];
    return e->signing->ops->verify(e->signing, &key, &sig, 1, message);
}

static bool vote_signed(const struct evidence *e, const struct wire_vote *v)
{
    const bytes32 message = wire_vote_digest(&e->set->wire, e->epoch, v->kind, v->view, &v->digest);
    return signed_by(e, v->voter, &v->signature, &message);
}

static bool proves(const struct evidence *e, const struct wire_evidence *w)
{
    const unsigned who = evidence_offender(e, w);
    switch (w->offence) {
    case WIRE_TWO_PROPOSALS:
        return signed_by(e, who, &w->proposals[0].signature, &w->proposals[0].digest) &&
               signed_by(e, who, &w->proposals[1].signature, &w->proposals[1].digest);
    case WIRE_TWO_CARS:
        return signed_by(e, who, &w->cars[0].signature, &w->cars[0].digest) &&
               signed_by(e, who, &w->cars[1].signature, &w->cars[1].digest);
    case WIRE_BAD_BODY:
        return signed_by(e, who, &w->bad_body.car.signature, &w->bad_body.car.digest);
    default:
        return vote_signed(e, &w->votes[0]) && vote_signed(e, &w->votes[1]);
    }
}

static bool is_new(const struct evidence *e, const struct wire_evidence *w)
{
    const unsigned who = evidence_offender(e, w);
    return e->count[who] < EVIDENCE_PER_OFFENDER && !((e->kinds[who] >> (w->offence - 1)) & 1);
}

static void keep(struct evidence *e, struct effects *fx, const struct wire_message *m, bool log)
{
    const unsigned who = evidence_offender(e, &m->evidence);
    e->count[who]++;
    fx->counts.evidence++;
    e->kinds[who] |= (uint8_t)(1u << (m->evidence.offence - 1));
    if (!log)
        return;
    effects_record_message(fx, RECORD_EVIDENCE, m, false);
    effects_broadcast(fx, m);
    struct effect *effect = effects_add(fx, EFFECT_EVIDENCE);
    effect->peer = (uint16_t)who;
    effect->bytes = shared_bytes_new(wire_size(m));
    wire_encode(effect->bytes->bytes, m);
}

static void offer(struct evidence *e, struct effects *fx, const struct wire_message *m)
{
    if (is_new(e, &m->evidence) && proves(e, &m->evidence))
        keep(e, fx, m, true);
}

static bool smaller(const bytes32 *a, const bytes32 *b)
{
    return memcmp(a->b, b->b, sizeof a->b) < 0;
}

void evidence_votes(struct evidence *e, struct effects *fx, const struct wire_vote *a, const struct wire_vote *b)
{
    struct wire_message m = {.type = WIRE_EVIDENCE, .epoch = e->epoch};
    bool swap = smaller(&b->digest, &a->digest);
    m.evidence.offence = a->kind == WIRE_NOTARIZE ? WIRE_TWO_NOTARIZE : WIRE_TWO_FINALIZE;
    if (a->kind != b->kind) {
        m.evidence.offence = WIRE_NULLIFY_FINALIZE;
        swap = a->kind != WIRE_NULLIFY;
    }
    m.evidence.votes[0] = swap ? *b : *a;
    m.evidence.votes[1] = swap ? *a : *b;
    offer(e, fx, &m);
}

void evidence_proposals(struct evidence *e, struct effects *fx, const struct wire_signed_header *a,
                        const struct wire_signed_header *b)
{
    struct wire_message m = {.type = WIRE_EVIDENCE, .epoch = e->epoch};
    const bool swap = smaller(&b->digest, &a->digest);
    m.evidence.offence = WIRE_TWO_PROPOSALS;
    m.evidence.proposals[0] = swap ? *b : *a;
    m.evidence.proposals[1] = swap ? *a : *b;
    offer(e, fx, &m);
}

void evidence_cars(struct evidence *e, struct effects *fx, const struct wire_car *a, const struct wire_car *b)
{
    struct wire_message m = {.type = WIRE_EVIDENCE, .epoch = e->epoch};
    const bool swap = smaller(&b->digest, &a->digest);
    m.evidence.offence = WIRE_TWO_CARS;
    m.evidence.cars[0] = swap ? *b : *a;
    m.evidence.cars[1] = swap ? *a : *b;
    offer(e, fx, &m);
}

void evidence_bad_body(struct evidence *e, struct effects *fx, const struct wire_car *car, uint16_t stripe,
                       struct bytes body)
{
    struct wire_message m = {.type = WIRE_EVIDENCE, .epoch = e->epoch};
    m.evidence.offence = WIRE_BAD_BODY;
    m.evidence.bad_body.car = *car;
    m.evidence.bad_body.stripe = stripe;
    m.evidence.bad_body.body = body;
    offer(e, fx, &m);
}

bool evidence_take(struct evidence *e, struct effects *fx, const struct wire_message *m, bool log)
{
    const struct evidence_body_check *check = &e->body_check;
    if (m->epoch != e->epoch || !is_new(e, &m->evidence))
        return true;
    if (!proves(e, &m->evidence))
        return false;
    if (m->evidence.offence == WIRE_BAD_BODY && log) {
        if (!check->invalid)
            return true;
        if (!check->invalid(check->ctx, &m->evidence))
            return false;
    }
    keep(e, fx, m, log);
    return true;
}
