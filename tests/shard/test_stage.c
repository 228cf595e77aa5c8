// Where a thread's time goes, and its timeline.
#include "shard/turn.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static uint64_t sum(const uint64_t spent[STAGE_COUNT])
{
    uint64_t total = 0;
    for (unsigned s = 0; s < STAGE_COUNT; s++)
        total += spent[s];
    return total;
}

Test(stage, waiting_for_a_processor_is_taken_out_of_what_ran)
{
    uint64_t spent[STAGE_COUNT] = {[STAGE_VERIFY] = 600, [STAGE_POOL] = 200};
    stage_divide(spent, 400, 400);
    cr_expect_eq(spent[STAGE_VERIFY], 300);
    cr_expect_eq(spent[STAGE_POOL], 100);
    cr_expect_eq(spent[STAGE_PREEMPTED], 400);
    cr_expect_eq(sum(spent), 800);
}

Test(stage, a_sleep_is_idle_but_for_its_waking_and_the_kernels_work)
{
    uint64_t spent[STAGE_COUNT] = {[STAGE_VERIFY] = 100, [STAGE_IDLE] = 900};
    // 100 ran in the open, 50 in the kernel; 30 until a processor was there.
    stage_divide(spent, 150, 30);
    cr_expect_eq(spent[STAGE_VERIFY], 100);
    cr_expect_eq(spent[STAGE_RECEIVE], 50);
    cr_expect_eq(spent[STAGE_PREEMPTED], 30);
    cr_expect_eq(spent[STAGE_IDLE], 820);
}

Test(stage, being_blocked_is_no_work_of_a_stage)
{
    uint64_t spent[STAGE_COUNT] = {[STAGE_STORE] = 100, [STAGE_IDLE] = 7};
    stage_divide(spent, 40, 10);
    cr_expect_eq(spent[STAGE_STORE], 40);
    cr_expect_eq(spent[STAGE_PREEMPTED], 10);
    cr_expect_eq(spent[STAGE_IDLE], 57);
}

// Shares are rounded, and nothing may come out below nothing.
Test(stage, any_division_keeps_the_sum)
{
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t spent[STAGE_COUNT], seed = i * 0x9e3779b97f4a7c15u;
        for (unsigned s = 0; s < STAGE_COUNT; s++)
            spent[s] = s == STAGE_PREEMPTED ? 0 : (seed >> (s * 4)) % 17;
        const uint64_t before = sum(spent);
        stage_divide(spent, (seed >> 50) % 90, (seed >> 57) % 90);
        cr_assert_eq(sum(spent), before);
        for (unsigned s = 0; s < STAGE_COUNT; s++)
            cr_assert_leq(spent[s], before);
    }
}

Test(stage, clocks_that_disagree_lose_nothing)
{
    uint64_t spent[STAGE_COUNT] = {[STAGE_TRIE] = 10, [STAGE_IDLE] = 5};
    stage_divide(spent, 1000, 0);
    cr_expect_eq(sum(spent), 15);
    stage_divide(spent, 0, 1000);
    cr_expect_eq(sum(spent), 15);
    cr_expect_eq(spent[STAGE_PREEMPTED], 15);
    uint64_t nothing[STAGE_COUNT] = {0};
    stage_divide(nothing, 3, 4);
    cr_expect_eq(sum(nothing), 0);
}

Test(stage, all_but_idle_and_preempted_is_cpu_time)
{
    struct turn *t = calloc(1, sizeof *t);
    const uint64_t cpu = clock_thread_cpu_ns();
    turn_start(t, 0);
    while (clock_thread_cpu_ns() - cpu < 30000000) {
        stage_enter(&t->stages, STAGE_VERIFY);
        for (volatile unsigned i = 0; i < 20000; i++)
            continue;
        stage_enter(&t->stages, STAGE_POOL);
        turn_next(t);
    }
    const uint64_t began = t->stages.account_cpu_ns;
    turn_stop(t);
    cr_assert_gt(t->stages.account_cpu_ns, began - 1);
    double running = 0;
    for (unsigned s = 0; s < STAGE_PREEMPTED; s++)
        running += (double)atomic_load(&t->stages.cycles[s]) / clock_cycles_per_ns();
    const double ran = (double)(t->stages.account_cpu_ns - cpu);
    cr_expect(running > 0.95 * ran && running < 1.05 * ran, "%.0f ns counted, %.0f ns ran", running, ran);
    cr_expect_gt(atomic_load(&t->stages.cycles[STAGE_VERIFY]), atomic_load(&t->stages.cycles[STAGE_POOL]));
    free(t);
}

Test(turn, one_over_the_limit_is_counted_and_a_shorter_one_is_not)
{
    struct turn *t = calloc(1, sizeof *t);
    enum stage stage;
    strcpy(t->thread, "shard 7");
    turn_start(t, 3600000);
    turn_next(t);
    cr_expect_eq(atomic_load(&t->stalls), 0);
    cr_expect_geq(turn_age_ns(t, &stage), 0);
    t->limit_cycles = 1000;
    stage_enter(&t->stages, STAGE_TRIE);
    const uint64_t start = clock_cycles();
    while (clock_cycles() - start < 2000)
        continue;
    cr_expect_gt(turn_age_ns(t, &stage), 0);
    cr_expect_eq(stage, STAGE_TRIE);
    turn_next(t);
    cr_expect_eq(atomic_load(&t->stalls), 1);
    turn_stop(t);
    cr_expect_eq(turn_age_ns(t, &stage), 0, "it is in no turn");
    free(t);
}

Test(timeline, off_it_notes_nothing_and_on_it_keeps_order)
{
    struct timeline *t = calloc(1, sizeof *t);
    struct timeline_event e[8];
    timeline_begin(t, verify, 1, 2);
    cr_expect_null(t->events);
    timeline_start(t);
    timeline_begin(t, verify, 5, 0);
    timeline_mark(t, view, 2, 9);
    timeline_end(t, verify, 5, 0);
    cr_assert_eq(timeline_take(t, e, 8), 3);
    cr_expect(e[0].point == TIMELINE_POINT_verify && e[0].edge == TIMELINE_BEGIN && e[0].a == 5);
    cr_expect(e[1].point == TIMELINE_POINT_view && e[1].edge == TIMELINE_AT && e[1].a == 2 && e[1].b == 9);
    cr_expect(e[2].edge == TIMELINE_END && e[0].cycles <= e[1].cycles && e[1].cycles <= e[2].cycles);
    cr_expect_eq(timeline_take(t, e, 8), 0);
    timeline_stop(t);
    timeline_mark(t, view, 1, 1);
    cr_expect_eq(timeline_take(t, e, 8), 0);
    timeline_free(t);
    free(t);
}

Test(timeline, what_does_not_fit_is_counted_and_what_is_there_stays)
{
    struct timeline *t = calloc(1, sizeof *t);
    struct timeline_event e[2];
    timeline_start(t);
    for (uint64_t i = 0; i < TIMELINE_EVENTS + 3; i++)
        timeline_mark(t, final, 0, i);
    cr_expect_eq(timeline_lost(t), 3);
    cr_assert_eq(timeline_take(t, e, 2), 2);
    cr_expect(e[0].b == 0 && e[1].b == 1);
    timeline_mark(t, final, 0, 77);
    cr_expect_eq(timeline_lost(t), 3);
    timeline_stop(t);
    // A new start is of nothing that came before.
    timeline_start(t);
    cr_expect_eq(timeline_take(t, e, 2), 0);
    cr_expect_eq(timeline_lost(t), 0);
    timeline_free(t);
    free(t);
}
