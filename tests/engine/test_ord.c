// Rules of ordering one by one, between machines that a test connects by hand; whole clusters are in test_sim.c.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "engine/net/wire/digest.h"
#include "engine/order/ord.h"
#include "engine/sim/sim_private.h"

#define N 4

struct machine {
    struct vset set;
    struct effects fx;
    struct evidence evidence;
    struct guard guard;
    struct signing *signing[N];
    struct dp dp;
    struct ord ord;
};

static bool has_none(void *ctx, const struct car_name *name)
{
    (void)ctx, (void)name;
    return false;
}

static void at(struct machine *m, uint64_t now_ns)
{
    m->ord.now_ns = m->dp.now_ns = now_ns;
}

// Validator `me` of four, in view 1 of epoch 0. All effects that it has are of the turn that never ends.
static struct machine *create(unsigned me)
{
    static const struct wire_block_header genesis = {0};
    static const bytes32 genesis_digest = {{7}};
    struct machine *m = calloc(1, sizeof *m);
    const uint32_t weights[N] = {1, 1, 1, 1};
    bytes32 keys[N];
    for (unsigned i = 0; i < N; i++) {
        keys[i] = sim_public_key(i);
        m->signing[i] = sim_signing(i);
    }
    vset_init(&m->set, 1, N, weights, keys);
    effects_init(&m->fx);
    m->fx.set = &m->set;
    m->fx.me = me;
    m->evidence = (struct evidence){.signing = m->signing[me]};
    guard_init(&m->guard, &genesis_digest);
    const struct dp_config dp = {.me = me,
                                 .ack_tick_ns = MS,
                                 .ack_state_ns = 1000 * MS,
                                 .car_retry_ns = 1000 * MS,
                                 .fetch_ns = 50 * MS,
                                 .fetch_grace_ns = 5 * MS,
                                 .window_bytes = 1 << 20,
                                 .signing = m->signing[me],
                                 .store = {.has = has_none}};
    const struct ord_config ord = {.me = me,
                                   .delta_ns = 5 * MS,
                                   .fsync_ns = MS,
                                   .idle_ns = 10 * MS,
                                   .skip_ns = 1000000 * MS,
                                   .drift_ms = 500,
                                   .stale_ms = 2000,
                                   .epoch_blocks = 1000,
                                   .retain_blocks = 1000,
                                   .cars_per_lane = 8,
                                   .signing = m->signing[me]};
    dp_init(&m->dp, &dp, &m->fx, &m->evidence);
    ord_init(&m->ord, &ord, &m->fx, &m->dp, &m->guard, &m->evidence);
    at(m, MS);
    ord_start_epoch(&m->ord, &m->set, 0, &genesis, &genesis_digest);
    ord_start(&m->ord, 0);
    return m;
}

static void forget_effects(struct machine *m)
{
    m->fx.turn = 0;
    effects_clear(&m->fx);
    m->fx.me = m->ord.config.me;
    m->fx.set = &m->set;
}

static void destroy(struct machine *m)
{
    ord_free(&m->ord);
    dp_free(&m->dp);
    forget_effects(m);
    for (unsigned i = 0; i < N; i++)
        m->signing[i]->ops->free(m->signing[i]);
    free(m);
}

// A child of the genesis in this view, with one car of lane 3 or an empty cut.
static struct wire_block block_of(const struct machine *m, uint64_t view, const bytes32 *car)
{
    struct wire_block b = {.header = {.view = view,
                                      .height = 1,
                                      .leader = (uint16_t)leader_of(&m->ord.leaders, view),
                                      .parent_digest = {{7}},
                                      .time_ms = view,
                                      .set_hash = m->set.wire.set_hash,
                                      .next_set_hash = m->set.wire.set_hash}};
    const uint32_t tips[N] = {0, 0, 0, car ? 1 : 0};
    if (car)
        b.lanes[b.lane_count++] = (struct wire_cut_lane){3, 1, 1, car};
    b.header.tips_hash = wire_tips_hash(tips, N);
    wire_block_seal(&m->set.wire, &b);
    return b;
}

