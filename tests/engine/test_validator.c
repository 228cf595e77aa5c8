// One validator with real signatures on simulated disks: what it makes durable, reads back, and refuses.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "engine/consensus_view.h"
#include "engine/net/wire/digest.h"
#include "engine/order/validator.h"
#include "engine/sim/sim_disk.h"

#define MS 1000000ull

struct alone {
    struct sim_disk *log, *guard;
    struct signing *signing;
    struct vset set;
    struct validator_config config;
    struct validator *v;
    uint64_t now_ns;
    uint64_t delivered;
    unsigned evidence;
    struct shared_bytes *proposal; // the last one that was sent
    bool stops_shortening;         // settle leaves a log that is being shortened as it is
    struct car_name stored[4096];
    size_t stored_count;
};

static bool has_car(void *ctx, const struct car_name *name)
{
    const struct alone *a = ctx;
    for (size_t i = 0; i < a->stored_count; i++) {
        if (memcmp(&a->stored[i], name, sizeof *name) == 0)
            return true;
    }
    return false;
}

static struct alone *create(unsigned n)
{
    struct alone *a = calloc(1, sizeof *a);
    bytes32 keys[4] = {{{0}}}, secret = {{0}};
    uint32_t weights[4] = {1, 1, 1, 1};
    for (unsigned i = n; i-- > 0;) {
        secret.b[31] = (uint8_t)(i + 1);
        if (a->signing)
            a->signing->ops->free(a->signing);
        a->signing = signing_secp(&secret, &keys[i]);
    }
    vset_init(&a->set, 1337, n, weights, keys);
    a->log = sim_disk_create(1);
    a->guard = sim_disk_create(2);
    sim_disk_prompt(a->log);
    sim_disk_prompt(a->guard);
    a->config = (struct validator_config){
        .ord = {.delta_ns = 5 * MS,
                .fsync_ns = MS,
                .idle_ns = 10 * MS,
                .block_ns = MS,
                .skip_ns = 2000 * MS,
                .drift_ms = 500,
                .stale_ms = 2000,
                .epoch_blocks = 1000,
                .retain_blocks = 5000,
                .cars_per_lane = 8,
                .signing = a->signing},
        .dp = {.ack_tick_ns = MS,
               .ack_state_ns = 1000 * MS,
               .car_retry_ns = 1000 * MS,
               .fetch_ns = 50 * MS,
               .fetch_grace_ns = 5 * MS,
               .window_bytes = 16 << 20,
               .signing = a->signing,
               .store = {.has = has_car, .ctx = a}},
        .genesis_hash = {{1}},
        .genesis_time_ms = 1000,
        .segment_bytes = 1 << 20,
        .snapshot_turns = 100,
        .log_disk = sim_disk_disk(a->log),
        .guard_disk = sim_disk_disk(a->guard),
    };
    return a;
}

static uint64_t wall_ms(const struct alone *a)
{
    return 2000 + a->now_ns / MS;
}

// Ends the turn. False: what it is to write is under way.
static bool end_turn(struct alone *a)
{
    validator_end(a->v);
    if (a->stops_shortening && a->v->retain_from > 0)
        return false;
    for (unsigned i = 0; i < 100 && validator_disk_busy(a->v); i++)
        validator_disk(a->v);
    return true;
}

static void keep_proposal(struct alone *a, struct shared_bytes *bytes)
{
    if (a->proposal)
        shared_bytes_unref(a->proposal);
    a->proposal = bytes;
    if (bytes)
        bytes->refs++;
}

static void settle(struct alone *a)
{
    struct effect e;
    bool on = end_turn(a);
    while (on && validator_take(a->v, &e)) {
        validator_begin(a->v, a->now_ns, wall_ms(a));
        if (e.kind == EFFECT_STORE_CAR) {
            a->stored[a->stored_count++] = e.name;
            dp_car_stored(&a->v->dp, &e.name, e.ack);
        } else if (e.kind == EFFECT_DELIVER) {
            a->delivered++;
        } else if (e.kind == EFFECT_EXECUTE) {
            dp_executed(&a->v->dp, e.block->header.height, &e.block->digest);
        }
        a->evidence += e.kind == EFFECT_EVIDENCE;
        // The type stands behind the version.
        if (e.kind == EFFECT_SEND && e.bytes->bytes[2] == WIRE_PROPOSAL)
            keep_proposal(a, e.bytes);
        effect_free(&e);
        on = end_turn(a);
    }
}

static bool start(struct alone *a, char error[STORE_ERROR_MAX])
{
    a->v = validator_open(&a->config, &a->set, error);
    if (!a->v)
        return false;
    a->now_ns += MS;
    validator_start(a->v, a->now_ns, wall_ms(a), chain_last(&a->v->ord.chain));
    settle(a);
    return true;
}

static void pass(struct alone *a, uint64_t ms)
{
    const uint64_t end = a->now_ns + ms * MS;
    while (a->now_ns < end) {
        a->now_ns += MS;
        validator_begin(a->v, a->now_ns, wall_ms(a));
        validator_timers(a->v);
        settle(a);
    }
}

