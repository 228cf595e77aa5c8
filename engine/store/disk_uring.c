#include "engine/store/disk_uring.h"

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/store/disk_files.h"

// The log has at most a group, a zero chunk and their syncs under way.
enum { RING_ENTRIES = 32 };

struct disk_uring {
    struct disk_files files; // first: the operations of disk_files work on it
    struct disk_ops ops;     // those of disk_files, with the asynchronous ones
    struct io_uring ring;
    int event_fd;
    unsigned held;      // queued, not yet given to the kernel
    unsigned under_way; // given to the kernel, completion not yet taken
};

static struct disk_uring *uring_of(struct disk *d)
{
    return (struct disk_uring *)d;
}

// What could not be started stays queued and is tried again by the next poll.
static int start(struct disk_uring *u)
{
    while (u->held > 0) {
        const int n = io_uring_submit(&u->ring);
        if (n == -EINTR)
            continue;
        if (n <= 0)
            return n;
        const unsigned started = (unsigned)n < u->held ? (unsigned)n : u->held;
        u->held -= started;
        u->under_way += started;
    }
    return 0;
}

static struct io_uring_sqe *next_sqe(struct disk_uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
    if (sqe == NULL && start(u) == 0)
        sqe = io_uring_get_sqe(&u->ring);
    if (sqe != NULL)
        u->held++;
    return sqe;
}

static int uring_write(struct disk *d, int file, uint64_t offset, const void *buf, size_t len, uint64_t tag)
{
    struct io_uring_sqe *sqe = next_sqe(uring_of(d));
    if (sqe == NULL)
        return -EAGAIN;
    // A longer write than the field holds ends short, and its caller writes the rest.
    const unsigned part = len < (1u << 30) ? (unsigned)len : 1u << 30;
    io_uring_prep_write(sqe, file, buf, part, offset);
    io_uring_sqe_set_data64(sqe, tag);
    return 0;
}

static int uring_sync(struct disk *d, int file, uint64_t tag)
{
    struct io_uring_sqe *sqe = next_sqe(uring_of(d));
    if (sqe == NULL)
        return -EAGAIN;
    io_uring_prep_fsync(sqe, file, IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data64(sqe, tag);
    return 0;
}

static size_t take(struct disk_uring *u, struct disk_completion *out, size_t max)
{
    struct io_uring_cqe *cqe;
    size_t n = 0;
    while (n < max && io_uring_peek_cqe(&u->ring, &cqe) == 0) {
        out[n++] = (struct disk_completion){io_uring_cqe_get_data64(cqe), cqe->res};
        io_uring_cqe_seen(&u->ring, cqe);
        u->under_way--;
    }
    return n;
}

static size_t uring_poll(struct disk *d, struct disk_completion *out, size_t max, bool wait)
{
    struct disk_uring *u = uring_of(d);
    start(u);
    size_t n = take(u, out, max);
    while (n == 0 && max > 0 && wait && u->under_way > 0) {
        struct io_uring_cqe *cqe;
        const int err = io_uring_wait_cqe(&u->ring, &cqe);
        if (err < 0 && err != -EINTR)
            return 0;
        n = take(u, out, max);
    }
    return n;
}

static const char *ring_advice(int err)
{
    if (err == EPERM || err == EACCES)
        return ": io_uring is forbidden here; allow it with sysctl kernel.io_uring_disabled=0, or in a container with "
               "a "
               "seccomp profile that admits io_uring_setup, io_uring_enter and io_uring_register";
    if (err == ENOSYS)
        return ": this kernel has no io_uring, or a container's seccomp profile hides it; kernel 6.1 or newer is "
               "needed";
    if (err == ENOMEM)
        return ": raise the limit of locked memory (ulimit -l)";
    return "";
}

static struct disk *fail(struct disk_uring *u, char error[STORE_ERROR_MAX], const char *what, int err)
{
    store_fail(error, "%s: %s%s", what, strerror(err), ring_advice(err));
    if (u != NULL) {
        if (u->event_fd >= 0)
            close(u->event_fd);
        if (u->files.folder >= 0)
            close(u->files.folder);
        free(u);
    }
    return NULL;
}

struct disk *disk_uring_open(const char *dir, char error[STORE_ERROR_MAX])
{
    struct disk_uring *u = calloc(1, sizeof *u);
    if (u == NULL)
        return fail(NULL, error, "cannot open the disk", ENOMEM);
    u->ops = DISK_FILES_OPS;
    u->ops.write = uring_write;
    u->ops.sync = uring_sync;
    u->ops.poll = uring_poll;
    u->files.disk.ops = &u->ops;
    u->event_fd = -1;
    u->files.folder = disk_files_folder(dir);
    if (u->files.folder < 0) {
        store_fail(error, "cannot open the folder %s: %s", dir, strerror(-u->files.folder));
        free(u);
        return NULL;
    }
    u->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (u->event_fd < 0)
        return fail(u, error, "cannot create an eventfd", errno);
    int err = io_uring_queue_init(RING_ENTRIES, &u->ring, 0);
    if (err < 0)
        return fail(u, error, "cannot create the block log's io_uring", -err);
    err = io_uring_register_eventfd(&u->ring, u->event_fd);
    if (err < 0) {
        io_uring_queue_exit(&u->ring);
        return fail(u, error, "cannot register the block log's eventfd", -err);
    }
    return &u->files.disk;
}

void disk_uring_close(struct disk *d)
{
    struct disk_uring *u = uring_of(d);
    struct disk_completion c;
    while (uring_poll(d, &c, 1, true) > 0)
        ;
    io_uring_queue_exit(&u->ring);
    close(u->event_fd);
    close(u->files.folder);
    free(u);
}

int disk_uring_event_fd(struct disk *d)
{
    return uring_of(d)->event_fd;
}
