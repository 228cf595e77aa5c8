#include "engine/net/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define CONTROL_BUFFER_BYTES (16u << 10)
#define BULK_BUFFER_BYTES (64u << 10)

struct conn {
    struct loop *loop;
    struct link *link;
    const struct conn_ops *ops;
    void *ctx;
    int fd;
    struct loop_op connect_op, receive_op, send_op, tick_op;
    bool connecting, receiving, sending, ticking; // in flight
    bool closing;
    struct sockaddr_storage address; // of a dialed one, for the kernel
    uint8_t *buffer;
    size_t buffer_bytes;
};

#define CONN_OF(op, member) ((struct conn *)((char *)(op)-offsetof(struct conn, member)))

static void receive(struct conn *c);

static void release(struct conn *c)
{
    free(c->buffer);
    free(c);
}

static void finish(struct conn *c)
{
    if (c->connecting || c->receiving || c->sending || c->ticking)
        return;
    c->ops->closed(c->ctx, c);
    if (c->fd >= 0)
        close(c->fd);
    link_free(c->link);
    release(c);
}

static void cancel(struct conn *c, struct loop_op *op)
{
    struct io_uring_sqe *sqe = loop_sqe(c->loop, NULL);
    io_uring_prep_cancel(sqe, op, 0);
}

// A completion of its own, so that nothing is freed under its caller.
static void tick(struct conn *c)
{
    c->ticking = true;
    io_uring_prep_nop(loop_sqe(c->loop, &c->tick_op));
}

void conn_close(struct conn *c, enum link_status why)
{
    link_fail(c->link, why);
    if (c->closing)
        return;
    c->closing = true;
    if (c->connecting)
        cancel(c, &c->connect_op);
    if (c->receiving)
        cancel(c, &c->receive_op);
    if (c->sending)
        cancel(c, &c->send_op);
    if (!c->ticking)
        tick(c);
}

// What follows from the link's state, after anything happened to it.
static void go_on(struct conn *c)
{
    if (c->closing) {
        finish(c);
        return;
    }
    if (link_status(c->link) != LINK_OK) {
        conn_close(c, LINK_DISMISSED);
        return;
    }
    conn_flush(c);
    if (!link_is_held(c->link))
        receive(c);
    else if (!c->sending && !c->receiving)
        c->ops->opened(c->ctx, c);
}

static void tick_done(struct loop_op *op, int result, uint32_t flags)
{
    struct conn *c = CONN_OF(op, tick_op);
    (void)result;
    (void)flags;
    c->ticking = false;
    if (!c->closing)
        link_resume(c->link); // the tick of an adopted one
    go_on(c);
}

static void receive_done(struct loop_op *op, int result, uint32_t flags)
{
    struct conn *c = CONN_OF(op, receive_op);
    (void)flags;
    c->receiving = false;
    if (c->closing)
        ;
    else if (result > 0)
        link_receive(c->link, c->buffer, (size_t)result);
    else if (result == 0)
        link_end(c->link);
    else if (result != -EINTR && result != -EAGAIN)
        link_fail(c->link, LINK_BROKEN);
    go_on(c);
}

static void receive(struct conn *c)
{
    if (c->receiving)
        return;
    c->receiving = true;
    io_uring_prep_recv(loop_sqe(c->loop, &c->receive_op), c->fd, c->buffer, c->buffer_bytes, 0);
}

static void send_done(struct loop_op *op, int result, uint32_t flags)
{
    struct conn *c = CONN_OF(op, send_op);
    (void)flags;
    c->sending = false;
    if (result > 0)
        link_sent(c->link, (size_t)result);
    else if (result != -EINTR && result != -EAGAIN)
        link_fail(c->link, LINK_BROKEN);
    go_on(c);
}

void conn_flush(struct conn *c)
{
    if (c->closing)
        return;
    // A full queue of control messages has failed it.
    if (link_status(c->link) != LINK_OK) {
        conn_close(c, LINK_DISMISSED);
        return;
    }
    if (c->sending || c->connecting)
        return;
    const struct bytes out = link_output(c->link);
    if (out.len == 0)
        return;
    c->sending = true;
    io_uring_prep_send(loop_sqe(c->loop, &c->send_op), c->fd, out.ptr, out.len, MSG_NOSIGNAL);
}

static void connect_done(struct loop_op *op, int result, uint32_t flags)
{
    struct conn *c = CONN_OF(op, connect_op);
    (void)flags;
    c->connecting = false;
    if (result < 0)
        link_fail(c->link, LINK_UNREACHABLE);
    go_on(c);
}

static struct conn *create(struct loop *loop, int fd, struct link *link, const struct conn_ops *ops, void *ctx,
                           size_t buffer_bytes)
{
    struct conn *c = calloc(1, sizeof *c);
    uint8_t *buffer = malloc(buffer_bytes);
    if (!c || !buffer)
        abort();
    *c = (struct conn){.loop = loop,
                       .link = link,
                       .ops = ops,
                       .ctx = ctx,
                       .fd = fd,
                       .connect_op = {connect_done},
                       .receive_op = {receive_done},
                       .send_op = {send_done},
                       .tick_op = {tick_done},
                       .buffer = buffer,
                       .buffer_bytes = buffer_bytes};
    return c;
}

// Small messages leave at once, and a peer that is gone without a word is noticed within 15 s.
static void set_options(int fd)
{
    const int one = 1, idle_s = 5, interval_s = 3, count = 3, unanswered_ms = 15000;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof unanswered_ms);
}

struct conn *conn_accepted(struct loop *loop, int fd, struct link *link, const struct conn_ops *ops, void *ctx)
{
    struct conn *c = create(loop, fd, link, ops, ctx, CONTROL_BUFFER_BYTES);
    set_options(fd);
    receive(c);
    return c;
}

struct conn *conn_dial(struct loop *loop, const struct sockaddr_storage *to, struct link *link,
                       const struct conn_ops *ops, void *ctx)
{
    const int fd = socket(to->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct conn *c = create(loop, fd, link, ops, ctx, CONTROL_BUFFER_BYTES);
    if (fd < 0) {
        conn_close(c, LINK_UNREACHABLE);
        return c;
    }
    set_options(fd);
    c->address = *to;
    c->connecting = true;
    io_uring_prep_connect(loop_sqe(loop, &c->connect_op), fd, (const struct sockaddr *)&c->address,
                          to->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    return c;
}

struct conn *conn_adopt(struct loop *loop, int fd, struct link *link, const struct conn_ops *ops, void *ctx)
{
    const bool bulk = link_hello(link)->channel == WIRE_BULK;
    struct conn *c = create(loop, fd, link, ops, ctx, bulk ? BULK_BUFFER_BYTES : CONTROL_BUFFER_BYTES);
    tick(c);
    return c;
}

int conn_take(struct conn *c, struct link **link)
{
    const int fd = c->fd;
    *link = c->link;
    release(c);
    return fd;
}

struct link *conn_link(const struct conn *c)
{
    return c->link;
}