static void give_car(struct alone *a)
{
    struct wire_car car = {0};
    validator_begin(a->v, a->now_ns, wall_ms(a));
    cr_assert(dp_make_car(&a->v->dp, &car));
    settle(a);
}

static void hear_epoch(struct alone *a, unsigned src, uint64_t epoch)
{
    struct wire_message m = {.type = WIRE_ACKS, .epoch = epoch};
    uint8_t bytes[64];
    cr_assert_leq(wire_size(&m), sizeof bytes);
    wire_encode(bytes, &m);
    validator_begin(a->v, a->now_ns, wall_ms(a));
    cr_assert_eq(validator_message(a->v, src, bytes_of(bytes, wire_size(&m))), WIRE_OK);
    settle(a);
}

static void stop(struct alone *a)
{
    if (a->v)
        validator_close(a->v);
    a->v = NULL;
    sim_disk_restart(a->log);
    sim_disk_restart(a->guard);
}

static void destroy(struct alone *a)
{
    stop(a);
    keep_proposal(a, NULL);
    sim_disk_free(a->log);
    sim_disk_free(a->guard);
    a->signing->ops->free(a->signing);
    free(a);
}

Test(validator, alone_it_orders_finalizes_and_reads_back_after_a_restart)
{
    char error[STORE_ERROR_MAX];
    struct alone *a = create(1);
    cr_assert(start(a, error), "%s", error);
    for (unsigned i = 0; i < 20; i++) {
        give_car(a);
        pass(a, 7);
    }
    pass(a, 50);
    cr_assert_gt(a->delivered, 5);
    cr_assert_eq(a->v->dp.lanes[0].fin_pos, 20);
    const uint64_t last = chain_last(&a->v->ord.chain);
    const bytes32 digest = chain_at(&a->v->ord.chain, last)->block->digest;
    stop(a);
    cr_assert(start(a, error), "%s", error);
    cr_assert_geq(chain_last(&a->v->ord.chain), last);
    cr_assert(bytes32_equal(&chain_at(&a->v->ord.chain, last)->block->digest, &digest));
    give_car(a);
    pass(a, 50);
    cr_assert_eq(a->v->dp.lanes[0].fin_pos, 21);
    destroy(a);
}

Test(validator, sends_its_proposal_again_after_a_restart)
{
    char error[STORE_ERROR_MAX];
    struct alone *a = NULL;
    // The genesis decides who leads the first view.
    for (uint8_t genesis = 1; genesis < 100 && (!a || !a->proposal); genesis++) {
        if (a)
            destroy(a);
        a = create(4);
        a->config.genesis_hash.b[0] = genesis;
        cr_assert(start(a, error), "%s", error);
        pass(a, 30);
    }
    cr_assert_not_null(a->proposal);
    struct shared_bytes *first = a->proposal;
    first->refs++;
    stop(a);
    keep_proposal(a, NULL);
    cr_assert(start(a, error), "%s", error);
    pass(a, 30);
    cr_assert_not_null(a->proposal);
    cr_expect(bytes_equal(bytes_of(a->proposal->bytes, a->proposal->len), bytes_of(first->bytes, first->len)));
    shared_bytes_unref(first);
    destroy(a);
}

Test(validator, without_its_log_but_with_its_guard_it_refuses_to_start_and_recovers_mute)
{
    char error[STORE_ERROR_MAX];
    struct alone *a = create(4);
    cr_assert(start(a, error), "%s", error);
    pass(a, 500); // nullifies a view or more
    cr_assert_gt(a->v->guard.sequence, 0);
    stop(a);
    sim_disk_free(a->log);
    a->log = sim_disk_create(5);
    sim_disk_prompt(a->log);
    a->config.log_disk = sim_disk_disk(a->log);
    cr_assert(!start(a, error));
    cr_assert_not_null(strstr(error, "recover"));
    a->config.recover = true;
    cr_assert(start(a, error), "%s", error);
    const uint64_t sequence = a->v->guard.sequence;
    pass(a, 2000);
    cr_assert_eq(a->v->guard.sequence, sequence, "it signed something");
    struct wire_car car = {0};
    cr_assert(!dp_make_car(&a->v->dp, &car));
    stop(a);
    a->config.recover = false;
    cr_assert(start(a, error), "a restart meanwhile: %s", error);
    pass(a, 2000);
    cr_assert_eq(a->v->guard.sequence, sequence, "it signed something");
    destroy(a);
}

