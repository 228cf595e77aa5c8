#include "bench/bench.h"
#include "tools/load/load_result.h"

void bench_note_load(struct bench_report *report, const char *phase, const struct load_result *r)
{
    if (r->limit)
        bench_report_note(report, "%s: %.0f tx/s offered, %.0f included; THE GENERATOR WAS THE LIMIT: %s", phase,
                          r->offered_rate, r->included_rate, r->limit);
    else
        bench_report_note(report,
                          "%s: %.0f tx/s offered, %.0f included; the generator was not the limit (%.2f us CPU a "
                          "transaction, its sending thread %.0f %% busy, late p99 %.2f ms)",
                          phase, r->offered_rate, r->included_rate, r->generator_cpu_us, 100 * r->sender_share,
                          load_ms(&r->sending.lateness_ns, 0.99));
}
