// The data plane's rules one by one; whole clusters are in test_sim.c.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "engine/net/wire/digest.h"
#include "engine/order/dp.h"
#include "engine/sim/sim_private.h"

#define N 4

struct plane {
    struct vset set;
    struct effects fx;
    struct evidence evidence;
    struct signing *signing[N];
    struct dp dp;
};

static bool has_none(void *ctx, const struct car_name *name)
{
    (void)ctx, (void)name;
    return false;
}

static struct plane *create(void)
{
    struct plane *p = calloc(1, sizeof *p);
    const uint32_t weights[N] = {1, 1, 1, 1};
    bytes32 keys[N];
    for (unsigned i = 0; i < N; i++) {
        keys[i] = sim_public_key(i);
        p->signing[i] = sim_signing(i);
    }
    vset_init(&p->set, 1, N, weights, keys);
    effects_init(&p->fx);
    p->fx.set = &p->set;
    p->evidence = (struct evidence){.signing = p->signing[0]};
    const struct dp_config config = {.ack_tick_ns = MS,
                                     .ack_state_ns = 1000 * MS,
                                     .car_retry_ns = 1000 * MS,
                                     .fetch_ns = 50 * MS,
                                     .window_bytes = 1 << 20,
                                     .signing = p->signing[0],
                                     .store = {.has = has_none}};
    dp_init(&p->dp, &config, &p->fx, &p->evidence);
    dp_start_epoch(&p->dp, &p->set, 0);
    evidence_start_epoch(&p->evidence, &p->set, 0);
    return p;
}

static void destroy(struct plane *p)
{
    dp_free(&p->dp);
    p->fx.turn = 0;
    effects_clear(&p->fx);
    for (unsigned i = 0; i < N; i++)
        p->signing[i]->ops->free(p->signing[i]);
    free(p);
}

static struct wire_car car_of(const struct plane *p, unsigned owner, uint32_t pos, uint8_t flags)
{
    struct wire_car car = {.lane = (uint16_t)owner, .pos = pos, .flags = flags};
    car.digest = wire_car_digest(&p->set.wire, 0, &car);
    p->signing[owner]->ops->sign(p->signing[owner], &car.signature, &car.digest);
    return car;
}

static struct car_name name_of(const struct wire_car *car)
{
    return (struct car_name){0, car->lane, car->pos, car->digest};
}

static unsigned effects_of(const struct plane *p, enum effect_kind kind, const struct effect **last)
{
    unsigned count = 0;
    for (size_t i = 0; i < p->fx.count; i++) {
        const struct effect *e = &p->fx.items[(p->fx.head + i) % p->fx.cap];
        if (e->kind == kind) {
            count++;
            *last = e;
        }
    }
    return count;
}

static void ack(struct plane *p, unsigned voter, unsigned lane, uint32_t pos, const bytes32 *digest)
{
    const struct wire_ack a = {(uint16_t)lane, pos, *digest};
    const struct wire_acks m = {.ack_count = 1, .acks = &a};
    dp_on_acks(&p->dp, voter, &m);
}

Test(dp, one_honest_ack_makes_a_car_votable_and_a_quorum_proposable)
{
    struct plane *p = create();
    const bytes32 digest = {{5}};
    ack(p, 1, 2, 1, &digest);
    cr_assert(!dp_avail_vote(&p->dp, 2, 1, &digest));
    ack(p, 2, 2, 1, &digest);
    cr_assert(dp_avail_vote(&p->dp, 2, 1, &digest));
    cr_assert_null(dp_avail_lead(&p->dp, 2, 1));
    ack(p, 3, 2, 1, &digest);
    cr_assert(bytes32_equal(dp_avail_lead(&p->dp, 2, 1), &digest));
    destroy(p);
}