Test(validator, what_operators_see_of_it_are_its_numbers)
{
    char error[STORE_ERROR_MAX];
    static struct consensus_view view;
    struct alone *a = create(1);
    cr_assert(start(a, error), "%s", error);
    give_car(a);
    consensus_view_take(&view, a->v);
    cr_expect(view.unfinal_cars == 1 && view.lanes[0].newest == 1 && view.lanes[0].finalized == 0);
    for (unsigned i = 0; i < 3; i++) {
        give_car(a);
        pass(a, 50);
    }
    consensus_view_take(&view, a->v);
    cr_expect(view.mode == CONSENSUS_VOTING && view.me == 0 && view.lane_count == 1 && view.peer_count == 1);
    cr_expect(view.view == a->v->ord.view && view.floor_height == chain_last(&a->v->ord.chain));
    cr_expect(view.lanes[0].finalized == 4 && view.lanes[0].newest == 4 && view.unfinal_cars == 0);
    cr_expect(view.counts.cars == 4 && view.counts.acks == 4 && view.counts.views >= view.view - 1);
    cr_expect(view.counts.votes[0] >= view.floor_height && view.counts.votes[1] == 0);
    cr_expect_eq(view.counts.certificates[2], view.counts.votes[2]);
    cr_expect_null(consensus_trouble(&view));
    destroy(a);

    a = create(4);
    cr_assert(start(a, error), "%s", error);
    pass(a, 10);
    hear_epoch(a, 2, 0);
    pass(a, 500); // alone of four
    consensus_view_take(&view, a->v);
    cr_expect(view.mode == CONSENSUS_VOTING && view.lane_count == 4 && view.floor_height == 0);
    cr_expect_eq(view.counts.votes[1], 1, "a timeout");
    cr_expect(view.peers[1].heard_ms_ago >= 510 && view.peers[2].heard_ms_ago == 500);
    pass(a, 31000);
    consensus_view_take(&view, a->v);
    cr_expect_not_null(strstr(consensus_trouble(&view), "has not moved"));
    destroy(a);
}

Test(validator, a_log_that_was_set_back_is_refused)
{
    char error[STORE_ERROR_MAX];
    struct alone *a = create(4);
    cr_assert(start(a, error), "%s", error);
    pass(a, 20);
    stop(a);
    struct sim_disk *earlier = sim_disk_copy(a->log);
    sim_disk_prompt(earlier);
    cr_assert(start(a, error), "%s", error);
    pass(a, 1000);
    stop(a);
    sim_disk_free(a->log);
    a->log = earlier;
    a->config.log_disk = sim_disk_disk(a->log);
    cr_assert(!start(a, error));
    cr_assert_not_null(strstr(error, "lacks votes"), "%s", error);
    destroy(a);
}

Test(validator, a_log_that_is_being_shortened_when_the_power_fails_can_be_read_again)
{
    char error[STORE_ERROR_MAX];
    struct alone *a = create(1);
    a->config.ord.retain_blocks = 5;
    a->config.snapshot_turns = 100;
    a->config.segment_bytes = 16 << 10;
    cr_assert(start(a, error), "%s", error);
    uint64_t first = wal_first(&a->v->wal);
    for (unsigned failures = 0; failures < 20; failures++) {
        a->stops_shortening = false;
        pass(a, 1500);
        cr_assert_gt(wal_first(&a->v->wal), first, "its earlier part is gone");
        first = wal_first(&a->v->wal);
        a->stops_shortening = true;
        while (a->v->retain_from == 0)
            pass(a, 1);
        const uint64_t last = chain_last(&a->v->ord.chain);
        sim_disk_power_off_after(a->log, 0);
        stop(a);
        cr_assert(start(a, error), "power failure %u: %s", failures, error);
        cr_assert_geq(chain_last(&a->v->ord.chain) + 1, last);
    }
    destroy(a);
}

Test(validator, recovering_it_waits_two_epochs_beyond_what_a_quorum_says_and_it_has_proved)
{
    char error[STORE_ERROR_MAX];
    struct alone *a = create(4);
    a->config.recover = true;
    cr_assert(start(a, error), "%s", error);
    hear_epoch(a, 1, 0);
    hear_epoch(a, 2, 0);
    hear_epoch(a, 3, 1000); // not proved: does not count
    cr_assert(a->v->ord.recovering);
    hear_epoch(a, 3, 0);
    cr_assert(!a->v->ord.recovering);
    cr_assert_eq(a->v->ord.vote_from, 2);
    stop(a);
    a->config.recover = false;
    cr_assert(start(a, error), "%s", error);
    cr_assert_eq(a->v->ord.vote_from, 2);
    destroy(a);
}

Test(validator, every_byte_of_garbage_is_refused_and_nothing_kept)
{
    char error[STORE_ERROR_MAX];
    struct alone *a = create(4);
    cr_assert(start(a, error), "%s", error);
    uint64_t state = 1;
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t noise[96];
        for (unsigned k = 0; k < sizeof noise; k++)
            noise[k] = (uint8_t)((state = state * 6364136223846793005ull + 1442695040888963407ull) >> 56);
        if (i % 2 == 0) {
            noise[0] = 1, noise[1] = 0, noise[2] = (uint8_t)(1 + i / 2 % WIRE_TYPE_COUNT);
            memset(noise + 3, 0, 8);
        }
        validator_begin(a->v, a->now_ns, wall_ms(a));
        (void)!validator_message(a->v, 1 + i % 3, bytes_of(noise, i % sizeof noise));
        settle(a);
    }
    cr_assert_eq(a->evidence, 0);
    cr_assert_leq(a->v->ord.view_count, 16);
    cr_assert_eq(a->v->ord.floor->header.height, 0);
    destroy(a);
}
