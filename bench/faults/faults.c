#include "bench/faults/faults.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
#define BEFORE_NS (10 * SECOND_NS)
#define RATE_WINDOW_NS SECOND_NS
#define RATE_STEP_NS 50000000ull
#define RECOVERED_SHARE 0.8
#define LOOK_US 20000u

const char *const FAULT_NAMES[FAULT_KIND_COUNT] = {"kill", "pause", "partition"};

// ---- the schedule

static bool refuse(char *error, enum fault_kind kind, const char *entry, const char *why)
{
    snprintf(error, FAULTS_ERROR_MAX, "%s: \"%.60s\" %s", FAULT_NAMES[kind], entry, why);
    return false;
}

// A number of seconds with digits first; NULL where there is none.
static const char *take_seconds(const char *text, double *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return NULL;
    *out = strtod(text, &end);
    return *out <= 86400 ? end : NULL;
}

static const char *take_who(const char *text, uint32_t *who)
{
    for (*who = 0;; text++) {
        char *end;
        const unsigned long i = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 32;
        if (i >= 32)
            return NULL;
        *who |= 1u << i;
        text = end;
        if (*text != '.')
            return text;
    }
}

static bool take_entry(struct fault *f, const char *text)
{
    text = take_who(text, &f->who);
    if (!text || *text != '@' || !(text = take_seconds(text + 1, &f->at_s)) || *text != '+')
        return false;
    text = take_seconds(text + 1, &f->for_s);
    return text && *text == '\0' && f->for_s > 0;
}

// Keeps the order of time; false where it overlaps with another.
static bool insert(struct fault_plan *plan, const struct fault *f)
{
    size_t i = plan->count;
    for (; i > 0 && plan->faults[i - 1].at_s > f->at_s; i--)
        ;
    const bool after = i == 0 || plan->faults[i - 1].at_s + plan->faults[i - 1].for_s <= f->at_s;
    const bool before = i == plan->count || f->at_s + f->for_s <= plan->faults[i].at_s;
    if (!after || !before)
        return false;
    memmove(&plan->faults[i + 1], &plan->faults[i], (plan->count - i) * sizeof *f);
    plan->faults[i] = *f;
    plan->count++;
    return true;
}

static bool add_entry(struct fault_plan *plan, enum fault_kind kind, const char *entry, unsigned validators,
                      char *error)
{
    struct fault f = {.kind = kind};
    if (!take_entry(&f, entry))
        return refuse(error, kind, entry, "is not WHO@AT+FOR, as in 3@10+5 or 2.3@10+5");
    if (f.who & 1)
        return refuse(error, kind, entry, "would hit validator 0, where the clients are");
    if ((uint64_t)f.who >> validators)
        return refuse(error, kind, entry, "names a validator that there is not");
    if (plan->count == FAULTS_MAX)
        return refuse(error, kind, entry, "is one fault too many");
    return insert(plan, &f) || refuse(error, kind, entry, "overlaps with another fault");
}

bool fault_plan_add(struct fault_plan *plan, enum fault_kind kind, const char *text, unsigned validators,
                    char error[FAULTS_ERROR_MAX])
{
    char *copy = strdup(text), *rest = copy;
    bool good = true;
    if (!copy)
        abort();
    for (const char *entry; good && (entry = strsep(&rest, ",")) != NULL;)
        good = add_entry(plan, kind, entry, validators, error);
    free(copy);
    return good;
}

double fault_plan_end_s(const struct fault_plan *plan)
{
    const struct fault *last = plan->count > 0 ? &plan->faults[plan->count - 1] : NULL;
    return last ? last->at_s + last->for_s : 0;
}

// ---- its thread

struct fault_run {
    struct fault_plan *plan;
    const struct fault_hooks *hooks;
    uint64_t start_ns;
    pthread_t thread;
    _Atomic bool ended, caught_up, stopping; // the last fault is over; caught up with; the thread is to end
};

