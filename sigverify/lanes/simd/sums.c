#include "sigverify/lanes/simd/sums.h"

#include "sigverify/lanes/simd/batch.h"

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
    for (size_t i = n; i-- > 0;) {
        const struct sum *sum = &sums[i];
        struct fe inverse;
        batch_take(&batch, &inverse, scratch->before, scratch->divisor, i);
        if (sum->a == sum->b)
            point_double_with_inverse(sum->out, sum->a, &inverse);
        else
            point_add_with_inverse(sum->out, sum->a, sum->b, &inverse);
    }
    return found;
}
