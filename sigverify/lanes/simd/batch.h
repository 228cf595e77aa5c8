// Many inverses for the price of three products each and one inversion (P. L. Montgomery, "Speeding the Pollard and
// elliptic curve methods of factorization", 1987), shared across lanes as well.
#ifndef GANTRY_SIGVERIFY_LANES_SIMD_BATCH_H
#define GANTRY_SIGVERIFY_LANES_SIMD_BATCH_H

#include "sigverify/lanes/simd/field.h"

#define batch_products LANES_NAME(batch_products)

// Two running products: element i belongs to stream i % 2, so that each one's latency hides behind the other's.
#define BATCH_STREAMS 2

struct batch {
    struct fe running[BATCH_STREAMS];
};

// Inverts values[0..n), carried or wide, in two calls, so that the caller works element by element in the second one's
// loop: batch_products fills before[0..n); then, for i from n - 1 down to 0, batch_take gives 1 / values[i].
//
// A value that is zero in some lane is replaced by one there, in values. The return value says whether that happened;
// zero[i] (an array of n, written only then) says in which lanes.
bool batch_products(struct batch *batch, struct fe *before, struct fe *values, lane_mask *zero, size_t n);

INLINE void batch_take(struct batch *batch, struct fe *inverse, const struct fe *before, const struct fe *values,
                       size_t i)
{
    struct fe *running = &batch->running[i % BATCH_STREAMS];
    fe_mul(inverse, running, &before[i]);
    fe_mul(running, &values[i], running);
}

#endif