static void sleep_until(const struct fault_run *r, uint64_t at_ns)
{
    while (!r->stopping && clock_ns() < at_ns)
        usleep(LOOK_US / 4);
}

static void await_catching_up(struct fault_run *r, struct fault *f, uint64_t until_ns)
{
    while (!r->stopping && clock_ns() < until_ns && f->caught_up_ns == 0) {
        if (r->hooks->caught_up(r->hooks->ctx, f))
            f->caught_up_ns = clock_ns();
        else
            usleep(LOOK_US);
    }
}

static void *run_schedule(void *arg)
{
    struct fault_run *r = arg;
    for (size_t i = 0; i < r->plan->count && !r->stopping; i++) {
        struct fault *f = &r->plan->faults[i];
        const bool last = i + 1 == r->plan->count;
        sleep_until(r, r->start_ns + (uint64_t)(f->at_s * 1e9));
        f->begin_ns = clock_ns();
        r->hooks->begin(r->hooks->ctx, f);
        sleep_until(r, f->begin_ns + (uint64_t)(f->for_s * 1e9));
        f->end_ns = clock_ns();
        r->hooks->end(r->hooks->ctx, f);
        r->ended = last;
        await_catching_up(r, f, last ? UINT64_MAX : r->start_ns + (uint64_t)(f[1].at_s * 1e9));
    }
    r->caught_up = true;
    // What it started may be bound to this thread.
    while (!r->stopping)
        usleep(LOOK_US);
    return NULL;
}

struct fault_run *fault_run_start(struct fault_plan *plan, const struct fault_hooks *hooks)
{
    struct fault_run *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    *r = (struct fault_run){.plan = plan, .hooks = hooks, .start_ns = clock_ns()};
    if (pthread_create(&r->thread, NULL, run_schedule, r) != 0)
        abort();
    return r;
}

void fault_run_wait(struct fault_run *r, uint64_t deadline_ns)
{
    while (!r->ended || (!r->caught_up && clock_ns() < deadline_ns))
        usleep(LOOK_US);
}

void fault_run_free(struct fault_run *r)
{
    if (!r)
        return;
    r->stopping = true;
    pthread_join(r->thread, NULL);
    free(r);
}

// ---- what it cost

static double rate_in(struct load *load, uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (double)load_included(load, from_ns, to_ns) * 1e9 / (double)(to_ns - from_ns) : 0;
}

static double recovery_s(struct load *load, double least, uint64_t from_ns, uint64_t until_ns)
{
    for (uint64_t at = from_ns; at + RATE_WINDOW_NS <= until_ns; at += RATE_STEP_NS) {
        if (rate_in(load, at, at + RATE_WINDOW_NS) >= least)
            return (double)(at - from_ns) / 1e9;
    }
    return -1;
}

static double p50_ms(const struct load *load, uint64_t from_ns, uint64_t to_ns)
{
    static struct hist h;
    hist_init(&h);
    load_latency(load, NULL, from_ns, to_ns, &h);
    return load_ms(&h, 0.5);
}

struct fault_cost fault_cost_of(const struct fault *f, struct load *load, uint64_t since_ns, uint64_t until_ns)
{
    const uint64_t from_ns = f->begin_ns > since_ns + BEFORE_NS ? f->begin_ns - BEFORE_NS : since_ns;
    struct fault_cost c = {
        .rate_before = rate_in(load, from_ns, f->begin_ns),
        .rate_during = rate_in(load, f->begin_ns, f->end_ns),
        .p50_before_ms = p50_ms(load, from_ns, f->begin_ns),
        .p50_during_ms = p50_ms(load, f->begin_ns, f->end_ns),
        .catch_up_s = f->caught_up_ns ? (double)(f->caught_up_ns - f->end_ns) / 1e9 : -1,
    };
    c.recovery_s = recovery_s(load, RECOVERED_SHARE * c.rate_before, f->begin_ns, until_ns);
    c.recovery_after_end_s = recovery_s(load, RECOVERED_SHARE * c.rate_before, f->end_ns, until_ns);
    return c;
}
