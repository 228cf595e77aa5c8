#include "bench/metrics_text.h"

#include "base/clock.h"

#include <stdlib.h>

#define THREADS_MAX 300
#define STAGES_MAX 24
#define LABEL_MAX 32

static const char *find_line(const char *text, const char *name)
{
    const size_t len = strlen(name);
    for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
        if (strncmp(p, name, len) == 0 && p[len] == ' ')
            return p + len + 1;
    }
    return NULL;
}

double metrics_value(const char *text, const char *name)
{
    const char *value = find_line(text, name);
    return value ? strtod(value, NULL) : 0;
}

double metrics_sum(const char *text, const char *name, const char *label)
{
    const size_t name_len = strlen(name), label_len = strlen(label);
    double sum = 0;
    for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
        if (strncmp(p, name, name_len) != 0 || p[name_len] != '{')
            continue;
        const char *labels = p + name_len, *end = labels + strcspn(labels, "}\n");
        if (*end == '}' && memmem(labels, (size_t)(end - labels), label, label_len))
            sum += strtod(end + 1, NULL);
    }
    return sum;
}

struct table {
    char threads[THREADS_MAX][LABEL_MAX], stages[STAGES_MAX][LABEL_MAX];
    size_t thread_count, stage_count;
    double cycles[THREADS_MAX][STAGES_MAX];
};

static size_t place_of(char (*labels)[LABEL_MAX], size_t *count, size_t max, const char *label)
{
    size_t i = 0;
    while (i < *count && strcmp(labels[i], label) != 0)
        i++;
    if (i == *count && i < max)
        strcpy(labels[(*count)++], label);
    return i;
}

static void add_line(struct table *t, const char *line, double sign)
{
    char thread[LABEL_MAX], stage[LABEL_MAX];
    double value;
    if (sscanf(line, "gantry_stage_cycles_total{thread=\"%31[^\"]\",stage=\"%31[^\"]\"} %lf", thread, stage, &value) !=
        3)
        return;
    const size_t row = place_of(t->threads, &t->thread_count, THREADS_MAX, thread);
    const size_t column = place_of(t->stages, &t->stage_count, STAGES_MAX, stage);
    if (row < THREADS_MAX && column < STAGES_MAX)
        t->cycles[row][column] += sign * value;
}

static void add_text(struct table *t, const char *text, double sign)
{
    for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
        add_line(t, p, sign);
}

void metrics_print_stages(FILE *out, const char *before, const char *after, double transactions)
{
    struct table *t = calloc(1, sizeof *t);
    if (!t)
        return;
    add_text(t, before, -1);
    add_text(t, after, 1);
    const double to_us = transactions > 0 ? 1 / (clock_cycles_per_ns() * 1e3 * transactions) : 0;
    fprintf(out, "%-16s", "us a transaction");
    for (size_t s = 0; s < t->stage_count; s++)
        fprintf(out, "%10s", t->stages[s]);
    for (size_t i = 0; i < t->thread_count; i++) {
        fprintf(out, "\n%-16s", t->threads[i]);
        for (size_t s = 0; s < t->stage_count; s++)
            fprintf(out, "%10.3f", t->cycles[i][s] * to_us);
    }
    fprintf(out, "\n");
    free(t);
}
