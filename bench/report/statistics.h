// Statistics over repeated measurements. Pure functions; any thread.
#ifndef GANTRY_BENCH_REPORT_STATISTICS_H
#define GANTRY_BENCH_REPORT_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

// Median; sorts the values. n is above 0.
double bench_median(double *values, size_t n);

struct bench_interval {
    double low, high;
};

// Where median(b) / median(a) lies with 95 % confidence: percentile bootstrap over both samples, the same answer for
// the same values. n and m are above 0; all values of a above 0. With one value each the interval is a point and means
// nothing.
struct bench_interval bench_ratio_interval(const double *a, size_t n, const double *b, size_t m);

#endif
