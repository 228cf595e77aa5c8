// Reading a node's /metrics (Prometheus text). Pure functions of texts that end with a NUL; any thread.
#ifndef GANTRY_TOOLS_METRICS_METRICS_TEXT_H
#define GANTRY_TOOLS_METRICS_METRICS_TEXT_H

#include "base/bytes.h"

#include <stdio.h>

// The value of the line that begins with exactly this name (and labels); 0 when there is none.
double metrics_value(const char *text, const char *name);

// The sum of all samples of this name of which the labels hold this text (kernel="keccak").
double metrics_sum(const char *text, const char *name, const char *label);

// The value at quantile q (0 to 1) of what a histogram counted between two readings, by linear interpolation inside its
// bucket; 0 when it counted nothing.
double metrics_quantile(const char *before, const char *after, const char *name, double q);

// Calls each for every sample of this name, with its labels (without braces) and value.
void metrics_each(const char *text, const char *name, void (*each)(void *ctx, struct bytes labels, double value),
                  void *ctx);
// The value of one label (stage="verify"), cut to fit; false when there is none.
MUST_CHECK bool metrics_label(char *out, size_t cap, struct bytes labels, const char *label);

// Time by thread and stage between two readings, in microseconds a transaction.
void metrics_print_stages(FILE *out, const char *before, const char *after, double transactions);

#endif
