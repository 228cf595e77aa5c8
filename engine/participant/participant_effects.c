// Carrying out the validator's effects.
#include "engine/participant/participant_private.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>

static void store_car(struct participant *p, const struct effect *e)
{
    if (e->name.lane == p->me)
        own_car_stored(p, &e->name);
    const bool there = book_store(p->book, &e->name, e->car, e->ack);
    struct book_car *c = book_find(p->book, &e->name);
    if (c->known_ns == 0 && !there)
        c->known_ns = clock_ns();
    if (!there)
        return;
    participant_open_turn(p);
    dp_car_stored(&p->validator->dp, &e->name, e->ack && c->acked);
}

// Header here, stripes from the depots.
static void send_car(struct participant *p, const struct effect *e, struct vmask to, enum depot_ask ask)
{
    const struct book_car *c = book_find(p->book, &e->name);
    if (!c || !c->stored || c->invalid)
        return;
    if (c->car) {
        struct wire_message m;
        m.type = WIRE_CAR_HDR;
        m.epoch = c->name.epoch;
        m.car = *c->car;
        participant_send_message(p, to, &m);
    }
    struct depot_call like = {.ask = ask, .to = to, .mask = e->stripe_mask, .peer = e->peer};
    if (ask == DEPOT_SEND)
        like.mask = UINT16_MAX;
    like.want_header = !c->car;
    book_post(p->book, c, &like);
}

// Those that follow are told of finality; they ask for the rest.
static void tell_followers(struct participant *p, const struct effect *e)
{
    struct wire_message m;
    struct vmask to = {{0, 0}};
    for (unsigned i = p->n; i < p->options.cluster->peer_count && i < WIRE_VALIDATORS_MAX; i++)
        vmask_add(&to, i);
    if (vmask_empty(to) || !e->cert)
        return;
    m.type = WIRE_CERT;
    m.epoch = e->block->header.epoch;
    m.cert = e->cert->cert;
    participant_send_message(p, to, &m);
    m.type = WIRE_BLOCK; // wanted from then on
    kept_block_value(&m.block, e->block);
    participant_send_message(p, to, &m);
}

static void deliver(struct participant *p, const struct effect *e)
{
    e->block->final_ns = clock_ns();
    tell_followers(p, e);
    finality_add(p->options.finality, &e->block->header, &e->block->digest, e->cert ? &e->cert->cert : NULL);
    own_car_delivered(p, e->block);
}

static void execute(struct participant *p, struct kept_block *b)
{
    struct resume *r = &p->resume;
    char error[STORE_ERROR_MAX];
    bytes32 root;
    if (!r->behind || bytes32_equal(&b->digest, &r->head_digest)) {
        r->behind = false;
        ordered_feed_add(p->feed, b);
    } else if (resume_pass(r, p->options.blog, &b->digest, &root, error)) {
        participant_open_turn(p);
        dp_executed(&p->validator->dp, b->header.height, &root);
    } else {
        participant_fail(p, error);
    }
}

static void turn_epoch(struct participant *p, const struct effect *e)
{
    const uint64_t closed = e->block->header.epoch;
    log_info("consensus", "epoch closed", "epoch=%" PRIu64 " height=%" PRIu64, closed, e->block->header.height);
    own_car_epoch_over(p, closed);
    if (closed >= EPOCHS_KEPT && ordered_feed_idle(p->feed))
        book_forget(p->book, closed - EPOCHS_KEPT + 1);
}

static void carry_out(struct participant *p, struct effect *e)
{
    struct vmask one = {{0, 0}};
    switch (e->kind) {
    case EFFECT_SEND:
        participant_send(p, e->to, e->bytes);
        break;
    case EFFECT_DELIVER:
        deliver(p, e);
        break;
    case EFFECT_EXECUTE:
        execute(p, e->block);
        break;
    case EFFECT_STORE_CAR:
        store_car(p, e);
        break;
    case EFFECT_SERVE_CAR:
        vmask_add(&one, e->peer);
        send_car(p, e, one, DEPOT_SERVE);
        break;
    case EFFECT_SEND_CAR:
        send_car(p, e, e->to, DEPOT_SEND);
        break;
    case EFFECT_EPOCH:
        turn_epoch(p, e);
        break;
    case EFFECT_EVIDENCE:
        log_warn("consensus", "evidence of misbehaviour", "offender=%s bytes=%zu", p->options.cluster->names[e->peer],
                 e->bytes->len);
        break;
    case EFFECT_BAN:
        participant_ban(p, e->peer, e->detail);
        break;
    case EFFECT_DIVERGED:
        p->diverged = true;
        log_error("consensus", "diverged: others agree on another execution result", "votes=none");
        break;
    }
}

void participant_release(struct participant *p)
{
    struct effect e;
    while (validator_take(p->validator, &e)) {
        carry_out(p, &e);
        effect_free(&e);
        if (p->in_turn) {
            validator_end(p->validator);
            p->in_turn = false;
        }
    }
}
