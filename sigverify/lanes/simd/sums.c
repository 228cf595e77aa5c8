#include "sigverify/lanes/simd/sums.h"

#include "sigverify/lanes/simd/batch.h"

#define EACH_STREAM for (size_t i = 0; i < streams; i++)

// The sums from `at` on. The streams' steps alternate, so that one's latency hides behind the other's.
static void add_with_inverses(struct sums_scratch *scratch, struct batch *batch, const struct sum *sums, size_t at,
                              size_t streams)
{
    struct fe slope[BATCH_STREAMS], t[BATCH_STREAMS], x[BATCH_STREAMS];
    EACH_STREAM batch_take(batch, &slope[i], scratch->before, scratch->divisor, at + i);
    EACH_STREAM
    {
        const struct point *a = sums[at + i].a, *b = sums[at + i].b;
        if (a == b)
            fe_sqr3(&t[i], &a->x);
        else
            fe_diff(&t[i], &b->y, &a->y);
        fe_mul(&slope[i], &t[i], &slope[i]);
    }
    EACH_STREAM fe_sqr_sub2(&x[i], &slope[i], &sums[at + i].a->x, &sums[at + i].b->x);
    EACH_STREAM
    {
        const struct sum *sum = &sums[at + i];
        fe_diff(&t[i], &sum->a->x, &x[i]);
        fe_mul_sub(&sum->out->y, &slope[i], &t[i], &sum->a->y);
        sum->out->x = x[i];
    }
}

bool sums_compute(struct sums_scratch *scratch, const struct sum *sums, size_t n)
{
    struct batch batch;
    for (size_t i = 0; i < n; i++) {
        const struct sum *sum = &sums[i];
        if (sum->a == sum->b)
            fe_sum(&scratch->divisor[i], &sum->a->y, &sum->a->y);
        else
            fe_diff(&scratch->divisor[i], &sum->b->x, &sum->a->x);
    }
    const bool found = batch_products(&batch, scratch->before, scratch->divisor, scratch->zero, n);
    for (size_t end = n; end > 0;) {
        const size_t streams = end % BATCH_STREAMS ? end % BATCH_STREAMS : BATCH_STREAMS;
        end -= streams;
        add_with_inverses(scratch, &batch, sums, end, streams);
    }
    return found;
}
