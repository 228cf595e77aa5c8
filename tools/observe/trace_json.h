// A node's timeline as Chrome's trace-event format (a JSON object that Perfetto, chrome://tracing and speedscope open):
// one process, a track a thread; spans are "B" and "E", waits "b" and "e", marks "i". What began before the trace or
// ends after it is left out or closed, so that begins and ends always match. Streams: memory does not grow.
#ifndef GANTRY_TOOLS_OBSERVE_TRACE_JSON_H
#define GANTRY_TOOLS_OBSERVE_TRACE_JSON_H

#include "tools/observe/admin_stream.h"

#include <stdio.h>

struct trace_json;

// Does not take the file over.
struct trace_json *trace_json_create(FILE *out);
void trace_json_free(struct trace_json *t);

// One frame of the answer, ADMIN_END too. False with a message when it is malformed. Writing errors show in the file
// (ferror).
MUST_CHECK bool trace_json_take(struct trace_json *t, const struct admin_frame *frame, const uint8_t *payload,
                                char error[OBSERVE_ERROR_MAX]);

struct trace_totals {
    uint64_t events, lost;
    size_t threads;
};
struct trace_totals trace_json_totals(const struct trace_json *t);

#endif
