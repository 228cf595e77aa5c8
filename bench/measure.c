#include "bench/bench.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"

static double time_once(void (*run)(void *ctx), void *ctx)
{
    const uint64_t start = clock_thread_cpu_ns();
    run(ctx);
    return (double)(clock_thread_cpu_ns() - start);
}

struct bench_pair bench_in_turn(void (*ours)(void *ctx), void (*reference)(void *ctx), void *ctx, size_t rounds)
{
    double *times = malloc(2 * rounds * sizeof *times);
    assert(times && rounds > 0);
    ours(ctx);
    reference(ctx);
    for (size_t i = 0; i < rounds; i++) {
        times[i] = time_once(ours, ctx);
        times[rounds + i] = time_once(reference, ctx);
    }
    const struct bench_pair out = {bench_median(times, rounds), bench_median(times + rounds, rounds)};
    free(times);
    return out;
}
