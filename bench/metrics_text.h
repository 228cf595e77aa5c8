// Reading a node's /metrics (Prometheus text): single values, and the table of stages between two readings.
#ifndef GANTRY_BENCH_METRICS_TEXT_H
#define GANTRY_BENCH_METRICS_TEXT_H

#include "base/bytes.h"

#include <stdio.h>

// The value of the line that begins with exactly this name (and labels); 0 when there is none.
double metrics_value(const char *text, const char *name);

// The sum of all samples of this name of which the labels hold this text (kernel="keccak").
double metrics_sum(const char *text, const char *name, const char *label);

// Time by thread and stage between two readings, in microseconds a transaction.
void metrics_print_stages(FILE *out, const char *before, const char *after, double transactions);

#endif
