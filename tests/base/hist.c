#include "base/hist.h"

#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

// Any magnitude is as likely as any other.
static uint64_t random_value(uint64_t *seed)
{
    uint64_t r = test_random(seed);
    return test_random(seed) >> r % 64;
}

Test(hist, an_empty_one_has_no_values)
{
    struct hist h;
    hist_init(&h);
    cr_assert_eq(h.count, 0);
    cr_assert_eq(h.min, UINT64_MAX);
    cr_assert_eq(hist_quantile(&h, 0.5), 0);
    cr_assert_eq(h.sum, 0);
}

Test(hist, a_value_is_reported_with_at_most_a_thirty_second_of_error)
{
    uint64_t seed = test_seed("hist error");
    static struct hist h;
    for (int i = 0; i < 20000; i++) {
        uint64_t value = i < 128 ? UINT64_MAX >> i / 2 : random_value(&seed);
        hist_init(&h);
        hist_add(&h, value);
        hist_add(&h, UINT64_MAX); // so that the maximum does not clip the answer
        uint64_t got = hist_quantile(&h, 0.5);
        cr_assert_geq(got, value);
        cr_assert_leq(got - value, value / 32, "%llu reported as %llu", (unsigned long long)value,
                      (unsigned long long)got);
    }
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, 8);
    memcpy(&y, b, 8);
    return x < y ? -1 : x > y;
}

Test(hist, quantiles_are_the_smallest_values_that_cover_their_share)
{
    enum { N = 5000 };
    uint64_t seed = test_seed("hist quantiles");
    static uint64_t values[N];
    static struct hist h;
    hist_init(&h);
    for (int i = 0; i < N; i++) {
        values[i] = random_value(&seed);
        hist_add(&h, values[i]);
    }
    qsort(values, N, sizeof *values, compare_u64);
    for (int permille = 0; permille <= 1000; permille++) {
        double q = permille / 1000.0;
        size_t rank = (size_t)ceil(q * N);
        uint64_t exact = values[rank > 0 ? rank - 1 : 0], got = hist_quantile(&h, q);
        cr_assert_geq(got, exact);
        cr_assert_leq(got - exact, exact / 32);
        cr_assert_leq(got, h.max);
    }
    cr_assert_eq(hist_quantile(&h, 1.0), values[N - 1]);
    cr_assert_eq(hist_quantile(&h, 7.0), values[N - 1]);
    cr_assert_eq(h.min, values[0]);
    cr_assert_eq(h.max, values[N - 1]);
}

Test(hist, small_values_are_exact)
{
    struct hist h;
    hist_init(&h);
    for (uint64_t v = 0; v < 64; v++)
        hist_add(&h, v);
    for (uint64_t v = 0; v < 64; v++)
        cr_assert_eq(hist_quantile(&h, (double)(v + 1) / 64), v);
    cr_assert_eq(h.sum, 63 * 32);
}

Test(hist, merging_equals_counting_both_sets)
{
    uint64_t seed = test_seed("hist merge");
    static struct hist both, a, b;
    hist_init(&both);
    hist_init(&a);
    hist_init(&b);
    for (int i = 0; i < 10000; i++) {
        uint64_t value = random_value(&seed) >> 16; // the sums stay exact
        hist_add(&both, value);
        hist_add(i % 3 ? &a : &b, value);
    }
    hist_merge(&a, &b);
    cr_assert_eq(memcmp(&a, &both, sizeof a), 0);
    hist_init(&b);
    hist_merge(&a, &b);
    cr_assert_eq(memcmp(&a, &both, sizeof a), 0, "an empty one changes nothing");
}

Test(hist, adding_n_times_equals_n_additions)
{
    static struct hist once, many;
    hist_init(&once);
    hist_init(&many);
    hist_add_n(&once, 12345, 7);
    hist_add_n(&once, 99, 0);
    for (int i = 0; i < 7; i++)
        hist_add(&many, 12345);
    cr_assert_eq(memcmp(&once, &many, sizeof once), 0);
    cr_assert_eq(once.sum, 7 * 12345);
}

Test(hist, the_sum_stops_at_its_largest_value)
{
    static struct hist h;
    hist_init(&h);
    hist_add(&h, UINT64_MAX);
    hist_add(&h, 1);
    cr_assert_eq(h.sum, UINT64_MAX);
    hist_init(&h);
    hist_add_n(&h, UINT64_MAX / 2, 3);
    cr_assert_eq(h.sum, UINT64_MAX);
    cr_assert_eq(h.count, 3);
}
