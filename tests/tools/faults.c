// Schedules of faults: what is taken and refused, and that each fault begins and ends in its turn.
#include "bench/faults/faults.h"

#include <criterion/criterion.h>

#include "base/clock.h"

static struct fault_plan plan;
static char error[FAULTS_ERROR_MAX];

static void setup(void)
{
    memset(&plan, 0, sizeof plan);
}

TestSuite(faults, .init = setup);

Test(faults, are_kept_in_order_of_time)
{
    cr_assert(fault_plan_add(&plan, FAULT_KILL, "3@10+5,1@0.5+1.25", 4, error));
    cr_assert(fault_plan_add(&plan, FAULT_PARTITION, "2.3@4+6", 4, error));
    cr_assert_eq(plan.count, 3);
    cr_assert_eq(plan.faults[0].who, 1u << 1);
    cr_assert_float_eq(plan.faults[0].at_s, 0.5, 1e-9);
    cr_assert_float_eq(plan.faults[0].for_s, 1.25, 1e-9);
    cr_assert_eq(plan.faults[1].kind, FAULT_PARTITION);
    cr_assert_eq(plan.faults[1].who, 1u << 2 | 1u << 3);
    cr_assert_eq(plan.faults[2].kind, FAULT_KILL);
    cr_assert_float_eq(fault_plan_end_s(&plan), 15, 1e-9);
}

Test(faults, bad_schedules_are_refused_in_words)
{
    const struct {
        const char *text, *reason;
    } bad[] = {
        {"", "WHO@AT+FOR"},          {"3", "WHO@AT+FOR"},
        {"3@", "WHO@AT+FOR"},        {"3@1", "WHO@AT+FOR"},
        {"3@1+", "WHO@AT+FOR"},      {"3@1+0", "WHO@AT+FOR"},
        {"3@-1+1", "WHO@AT+FOR"},    {"3@1+1s", "WHO@AT+FOR"},
        {"3.@1+1", "WHO@AT+FOR"},    {".3@1+1", "WHO@AT+FOR"},
        {"99@1+1", "WHO@AT+FOR"},    {"3@nan+1", "WHO@AT+FOR"},
        {"3@1+1e9", "WHO@AT+FOR"},   {"0@1+1", "validator 0"},
        {"0.1@1+1", "validator 0"},  {"4@1+1", "that there is not"},
        {"3@1+3,2@2+1", "overlaps"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setup();
        cr_assert_not(fault_plan_add(&plan, FAULT_PAUSE, bad[i].text, 4, error), "\"%s\" was taken", bad[i].text);
        cr_assert(strstr(error, bad[i].reason), "\"%s\": %s", bad[i].text, error);
        cr_assert(strstr(error, "pause"));
    }
}

Test(faults, more_than_there_is_room_for_are_refused)
{
    char text[16];
    for (unsigned i = 0; i <= FAULTS_MAX; i++) {
        snprintf(text, sizeof text, "1@%u+1", 2 * i);
        cr_assert_eq(fault_plan_add(&plan, FAULT_KILL, text, 4, error), i < FAULTS_MAX);
    }
    cr_assert_eq(plan.count, FAULTS_MAX);
}

// ---- running

struct seen {
    char text[64];
    unsigned asked;
};

static void note(struct seen *s, char what, const struct fault *f)
{
    const size_t len = strlen(s->text);
    snprintf(s->text + len, sizeof s->text - len, "%c%u ", what, f->who);
}

static void begin(void *ctx, const struct fault *f)
{
    note(ctx, 'b', f);
}

static void end(void *ctx, const struct fault *f)
{
    note(ctx, 'e', f);
}

// At the second time of asking.
static bool caught_up(void *ctx, const struct fault *f)
{
    (void)f;
    return ++((struct seen *)ctx)->asked % 2 == 0;
}

Test(faults, each_begins_ends_and_is_caught_up_with)
{
    struct seen seen = {0};
    const struct fault_hooks hooks = {begin, end, caught_up, &seen};
    cr_assert(fault_plan_add(&plan, FAULT_KILL, "1@0+0.01,2@0.3+0.01", 4, error));
    const uint64_t before_ns = clock_ns();
    struct fault_run *run = fault_run_start(&plan, &hooks);
    fault_run_wait(run, UINT64_MAX);
    fault_run_free(run);
    cr_assert_str_eq(seen.text, "b2 e2 b4 e4 ");
    for (size_t i = 0; i < plan.count; i++) {
        const struct fault *f = &plan.faults[i];
        cr_assert_geq(f->begin_ns, before_ns + (uint64_t)(f->at_s * 1e9));
        cr_assert_geq(f->end_ns, f->begin_ns + (uint64_t)(f->for_s * 1e9));
    }
    cr_assert_gt(plan.faults[1].caught_up_ns, plan.faults[1].end_ns);
}

static bool never(void *ctx, const struct fault *f)
{
    (void)ctx;
    (void)f;
    return false;
}

Test(faults, waiting_ends_at_the_deadline_where_nobody_catches_up)
{
    struct seen seen = {0};
    const struct fault_hooks hooks = {begin, end, never, &seen};
    cr_assert(fault_plan_add(&plan, FAULT_PAUSE, "1@0+0.01", 4, error));
    struct fault_run *run = fault_run_start(&plan, &hooks);
    fault_run_wait(run, clock_ns());
    cr_assert_str_eq(seen.text, "b2 e2 ", "the fault itself is waited for");
    fault_run_free(run);
    cr_assert_eq(plan.faults[0].caught_up_ns, 0);
}
