#include "engine/net/links.h"

#include <stdlib.h>

// One connection that is not yet over.
struct line {
    struct links *set;
    unsigned peer, group;
    struct conn *conn;
};

struct links {
    struct loop *loop;
    const struct links_ops *ops;
    void *ctx;
    unsigned peers, groups;
    unsigned lines; // not yet over, replaced ones included
    bool stopping;
    struct line *at[]; // by peer and group; NULL where nothing is open
};

static struct line **place(const struct links *s, unsigned peer, unsigned group)
{
    if (peer >= s->peers || group >= s->groups)
        abort();
    return (struct line **)&s->at[peer * s->groups + group];
}

static void message(void *ctx, struct link *l, struct bytes m)
{
    struct line *line = ctx;
    (void)l;
    // One that has been replaced is not heard any more.
    if (*place(line->set, line->peer, line->group) == line)
        line->set->ops->message(line->set->ctx, line->peer, line->group, m);
}

static const struct link_ops LINK_OPS = {.message = message};

static void closed(void *ctx, struct conn *c)
{
    struct line *line = ctx;
    struct links *s = line->set;
    struct line **at = place(s, line->peer, line->group);
    s->lines--;
    if (*at == line) {
        *at = NULL;
        s->ops->closed(s->ctx, line->peer, line->group, link_status(conn_link(c)), link_failure(conn_link(c)));
    }
    free(line);
}

static const struct conn_ops CONN_OPS = {.closed = closed};

struct links *links_create(struct loop *loop, unsigned peers, unsigned groups, const struct links_ops *ops, void *ctx)
{
    struct links *s = calloc(1, sizeof *s + (size_t)peers * groups * sizeof *s->at);
    if (!s)
        abort();
    s->loop = loop;
    s->ops = ops;
    s->ctx = ctx;
    s->peers = peers;
    s->groups = groups;
    return s;
}

void links_stop(struct links *s)
{
    s->stopping = true;
    for (unsigned i = 0; i < s->peers * s->groups; i++)
        if (s->at[i])
            conn_close(s->at[i]->conn, LINK_DISMISSED);
}

bool links_idle(const struct links *s)
{
    return s->lines == 0;
}

void links_free(struct links *s)
{
    if (s && s->lines > 0)
        abort();
    free(s);
}

void links_add(struct links *s, unsigned peer, unsigned group, int fd, struct link *link)
{
    struct line **at = place(s, peer, group), *line = malloc(sizeof *line), *older = *at;
    if (!line)
        abort();
    *line = (struct line){.set = s, .peer = peer, .group = group};
    link_give(link, &LINK_OPS, line);
    line->conn = conn_adopt(s->loop, fd, link, &CONN_OPS, line);
    s->lines++;
    *at = line;
    if (older) {
        // Told now, so that its end comes before the new one's beginning.
        s->ops->closed(s->ctx, peer, group, LINK_REPLACED, link_status_text(LINK_REPLACED));
        conn_close(older->conn, LINK_REPLACED);
    }
    if (s->stopping)
        conn_close(line->conn, LINK_DISMISSED);
    else if (s->ops->opened)
        s->ops->opened(s->ctx, peer, group);
}

bool links_is_open(const struct links *s, unsigned peer, unsigned group)
{
    const struct line *line = *place(s, peer, group);
    return line && link_is_open(conn_link(line->conn));
}

enum link_sent links_send(struct links *s, unsigned peer, unsigned group, struct payload *m, unsigned slot)
{
    const struct line *line = *place(s, peer, group);
    if (!line)
        return LINK_CLOSED;
    const enum link_sent sent = link_send(conn_link(line->conn), m, slot);
    conn_flush(line->conn);
    return sent;
}

void links_close(struct links *s, unsigned peer, unsigned group, enum link_status why)
{
    const struct line *line = *place(s, peer, group);
    if (line)
        conn_close(line->conn, why);
}

uint8_t *links_keep(struct links *s, unsigned peer, unsigned group)
{
    const struct line *line = *place(s, peer, group);
    return line ? link_keep(conn_link(line->conn)) : NULL;
}

struct link_counters links_counters(const struct links *s, unsigned peer, unsigned group)
{
    const struct line *line = *place(s, peer, group);
    return line ? *link_counters(conn_link(line->conn)) : (struct link_counters){0};
}
