#include "bench/report/html.h"
#include "bench/report/runs.h"

#include <math.h>
#include <stdlib.h>

#define PLOT_WIDTH 360.0
#define PLOT_HEIGHT 26.0
#define PLOT_MARGIN 8.0

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1c2430;--faint:#6a7686;--line:#d5dbe3;--mark:#2463c9;--paper:#fff}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e3e8ef;--faint:#8c98a8;--line:#343d4a;"
    "--mark:#79a8f5;--paper:#14181f}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);"
    "max-width:72rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line)}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}"
    "th{color:var(--faint);font-weight:500}svg{display:block}"
    "line{stroke:var(--line)}circle{fill:var(--mark);fill-opacity:.55}"
    ".m{stroke:var(--ink);stroke-width:2}.s{stroke:var(--mark);stroke-width:2}"
    "text{font-size:12px;fill:var(--faint)}.r{text-anchor:end}.c{text-anchor:middle}"
    ".f{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:1rem 0 0}figcaption{color:var(--faint)}";

void html_put_escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void put_facts(FILE *out, const char *title, const json_t *facts)
{
    const char *key;
    json_t *value;
    fprintf(out, "<h2>%s</h2><table>", title);
    json_object_foreach((json_t *)facts, key, value)
    {
        char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(4));
        fprintf(out, "<tr><th>");
        html_put_escaped(out, key);
        fprintf(out, "</th><td>");
        html_put_escaped(out, text ? text : json_string_value(value));
        fprintf(out, "</td></tr>");
        free(text);
    }
    fprintf(out, "</table>");
}

// Every repetition as a dot on a scale that holds 0 and all of them, the median as a stroke.
static void put_plot(FILE *out, const json_t *result)
{
    const json_t *samples = json_object_get(result, "samples");
    const double median = json_number_value(json_object_get(result, "value"));
    double least = fmin(0, median), most = fmax(0, median);
    size_t i;
    json_t *sample;
    json_array_foreach(samples, i, sample)
    {
        least = fmin(least, json_number_value(sample));
        most = fmax(most, json_number_value(sample));
    }
    const double scale = most > least ? (PLOT_WIDTH - 2 * PLOT_MARGIN) / (most - least) : 0, y = PLOT_HEIGHT / 2;
    fprintf(out, "<svg width=\"%g\" height=\"%g\" role=\"img\" aria-label=\"repetitions\">", PLOT_WIDTH, PLOT_HEIGHT);
    fprintf(out, "<line x1=\"%g\" x2=\"%g\" y1=\"%g\" y2=\"%g\"/>", PLOT_MARGIN, PLOT_WIDTH - PLOT_MARGIN, y, y);
    json_array_foreach(samples, i, sample)
    {
        const double value = json_number_value(sample);
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%g\" r=\"5\"><title>%g</title></circle>",
                PLOT_MARGIN + (value - least) * scale, y, value);
    }
    const double at = PLOT_MARGIN + (median - least) * scale;
    fprintf(out, "<line class=\"m\" x1=\"%.1f\" x2=\"%.1f\" y1=\"3\" y2=\"%g\"/></svg>", at, at, PLOT_HEIGHT - 3);
}

static void put_result(FILE *out, const json_t *r)
{
    fprintf(out, "<tr><td>");
    html_put_escaped(out, text_of(r, "name"));
    fprintf(out, "</td><td class=\"n\">%.3f</td><td>", json_number_value(json_object_get(r, "value")));
    html_put_escaped(out, text_of(r, "unit"));
    fprintf(out, "</td><td>");
    put_plot(out, r);
    fprintf(out, "</td>");
    if (text_of(r, "reference")[0]) {
        fprintf(out, "<td class=\"n\">%.3f</td><td>", json_number_value(json_object_get(r, "reference_value")));
        html_put_escaped(out, text_of(r, "reference"));
    } else {
        fprintf(out, "<td></td><td>");
    }
    const double ratio = json_number_value(json_object_get(r, "ratio"));
    fprintf(out, "</td><td class=\"n\">");
    if (ratio > 0)
        fprintf(out, "%.2f", ratio);
    fprintf(out, "</td></tr>\n");
}

// What was offered, and what the generator could.
static void put_notes(FILE *out, const json_t *notes)
{
    size_t i;
    json_t *note;
    if (json_array_size(notes) == 0)
        return;
    fprintf(out,
            "<h2>Load</h2><p>Latencies count from when a transaction was due, sent late or not: a stall is in every "
            "latency that it delayed.</p><ul>");
    json_array_foreach(notes, i, note)
    {
        fprintf(out, "<li>");
        html_put_escaped(out, json_string_value(note));
        fprintf(out, "</li>");
    }
    fprintf(out, "</ul>");
}

// JSON inside a script element: only "</" could end it.
static void put_raw(FILE *out, const json_t *runs)
{
    char *text = json_dumps(runs, JSON_INDENT(2) | JSON_REAL_PRECISION(6) | JSON_ENSURE_ASCII);
    if (!text)
        abort();
    fprintf(out, "<script type=\"application/json\" id=\"runs\">");
    for (const char *p = text; *p; p++) {
        fputc(*p, out);
        if (p[0] == '<')
            fputc(' ', out);
    }
    fprintf(out, "</script>");
    free(text);
}

bool bench_runs_write_html(const json_t *runs, const char *path)
{
    FILE *out = fopen(path, "we");
    if (!out) {
        fprintf(stderr, "can't write the page to %s\n", path);
        return false;
    }
    fprintf(out, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>gantry bench ");
    html_put_escaped(out, text_of(runs, "bench"));
    fprintf(out, "</title><style>%s</style><h1>gantry bench ", style);
    html_put_escaped(out, text_of(runs, "bench"));
    const long long repetitions = json_integer_value(json_object_get(runs, "repetitions"));
    fprintf(out,
            "</h1><p>Medians of %lld repetition%s; each dot is one, on a scale from 0. A ratio above 1 is better than "
            "the reference, which was measured in the same run.</p>",
            repetitions, repetitions == 1 ? "" : "s");
    fprintf(out, "<table><tr><th>result</th><th>median</th><th></th><th>repetitions</th><th>reference</th><th></th>"
                 "<th>ratio</th></tr>\n");
    size_t i;
    json_t *r;
    json_array_foreach(json_object_get(runs, "results"), i, r)
    {
        put_result(out, r);
    }
    fprintf(out, "</table>");
    html_put_sweeps(out, json_object_get(runs, "results"));
    put_notes(out, json_object_get(runs, "notes"));
    put_facts(out, "Machine and build", json_object_get(runs, "machine"));
    put_facts(out, "Settings", json_object_get(runs, "settings"));
    put_raw(out, runs);
    fprintf(out, "</html>\n");
    const bool ok = !ferror(out);
    if (fclose(out) != 0 || !ok) {
        fprintf(stderr, "can't write the page to %s\n", path);
        return false;
    }
    return true;
}
