#include "tools/load/load_run.h"

#include "tests/tools/fake_node.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define MS 1000000ull

struct rig {
    struct load_set *set;
    struct load_track *track;
    struct fake_node node;
    struct load_link *link;
    struct load_run *run;
};

static void prepare(struct rig *r, uint32_t count, uint32_t senders)
{
    char error[LOAD_ERROR_MAX] = "";
    const struct load_plan plan = {.seed = 9,
                                   .chain_id = 31337,
                                   .sender_count = senders,
                                   .account_count = senders,
                                   .max_fee_wei = 1000,
                                   .max_tip_wei = 1,
                                   .count = count};
    *r = (struct rig){0};
    r->set = load_set_open(&plan, NULL, NULL, error);
    cr_assert_not_null(r->set, "%s", error);
    r->track = load_track_create(r->set);
    r->node.track = r->track;
}

static void start(struct rig *r)
{
    char error[LOAD_ERROR_MAX] = "";
    uint64_t chain_id;
    fake_node_start(&r->node);
    r->link = load_link_ingest("127.0.0.1", r->node.port, &chain_id, error);
    cr_assert_not_null(r->link, "%s", error);
    cr_assert_eq(chain_id, 31337);
    r->run = load_run_create(&r->link, 1, r->track, NULL);
}

static struct load_sending *send_all(struct rig *r, const struct load_phase *phase)
{
    struct load_sending *out = malloc(sizeof *out);
    char error[LOAD_ERROR_MAX] = "";
    cr_assert(load_run_phase(r->run, phase, out, error), "%s", error);
    return out;
}

static void finish(struct rig *r, struct load_sending *sending)
{
    free(sending);
    load_run_free(r->run);
    load_link_close(r->link);
    fake_node_stop(&r->node);
    load_track_free(r->track);
    load_set_close(r->set);
}

Test(load_run, everything_is_sent_answered_and_included)
{
    struct rig r;
    prepare(&r, 400, 50);
    start(&r);
    const struct load_phase phase = {.rate = 2000, .duration_ns = 200 * MS, .drain_ns = 10000 * MS};
    struct load_sending *s = send_all(&r, &phase);
    cr_assert_eq(s->end_item, 400);
    cr_assert_eq(s->accepted, 400);
    cr_assert_eq(s->refused, 0);
    cr_assert_eq(r.node.frames, 400);
    cr_assert_not(s->set_ended);
    for (uint32_t i = 0; i < 400; i++)
        cr_assert(load_is_visible(r.track, i));
    finish(&r, s);
}

Test(load_run, the_schedule_does_not_wait_for_answers)
{
    struct rig r;
    prepare(&r, 300, 50);
    r.node.answer_after_ns = 500 * MS; // the first answer comes after the last item is due
    start(&r);
    const struct load_phase phase = {.rate = 1000, .duration_ns = 300 * MS, .drain_ns = 10000 * MS};
    struct load_sending *s = send_all(&r, &phase);
    cr_assert_eq(s->accepted, 300);
    unsigned in_time = 0;
    for (uint32_t i = 0; i < 300; i++) {
        cr_assert_leq(r.track->due_ns[i], r.track->due_ns[0] + 300 * MS);
        in_time += r.track->sent_ns[i] < r.track->due_ns[0] + 500 * MS;
    }
    cr_assert_eq(in_time, 300);
    finish(&r, s);
}

Test(load_run, items_are_due_when_the_schedule_says_even_if_the_node_does_not_read)
{
    struct rig r;
    prepare(&r, 500, 50);
    r.node.read_after_ns = 300 * MS;
    start(&r);
    const struct load_phase phase = {.rate = 5000, .duration_ns = 100 * MS, .drain_ns = 10000 * MS};
    struct load_sending *s = send_all(&r, &phase);
    for (uint32_t i = 1; i < 500; i++)
        cr_assert_eq((r.track->due_ns[i] - r.track->due_ns[0] + 500) / 1000, 200 * i, "item %u", i);
    // What the node did not read is in the latencies.
    const uint64_t visible = atomic_load(&r.track->visible_ns[0]);
    cr_assert_gt(visible - r.track->due_ns[0], 200 * MS);
    finish(&r, s);
}

