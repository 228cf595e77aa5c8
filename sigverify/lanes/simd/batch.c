#include "sigverify/lanes/simd/batch.h"

// Runs the products; the running ones end up as the products of all.
static void multiply_up(struct batch *batch, struct fe *before, const struct fe *values, size_t n)
{
    for (int i = 0; i < BATCH_STREAMS; i++)
        fe_set_one(&batch->running[i]);
    for (size_t i = 0; i < n; i++) {
        struct fe *running = &batch->running[i % BATCH_STREAMS];
        before[i] = *running;
        fe_mul(running, &values[i], running);
    }
}

// Rare: only crafted input has zeros here.
static void replace_zeros(struct fe *values, lane_mask *zero, size_t n)
{
    struct fe one;
    fe_set_one(&one);
    for (size_t i = 0; i < n; i++) {
        zero[i] = fe_is_zero(&values[i]);
        fe_select(&values[i], zero[i], &one, &values[i]);
    }
}

bool batch_products(struct batch *batch, struct fe *before, struct fe *values, lane_mask *zero, size_t n)
{
    struct fe all, inverse;
    multiply_up(batch, before, values, n);
    fe_mul(&all, &batch->running[0], &batch->running[1]);
    const bool found = fe_is_zero(&all) != 0;
    if (found) {
        replace_zeros(values, zero, n);
        multiply_up(batch, before, values, n);
        fe_mul(&all, &batch->running[0], &batch->running[1]);
    }
    fe_inverse(&inverse, &all, 1);
    const struct fe first = batch->running[0];
    fe_mul(&batch->running[0], &inverse, &batch->running[1]);
    fe_mul(&batch->running[1], &inverse, &first);
    return found;
}
