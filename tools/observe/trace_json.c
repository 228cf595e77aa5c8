#include "tools/observe/trace_json.h"

#include <inttypes.h>
#include <stdlib.h>

#define DEPTH_MAX 64 // spans inside one another
#define WAITS_MAX 64 // waits of one thread at a time

struct wait {
    uint16_t point;
    uint64_t id;
};

struct track {
    uint16_t spans[DEPTH_MAX];
    size_t depth;
    struct wait waits[WAITS_MAX];
    size_t wait_count;
    uint64_t last_cycles;
};

struct trace_json {
    FILE *out;
    struct observe_node node;
    struct track tracks[ADMIN_THREADS_MAX];
    uint64_t events;
};

struct trace_json *trace_json_create(FILE *out)
{
    struct trace_json *t = calloc(1, sizeof *t);
    if (!t)
        abort();
    t->out = out;
    t->node.cycles_per_ns = 1;
    fprintf(out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
    return t;
}

void trace_json_free(struct trace_json *t)
{
    free(t);
}

static double microseconds(const struct trace_json *t, uint64_t cycles)
{
    return (double)(int64_t)(cycles - t->node.start_cycles) / t->node.cycles_per_ns / 1e3;
}

// Everything but the closing brace; tracks are numbered from 1.
static void put_head(struct trace_json *t, unsigned thread, const char *phase, const char *name, uint64_t cycles)
{
    t->events++;
    fprintf(t->out, "{\"ph\":\"%s\",\"pid\":1,\"tid\":%u,\"ts\":%.3f,\"name\":\"%s\"", phase, thread + 1,
            microseconds(t, cycles), name);
}

static void put_args(struct trace_json *t, const struct timeline_event *e)
{
    const struct timeline_point_info *p = &timeline_points[e->point];
    if (!p->a[0] && !p->b[0])
        return;
    fprintf(t->out, ",\"args\":{");
    if (p->a[0])
        fprintf(t->out, "\"%s\":%" PRIu32 "%s", p->a, e->a, p->b[0] ? "," : "");
    if (p->b[0])
        fprintf(t->out, "\"%s\":%" PRIu64, p->b, e->b);
    fprintf(t->out, "}");
}

static void put_end(struct trace_json *t)
{
    fprintf(t->out, "},\n");
}

static void put_span(struct trace_json *t, unsigned thread, const struct timeline_event *e)
{
    struct track *k = &t->tracks[thread];
    const bool begins = e->edge == TIMELINE_BEGIN;
    // Of an end without its begin nothing is known; a begin too deep has no end here.
    if (begins ? k->depth == DEPTH_MAX : k->depth == 0 || k->spans[k->depth - 1] != e->point)
        return;
    if (begins)
        k->spans[k->depth++] = e->point;
    else
        k->depth--;
    put_head(t, thread, begins ? "B" : "E", timeline_points[e->point].name, e->cycles);
    put_args(t, e);
    put_end(t);
}

static size_t find_wait(const struct track *k, const struct timeline_event *e)
{
    size_t i = 0;
    while (i < k->wait_count && (k->waits[i].point != e->point || k->waits[i].id != e->b))
        i++;
    return i;
}

// Viewers put waits on tracks of their own, by category and number.
static void put_wait_head(struct trace_json *t, unsigned thread, const char *phase, const struct wait *w,
                          uint64_t cycles)
{
    put_head(t, thread, phase, timeline_points[w->point].name, cycles);
    fprintf(t->out, ",\"cat\":\"%s %s\",\"id\":\"0x%" PRIx64 "\"", t->node.threads[thread].name,
            timeline_points[w->point].name, (uint64_t)thread << 48 | w->id);
}

static void put_wait(struct trace_json *t, unsigned thread, const struct timeline_event *e)
{
    struct track *k = &t->tracks[thread];
    const struct wait w = {e->point, e->b};
    const size_t i = find_wait(k, e);
    if (e->edge == TIMELINE_BEGIN ? i < k->wait_count || i == WAITS_MAX : i == k->wait_count)
        return;
    if (e->edge == TIMELINE_BEGIN)
        k->waits[k->wait_count++] = w;
    else
        k->waits[i] = k->waits[--k->wait_count];
    put_wait_head(t, thread, e->edge == TIMELINE_BEGIN ? "b" : "e", &w, e->cycles);
    put_args(t, e);
    put_end(t);
}

static void put_mark(struct trace_json *t, unsigned thread, const struct timeline_event *e)
{
    put_head(t, thread, "i", timeline_points[e->point].name, e->cycles);
    fprintf(t->out, ",\"s\":\"t\"");
    put_args(t, e);
    put_end(t);
}

static bool refuse(char error[OBSERVE_ERROR_MAX], const char *what)
{
    snprintf(error, OBSERVE_ERROR_MAX, "the node's answer is malformed: %s", what);
    return false;
}

static bool take_events(struct trace_json *t, unsigned thread, struct bytes bytes, char error[OBSERVE_ERROR_MAX])
{
    struct timeline_event e;
    if (thread >= t->node.thread_count || bytes.len % sizeof e != 0)
        return refuse(error, "events of no thread, or cut off");
    for (size_t at = 0; at < bytes.len; at += sizeof e) {
        memcpy(&e, bytes.ptr + at, sizeof e);
        if (e.point >= TIMELINE_POINT_COUNT || e.edge > TIMELINE_AT)
            return refuse(error, "an event of no known point");
        const enum timeline_point_kind kind = timeline_points[e.point].kind;
        if ((kind == TIMELINE_MARK) != (e.edge == TIMELINE_AT))
            return refuse(error, "an event of a wrong kind");
        t->tracks[thread].last_cycles = e.cycles;
        if (kind == TIMELINE_SPAN)
            put_span(t, thread, &e);
        else if (kind == TIMELINE_WAIT)
            put_wait(t, thread, &e);
        else
            put_mark(t, thread, &e);
    }
    return true;
}

// Closes what is open, where the thread was last heard of.
static void close_track(struct trace_json *t, unsigned thread)
{
    struct track *k = &t->tracks[thread];
    while (k->depth > 0) {
        put_head(t, thread, "E", timeline_points[k->spans[--k->depth]].name, k->last_cycles);
        put_end(t);
    }
    while (k->wait_count > 0) {
        put_wait_head(t, thread, "e", &k->waits[--k->wait_count], k->last_cycles);
        put_end(t);
    }
}

static void finish(struct trace_json *t)
{
    for (unsigned i = 0; i < t->node.thread_count; i++) {
        close_track(t, i);
        fprintf(t->out, "{\"ph\":\"M\",\"pid\":1,\"tid\":%u,\"name\":\"thread_name\",\"args\":{\"name\":\"%s\"}},\n",
                i + 1, t->node.threads[i].name);
        fprintf(t->out,
                "{\"ph\":\"M\",\"pid\":1,\"tid\":%u,\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":%u}},\n",
                i + 1, i);
    }
    fprintf(t->out,
            "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"gantry\"}}\n"
            "],\"otherData\":{\"version\":\"%s\",\"pid\":%" PRIu64 ",\"lost\":%" PRIu64 "}}\n",
            t->node.version, t->node.pid, trace_json_totals(t).lost);
}

// Names go into JSON as they are: ours have no need of escapes, and others are not taken.
static bool plain_text(const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((text[i] < ' ' && text[i] != '\n') || text[i] == '"' || text[i] == '\\' || text[i] > '~')
            return false;
    }
    return true;
}

bool trace_json_take(struct trace_json *t, const struct admin_frame *frame, const uint8_t *payload,
                     char error[OBSERVE_ERROR_MAX])
{
    if ((frame->kind == ADMIN_THREAD || frame->kind == ADMIN_FACTS) && !plain_text(payload, frame->bytes))
        return refuse(error, "a name that is none");
    if (!observe_node_take(&t->node, frame, payload, error))
        return false;
    if (frame->kind == ADMIN_EVENTS)
        return take_events(t, frame->thread, bytes_of(payload, frame->bytes), error);
    if (frame->kind == ADMIN_END)
        finish(t);
    return true;
}

struct trace_totals trace_json_totals(const struct trace_json *t)
{
    struct trace_totals totals = {.events = t->events, .threads = t->node.thread_count};
    for (size_t i = 0; i < t->node.thread_count; i++)
        totals.lost += t->node.threads[i].lost;
    return totals;
}
