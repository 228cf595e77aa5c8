// Where a thread's time goes: cycles and items by stage, counted at batch boundaries, always on. One writer thread;
// readers take relaxed snapshots.
//
// Between two accounts (stage_account: before each sleep, and about every millisecond of a thread that does not sleep)
// wall time is gathered by stage. An account then takes out what the thread did not run: waiting for a processor, from
// schedstat's run delay, becomes STAGE_PREEMPTED; being blocked (by a lock, a page) becomes STAGE_IDLE; and what of a
// sleep was no sleep becomes the kernel's work for the thread's sockets, STAGE_RECEIVE. So what is not preempted and
// not idle is the thread's CPU time. When in between the thread was off its processor is not told: each stage loses in
// proportion, but for what it gave away itself (stage_yield).
#ifndef GANTRY_SHARD_STAGE_H
#define GANTRY_SHARD_STAGE_H

#include "base/clock.h"

#include <stdatomic.h>

enum stage {
    STAGE_RECEIVE,
    STAGE_DECODE,
    STAGE_VERIFY,
    STAGE_POOL,
    STAGE_LINK, // messages between threads, and awaiting them without sleeping
    STAGE_ORDER,
    STAGE_EXECUTE,
    STAGE_TRIE,
    STAGE_STORE,
    STAGE_REPLY,
    STAGE_PREEMPTED, // ready to run, but not running; entered by stage_yield alone
    STAGE_IDLE,      // asleep, or blocked
    STAGE_COUNT,
};

extern const char *const stage_names[STAGE_COUNT];

struct stage_clock {
    _Atomic uint8_t current;                                   // enum stage; a profiler's signal handler reads it
    uint64_t since;                                            // cycles
    uint64_t spent[STAGE_COUNT];                               // cycles since the last account
    uint64_t account_cycles, account_cpu_ns, account_delay_ns; // the thread's clocks at the last account
    int schedstat_fd;                                          // of this thread; -1: not told here
    _Atomic uint64_t accounts;                                 // how many were made
    _Atomic uint64_t cycles[STAGE_COUNT];
    _Atomic uint64_t items[STAGE_COUNT];
};

// The clock of the calling thread, NULL where it has none. Async-signal-safe.
extern _Thread_local struct stage_clock *stage_clock_own;

// On the thread whose time it counts from now on.
void stage_clock_start(struct stage_clock *c, enum stage first);
// On the same thread, at its end.
void stage_clock_end(struct stage_clock *c);

// Time from now on belongs to `next`; returns the stage before, so that a nested piece can go back to it.
static inline enum stage stage_enter(struct stage_clock *c, enum stage next)
{
    uint64_t now = clock_cycles();
    enum stage before = atomic_load_explicit(&c->current, memory_order_relaxed);
    c->spent[before] += now - c->since;
    c->since = now;
    atomic_store_explicit(&c->current, (uint8_t)next, memory_order_relaxed);
    return before;
}

// sched_yield, on a thread with a clock or without: what it takes while others run is no time of the current stage.
void stage_yield(void);

static inline void stage_items(struct stage_clock *c, enum stage stage, uint64_t n)
{
    uint64_t total = atomic_load_explicit(&c->items[stage], memory_order_relaxed) + n;
    atomic_store_explicit(&c->items[stage], total, memory_order_relaxed);
}

// Publishes what was spent since the last account. Two system calls, so not in every turn: before the thread sleeps,
// and where stage_account_due says so.
void stage_account(struct stage_clock *c);
static inline bool stage_account_due(const struct stage_clock *c)
{
    enum { CYCLES = 3000000 }; // about a millisecond
    return c->since - c->account_cycles > CYCLES;
}

// The account itself, all in cycles: how wall time by stage divides when the thread ran for cpu and waited for a
// processor for delay of it, beginning with what it yielded. Keeps the sum.
void stage_divide(uint64_t spent[STAGE_COUNT], uint64_t cpu, uint64_t delay);

// Time that the thread has waited for a processor since its start (schedstat's run delay); 0 where it is not told.
uint64_t stage_delay_ns(const struct stage_clock *c);

#endif
