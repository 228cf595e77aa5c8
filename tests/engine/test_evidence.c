// Evidence of invalid bodies that peers send: judged before it is kept.
#include "engine/cars/body_judge.h"
#include "engine/sim/sim_private.h"
#include "tests/engine/cars_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define N 4

struct bed {
    struct vset set;
    struct effects fx;
    struct evidence evidence;
    struct signing *signing[N];
    struct body_judge *judge;
};

static struct bed *bed_open(bool judging)
{
    struct bed *b = calloc(1, sizeof *b);
    const uint32_t weights[N] = {1, 1, 1, 1};
    bytes32 keys[N];
    for (unsigned i = 0; i < N; i++) {
        keys[i] = sim_public_key(i);
        b->signing[i] = sim_signing(i);
    }
    vset_init(&b->set, CARS_CHAIN, N, weights, keys);
    effects_init(&b->fx);
    b->fx.set = &b->set;
    b->judge = body_judge_create(&CARS_RULES);
    b->evidence.signing = b->signing[0];
    if (judging)
        b->evidence.body_check = body_judge_check(b->judge);
    evidence_start_epoch(&b->evidence, &b->set, 0);
    return b;
}

static void bed_close(struct bed *b)
{
    b->fx.turn = 0;
    effects_clear(&b->fx);
    body_judge_free(b->judge);
    for (unsigned i = 0; i < N; i++)
        b->signing[i]->ops->free(b->signing[i]);
    free(b);
}

// A header of lane 2 over this body, signed, shown as evidence.
static struct wire_message *message(const struct bed *b, struct bytes body, uint32_t txs, uint64_t gas)
{
    static struct wire_message m;
    memset(&m, 0, sizeof m);
    m.type = WIRE_EVIDENCE;
    m.evidence.offence = WIRE_BAD_BODY;
    struct wire_car *car = &m.evidence.bad_body.car;
    *car = (struct wire_car){.lane = 2, .pos = 1, .stripe_bitmap = 1 << 6};
    car->stripes[6] = (struct wire_stripe_ref){wire_stripe_digest(body), (uint32_t)body.len, txs, gas};
    car->digest = wire_car_digest(&b->set.wire, 0, car);
    b->signing[2]->ops->sign(b->signing[2], &car->signature, &car->digest);
    m.evidence.bad_body.stripe = 6;
    m.evidence.bad_body.body = body;
    return &m;
}

Test(evidence, of_a_body_that_is_invalid_is_kept_and_told)
{
    struct bed *b = bed_open(true);
    struct wire_stripe_ref ref;
    uint8_t *body = cars_body(&ref, 6, 3, 2);
    body[ref.bytes - 1] ^= 1; // the last signature
    cr_assert(evidence_take(&b->evidence, &b->fx, message(b, bytes_of(body, ref.bytes), 3, ref.gas), true));
    cr_assert_eq(b->evidence.count[2], 1);
    free(body);
    bed_close(b);
}

Test(evidence, of_a_body_that_is_valid_proves_nothing)
{
    struct bed *b = bed_open(true);
    struct wire_stripe_ref ref;
    uint8_t *body = cars_body(&ref, 6, 3, 2);
    cr_assert(!evidence_take(&b->evidence, &b->fx, message(b, bytes_of(body, ref.bytes), 3, ref.gas), true));
    cr_assert_eq(b->evidence.count[2], 0);
    cr_assert(evidence_take(&b->evidence, &b->fx, message(b, bytes_of(body, ref.bytes), 4, ref.gas), true),
              "a wrong count");
    cr_assert_eq(b->evidence.count[2], 1);
    free(body);
    bed_close(b);
}

Test(evidence, of_a_header_that_says_less_gas_than_its_body_has_is_kept)
{
    struct bed *b = bed_open(true);
    struct wire_stripe_ref ref;
    uint8_t *body = cars_body(&ref, 6, 3, 2);
    cr_assert(evidence_take(&b->evidence, &b->fx, message(b, bytes_of(body, ref.bytes), 3, ref.gas - 1), true));
    cr_assert_eq(b->evidence.count[2], 1);
    free(body);
    bed_close(b);
}

Test(evidence, of_bodies_is_not_taken_from_peers_unjudged_but_from_the_own_log)
{
    struct bed *b = bed_open(false);
    static const uint8_t body[] = {0xbd, 1, 2, 3};
    struct wire_message *m = message(b, bytes_of(body, sizeof body), 1, 21000);
    cr_assert(evidence_take(&b->evidence, &b->fx, m, true));
    cr_assert_eq(b->evidence.count[2], 0);
    cr_assert(evidence_take(&b->evidence, &b->fx, m, false));
    cr_assert_eq(b->evidence.count[2], 1);
    bed_close(b);
}
