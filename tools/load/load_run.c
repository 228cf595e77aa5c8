#include "tools/load/load_run.h"

#include "base/clock.h"
#include "tools/load/fifo.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

// Items due within a tick go together, in one system call for each link: as long a tick as TICK_ITEMS take.
#define TICK_ITEMS 64
#define TICK_MIN_NS 1000000ull
#define TICK_MAX_NS 4000000ull
#define SPARSE_RATE 1000.0       // below, each item goes at its own time
#define IDLE_TICK_NS 20000000ull // how soon inclusions are looked at when nothing is due
#define RESEND_AFTER_NS 100000000ull
#define NO_ITEM UINT32_MAX

// Of one sender, across phases.
struct sender {
    uint32_t unresolved;
    uint32_t deferred_first, deferred_last; // items that wait for its earlier ones; NO_ITEM: none
    bool broken;                            // one was refused for good: later nonces can't be valid
};

struct load_run {
    struct load_link **links;
    size_t link_count;
    struct load_track *track;
    struct load_watch *watch;
    struct sender *senders;
    uint32_t *deferred_next; // by item
    uint32_t next_item;
    uint64_t in_flight;     // handed to a link and unresolved
    struct fifo resend;     // refused for now, in order of when they go again
    uint64_t *resend_at_ns; // by item
    // Of the phase under way
    const struct load_phase *phase;
    struct load_sending *out;
    uint64_t start_ns, end_ns, now_ns, last_held_ns, tick_ns;
    bool held;
};

static volatile sig_atomic_t interrupted;

void load_run_interrupt(void)
{
    interrupted = 1;
}

static void *zeroed(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (!p)
        abort();
    return p;
}

struct load_run *load_run_create(struct load_link **links, size_t link_count, struct load_track *track,
                                 struct load_watch *watch)
{
    struct load_run *r = zeroed(1, sizeof *r);
    uint32_t sender_count = 0;
    for (uint32_t i = 0; i < track->set->count; i++)
        sender_count = track->set->sender[i] >= sender_count ? track->set->sender[i] + 1 : sender_count;
    r->track = track;
    r->senders = zeroed(sender_count, sizeof *r->senders);
    for (uint32_t i = 0; i < sender_count; i++)
        r->senders[i].deferred_first = r->senders[i].deferred_last = NO_ITEM;
    r->deferred_next = zeroed(track->set->count, sizeof *r->deferred_next);
    r->resend_at_ns = zeroed(track->set->count, sizeof *r->resend_at_ns);
    load_run_reconnect(r, links, link_count, watch);
    return r;
}

void load_run_free(struct load_run *r)
{
    if (!r)
        return;
    free(r->senders);
    free(r->deferred_next);
    free(r->resend_at_ns);
    fifo_free(&r->resend);
    free(r);
}

void load_run_reconnect(struct load_run *r, struct load_link **links, size_t link_count, struct load_watch *watch)
{
    r->links = links;
    r->link_count = link_count;
    r->watch = watch;
}

static struct sender *sender_of(struct load_run *r, uint32_t item)
{
    return &r->senders[r->track->set->sender[item]];
}

// All items of a sender go over one link, so that they arrive in the order of their nonces.
static void hand_to_link(struct load_run *r, uint32_t item)
{
    load_link_push(r->links[r->track->set->sender[item] % r->link_count], item);
}

static void launch(struct load_run *r, uint32_t item)
{
    sender_of(r, item)->unresolved++;
    r->in_flight++;
    hand_to_link(r, item);
}

static void skip(struct load_run *r, uint32_t item)
{
    r->track->state[item] = LOAD_SKIPPED;
    r->out->skipped++;
}

static void defer(struct load_run *r, struct sender *s, uint32_t item)
{
    r->deferred_next[item] = NO_ITEM;
    if (s->deferred_first == NO_ITEM)
        s->deferred_first = item;
    else
        r->deferred_next[s->deferred_last] = item;
    s->deferred_last = item;
}

// Sends (or, of a broken sender, skips) what waited for the sender.
static void advance(struct load_run *r, struct sender *s)
{
    const uint32_t bound = r->phase->per_sender;
    while (s->deferred_first != NO_ITEM && (s->broken || bound == 0 || s->unresolved < bound)) {
        const uint32_t item = s->deferred_first;
        s->deferred_first = r->deferred_next[item];
        if (s->broken)
            skip(r, item);
        else
            launch(r, item);
    }
}

static void resolve(struct load_run *r, uint32_t item)
{
    struct sender *s = sender_of(r, item);
    s->unresolved--;
    r->in_flight--;
    advance(r, s);
}

