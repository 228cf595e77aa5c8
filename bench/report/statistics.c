#include "bench/report/statistics.h"

#include <assert.h>
#include <stdlib.h>

#define RESAMPLES 4000

static int ascending(const void *a, const void *b)
{
    const double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

double bench_median(double *values, size_t n)
{
    assert(n > 0);
    qsort(values, n, sizeof *values, ascending);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// splitmix64
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static double resampled_median(const double *values, size_t n, double *scratch, uint64_t *state)
{
    for (size_t i = 0; i < n; i++)
        scratch[i] = values[next_random(state) % n];
    return bench_median(scratch, n);
}

struct bench_interval bench_ratio_interval(const double *a, size_t n, const double *b, size_t m)
{
    assert(n > 0 && m > 0);
    double *scratch = malloc((n > m ? n : m) * sizeof *scratch);
    double *ratios = malloc(RESAMPLES * sizeof *ratios);
    if (!scratch || !ratios)
        abort();
    uint64_t state = 1;
    for (size_t i = 0; i < RESAMPLES; i++) {
        const double left = resampled_median(a, n, scratch, &state);
        ratios[i] = resampled_median(b, m, scratch, &state) / left;
    }
    qsort(ratios, RESAMPLES, sizeof *ratios, ascending);
    const struct bench_interval out = {ratios[RESAMPLES / 40], ratios[RESAMPLES - 1 - RESAMPLES / 40]};
    free(scratch);
    free(ratios);
    return out;
}