Test(load_run, a_sender_keeps_to_its_bound)
{
    for (uint32_t bound = 1; bound <= 2; bound++) {
        struct rig r;
        prepare(&r, 400, 10); // 40 items a sender, which would all be under way at once
        r.node.include_after_ns = 10 * MS;
        start(&r);
        const struct load_phase phase = {
            .rate = 4000, .duration_ns = 100 * MS, .per_sender = bound, .drain_ns = 20000 * MS};
        struct load_sending *s = send_all(&r, &phase);
        cr_assert_eq(s->accepted, 400);
        cr_assert_eq(r.node.in_flight_sender_max, bound);
        finish(&r, s);
    }
}

Test(load_run, without_a_bound_a_sender_has_many_under_way)
{
    struct rig r;
    prepare(&r, 400, 10);
    r.node.include_after_ns = 50 * MS;
    start(&r);
    const struct load_phase phase = {.rate = 4000, .duration_ns = 100 * MS, .drain_ns = 20000 * MS};
    struct load_sending *s = send_all(&r, &phase);
    cr_assert_gt(r.node.in_flight_sender_max, 2);
    finish(&r, s);
}

Test(load_run, the_bound_on_all_holds_the_schedule_back_and_says_so)
{
    struct rig r;
    prepare(&r, 200, 200);
    r.node.include_after_ns = 20 * MS;
    start(&r);
    const struct load_phase phase = {
        .rate = 100000, .duration_ns = 200 * MS, .in_flight_max = 10, .drain_ns = 10000 * MS};
    struct load_sending *s = send_all(&r, &phase);
    cr_assert_lt(s->end_item, 150); // 10 in each 20 ms and more
    cr_assert_gt(s->held_ns, 100 * MS);
    cr_assert_eq(s->accepted, s->end_item);
    finish(&r, s);
}

Test(load_run, no_more_than_the_window_waits_for_answers)
{
    struct rig r;
    prepare(&r, 6000, 100);
    r.node.answer_after_ns = 700 * MS;
    start(&r);
    const struct load_phase phase = {.rate = 60000, .duration_ns = 100 * MS, .drain_ns = 30000 * MS};
    struct load_sending *s = send_all(&r, &phase);
    cr_assert_eq(s->accepted, 6000);
    cr_assert_leq(r.node.unanswered_max, INGEST_WINDOW);
    cr_assert_gt(s->backpressure_ns, 0);
    finish(&r, s);
}

static uint8_t full_twice(void *ctx, uint32_t item, uint32_t attempt)
{
    (void)ctx;
    return item % 3 == 0 && attempt < 2 ? TX_POOL_FULL : TX_OK;
}

Test(load_run, refused_for_now_is_sent_again)
{
    struct rig r;
    prepare(&r, 90, 90);
    r.node.status = full_twice;
    start(&r);
    const struct load_phase phase = {.rate = 2000, .duration_ns = 45 * MS, .per_sender = 1, .drain_ns = 20000 * MS};
    struct load_sending *s = send_all(&r, &phase);
    cr_assert_eq(s->accepted, 90);
    cr_assert_eq(s->refused, 0);
    cr_assert_eq(s->resent, 60);
    cr_assert_eq(r.node.frames, 150);
    finish(&r, s);
}

static uint8_t no_money_for_first(void *ctx, uint32_t item, uint32_t attempt)
{
    const struct load_set *set = ctx;
    (void)attempt;
    return set->sender[item] == set->sender[0] ? TX_INSUFFICIENT_FUNDS : TX_OK;
}

Test(load_run, after_a_refusal_for_good_the_rest_of_the_sender_is_not_sent)
{
    struct rig r;
    prepare(&r, 200, 4);
    r.node.status = no_money_for_first;
    r.node.ctx = r.set;
    start(&r);
    const struct load_phase phase = {.rate = 2000, .duration_ns = 100 * MS, .per_sender = 1, .drain_ns = 20000 * MS};
    struct load_sending *s = send_all(&r, &phase);
    uint32_t of_sender = 0;
    for (uint32_t i = 0; i < 200; i++)
        of_sender += r.set->sender[i] == r.set->sender[0];
    cr_assert_eq(s->refused, 1);
    cr_assert_eq(s->refused_by[TX_INSUFFICIENT_FUNDS], 1);
    cr_assert_eq(s->skipped, of_sender - 1);
    cr_assert_eq(s->accepted, 200 - of_sender);
    cr_assert_eq(r.track->state[0], LOAD_REFUSED);
    finish(&r, s);
}

