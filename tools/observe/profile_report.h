// A profile as text, JSON and a page.
#ifndef GANTRY_TOOLS_OBSERVE_PROFILE_REPORT_H
#define GANTRY_TOOLS_OBSERVE_PROFILE_REPORT_H

#include "tools/observe/profile.h"

#include <jansson.h>
#include <stdio.h>

// Where the time went: {"version", "source", "seconds", "transactions", "samples", "unit", "threads": [...],
// "functions": [...], "unseen": [...]}. Times are nanoseconds a transaction ("unit": "ns/tx"), or nanoseconds in all
// where no transaction was included ("ns"). A new reference.
//
// A thread: "name", "cpu" (its CPU time), "sampled" and "counted" (by stage: samples; the stage counters), "lost",
// and "counters" where the processor has them. A function: "name", "self", "total" (without what it calls; with), and
// "stages" (self by stage). "unseen": sentences.
json_t *profile_json(const struct profile *p);
// The same for people, of as many functions.
void profile_print(FILE *out, const json_t *report, size_t functions);
// A page that needs nothing but itself: an interactive flame graph, and the tables. False when memory is short; writing
// errors show in the file.
MUST_CHECK bool profile_write_html(FILE *out, const struct profile *p, const json_t *report);

#endif