Test(dp, only_the_first_ack_of_a_validator_counts)
{
    struct plane *p = create();
    const bytes32 a = {{5}}, b = {{6}};
    for (unsigned i = 0; i < 3; i++)
        ack(p, 1, 2, 1, &a);
    ack(p, 2, 2, 1, &b);
    ack(p, 1, 2, 1, &b);
    cr_assert(!dp_avail_vote(&p->dp, 2, 1, &a));
    cr_assert(!dp_avail_vote(&p->dp, 2, 1, &b));
    destroy(p);
}

Test(dp, acks_and_cars_outside_the_window_are_dropped)
{
    struct plane *p = create();
    const bytes32 digest = {{5}};
    const struct effect *e;
    for (unsigned v = 1; v < N; v++) {
        ack(p, v, 2, WIRE_LANE_WINDOW + 1, &digest);
        ack(p, v, 2, 0, &digest);
    }
    cr_assert_null(dp_avail_lead(&p->dp, 2, WIRE_LANE_WINDOW + 1));
    const struct wire_car car = car_of(p, 2, WIRE_LANE_WINDOW + 1, 0);
    dp_on_car(&p->dp, 2, 0, &car);
    cr_assert_eq(effects_of(p, EFFECT_STORE_CAR, &e), 0);
    destroy(p);
}

Test(dp, a_car_is_acked_when_it_is_durable_and_not_before)
{
    struct plane *p = create();
    const struct effect *e;
    const struct wire_car car = car_of(p, 2, 1, 0);
    dp_on_car(&p->dp, 2, 0, &car);
    cr_assert_eq(effects_of(p, EFFECT_STORE_CAR, &e), 1);
    cr_assert(e->ack);
    cr_assert(!dp_held(&p->dp, 2, 1, &car.digest));
    cr_assert_eq(p->dp.acks_unsent, 0);
    const struct car_name name = name_of(&car);
    dp_car_stored(&p->dp, &name, true);
    cr_assert(dp_held(&p->dp, 2, 1, &car.digest));
    cr_assert_eq(p->dp.acks_unsent, 1);
    destroy(p);
}

Test(dp, a_header_is_taken_from_its_owner_or_when_it_was_asked_for)
{
    struct plane *p = create();
    const struct effect *e;
    const struct wire_car car = car_of(p, 2, 1, 0);
    const struct vmask nobody = {{0, 0}};
    dp_on_car(&p->dp, 3, 0, &car);
    cr_assert_eq(effects_of(p, EFFECT_STORE_CAR, &e), 0);
    const struct car_name name = name_of(&car);
    dp_need(&p->dp, &name, nobody, false, true);
    dp_on_car(&p->dp, 3, 0, &car);
    cr_assert_eq(effects_of(p, EFFECT_STORE_CAR, &e), 1);
    destroy(p);
}

static void turn_at(struct plane *p, uint64_t now_ns)
{
    p->dp.now_ns = now_ns;
    dp_on_timer(&p->dp);
}

Test(dp, a_car_that_is_on_its_way_is_asked_for_later_than_one_nobody_told_of)
{
    struct plane *p = create();
    const struct vmask nobody = {{0, 0}};
    const struct wire_car coming = car_of(p, 2, 1, 0), unknown = car_of(p, 3, 1, 0);
    const struct car_name names[] = {name_of(&coming), name_of(&unknown)};
    dp_on_car(&p->dp, 2, 0, &coming);
    for (unsigned i = 0; i < 2; i++)
        dp_need(&p->dp, &names[i], nobody, false, true);
    turn_at(p, 1);
    cr_assert_eq(p->fx.counts.fetches, 1);
    cr_assert_eq(dp_fetch_of(&p->dp, &names[1])->tries, 1);
    turn_at(p, p->dp.config.fetch_ns);
    cr_assert_eq(dp_fetch_of(&p->dp, &names[0])->tries, 1, "it did not come: others have it");
    destroy(p);
}

