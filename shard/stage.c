#include "shard/stage.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *const stage_names[STAGE_COUNT] = {
    [STAGE_RECEIVE] = "receive", [STAGE_DECODE] = "decode", [STAGE_VERIFY] = "verify",       [STAGE_POOL] = "pool",
    [STAGE_LINK] = "link",       [STAGE_ORDER] = "order",   [STAGE_EXECUTE] = "execute",     [STAGE_TRIE] = "trie",
    [STAGE_STORE] = "store",     [STAGE_REPLY] = "reply",   [STAGE_PREEMPTED] = "preempted", [STAGE_IDLE] = "idle",
};

_Thread_local struct stage_clock *stage_clock_own;

void stage_clock_start(struct stage_clock *c, enum stage first)
{
    c->schedstat_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    atomic_store_explicit(&c->current, (uint8_t)first, memory_order_relaxed);
    c->since = c->account_cycles = clock_cycles();
    c->account_cpu_ns = clock_thread_cpu_ns();
    c->account_delay_ns = stage_delay_ns(c);
    stage_clock_own = c;
}

void stage_clock_end(struct stage_clock *c)
{
    stage_account(c);
    stage_clock_own = NULL;
    if (c->schedstat_fd >= 0)
        close(c->schedstat_fd);
    c->schedstat_fd = -1;
}

uint64_t stage_delay_ns(const struct stage_clock *c)
{
    char text[64];
    const ssize_t n = c->schedstat_fd >= 0 ? pread(c->schedstat_fd, text, sizeof text - 1, 0) : 0;
    if (n <= 0)
        return 0;
    text[n] = 0; // "run-time run-delay slices"
    char *after;
    (void)strtoull(text, &after, 10);
    return strtoull(after, NULL, 10);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void stage_divide(uint64_t spent[STAGE_COUNT], uint64_t cpu, uint64_t delay)
{
    uint64_t wall = 0;
    for (unsigned s = 0; s < STAGE_COUNT; s++)
        wall += spent[s];
    delay = least(delay, wall);
    const uint64_t idle = wall - delay - least(cpu, wall - delay);
    // What was yielded and yet no waiting for a processor was spent awaiting.
    const uint64_t yielded = least(spent[STAGE_PREEMPTED], delay);
    spent[STAGE_LINK] += spent[STAGE_PREEMPTED] - yielded;
    spent[STAGE_PREEMPTED] = 0;
    delay -= yielded;
    const uint64_t busy = wall - spent[STAGE_IDLE] - yielded;
    // Of a sleep: until a processor was there, and what the kernel did before it returned.
    const uint64_t awake = spent[STAGE_IDLE] - least(idle, spent[STAGE_IDLE]), waking = least(awake, delay);
    // Of the rest: without a processor, and blocked (a lock, a page).
    const uint64_t lost = least(delay - waking + idle - least(idle, spent[STAGE_IDLE]), busy);
    uint64_t taken = 0;
    for (unsigned s = 0; s < STAGE_IDLE && busy > 0; s++) {
        const uint64_t share = (uint64_t)(((unsigned __int128)spent[s] * lost + busy - 1) / busy);
        spent[s] -= share;
        taken += share;
    }
    spent[STAGE_RECEIVE] += awake - waking;
    spent[STAGE_PREEMPTED] = yielded + delay;
    spent[STAGE_IDLE] = wall - yielded - delay - (busy - taken) - (awake - waking);
}

void stage_yield(void)
{
    enum { CYCLES = 20000 }; // some microseconds: a yield that found nobody is over sooner
    struct stage_clock *c = stage_clock_own;
    const uint64_t before = clock_cycles();
    sched_yield();
    const uint64_t gone = clock_cycles() - before;
    if (!c || gone < CYCLES)
        return;
    c->spent[STAGE_PREEMPTED] += gone;
    c->since += gone;
}

void stage_account(struct stage_clock *c)
{
    stage_enter(c, atomic_load_explicit(&c->current, memory_order_relaxed));
    const uint64_t cpu_ns = clock_thread_cpu_ns(), delay_ns = stage_delay_ns(c);
    const double rate = clock_cycles_per_ns();
    const uint64_t wall = c->since - c->account_cycles;
    const uint64_t cpu = (uint64_t)((double)(cpu_ns - c->account_cpu_ns) * rate);
    // A delay between the reading of the cycles and this one belongs to the next account. It is not rare: a thread is
    // preempted where a system call ends.
    const uint64_t delay = least((uint64_t)((double)(delay_ns - c->account_delay_ns) * rate), wall - least(cpu, wall));
    stage_divide(c->spent, cpu, delay);
    c->account_cycles = c->since;
    c->account_cpu_ns = cpu_ns;
    c->account_delay_ns += (uint64_t)((double)delay / rate);
    for (unsigned s = 0; s < STAGE_COUNT; s++) {
        const uint64_t total = atomic_load_explicit(&c->cycles[s], memory_order_relaxed) + c->spent[s];
        atomic_store_explicit(&c->cycles[s], total, memory_order_relaxed);
        c->spent[s] = 0;
    }
    atomic_fetch_add_explicit(&c->accounts, 1, memory_order_release);
}
