#include "bench/report/report.h"

#include <assert.h>
#include <stdio.h>

void bench_report_add(struct bench_report *report, const char *name, double value, const char *unit,
                      const char *reference, double reference_value, double ratio)
{
    assert(report->count < BENCH_RESULTS_MAX);
    struct bench_result *r = &report->results[report->count++];
    *r = (struct bench_result){.value = value, .reference_value = reference_value, .ratio = ratio};
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->unit, sizeof r->unit, "%s", unit);
    snprintf(r->reference, sizeof r->reference, "%s", reference ? reference : "");
}
