#include "bench/report/report.h"

#include <assert.h>
#include <stdarg.h>
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

void bench_report_note(struct bench_report *report, const char *format, ...)
{
    char note[BENCH_NOTE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(note, sizeof note, format, args);
    va_end(args);
    for (size_t i = 0; i < report->note_count; i++) {
        if (strcmp(report->notes[i], note) == 0)
            return;
    }
    assert(report->note_count < BENCH_NOTES_MAX);
    memcpy(report->notes[report->note_count++], note, sizeof note);
}
