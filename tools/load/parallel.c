#include "tools/load/parallel.h"

#include "base/clock.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS_MAX 256
#define SHOW_EVERY_NS 1000000000ull

struct job {
    uint64_t count, chunk;
    void (*work)(void *ctx, uint64_t first, uint64_t end);
    void *ctx;
    _Atomic uint64_t next, done;
};

unsigned usable_cores(void)
{
    cpu_set_t set;
    const int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return cores < 1 ? 1 : (unsigned)cores;
}

static void *run(void *arg)
{
    struct job *job = arg;
    for (;;) {
        const uint64_t first = atomic_fetch_add(&job->next, job->chunk);
        if (first >= job->count)
            return NULL;
        const uint64_t end = job->count - first < job->chunk ? job->count : first + job->chunk;
        job->work(job->ctx, first, end);
        atomic_fetch_add(&job->done, end - first);
    }
}

// One line, rewritten in place on a terminal.
static void show(const struct job *job, const char *what, bool last)
{
    const bool terminal = isatty(STDERR_FILENO);
    const uint64_t done = atomic_load(&job->done);
    fprintf(stderr, "%s%s: %llu of %llu (%u %%)%s", terminal ? "\r" : "", what, (unsigned long long)done,
            (unsigned long long)job->count, (unsigned)(done * 100 / job->count), terminal && !last ? "" : "\n");
}

void parallel_for(uint64_t count, uint64_t chunk, const char *what,
                  void (*work)(void *ctx, uint64_t first, uint64_t end), void *ctx)
{
    struct job job = {.count = count, .chunk = chunk, .work = work, .ctx = ctx};
    pthread_t threads[THREADS_MAX];
    unsigned started = 0, wanted = usable_cores();
    if (count == 0)
        return;
    for (; started < wanted && started < THREADS_MAX; started++) {
        if (pthread_create(&threads[started], NULL, run, &job) != 0)
            break;
    }
    if (started == 0)
        run(&job);
    bool shown = false;
    uint64_t next_show = clock_ns() + SHOW_EVERY_NS, step = isatty(STDERR_FILENO) ? SHOW_EVERY_NS : 5 * SHOW_EVERY_NS;
    while (atomic_load(&job.done) < count) {
        usleep(2000);
        if (clock_ns() >= next_show) {
            show(&job, what, false);
            shown = true;
            next_show += step;
        }
    }
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (shown)
        show(&job, what, true);
}
