// Samples where the threads of this process are: a signal to each after so much of its CPU time, whose handler notes
// stage and call chain in a bounded buffer of the thread. What sends the signal is, where the system lets it, the
// processor's cycle counter or the kernel's high-resolution clock (perf_event_open), else a CPU timer of the thread,
// which is as fine as the kernel's tick. A sample carries the CPU time since the last one, so none of them has to come
// in time.
//
// Handlers belong to a process, so it has one sampler at a time. One owner thread; the handler runs on all others.
// Threads that start later are not seen, nor are the kernel's workers.
#ifndef GANTRY_ENGINE_ADMIN_SAMPLER_H
#define GANTRY_ENGINE_ADMIN_SAMPLER_H

#include "engine/admin/frames.h"

#define SAMPLER_ERROR_MAX 160

struct sampler;

struct sampler_thread {
    int thread_id;
    char name[16];
};

// NULL with a message: another one runs, or no thread can be sampled.
struct sampler *sampler_start(unsigned hertz, char error[SAMPLER_ERROR_MAX]);
// Stops sampling; what was noted may still be taken.
void sampler_stop(struct sampler *s);
void sampler_free(struct sampler *s);

const char *sampler_source(const struct sampler *s); // in words
size_t sampler_count(const struct sampler *s);
struct sampler_thread sampler_thread(const struct sampler *s, size_t i);
// CPU time and counters of a thread; its stages are left alone. False when it has ended.
MUST_CHECK bool sampler_read(const struct sampler *s, size_t i, struct admin_account *out);

// Whole samples of a thread, as in ADMIN_SAMPLES; returns how many words.
size_t sampler_take(struct sampler *s, size_t i, uint64_t *words, size_t max);
uint64_t sampler_lost(const struct sampler *s, size_t i);

#endif