static uint8_t always_full(void *ctx, uint32_t item, uint32_t attempt)
{
    (void)ctx, (void)item, (void)attempt;
    return TX_POOL_FULL;
}

Test(load_run, what_is_refused_to_the_end_is_counted)
{
    struct rig r;
    prepare(&r, 20, 20);
    r.node.status = always_full;
    start(&r);
    const struct load_phase phase = {.rate = 2000, .duration_ns = 10 * MS, .per_sender = 1, .drain_ns = 350 * MS};
    struct load_sending *s = send_all(&r, &phase);
    cr_assert_eq(s->accepted, 0);
    // One may just be on its way, and its sender's next ones behind it.
    cr_assert_eq(s->refused_by[TX_POOL_FULL], s->refused);
    unsigned open = 0;
    for (uint32_t i = 0; i < 20; i++)
        open += r.track->state[i] == LOAD_SENT || r.track->state[i] == LOAD_UNSENT;
    cr_assert_gt(s->refused, 0);
    cr_assert_eq(s->refused + s->skipped + open, 20);
    finish(&r, s);
}

Test(load_run, the_next_phase_goes_on_where_the_last_one_ended)
{
    struct rig r;
    prepare(&r, 300, 20);
    start(&r);
    const struct load_phase phase = {.rate = 1000, .duration_ns = 100 * MS, .per_sender = 1, .drain_ns = 10000 * MS};
    struct load_sending *first = send_all(&r, &phase), *second = send_all(&r, &phase);
    cr_assert_eq(first->end_item, 100);
    cr_assert_eq(second->first_item, 100);
    cr_assert_eq(second->end_item, 200);
    cr_assert_eq(second->accepted, 100);
    free(first);
    finish(&r, second);
}

Test(load_run, a_set_that_ends_too_early_is_noticed)
{
    struct rig r;
    prepare(&r, 50, 20);
    start(&r);
    const struct load_phase phase = {.rate = 1000, .duration_ns = 200 * MS, .drain_ns = 10000 * MS};
    struct load_sending *s = send_all(&r, &phase);
    cr_assert(s->set_ended);
    cr_assert_eq(s->accepted, 50);
    finish(&r, s);
}

Test(load_run, a_connection_that_breaks_is_an_error_in_words)
{
    struct rig r;
    char error[LOAD_ERROR_MAX] = "";
    prepare(&r, 5000, 20);
    start(&r);
    const struct load_phase phase = {.rate = 1000, .duration_ns = 5000 * MS, .drain_ns = 10000 * MS};
    struct load_sending *s = malloc(sizeof *s);
    fake_node_stop(&r.node);
    cr_assert_not(load_run_phase(r.run, &phase, s, error));
    cr_assert(strstr(error, "closed") || strstr(error, "sending"), "%s", error);
    free(s);
    load_run_free(r.run);
    load_link_close(r.link);
    load_track_free(r.track);
    load_set_close(r.set);
}

static uint8_t too_costly_at_ten(void *ctx, uint32_t item, uint32_t attempt)
{
    (void)ctx, (void)attempt;
    return item < 10 ? TX_OK : INGEST_TOO_COSTLY;
}

Test(load_run, a_connection_that_the_node_ends_is_an_error_in_the_nodes_words)
{
    struct rig r;
    char error[LOAD_ERROR_MAX] = "";
    prepare(&r, 1000, 20);
    r.node.status = too_costly_at_ten;
    start(&r);
    const struct load_phase phase = {.rate = 1000, .duration_ns = 1000 * MS, .drain_ns = 10000 * MS};
    struct load_sending *s = malloc(sizeof *s);
    cr_assert_not(load_run_phase(r.run, &phase, s, error));
    cr_assert(strstr(error, INGEST_TOO_COSTLY_TEXT), "%s", error);
    cr_assert_eq(s->accepted, 10);
    finish(&r, s);
}
