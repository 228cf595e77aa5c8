// Gathering cars on one shard: bodies in any order, early, twice, wrong; what is stored, reported and let go.
#include "engine/cars/gather.h"
#include "engine/sim/sim_disk.h"
#include "tests/engine/cars_fixture.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { ME = 0, OWNER = 1, OTHER = 2 };

struct bed {
    struct arena *arena;
    struct sim_disk *disk;
    struct car_log *log;
    struct gather *gather;
};

static struct bed bed_over(struct sim_disk *disk, unsigned shard, unsigned shard_count)
{
    const struct car_log_options options = {.genesis_hash = {{1}}, .segment_bytes = 1 << 20};
    char error[STORE_ERROR_MAX];
    struct bed b = {.arena = arena_create(), .disk = disk};
    b.log = car_log_open(sim_disk_disk(b.disk), &options, error);
    cr_assert(b.log, "%s", error);
    const struct gather_options gather = {.shard = shard,
                                          .shard_count = shard_count,
                                          .me = ME,
                                          .peers = 4,
                                          .rules = CARS_RULES,
                                          .set = &CARS_SET,
                                          .log = b.log,
                                          .arena = b.arena};
    b.gather = gather_create(&gather);
    return b;
}

static struct bed bed_open(unsigned shard, unsigned shard_count)
{
    return bed_over(sim_disk_create(7), shard, shard_count);
}

static void bed_end(struct bed *b)
{
    gather_free(b->gather);
    car_log_close(b->log);
    arena_destroy(b->arena);
}

static void bed_close(struct bed *b)
{
    bed_end(b);
    sim_disk_free(b->disk);
}

static void want(struct bed *b, const struct cars_car *c, bool ack)
{
    gather_want(b->gather, &c->name, &c->car, ack);
}

static bool give(struct bed *b, unsigned peer, const struct cars_car *c, unsigned stripe)
{
    const struct wire_car_stripe m = {c->name.lane, c->name.pos, (uint16_t)stripe, c->bodies[stripe]};
    return gather_body(b->gather, peer, c->name.epoch, &m, NULL);
}

static void run(struct bed *b)
{
    uint64_t next;
    while (gather_step(b->gather, 0, &next) || car_log_in_flight(b->log))
        ;
    gather_step(b->gather, 0, &next);
}

static struct part_report take(struct bed *b)
{
    struct part_report r;
    run(b);
    cr_assert(gather_take(b->gather, &r), "nothing was reported");
    return r;
}

static void expect_nothing(struct bed *b)
{
    struct part_report r;
    run(b);
    cr_assert(!gather_take(b->gather, &r));
}

static void expect_stored(struct bed *b, const struct cars_car *c, uint16_t stripes, size_t each)
{
    const struct part_report r = take(b);
    cr_assert_eq(r.status, PART_STORED);
    cr_assert(bytes32_equal(&r.part->name.digest, &c->name.digest));
    cr_assert_eq(r.part->stripes, stripes);
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        const bool here = stripes >> s & 1;
        cr_assert_eq(r.part->counts[s], here ? each : 0);
        for (size_t i = 0; here && i < each; i++)
            cr_assert_eq(stripe_of_key(r.part->txs[s][i].sender_key), s);
        cr_assert(!here || bytes_equal(r.part->bodies[s], c->bodies[s]));
    }
    const struct car_entry *e = car_log_find(b->log, &c->name);
    cr_assert(e && e->durable && e->stripes == stripes && e->acked == r.part->ack);
}

Test(gather, stripes_belong_to_the_owner_of_their_first_partition)
{
    for (unsigned count = 1; count <= 40; count++) {
        unsigned all = 0;
        for (unsigned shard = 0; shard < count; shard++) {
            const uint16_t mine = gather_stripes_of(shard, count);
            cr_assert_eq(all & mine, 0);
            all |= mine;
        }
        cr_assert_eq(all, 0xffff, "%u shards", count);
    }
    cr_assert_eq(gather_stripes_of(1, 2), 0xff00);
    const struct wire_car empty = {.lane = 1}, last = {.stripe_bitmap = 0x8000};
    cr_assert(gather_has_part(0, 2, &empty) && !gather_has_part(1, 2, &empty));
    cr_assert(!gather_has_part(0, 2, &last) && gather_has_part(1, 2, &last));
}

