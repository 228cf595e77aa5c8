// Log-linear histogram of durations or sizes: relative error at most 1/32 over the whole range of uint64_t, fixed
// size, no allocation. Two histograms add up to the histogram of both sets (mergeable), so every thread keeps its own.
// Not thread-safe: one owner; readers get copies.
#ifndef GANTRY_BASE_HIST_H
#define GANTRY_BASE_HIST_H

#include "base/bytes.h"

#define HIST_SUB_BITS 5
#define HIST_BUCKETS ((64 - HIST_SUB_BITS + 1) << HIST_SUB_BITS)

// sum stops at UINT64_MAX.
struct hist {
    uint64_t count, sum, min, max; // min is UINT64_MAX while empty
    uint64_t bucket[HIST_BUCKETS];
};

void hist_init(struct hist *h);
void hist_add(struct hist *h, uint64_t value);
void hist_add_n(struct hist *h, uint64_t value, uint64_t n);
void hist_merge(struct hist *into, const struct hist *from);
// The smallest value v such that at least q (0..1) of all values are <= v, up to bucket width, never above max.
// 0 while empty.
uint64_t hist_quantile(const struct hist *h, double q);

#endif