Test(dp, each_answer_is_awaited_longer_than_the_one_before_up_to_a_bound)
{
    struct plane *p = create();
    const struct vmask nobody = {{0, 0}};
    const struct wire_car car = car_of(p, 2, 1, 0);
    const struct car_name name = name_of(&car);
    dp_need(&p->dp, &name, nobody, true, true);
    uint64_t now_ns = 1;
    for (unsigned tries = 1; tries <= 6; tries++) {
        turn_at(p, now_ns);
        cr_assert_eq(p->fx.counts.fetches, tries);
        const uint64_t due_ns = dp_next_fetch(&p->dp);
        cr_assert_eq(due_ns - now_ns, (tries < 4 ? tries : 4) * p->dp.config.fetch_ns);
        turn_at(p, due_ns - 1);
        cr_assert_eq(p->fx.counts.fetches, tries);
        now_ns = due_ns;
    }
    destroy(p);
}

Test(dp, a_car_beyond_the_window_is_asked_for_only_when_it_is_final)
{
    struct plane *p = create();
    const struct vmask voters = {{0xe, 0}};
    const struct wire_car last = car_of(p, 2, WIRE_LANE_WINDOW, 0), beyond = car_of(p, 2, WIRE_LANE_WINDOW + 1, 0);
    const struct car_name names[] = {name_of(&last), name_of(&beyond)};
    for (unsigned i = 0; i < 2; i++)
        dp_need(&p->dp, &names[i], voters, false, true);
    cr_assert(dp_fetch_of(&p->dp, &names[0]));
    cr_assert_null(dp_fetch_of(&p->dp, &names[1]), "it could not be stored");
    dp_need(&p->dp, &names[1], voters, true, true);
    turn_at(p, 1);
    cr_assert_eq(p->fx.counts.fetches, 2);
    destroy(p);
}

Test(dp, two_headers_of_a_position_are_proved_and_one_is_acked)
{
    struct plane *p = create();
    const struct effect *e;
    const struct wire_car a = car_of(p, 2, 1, 0), b = car_of(p, 2, 1, WIRE_CAR_HELD_BACK);
    dp_on_car(&p->dp, 2, 0, &a);
    dp_on_car(&p->dp, 2, 0, &b);
    cr_assert_eq(effects_of(p, EFFECT_STORE_CAR, &e), 1);
    cr_assert_eq(effects_of(p, EFFECT_EVIDENCE, &e), 1);
    cr_assert_eq(e->peer, 2);
    // A block that names the other one: it is fetched and held, but not acked.
    const struct vmask nobody = {{0, 0}};
    const struct car_name other = name_of(&b);
    dp_need(&p->dp, &other, nobody, false, true);
    dp_on_car(&p->dp, 1, 0, &b);
    cr_assert_eq(effects_of(p, EFFECT_STORE_CAR, &e), 2);
    cr_assert(!e->ack);
    destroy(p);
}

Test(dp, a_forged_header_is_refused_and_its_sender_banned)
{
    struct plane *p = create();
    const struct effect *e;
    struct wire_car car = car_of(p, 2, 1, 0);
    car.signature.b[3] ^= 1;
    dp_on_car(&p->dp, 2, 0, &car);
    cr_assert_eq(effects_of(p, EFFECT_STORE_CAR, &e), 0);
    cr_assert_eq(effects_of(p, EFFECT_BAN, &e), 1);
    destroy(p);
}

Test(dp, an_invalid_body_is_evidence_and_never_acked)
{
    struct plane *p = create();
    const struct effect *e;
    static const uint8_t body[] = {0xbd, 1, 2, 3};
    struct wire_car car = {.lane = 2, .pos = 1, .stripe_bitmap = 1};
    car.stripes[0] = (struct wire_stripe_ref){wire_stripe_digest(bytes_of(body, sizeof body)), sizeof body, 1, 21000};
    car.digest = wire_car_digest(&p->set.wire, 0, &car);
    p->signing[2]->ops->sign(p->signing[2], &car.signature, &car.digest);
    dp_on_car(&p->dp, 2, 0, &car);
    const struct car_name name = name_of(&car);
    dp_car_invalid(&p->dp, &name, 0, bytes_of(body, sizeof body));
    cr_assert_eq(effects_of(p, EFFECT_EVIDENCE, &e), 1);
    cr_assert_eq(e->peer, 2);
    dp_on_car(&p->dp, 2, 0, &car);
    cr_assert_eq(effects_of(p, EFFECT_STORE_CAR, &e), 1);
    cr_assert_eq(p->dp.acks_unsent, 0);
    destroy(p);
}