Test(gather, a_car_is_stored_when_all_its_bodies_have_come_in_any_order)
{
    struct bed b = bed_open(0, 1);
    struct cars_car c = cars_car(0, OWNER, 1, 0x8021, 4);
    want(&b, &c, true);
    cr_assert(give(&b, OWNER, &c, 15));
    cr_assert(give(&b, OWNER, &c, 0));
    expect_nothing(&b);
    cr_assert(give(&b, OWNER, &c, 5));
    expect_stored(&b, &c, 0x8021, 4);
    expect_nothing(&b);
    want(&b, &c, true);
    expect_nothing(&b);
    gather_release(b.gather, &c.name);
    cr_assert_null(gather_find(b.gather, &c.name));
    cr_assert_eq(gather_numbers(b.gather).wanted, 0);
    cars_car_free(&c);
    bed_close(&b);
}

Test(gather, a_shard_takes_its_own_stripes_only)
{
    struct bed b = bed_open(1, 2);
    struct cars_car c = cars_car(0, OWNER, 1, 0x0101, 2);
    want(&b, &c, false);
    cr_assert(!give(&b, OWNER, &c, 0));
    cr_assert(give(&b, OWNER, &c, 8));
    expect_stored(&b, &c, 0x0100, 2);
    cars_car_free(&c);
    bed_close(&b);
}

Test(gather, bodies_may_come_before_their_header_and_from_those_who_serve_them)
{
    struct bed b = bed_open(0, 1);
    struct cars_car c = cars_car(0, OWNER, 3, 0x0006, 3);
    cr_assert(give(&b, OWNER, &c, 1));
    cr_assert(give(&b, OTHER, &c, 2));
    cr_assert_eq(gather_numbers(b.gather).early, 2);
    want(&b, &c, true);
    cr_assert_eq(gather_numbers(b.gather).early, 0);
    expect_stored(&b, &c, 0x0006, 3);
    cars_car_free(&c);
    bed_close(&b);
}

Test(gather, a_body_in_memory_of_its_own_is_taken_over)
{
    struct bed b = bed_open(0, 1);
    struct cars_car c = cars_car(0, OWNER, 1, 1, 2);
    want(&b, &c, true);
    for (int i = 0; i < 2; i++) { // the second is dropped, and its memory with it
        uint8_t *memory = malloc(20 + c.bodies[0].len);
        memcpy(memory + 20, c.bodies[0].ptr, c.bodies[0].len);
        const struct wire_car_stripe m = {OWNER, 1, 0, bytes_of(memory + 20, c.bodies[0].len)};
        cr_assert_eq(gather_body(b.gather, OWNER, 0, &m, memory), i == 0);
    }
    expect_stored(&b, &c, 1, 2);
    cars_car_free(&c);
    bed_close(&b);
}

Test(gather, duplicates_strangers_and_what_is_far_off_are_dropped)
{
    struct bed b = bed_open(0, 1);
    struct cars_car c = cars_car(5, OWNER, 41, 1, 1);
    const uint32_t tips[4] = {0, 40, 0, 0};
    gather_floor(b.gather, 5, tips);
    want(&b, &c, true);
    cr_assert(give(&b, OWNER, &c, 0));
    cr_assert(!give(&b, OWNER, &c, 0), "a duplicate");
    expect_stored(&b, &c, 1, 1);
    cr_assert(!give(&b, OTHER, &c, 0), "a duplicate of what is stored");
    struct wire_car_stripe m = {OWNER, 40, 0, c.bodies[0]};
    cr_assert(!gather_body(b.gather, OWNER, 5, &m, NULL), "final already");
    m.pos = 41 + 2 * WIRE_LANE_WINDOW;
    cr_assert(!gather_body(b.gather, OWNER, 5, &m, NULL), "far off");
    m.pos = 42;
    cr_assert(!gather_body(b.gather, OWNER, 4, &m, NULL), "an earlier epoch's");
    cr_assert(!gather_body(b.gather, 4, 5, &m, NULL), "no peer's");
    m.lane = 4;
    cr_assert(!gather_body(b.gather, OWNER, 5, &m, NULL), "no lane's");
    m.lane = ME;
    cr_assert(!gather_body(b.gather, OWNER, 5, &m, NULL), "the own lane's, which nobody asked for");
    cr_assert_eq(gather_numbers(b.gather).early, 0);
    cr_assert_eq(gather_numbers(b.gather).dropped, 8);
    cars_car_free(&c);
    bed_close(&b);
}

