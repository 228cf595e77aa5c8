// Where a thread's time goes, and its timeline.
#include "shard/turn.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
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

// 500 of 600 in a yield, while others ran: the stages that the thread worked in keep theirs.
Test(stage, what_was_yielded_is_waited_for_a_processor_before_anything_else)
{
    uint64_t spent[STAGE_COUNT] = {[STAGE_VERIFY] = 60, [STAGE_LINK] = 40, [STAGE_PREEMPTED] = 500};
    stage_divide(spent, 90, 510);
    cr_expect_eq(spent[STAGE_VERIFY], 54);
    cr_expect_eq(spent[STAGE_LINK], 36);
    cr_expect_eq(spent[STAGE_PREEMPTED], 510);
    cr_expect_eq(spent[STAGE_IDLE], 0);
    // A long yield that was none: an interrupt.
    uint64_t interrupted[STAGE_COUNT] = {[STAGE_VERIFY] = 60, [STAGE_PREEMPTED] = 30};
    stage_divide(interrupted, 90, 0);
    cr_expect_eq(interrupted[STAGE_VERIFY], 60);
    cr_expect_eq(interrupted[STAGE_LINK], 30);
    cr_expect_eq(interrupted[STAGE_PREEMPTED], 0);
}

// Shares are rounded, and nothing may come out below nothing.
Test(stage, any_division_keeps_the_sum)
{
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t spent[STAGE_COUNT], seed = i * 0x9e3779b97f4a7c15u;
        for (unsigned s = 0; s < STAGE_COUNT; s++)
            spent[s] = (seed >> (s * 4)) % 17;
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

// Another thread's time on the same processor, until it is told to end.
static void *compete(void *ended)
{
    while (!atomic_load((atomic_bool *)ended))
        continue;
    return NULL;
}

static void stay_on_this_processor(void)
{
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET((unsigned)sched_getcpu(), &own);
    cr_assert_eq(sched_setaffinity(0, sizeof own, &own), 0);
}

static double counted_ns(const struct turn *t, enum stage stage)
{
    return (double)atomic_load(&t->stages.cycles[stage]) / clock_cycles_per_ns();
}

// Works for a while, then yields to a thread that uses its processor's time whole.
Test(stage, what_others_ran_in_a_yield_is_preempted_and_taken_from_no_stage)
{
    struct turn *t = calloc(1, sizeof *t);
    atomic_bool ended = false;
    pthread_t competitor;
    uint64_t worked_ns = 0;
    stay_on_this_processor();
    pthread_create(&competitor, NULL, compete, &ended);
    turn_start(t, 0);
    const uint64_t first_ns = stage_delay_ns(&t->stages);
    for (unsigned i = 0; i < 40; i++) {
        stage_enter(&t->stages, STAGE_VERIFY);
        const uint64_t cpu = clock_thread_cpu_ns();
        while (clock_thread_cpu_ns() - cpu < 300000)
            continue;
        worked_ns += clock_thread_cpu_ns() - cpu;
        stage_enter(&t->stages, STAGE_LINK);
        stage_yield();
        turn_next(t);
    }
    stage_account(&t->stages);
    const double waited_ns = (double)(t->stages.account_delay_ns - first_ns);
    turn_stop(t);
    atomic_store(&ended, true);
    pthread_join(competitor, NULL);
    const double verify_ns = counted_ns(t, STAGE_VERIFY), preempted_ns = counted_ns(t, STAGE_PREEMPTED);
    cr_expect_gt(waited_ns, (double)worked_ns, "the processor was shared");
    cr_expect(fabs(verify_ns - (double)worked_ns) < 0.05 * (double)worked_ns, "%.0f ns counted, %.0f ns worked",
              verify_ns, (double)worked_ns);
    cr_expect(fabs(preempted_ns - waited_ns) < 0.05 * waited_ns, "%.0f ns counted, %.0f ns waited", preempted_ns,
              waited_ns);
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
