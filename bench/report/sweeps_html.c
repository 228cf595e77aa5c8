#include "bench/report/html.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define WIDTH 440.0
#define HEIGHT 210.0
#define LEFT 64.0
#define RIGHT 16.0
#define TOP 14.0
#define BOTTOM 28.0
#define GRID_LINES 4
#define NAME_PARTS_MAX 48

// KEY=X/RESULT taken apart.
struct point {
    char key[NAME_PARTS_MAX], x[NAME_PARTS_MAX], result[NAME_PARTS_MAX];
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool parse(struct point *p, const json_t *result)
{
    const char *name = text_of(result, "name"), *equals = strchr(name, '='), *slash = strchr(name, '/');
    if (!equals || !slash || slash < equals || strlen(name) >= NAME_PARTS_MAX)
        return false;
    snprintf(p->key, sizeof p->key, "%.*s", (int)(equals - name), name);
    snprintf(p->x, sizeof p->x, "%.*s", (int)(slash - equals - 1), equals + 1);
    snprintf(p->result, sizeof p->result, "%s", slash + 1);
    return true;
}

static bool same_chart(const struct point *a, const struct point *b)
{
    return strcmp(a->key, b->key) == 0 && strcmp(a->result, b->result) == 0;
}

// How many points a chart has, and its largest value.
static size_t measure(const json_t *results, const struct point *chart, double *most)
{
    size_t count = 0, i, k;
    json_t *r, *sample;
    struct point p;
    *most = 0;
    json_array_foreach(results, i, r)
    {
        if (!parse(&p, r) || !same_chart(&p, chart))
            continue;
        count++;
        json_array_foreach(json_object_get(r, "samples"), k, sample)
        {
            *most = fmax(*most, json_number_value(sample));
        }
    }
    return count;
}

// 1, 2 or 5 times a power of ten, so that GRID_LINES of them reach most.
static double grid_step(double most)
{
    const double least = fmax(most, 1e-9) / GRID_LINES, power = pow(10, floor(log10(least)));
    const double digits = least / power;
    return power * (digits <= 1 ? 1 : digits <= 2 ? 2 : digits <= 5 ? 5 : 10);
}

static double y_of(double value, double top)
{
    return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
}

static double x_of(size_t i, size_t count)
{
    const double room = WIDTH - LEFT - RIGHT;
    return LEFT + room * ((double)i + 0.5) / (double)count;
}

static void put_grid(FILE *out, double step, double top)
{
    for (unsigned i = 0; i <= GRID_LINES; i++) {
        const double value = i * step, y = y_of(value, top);
        fprintf(out, "<line x1=\"%g\" x2=\"%g\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, WIDTH - RIGHT, y, y);
        fprintf(out, "<text class=\"r\" x=\"%g\" y=\"%.1f\">%.6g</text>", LEFT - 8, y + 4, value);
    }
}

static void put_points(FILE *out, const json_t *results, const struct point *chart, size_t count, double top)
{
    size_t i, k, at = 0;
    json_t *r, *sample;
    struct point p;
    double before_x = 0, before_y = 0;
    json_array_foreach(results, i, r)
    {
        if (!parse(&p, r) || !same_chart(&p, chart))
            continue;
        const double x = x_of(at, count), y = y_of(json_number_value(json_object_get(r, "value")), top);
        if (at++ > 0)
            fprintf(out, "<line class=\"s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>", before_x, before_y, x,
                    y);
        json_array_foreach(json_object_get(r, "samples"), k, sample)
        {
            const double value = json_number_value(sample);
            fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>%g</title></circle>", x, y_of(value, top),
                    value);
        }
        fprintf(out, "<text class=\"c\" x=\"%.1f\" y=\"%g\">", x, HEIGHT - 10);
        html_put_escaped(out, p.x);
        fprintf(out, "</text>");
        before_x = x;
        before_y = y;
    }
}

static void put_chart(FILE *out, const json_t *results, const struct point *chart, const char *unit)
{
    double most;
    const size_t count = measure(results, chart, &most);
    const double step = grid_step(most), top = GRID_LINES * step;
    fprintf(out, "<figure><figcaption>");
    html_put_escaped(out, chart->result);
    fprintf(out, " (");
    html_put_escaped(out, unit);
    fprintf(out, ") by ");
    html_put_escaped(out, chart->key);
    fprintf(out, "</figcaption><svg width=\"%g\" height=\"%g\" role=\"img\">", WIDTH, HEIGHT);
    put_grid(out, step, top);
    put_points(out, results, chart, count, top);
    fprintf(out, "</svg></figure>\n");
}

// Whether a result before this one belongs to the same chart.
static bool is_drawn(const json_t *results, size_t end, const struct point *chart)
{
    struct point p;
    bool found = false;
    for (size_t i = 0; i < end; i++)
        found = found || (parse(&p, json_array_get(results, i)) && same_chart(&p, chart));
    return found;
}

void html_put_sweeps(FILE *out, const json_t *results)
{
    size_t i;
    json_t *r;
    struct point p;
    fprintf(out, "<div class=\"f\">");
    json_array_foreach(results, i, r)
    {
        if (parse(&p, r) && !is_drawn(results, i, &p))
            put_chart(out, results, &p, text_of(r, "unit"));
    }
    fprintf(out, "</div>");
}