// The certificate of validators 1 to 3 for this digest (NULL: nullify).
static void give_cert(struct machine *m, uint8_t kind, uint64_t view, const bytes32 *digest)
{
    static const bytes32 none;
    wire_signature sigs[N - 1];
    const bytes32 message = wire_vote_digest(&m->set.wire, 0, kind, view, digest ? digest : &none);
    for (unsigned v = 1; v < N; v++)
        m->signing[v]->ops->sign(m->signing[v], &sigs[v - 1], &message);
    const struct wire_cert cert = {kind, view, digest ? *digest : none, {0xe, 0}, sigs};
    ord_on_cert(&m->ord, 1, &cert);
    ord_poke(&m->ord);
}

// The block and the certificate that notarizes it.
static void give_block(struct machine *m, const struct wire_block *b)
{
    give_cert(m, WIRE_NOTARIZE, b->header.view, &b->digest);
    ord_on_block(&m->ord, b);
    ord_poke(&m->ord);
}

// What `from` has sent since its effects were forgotten, to `to`.
static void hand_over(const struct machine *from, struct machine *to)
{
    static struct wire_message message;
    for (size_t i = 0; i < from->fx.count; i++) {
        const struct effect *e = &from->fx.items[(from->fx.head + i) % from->fx.cap];
        if (e->kind != EFFECT_SEND || !vmask_has(e->to, to->ord.config.me))
            continue;
        cr_assert_eq(wire_decode(&message, bytes_of(e->bytes->bytes, e->bytes->len), &to->set.wire), WIRE_OK);
        ord_on_message(&to->ord, from->ord.config.me, &message);
        ord_poke(&to->ord);
    }
}

// It was down when the certificate of view 1 went around, and came by that of view 2 to where the others are.
Test(ord, who_missed_a_floor_s_certificate_has_it_again_in_the_same_view)
{
    struct machine *one = create(0), *other = create(2);
    const struct wire_block b = block_of(one, 1, NULL);
    give_block(one, &b);
    give_block(other, &b);
    give_cert(one, WIRE_FINALIZE, 1, &b.digest);
    give_cert(one, WIRE_NULLIFY, 2, NULL);
    give_cert(other, WIRE_NULLIFY, 2, NULL);
    cr_assert(one->ord.view == 3 && other->ord.view == 3);
    cr_assert(one->ord.floor->header.view == 1 && other->ord.floor->header.view == 0);
    forget_effects(one);
    at(one, one->ord.retry_due_ns);
    ord_on_timer(&one->ord);
    hand_over(one, other);
    cr_assert_eq(other->ord.floor->header.view, 1);
    destroy(one);
    destroy(other);
}

// Views that ended without a block, up to `view`.
static void pass_views(struct machine *m, uint64_t view)
{
    while (m->ord.view < view)
        give_cert(m, WIRE_NULLIFY, m->ord.view, NULL);
}

Test(ord, blocks_that_come_late_are_voted_final_unless_the_guard_has_forgotten_their_views)
{
    const uint64_t now = GUARD_VIEWS + 8, forgotten = 3, remembered = now - GUARD_VIEWS + 1;
    struct machine *m = create(0);
    pass_views(m, now);
    ord_timeout(&m->ord);
    cr_assert_eq(m->guard.highest, now);
    const struct wire_block late = block_of(m, forgotten, NULL), later = block_of(m, remembered, NULL);
    give_block(m, &late);
    give_block(m, &later);
    cr_assert(voted(ord_view_if(&m->ord, remembered), WIRE_FINALIZE));
    cr_assert(!voted(ord_view_if(&m->ord, forgotten), WIRE_FINALIZE));
    cr_assert_eq(m->ord.refused_votes, 0, "a vote was tried that the guard must refuse");
    destroy(m);
}