static void item_sent(void *ctx, uint32_t item)
{
    struct load_run *r = ctx;
    r->track->state[item] = LOAD_SENT;
    if (r->track->sent_ns[item] == 0)
        r->track->sent_ns[item] = r->now_ns;
}

// Refusals that say "later", not "never".
static bool may_go_again(enum tx_status status)
{
    return status == TX_POOL_FULL || status == TX_UNDERPRICED || status == TX_SENDER_LIMIT ||
           status == TX_NONCE_TOO_HIGH;
}

static void refuse(struct load_run *r, uint32_t item)
{
    const enum tx_status status = r->track->status[item];
    r->track->state[item] = LOAD_REFUSED;
    r->out->refused++;
    r->out->refused_by[status]++;
    if (status != TX_NONCE_TOO_LOW && status != TX_ALREADY_KNOWN)
        sender_of(r, item)->broken = true;
    resolve(r, item);
}

static void item_answered(void *ctx, uint32_t item, enum tx_status status)
{
    struct load_run *r = ctx;
    r->track->status[item] = (uint8_t)status;
    if (status == TX_OK) {
        r->track->state[item] = LOAD_ACCEPTED;
        r->out->accepted++;
        return;
    }
    if (may_go_again(status) && !interrupted) {
        r->resend_at_ns[item] = r->now_ns + RESEND_AFTER_NS;
        r->out->resent++;
        fifo_push(&r->resend, item);
        return;
    }
    refuse(r, item);
}

static void take_included(struct load_run *r)
{
    uint32_t items[1024];
    size_t count;
    while ((count = spsc_pop(r->track->included, items, 1024)) > 0) {
        for (size_t i = 0; i < count; i++) {
            const uint8_t state = r->track->state[items[i]];
            if (state == LOAD_SENT || state == LOAD_ACCEPTED)
                resolve(r, items[i]);
        }
    }
}

static void resend_due(struct load_run *r)
{
    while (r->resend.count > 0 && r->resend_at_ns[fifo_front(&r->resend)] <= r->now_ns)
        hand_to_link(r, fifo_pop(&r->resend));
}

static uint64_t due_at(const struct load_run *r, uint32_t item)
{
    return r->start_ns + (uint64_t)((double)(item - r->out->first_item) * 1e9 / r->phase->rate);
}

static void hold(struct load_run *r, uint64_t since)
{
    r->held = true;
    r->out->held_ns += r->now_ns - since;
    r->last_held_ns = r->now_ns;
}

// Starts the items that are due. `since` is when this was last done.
static void issue(struct load_run *r, uint64_t since)
{
    const uint32_t count = r->track->set->count;
    r->held = false;
    while (r->next_item < count) {
        const uint32_t item = r->next_item;
        const uint64_t due = due_at(r, item);
        if (due > r->now_ns || due >= r->end_ns)
            return;
        if (r->phase->in_flight_max && r->in_flight >= r->phase->in_flight_max) {
            hold(r, since);
            return;
        }
        r->next_item++;
        r->track->due_ns[item] = due;
        if (due >= r->last_held_ns)
            hist_add(&r->out->lateness_ns, r->now_ns - due);
        struct sender *s = sender_of(r, item);
        if (s->broken)
            skip(r, item);
        else if (r->phase->per_sender && s->unresolved >= r->phase->per_sender)
            defer(r, s, item);
        else
            launch(r, item);
    }
    r->out->set_ended = due_at(r, r->next_item) < r->end_ns;
}

static bool pump(struct load_run *r, uint64_t since, char *error)
{
    const struct load_link_events events = {r, item_sent, item_answered};
    size_t held = 0;
    for (size_t i = 0; i < r->link_count; i++) {
        if (!load_link_pump(r->links[i], r->track->set, &events, error))
            return false;
        held += load_link_held(r->links[i]);
    }
    if (held > 0)
        r->out->backpressure_ns += r->now_ns - since;
    return true;
}

static bool links_busy(const struct load_run *r)
{
    for (size_t i = 0; i < r->link_count; i++) {
        if (load_link_busy(r->links[i]))
            return true;
    }
    return false;
}

static bool is_issuing(const struct load_run *r)
{
    return !interrupted && !r->out->set_ended && r->now_ns < r->end_ns;
}

