#include "tools/metrics/metrics_text.h"

#include "base/clock.h"

#include <math.h>
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

void metrics_each(const char *text, const char *name, void (*each)(void *ctx, struct bytes labels, double value),
                  void *ctx)
{
    const size_t len = strlen(name);
    for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
        if (strncmp(p, name, len) != 0 || p[len] != '{')
            continue;
        const char *labels = p + len + 1, *end = labels + strcspn(labels, "}\n");
        if (*end == '}')
            each(ctx, bytes_of(labels, (size_t)(end - labels)), strtod(end + 1, NULL));
    }
}

bool metrics_label(char *out, size_t cap, struct bytes labels, const char *label)
{
    char key[64];
    const int len = snprintf(key, sizeof key, "%s=\"", label);
    const uint8_t *at = memmem(labels.ptr, labels.len, key, (size_t)len);
    if (!at)
        return false;
    at += len;
    const uint8_t *limit = labels.ptr + labels.len, *end = memchr(at, '"', (size_t)(limit - at));
    if (!end)
        return false;
    snprintf(out, cap, "%.*s", (int)(end - at), (const char *)at);
    return true;
}

struct sum {
    const char *label;
    double total;
};

static void add_labelled(void *ctx, struct bytes labels, double value)
{
    struct sum *sum = ctx;
    if (memmem(labels.ptr, labels.len, sum->label, strlen(sum->label)))
        sum->total += value;
}

double metrics_sum(const char *text, const char *name, const char *label)
{
    struct sum sum = {.label = label};
    metrics_each(text, name, add_labelled, &sum);
    return sum.total;
}

#define BUCKETS_MAX 64

// Cumulative counts by rising upper bound.
struct buckets {
    double bound[BUCKETS_MAX], count[BUCKETS_MAX];
    size_t n;
    double sign;
};

static void add_bucket(void *ctx, struct bytes labels, double value)
{
    struct buckets *b = ctx;
    char text[32];
    if (!metrics_label(text, sizeof text, labels, "le"))
        return;
    const double bound = strcmp(text, "+Inf") == 0 ? HUGE_VAL : strtod(text, NULL);
    size_t i = 0;
    while (i < b->n && b->bound[i] != bound)
        i++;
    if (i == BUCKETS_MAX)
        return;
    if (i == b->n)
        b->bound[b->n++] = bound;
    b->count[i] += b->sign * value;
}

double metrics_quantile(const char *before, const char *after, const char *name, double q)
{
    char bucket[128];
    struct buckets b = {.sign = 1};
    snprintf(bucket, sizeof bucket, "%s_bucket", name);
    metrics_each(after, bucket, add_bucket, &b);
    b.sign = -1;
    metrics_each(before, bucket, add_bucket, &b);
    const double total = b.n > 0 ? b.count[b.n - 1] : 0, rank = q * total;
    double low = 0, below = 0;
    for (size_t i = 0; i < b.n && total > 0; i++) {
        if (b.count[i] >= rank && b.count[i] > below)
            return isinf(b.bound[i]) ? low : low + (b.bound[i] - low) * (rank - below) / (b.count[i] - below);
        low = b.bound[i];
        below = b.count[i];
    }
    return 0;
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