// When the car that a certified block of view 1 names is asked for, counted from then.
static uint64_t asked_after(uint64_t view)
{
    const bytes32 digest = {{5}};
    const struct car_name name = {0, 3, 1, digest};
    struct machine *m = create(0);
    const struct wire_block b = block_of(m, 1, &digest);
    pass_views(m, view);
    give_block(m, &b);
    const struct fetch *f = dp_fetch_of(&m->dp, &name);
    cr_assert(f);
    const uint64_t after = f->due_ns - m->dp.now_ns;
    destroy(m);
    return after;
}

Test(ord, a_car_of_a_view_that_is_long_over_is_asked_for_at_once)
{
    cr_assert_eq(asked_after(2), 5 * MS);
    cr_assert_eq(asked_after(3), 0);
}

// How often `from` has sent a message of this type to `to`.
static unsigned sent(const struct machine *from, unsigned to, uint8_t type)
{
    unsigned count = 0;
    for (size_t i = 0; i < from->fx.count; i++) {
        const struct effect *e = &from->fx.items[(from->fx.head + i) % from->fx.cap];
        count += e->kind == EFFECT_SEND && vmask_has(e->to, to) && e->bytes->bytes[2] == type;
    }
    return count;
}

Test(ord, a_block_that_its_voters_may_have_dropped_is_asked_of_others_too)
{
    const bytes32 digest = {{5}};
    struct machine *m = create(1);
    give_cert(m, WIRE_FINALIZE, 3, &digest);
    at(m, m->ord.pull_due_ns);
    ord_on_timer(&m->ord);
    ord_poke(&m->ord);
    cr_assert_eq(sent(m, 2, WIRE_GET_BLOCK) + sent(m, 3, WIRE_GET_BLOCK), 1, "a voter first");
    for (unsigned i = 0; i < 100 && sent(m, 0, WIRE_GET_BLOCK) == 0; i++) {
        at(m, m->ord.pull_due_ns);
        ord_on_timer(&m->ord);
        ord_poke(&m->ord);
    }
    cr_assert_eq(sent(m, 0, WIRE_GET_BLOCK), 1);
    destroy(m);
}

// A child of this block that is the last of an epoch.
static struct wire_block tail_of(const struct machine *m, const struct wire_block *parent, uint64_t view)
{
    struct wire_block b = *parent;
    b.header.view = b.header.time_ms = view;
    b.header.leader = (uint16_t)leader_of(&m->ord.leaders, view);
    b.header.parent_view = parent->header.view;
    b.header.parent_digest = parent->digest;
    b.header.flags = WIRE_BLOCK_TAIL;
    wire_block_seal(&m->set.wire, &b);
    return b;
}

// Others closed the epoch by tails of different views. Who closed it by the later one has told of it and is gone.
Test(ord, an_epoch_is_closed_by_an_earlier_tail_when_nobody_has_the_later_one)
{
    struct machine *m = create(0), *other = create(1);
    m->ord.config.epoch_blocks = other->ord.config.epoch_blocks = 1;
    const struct wire_block last = block_of(m, 1, NULL), tail = tail_of(m, &last, 2), later = tail_of(m, &tail, 3);
    give_block(other, &last);
    give_block(other, &tail);
    give_cert(other, WIRE_FINALIZE, 2, &tail.digest);
    cr_assert_eq(other->ord.epoch, 1);
    give_cert(m, WIRE_FINALIZE, 3, &later.digest);
    for (unsigned i = 0; i < 100 && m->ord.epoch == 0; i++) {
        forget_effects(m);
        ord_ask_range(&m->ord, 1);
        at(m, m->ord.pull_due_ns);
        ord_on_timer(&m->ord);
        ord_poke(&m->ord);
        forget_effects(other);
        at(other, m->ord.now_ns);
        hand_over(m, other);
        hand_over(other, m);
    }
    cr_assert_eq(m->ord.epoch, 1);
    destroy(m);
    destroy(other);
}