Test(gather, early_bodies_are_bounded_by_peer_and_the_oldest_go)
{
    struct bed b = bed_open(0, 1);
    static uint8_t junk[WIRE_STRIPE_BYTES_MAX];
    struct wire_car_stripe m = {OWNER, 1, 0, bytes_of(junk, sizeof junk)};
    for (uint32_t i = 0; i < 4 * GATHER_EARLY_MAX; i++) {
        m.pos = 1 + i % 32;
        m.stripe = (uint16_t)(i % WIRE_STRIPES);
        gather_body(b.gather, OWNER, 0, &m, NULL);
        cr_assert_leq(gather_numbers(b.gather).early_bytes, GATHER_EARLY_BYTES);
    }
    cr_assert_eq(gather_numbers(b.gather).early, GATHER_EARLY_BYTES / sizeof junk);
    struct cars_car c = cars_car(0, OTHER, 1, 1, 1);
    cr_assert(give(&b, OTHER, &c, 0));
    m.body.len = 200;
    for (uint32_t i = 0; i < 4 * GATHER_EARLY_MAX; i++)
        gather_body(b.gather, OWNER, 0, &m, NULL);
    cr_assert_eq(gather_numbers(b.gather).early, GATHER_EARLY_MAX + 1);
    want(&b, &c, true);
    expect_stored(&b, &c, 1, 1); // another peer's is still there
    const uint32_t tips[4] = {0, 32, 0, 0};
    gather_floor(b.gather, 0, tips);
    cr_assert_eq(gather_numbers(b.gather).early, 0);
    cr_assert_eq(gather_numbers(b.gather).early_bytes, 0);
    cars_car_free(&c);
    bed_close(&b);
}

// Changes a transaction's witness in the body of stripe s, and makes the header name what comes of it.
static void spoil(struct cars_car *c, unsigned s)
{
    uint8_t *body = (uint8_t *)c->bodies[s].ptr;
    body[2 + 7] ^= 1; // the first key
    c->car.stripes[s].digest = wire_stripe_digest(c->bodies[s]);
    cars_seal(c, c->name.epoch);
}

Test(gather, an_invalid_body_is_reported_with_its_stripe_and_never_stored)
{
    struct bed b = bed_open(0, 1);
    struct cars_car c = cars_car(0, OWNER, 1, 0x0007, 20), good = cars_car(0, OTHER, 1, 0x0002, 20);
    spoil(&c, 1);
    want(&b, &c, true);
    want(&b, &good, true);
    for (unsigned s = 0; s < 3; s++)
        give(&b, OWNER, &c, s);
    give(&b, OTHER, &good, 1);
    struct part_report r = take(&b);
    cr_assert(r.status == PART_INVALID && r.stripe == 1 && bytes_equal(r.body, c.bodies[1]));
    cr_assert(r.verdict.fault == STRIPE_BAD_TX && r.verdict.detail == TX_WRONG_WITNESS);
    expect_stored(&b, &good, 2, 20); // what was checked with it is not
    expect_nothing(&b);
    cr_assert_null(car_log_find(b.log, &c.name));
    cr_assert(!give(&b, OWNER, &c, 1));
    gather_release(b.gather, &c.name);
    // The lane's next car is checked by itself, and valid.
    struct cars_car next = cars_car(0, OWNER, 2, 0x0001, 20);
    want(&b, &next, true);
    give(&b, OWNER, &next, 0);
    expect_stored(&b, &next, 1, 20);
    cars_car_free(&c);
    cars_car_free(&good);
    cars_car_free(&next);
    bed_close(&b);
}

