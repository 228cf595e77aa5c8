#include "engine/admin/sampler.h"

#include "engine/admin/sample_source.h"
#include "engine/admin/unwind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

// Of a thread: some seconds of deep stacks at the usual rate. A power of two.
#define BUFFER_WORDS 65536u

struct slot {
    struct sampler_thread thread;
    struct sample_source source;
    uint64_t cpu_ns; // at the last sample
    uint64_t *words; // a ring: the handler writes, the owner takes
    _Atomic uint64_t written, taken, lost;
};

struct sampler {
    enum sample_source_kind kind;
    struct slot slots[ADMIN_THREADS_MAX];
    size_t count;
};

static struct sampler *_Atomic active;
static _Atomic unsigned handlers; // that may be using it

static uint64_t cpu_ns_of(clockid_t clock)
{
    struct timespec t = {0};
    return clock_gettime(clock, &t) == 0 ? (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec : 0;
}

// ---- the handler, on the sampled thread

static struct slot *slot_of(struct sampler *s, const siginfo_t *info)
{
    for (size_t i = 0; i < s->count; i++) {
        if (sample_source_sent(&s->slots[i].source, info))
            return &s->slots[i];
    }
    return NULL;
}

static void note(struct slot *slot, const ucontext_t *at)
{
    uint64_t sample[1 + ADMIN_FRAMES_DEEP];
    bool in_kernel;
    const size_t depth = unwind(at, sample + 1, ADMIN_FRAMES_DEEP, &in_kernel);
    const struct stage_clock *stages = stage_clock_own;
    const unsigned stage =
        stages ? atomic_load_explicit(&stages->current, memory_order_relaxed) : (unsigned)ADMIN_NO_STAGE;
    const uint64_t written = atomic_load_explicit(&slot->written, memory_order_relaxed);
    if (written - atomic_load_explicit(&slot->taken, memory_order_acquire) + 1 + depth > BUFFER_WORDS) {
        atomic_fetch_add_explicit(&slot->lost, 1, memory_order_relaxed);
        return;
    }
    const uint64_t now = cpu_ns_of(CLOCK_THREAD_CPUTIME_ID);
    sample[0] = ADMIN_SAMPLE_HEAD(now - slot->cpu_ns, in_kernel, stage, depth);
    slot->cpu_ns = now;
    for (size_t i = 0; i <= depth; i++)
        slot->words[(written + i) % BUFFER_WORDS] = sample[i];
    atomic_store_explicit(&slot->written, written + 1 + depth, memory_order_release);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    const int error = errno;
    atomic_fetch_add(&handlers, 1);
    struct sampler *s = atomic_load(&active);
    struct slot *slot = s ? slot_of(s, info) : NULL;
    if (slot)
        note(slot, context);
    atomic_fetch_sub(&handlers, 1);
    errno = error;
}

// ---- threads

static bool is_kernel_worker(const char *name)
{
    return strncmp(name, "iou-", 4) == 0;
}

static void add_thread(struct sampler *s, const char *task)
{
    char path[300];
    struct slot *slot = &s->slots[s->count];
    *slot = (struct slot){.thread.thread_id = atoi(task)};
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", task);
    FILE *f = fopen(path, "re");
    const bool named = f && fgets(slot->thread.name, sizeof slot->thread.name, f);
    if (f)
        fclose(f);
    slot->thread.name[strcspn(slot->thread.name, "\n")] = 0;
    // The sampler's owner is no part of what is looked at.
    if (!named || is_kernel_worker(slot->thread.name) || slot->thread.thread_id == (int)gettid())
        return;
    slot->words = calloc(BUFFER_WORDS, sizeof *slot->words);
    if (!slot->words)
        abort();
    s->count++;
}

static void find_threads(struct sampler *s)
{
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *e; tasks && s->count < ADMIN_THREADS_MAX && (e = readdir(tasks));) {
        if (e->d_name[0] != '.')
            add_thread(s, e->d_name);
    }
    if (tasks)
        closedir(tasks);
}