// When there is something to do next.
static uint64_t next_wake(const struct load_run *r)
{
    const uint64_t tick = r->now_ns + r->tick_ns;
    uint64_t wake = r->now_ns + IDLE_TICK_NS;
    const bool sparse = r->phase->rate < SPARSE_RATE;
    if (is_issuing(r) && due_at(r, r->next_item) < wake)
        wake = due_at(r, r->next_item);
    if (!sparse && wake < tick)
        wake = tick;
    if (r->held || links_busy(r) || r->resend.count > 0 || (r->in_flight > 0 && r->phase->per_sender))
        return wake < tick ? wake : tick;
    return wake;
}

static uint64_t tick_of(const struct load_phase *phase)
{
    const double tick_ns = TICK_ITEMS * 1e9 / phase->rate;
    return tick_ns < TICK_MIN_NS ? TICK_MIN_NS : tick_ns > TICK_MAX_NS ? TICK_MAX_NS : (uint64_t)tick_ns;
}

static void sleep_until(uint64_t when_ns)
{
    const struct timespec when = {(time_t)(when_ns / 1000000000), (long)(when_ns % 1000000000)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

// Time that this thread was runnable and had no processor (Linux schedstat); 0 where it is not told.
static uint64_t run_delay_ns(void)
{
    unsigned long long on, delay = 0;
    FILE *file = fopen("/proc/thread-self/schedstat", "re");
    if (file) {
        if (fscanf(file, "%llu %llu", &on, &delay) != 2)
            delay = 0;
        fclose(file);
    }
    return delay;
}

// The measured window's edges, and what the thread itself used up to its end.
struct edges {
    bool begun, ended;
    uint64_t cpu_ns, delay_ns, accepted;
};

static void pass_edges(struct load_run *r, struct edges *e, bool finished)
{
    const struct load_phase *p = r->phase;
    if (!e->begun && (finished || r->now_ns >= r->start_ns + p->warm_ns)) {
        e->begun = true;
        r->out->window_start_ns = r->now_ns;
        e->accepted = r->out->accepted;
        if (p->window)
            p->window(p->window_ctx, true);
    }
    if (!e->ended && (finished || !is_issuing(r))) {
        e->ended = true;
        r->out->window_end_ns = r->now_ns;
        r->out->window_accepted = r->out->accepted - e->accepted;
        r->out->wall_ns = r->now_ns - r->start_ns;
        r->out->cpu_ns = clock_thread_cpu_ns() - e->cpu_ns;
        r->out->run_delay_ns = run_delay_ns() - e->delay_ns;
        if (p->window)
            p->window(p->window_ctx, false);
    }
}

static bool is_settled(const struct load_run *r, const struct edges *e)
{
    return e->ended && r->in_flight == 0 && r->resend.count == 0 && !links_busy(r);
}

// Turns until everything is settled or the time for that is over.
static bool turn_until_settled(struct load_run *r, struct edges *e, char *error)
{
    const uint64_t deadline = r->end_ns + r->phase->drain_ns;
    uint64_t since = r->start_ns;
    while (!is_settled(r, e)) {
        r->now_ns = clock_ns();
        take_included(r);
        resend_due(r);
        if (!interrupted && !r->out->set_ended && since < r->end_ns) // once more after the end: what was due before it
            issue(r, since);
        else
            r->held = false;
        if (!pump(r, since, error))
            return false;
        pass_edges(r, e, false);
        if (load_watch_error(r->watch)) {
            snprintf(error, LOAD_ERROR_MAX, "%s", load_watch_error(r->watch));
            return false;
        }
        if (e->ended && (interrupted || r->now_ns >= deadline))
            return true;
        since = r->now_ns;
        sleep_until(next_wake(r));
    }
    return true;
}

bool load_run_phase(struct load_run *r, const struct load_phase *phase, struct load_sending *out,
                    char error[LOAD_ERROR_MAX])
{
    struct edges edges = {.cpu_ns = clock_thread_cpu_ns(), .delay_ns = run_delay_ns()};
    memset(out, 0, sizeof *out);
    hist_init(&out->lateness_ns);
    out->first_item = r->next_item;
    r->phase = phase;
    r->out = out;
    r->last_held_ns = 0;
    r->tick_ns = phase->rate < SPARSE_RATE ? TICK_MIN_NS : tick_of(phase);
    prctl(PR_SET_TIMERSLACK, 1000);
    r->now_ns = r->start_ns = clock_ns();
    r->end_ns = r->start_ns + phase->duration_ns;
    const bool ok = turn_until_settled(r, &edges, error);
    pass_edges(r, &edges, true);
    while (r->resend.count > 0)
        refuse(r, fifo_pop(&r->resend));
    out->end_item = r->next_item;
    return ok;
}
