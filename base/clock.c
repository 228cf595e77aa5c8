#include "base/clock.h"

#include <pthread.h>
#include <time.h>

static uint64_t read_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t clock_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000u;
}

uint64_t clock_thread_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

static double cycles_per_ns;

struct reading {
    uint64_t ns, cycles;
};

// One reading of both counters. A preemption between the two would skew it, so the tightest of a few is taken.
static struct reading read_both(void)
{
    struct reading best = {0};
    uint64_t best_gap = UINT64_MAX;
    for (int i = 0; i < 8; i++) {
        uint64_t before = clock_cycles(), now = clock_ns(), gap = clock_cycles() - before;
        if (gap < best_gap) {
            best_gap = gap;
            best = (struct reading){now, before + gap / 2};
        }
    }
    return best;
}

static void measure_cycles(void)
{
    struct reading start = read_both();
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    struct reading end = read_both();
    cycles_per_ns = (double)(end.cycles - start.cycles) / (double)(end.ns - start.ns);
}

double clock_cycles_per_ns(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, measure_cycles);
    return cycles_per_ns;
}