Test(gather, a_car_is_checked_when_its_last_body_has_come)
{
    struct bed b = bed_open(0, 1);
    struct cars_car c = cars_car(0, OWNER, 1, 0x0007, 5);
    spoil(&c, 1);
    want(&b, &c, true);
    give(&b, OWNER, &c, 1);
    give(&b, OWNER, &c, 2);
    expect_nothing(&b);
    give(&b, OWNER, &c, 0);
    const struct part_report r = take(&b);
    cr_assert(r.status == PART_INVALID && r.stripe == 1);
    cars_car_free(&c);
    bed_close(&b);
}

Test(gather, a_body_that_does_not_decode_is_invalid_too)
{
    struct bed b = bed_open(0, 1);
    struct cars_car c = cars_car(0, OWNER, 1, 1, 2);
    c.car.stripes[0].txs = 3;
    cars_seal(&c, 0);
    want(&b, &c, true);
    give(&b, OWNER, &c, 0);
    const struct part_report r = take(&b);
    cr_assert(r.status == PART_INVALID && r.verdict.fault == STRIPE_BAD_COUNT);
    cars_car_free(&c);
    bed_close(&b);
}

Test(gather, two_cars_of_one_position_are_gathered_side_by_side)
{
    struct bed b = bed_open(0, 1);
    struct cars_car x = cars_car(0, OWNER, 1, 3, 2), y = cars_car(0, OWNER, 1, 3, 2);
    cr_assert(give(&b, OWNER, &y, 1)); // before both headers
    want(&b, &x, true);
    cr_assert_eq(gather_numbers(b.gather).early, 1, "it is not x's");
    want(&b, &y, false);
    cr_assert(give(&b, OTHER, &y, 0));
    expect_stored(&b, &y, 3, 2);
    cr_assert(give(&b, OWNER, &x, 0) && give(&b, OWNER, &x, 1));
    expect_stored(&b, &x, 3, 2);
    gather_release(b.gather, &y.name);
    cr_assert(gather_find(b.gather, &x.name) && !gather_find(b.gather, &y.name));
    cars_car_free(&x);
    cars_car_free(&y);
    bed_close(&b);
}

Test(gather, an_own_car_is_stored_as_it_was_made_without_being_checked)
{
    struct bed b = bed_open(0, 1);
    struct cars_txs txs = cars_txs(4, 5, 2);
    struct cars_car c = {.car = {.lane = ME, .pos = 1, .stripe_bitmap = 1 << 4}};
    cr_assert(gather_make(b.gather, 4, txs.execs, 5, &c.car.stripes[4]));
    cars_seal(&c, 0);
    want(&b, &c, true);
    const struct part_report r = take(&b);
    cr_assert(r.status == PART_STORED && r.part->own && r.part->counts[4] == 5);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(r.part->txs[4][i].tx, txs.execs[i].tx, "the pool's own");
    // What is made and not wanted is dropped.
    struct wire_stripe_ref ref;
    cr_assert(gather_make(b.gather, 4, txs.execs, 3, &ref));
    gather_unmake(b.gather);
    struct cars_car other = {.car = {.lane = ME, .pos = 2, .stripe_bitmap = 1 << 4}};
    other.car.stripes[4] = ref;
    cars_seal(&other, 0);
    want(&b, &other, true);
    expect_nothing(&b);
    cars_txs_free(&txs);
    bed_close(&b);
}

Test(gather, an_empty_car_is_stored_by_its_header)
{
    struct bed b = bed_open(0, 1);
    struct cars_car c = cars_car(0, OWNER, 1, 0, 0);
    want(&b, &c, true);
    expect_stored(&b, &c, 0, 0);
    cars_car_free(&c);
    bed_close(&b);
}

