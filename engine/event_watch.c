#include "engine/event_watch.h"

#include <poll.h>
#include <unistd.h>

static void done(struct loop_op *op, int result, uint32_t flags)
{
    struct event_watch *w = (struct event_watch *)((char *)op - offsetof(struct event_watch, op));
    uint64_t count;
    ssize_t ignored = read(w->fd, &count, sizeof count);
    (void)ignored;
    (void)result;
    w->armed = flags & IORING_CQE_F_MORE;
}

void event_watch_init(struct event_watch *w, int fd)
{
    *w = (struct event_watch){.op.done = done, .fd = fd};
}

void event_watch_arm(struct event_watch *w, struct loop *loop)
{
    if (w->armed)
        return;
    io_uring_prep_poll_multishot(loop_sqe(loop, &w->op), w->fd, POLLIN);
    w->armed = true;
}
