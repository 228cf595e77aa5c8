#include "base/hist.h"

#include <math.h>

#define SUB_COUNT (1u << HIST_SUB_BITS)

// Values below SUB_COUNT have a bucket each; above, every power of two is cut into SUB_COUNT buckets of equal width.
static unsigned bucket_of(uint64_t value)
{
    if (value < SUB_COUNT)
        return (unsigned)value;
    unsigned exponent = 63 - (unsigned)__builtin_clzll(value);
    unsigned shift = exponent - HIST_SUB_BITS;
    return (shift + 1) * SUB_COUNT + ((unsigned)(value >> shift) & (SUB_COUNT - 1));
}

// The largest value that falls into the bucket.
static uint64_t bucket_top(unsigned bucket)
{
    if (bucket < SUB_COUNT)
        return bucket;
    unsigned shift = bucket / SUB_COUNT - 1;
    uint64_t bottom = (uint64_t)(SUB_COUNT + bucket % SUB_COUNT) << shift;
    return bottom + ((UINT64_C(1) << shift) - 1);
}

void hist_init(struct hist *h)
{
    memset(h, 0, sizeof *h);
    h->min = UINT64_MAX;
}

void hist_add(struct hist *h, uint64_t value)
{
    hist_add_n(h, value, 1);
}

static void add_to_sum(struct hist *h, uint64_t amount)
{
    if (__builtin_add_overflow(h->sum, amount, &h->sum))
        h->sum = UINT64_MAX;
}

void hist_add_n(struct hist *h, uint64_t value, uint64_t n)
{
    if (n == 0)
        return;
    uint64_t amount;
    if (__builtin_mul_overflow(value, n, &amount))
        amount = UINT64_MAX;
    add_to_sum(h, amount);
    h->count += n;
    h->bucket[bucket_of(value)] += n;
    if (value < h->min)
        h->min = value;
    if (value > h->max)
        h->max = value;
}

void hist_merge(struct hist *into, const struct hist *from)
{
    into->count += from->count;
    add_to_sum(into, from->sum);
    if (from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        into->bucket[i] += from->bucket[i];
}

uint64_t hist_quantile(const struct hist *h, double q)
{
    if (h->count == 0)
        return 0;
    double wanted = ceil(q * (double)h->count);
    uint64_t rank = wanted < 1 ? 1 : wanted >= (double)h->count ? h->count : (uint64_t)wanted;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen >= rank) {
            uint64_t top = bucket_top(i);
            return top < h->max ? top : h->max;
        }
    }
    return h->max;
}