Test(gather, what_is_stored_is_lent_again_after_a_restart)
{
    struct bed b = bed_open(0, 1);
    struct cars_car c = cars_car(0, OWNER, 1, 0x0011, 6);
    char error[STORE_ERROR_MAX];
    want(&b, &c, false);
    give(&b, OWNER, &c, 0);
    give(&b, OWNER, &c, 4);
    expect_stored(&b, &c, 0x11, 6);
    bed_end(&b);
    b = bed_over(b.disk, 0, 1);
    cr_assert_null(gather_find(b.gather, &c.name));
    const struct car_part *part = gather_load(b.gather, &c.name, error);
    cr_assert(part, "%s", error);
    cr_assert(part->stripes == 0x11 && part->counts[4] == 6 && stripe_of_key(part->txs[4][5].sender_key) == 4);
    cr_assert_eq(gather_load(b.gather, &c.name, error), part);
    gather_release(b.gather, &c.name);
    // Wanted with an ack: the log gets to know of it.
    want(&b, &c, true);
    expect_stored(&b, &c, 0x11, 6);
    cr_assert(car_log_find(b.log, &c.name)->acked);
    struct cars_car unknown = cars_car(0, OWNER, 2, 1, 1);
    cr_assert_null(gather_load(b.gather, &unknown.name, error));
    cars_car_free(&c);
    cars_car_free(&unknown);
    bed_close(&b);
}

Test(gather, a_new_epoch_drops_what_was_not_complete)
{
    struct bed b = bed_open(0, 1);
    struct cars_car c = cars_car(0, OWNER, 1, 3, 1), held = cars_car(0, OWNER, 2, 1, 1);
    static const uint32_t tips[4];
    want(&b, &c, true);
    want(&b, &held, true);
    give(&b, OWNER, &c, 0);
    give(&b, OWNER, &held, 0);
    expect_stored(&b, &held, 1, 1);
    gather_floor(b.gather, 1, tips);
    cr_assert_null(gather_find(b.gather, &c.name));
    cr_assert(gather_find(b.gather, &held.name));
    want(&b, &c, false); // final after all
    give(&b, OTHER, &c, 0);
    give(&b, OTHER, &c, 1);
    expect_stored(&b, &c, 3, 1);
    cars_car_free(&c);
    cars_car_free(&held);
    bed_close(&b);
}

Test(gather, releasing_at_any_moment_leaves_nothing_behind)
{
    uint64_t random = test_seed("gather release");
    struct bed b = bed_open(0, 1);
    struct cars_car cars[6];
    struct part_report r;
    uint64_t next;
    for (uint32_t i = 0; i < 6; i++) {
        cars[i] = cars_car(0, OWNER, i + 1, 3, 1);
        if (i == 4)
            spoil(&cars[i], 1);
    }
    for (int round = 0; round < 2000; round++) {
        struct cars_car *c = &cars[test_random(&random) % 6];
        switch (test_random(&random) % 6) {
        case 0:
            want(&b, c, test_random(&random) % 2);
            break;
        case 1:
        case 2:
            give(&b, OWNER, c, (unsigned)(test_random(&random) % 2));
            break;
        case 3:
            gather_release(b.gather, &c->name);
            break;
        case 4:
            gather_step(b.gather, (uint64_t)round, &next);
            break;
        default:
            while (gather_take(b.gather, &r))
                cr_assert(r.part->name.pos == 5 ? r.status == PART_INVALID : r.status == PART_STORED);
        }
    }
    run(&b);
    for (unsigned i = 0; i < 6; i++)
        gather_release(b.gather, &cars[i].name);
    cr_assert_eq(gather_numbers(b.gather).wanted, 0);
    cr_assert(!gather_take(b.gather, &r));
    for (unsigned i = 0; i < 6; i++)
        cars_car_free(&cars[i]);
    bed_close(&b);
}

Test(gather, a_log_that_is_full_or_fails_refuses_with_the_reason)
{
    struct bed b = bed_open(0, 1);
    struct cars_car c = cars_car(0, OWNER, 1, 1, 1);
    want(&b, &c, true);
    give(&b, OWNER, &c, 0);
    sim_disk_power_off_after(b.disk, 1);
    uint64_t next;
    for (int i = 0; i < 50 && !car_log_failed(b.log); i++)
        gather_step(b.gather, 0, &next);
    cr_assert(car_log_failed(b.log));
    struct cars_car d = cars_car(0, OWNER, 2, 1, 1);
    want(&b, &d, true);
    give(&b, OWNER, &d, 0);
    const struct part_report r = take(&b);
    cr_assert(r.status == PART_REFUSED && r.why && r.part->name.pos == 2);
    cars_car_free(&c);
    cars_car_free(&d);
    bed_close(&b);
}
