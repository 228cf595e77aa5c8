#include "sigverify/lanes/simd/batch.h"

#include "sigverify/lanes/field.h"
#include "sigverify/lanes/modinv.h"

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

// The lanes' one inverse, of the product of all: one number's inversion is a quarter of the time of a vector's
// exponentiation.
static void invert_lanes(struct fe *r, const struct fe *a)
{
    u256 values[LANES], before[LANES];
    fe_to_u256(values, a);
    before[0] = u256_from_u64(1);
    for (int i = 1; i < LANES; i++)
        before[i] = field_multiply(&before[i - 1], &values[i - 1]);
    u256 all = field_multiply(&before[LANES - 1], &values[LANES - 1]);
    all = field_canonical(&all);
    u256 inverse = modinv(&all, &MODINV_FIELD);
    for (int i = LANES; i-- > 0;) {
        before[i] = field_multiply(&before[i], &inverse);
        inverse = field_multiply(&inverse, &values[i]);
    }
    fe_from_u256(r, before);
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
    invert_lanes(&inverse, &all);
    const struct fe first = batch->running[0];
    fe_mul(&batch->running[0], &inverse, &batch->running[1]);
    fe_mul(&batch->running[1], &inverse, &first);
    return found;
}
