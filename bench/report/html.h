// Pieces of the page that bench_runs_write_html makes. One thread.
#ifndef GANTRY_BENCH_REPORT_HTML_H
#define GANTRY_BENCH_REPORT_HTML_H

#include <jansson.h>
#include <stdio.h>

void html_put_escaped(FILE *out, const char *text);

// Charts of the results named KEY=X/RESULT: one for each key and result, the X in their order, the median as a line,
// each repetition a dot. Writes nothing where there are none.
void html_put_sweeps(FILE *out, const json_t *results);

#endif