Test(dp, the_owner_stops_at_its_window_and_goes_on_when_cars_are_final)
{
    struct plane *p = create();
    for (unsigned i = 0; i < WIRE_LANE_WINDOW; i++) {
        struct wire_car car = {0};
        cr_assert(dp_make_car(&p->dp, &car));
        cr_assert_eq(car.pos, i + 1);
    }
    struct wire_car more = {0};
    cr_assert(!dp_make_car(&p->dp, &more));
    const uint32_t tips[N] = {3, 0, 0, 0};
    dp_set_floor(&p->dp, tips, 1, 1);
    cr_assert(dp_make_car(&p->dp, &more));
    cr_assert_eq(more.pos, WIRE_LANE_WINDOW + 1);
    destroy(p);
}

Test(dp, after_a_crash_a_lost_position_is_due_and_the_later_ones_are_not_made_twice)
{
    struct plane *p = create();
    const struct effect *e;
    const struct wire_car stored[] = {car_of(p, 0, 1, 0), car_of(p, 0, 3, WIRE_CAR_HELD_BACK), car_of(p, 0, 4, 0)};
    for (unsigned i = 0; i < 2; i++)
        dp_restore_car(&p->dp, &stored[i], true);
    dp_start(&p->dp);
    cr_assert(dp_own_gap(&p->dp), "position 2 is lost, 3 is not");
    cr_assert(p->dp.lanes[0].held_back, "as position 3 says");
    struct wire_car car = {0};
    cr_assert(dp_make_car(&p->dp, &car));
    cr_assert_eq(car.pos, 2);
    cr_assert_eq(effects_of(p, EFFECT_STORE_CAR, &e), 1);
    cr_assert(!dp_own_gap(&p->dp));
    cr_assert(p->dp.lanes[0].held_back, "a car below the highest one says nothing of now");
    cr_assert(dp_make_car(&p->dp, &car));
    cr_assert_eq(car.pos, 4);
    cr_assert(!p->dp.lanes[0].held_back);
    cr_assert_eq(effects_of(p, EFFECT_STORE_CAR, &e), 2);
    destroy(p);

    p = create();
    dp_restore_car(&p->dp, &stored[0], true);
    dp_start(&p->dp);
    cr_assert(!dp_own_gap(&p->dp), "nothing after the lost position");
    dp_restore_car(&p->dp, &stored[2], true);
    cr_assert(dp_own_gap(&p->dp));
    const uint32_t tips[N] = {4};
    dp_set_floor(&p->dp, tips, 9, 9);
    cr_assert(!dp_own_gap(&p->dp), "final");
    destroy(p);
}

Test(dp, execution_results_count_for_heights_near_the_floor_only)
{
    struct plane *p = create();
    const bytes32 root = {{1}}, other = {{2}};
    uint64_t height;
    bytes32 best;
    for (unsigned v = 1; v < N; v++) {
        dp_said_root(&p->dp, v, 5, &root);
        dp_said_root(&p->dp, v, 1000000, &root);
    }
    cr_assert(dp_best_exec(&p->dp, 0, &height, &best));
    cr_assert_eq(height, 5);
    cr_assert(!dp_best_exec(&p->dp, 5, &height, &best));
    cr_assert_eq(dp_contradicted(&p->dp, 5), 0);
    dp_executed(&p->dp, 5, &other);
    cr_assert_eq(dp_contradicted(&p->dp, 5), 3);
    destroy(p);
}