// Opens every thread's source, of one kind. False: this kind is refused here.
static bool open_sources(struct sampler *s, enum sample_source_kind kind, unsigned hertz)
{
    size_t opened = 0;
    s->kind = kind;
    for (size_t i = 0; i < s->count; i++) {
        struct slot *slot = &s->slots[i];
        opened += sample_source_open(&slot->source, kind, slot->thread.thread_id, hertz);
        slot->cpu_ns = cpu_ns_of(sample_source_clock(slot->thread.thread_id));
    }
    return opened > 0;
}

struct sampler *sampler_start(unsigned hertz, char error[SAMPLER_ERROR_MAX])
{
    struct sampler *s = calloc(1, sizeof *s), *none = NULL;
    if (!s)
        abort();
    find_threads(s);
    enum sample_source_kind kind = 0;
    while (kind < SAMPLE_SOURCE_KINDS && !open_sources(s, kind, hertz))
        kind++;
    if (kind == SAMPLE_SOURCE_KINDS) {
        snprintf(error, SAMPLER_ERROR_MAX,
                 "no thread can be sampled: neither perf_event_open nor CPU timers work here");
        sampler_free(s);
        return NULL;
    }
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SAMPLE_SIGNAL, &action, NULL); // and it stays: a late signal must find it
    if (!atomic_compare_exchange_strong(&active, &none, s)) {
        snprintf(error, SAMPLER_ERROR_MAX, "this process is being profiled already");
        sampler_free(s);
        return NULL;
    }
    for (size_t i = 0; i < s->count; i++)
        sample_source_start(&s->slots[i].source);
    return s;
}

void sampler_stop(struct sampler *s)
{
    struct sampler *mine = s;
    for (size_t i = 0; i < s->count; i++)
        sample_source_stop(&s->slots[i].source);
    if (!atomic_compare_exchange_strong(&active, &mine, NULL))
        return;
    while (atomic_load(&handlers) > 0)
        sched_yield();
}

void sampler_free(struct sampler *s)
{
    if (!s)
        return;
    sampler_stop(s);
    for (size_t i = 0; i < s->count; i++) {
        sample_source_close(&s->slots[i].source);
        free(s->slots[i].words);
    }
    free(s);
}

// ---- the owner's side

const char *sampler_source(const struct sampler *s)
{
    return sample_source_text(s->kind);
}

size_t sampler_count(const struct sampler *s)
{
    return s->count;
}

struct sampler_thread sampler_thread(const struct sampler *s, size_t i)
{
    return s->slots[i].thread;
}

bool sampler_read(const struct sampler *s, size_t i, struct admin_account *out)
{
    const struct slot *slot = &s->slots[i];
    out->cpu_ns = cpu_ns_of(sample_source_clock(slot->thread.thread_id));
    out->has_counters = sample_source_counters(&slot->source, out->counters);
    return out->cpu_ns != 0;
}

size_t sampler_take(struct sampler *s, size_t i, uint64_t *words, size_t max)
{
    struct slot *slot = &s->slots[i];
    const uint64_t written = atomic_load_explicit(&slot->written, memory_order_acquire);
    uint64_t taken = atomic_load_explicit(&slot->taken, memory_order_relaxed);
    size_t n = 0;
    while (taken < written) {
        const size_t sample = 1 + ADMIN_SAMPLE_DEPTH(slot->words[taken % BUFFER_WORDS]);
        if (n + sample > max)
            break;
        for (size_t w = 0; w < sample; w++)
            words[n++] = slot->words[taken++ % BUFFER_WORDS];
    }
    atomic_store_explicit(&slot->taken, taken, memory_order_release);
    return n;
}

uint64_t sampler_lost(const struct sampler *s, size_t i)
{
    return atomic_load_explicit(&s->slots[i].lost, memory_order_relaxed);
}
