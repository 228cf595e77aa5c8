#include "engine/store/disk_uring.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/store/disk_files.h"

// The log has at most a group and a piece of the next segment under way.
enum { OPERATIONS_MAX = 16, FILES_MAX = 16, DIRECT_ALIGN = 4096 };

// A write that is durable when the kernel tells of it.
struct operation {
    bool used;
    uint64_t tag;
};

// A file's second descriptor, which goes past the page cache: no copy, and no detour through a kernel worker thread.
struct direct_file {
    int file, direct; // file -1: free
};

struct disk_uring {
    struct disk_files files; // first: the operations of disk_files work on it
    struct disk_ops ops;     // those of disk_files, with the asynchronous ones
    struct io_uring ring;
    int event_fd;
    struct operation operations[OPERATIONS_MAX];
    struct direct_file direct[FILES_MAX];
    unsigned held;      // entries queued, not yet given to the kernel
    unsigned under_way; // operations whose completion was not yet taken
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
        u->held -= (unsigned)n < u->held ? (unsigned)n : u->held;
    }
    return 0;
}

static int uring_open(struct disk *d, const char *name, bool create)
{
    struct disk_uring *u = uring_of(d);
    const int file = DISK_FILES_OPS.open(d, name, create);
    for (int i = 0; file >= 0 && i < FILES_MAX; i++) {
        if (u->direct[i].file >= 0)
            continue;
        // Not every file system can; then writes go through the page cache.
        const int direct = openat(u->files.folder, name, O_WRONLY | O_DIRECT | O_CLOEXEC);
        if (direct >= 0)
            u->direct[i] = (struct direct_file){file, direct};
        break;
    }
    return file;
}

static void uring_close(struct disk *d, int file)
{
    struct disk_uring *u = uring_of(d);
    for (int i = 0; i < FILES_MAX; i++) {
        if (u->direct[i].file == file) {
            close(u->direct[i].direct);
            u->direct[i].file = -1;
        }
    }
    DISK_FILES_OPS.close(d, file);
}

// The descriptor to write this through.
static int descriptor_for(const struct disk_uring *u, int file, uint64_t offset, const void *buf, size_t len)
{
    if ((offset | (uintptr_t)buf | len) % DIRECT_ALIGN != 0)
        return file;
    for (int i = 0; i < FILES_MAX; i++) {
        if (u->direct[i].file == file)
            return u->direct[i].direct;
    }
    return file;
}

static int uring_write_sync(struct disk *d, int file, uint64_t offset, const void *buf, size_t len, uint64_t tag)
{
    struct disk_uring *u = uring_of(d);
    unsigned i = 0;
    while (i < OPERATIONS_MAX && u->operations[i].used)
        i++;
    struct io_uring_sqe *write = i < OPERATIONS_MAX ? io_uring_get_sqe(&u->ring) : NULL;
    if (write == NULL)
        return -EAGAIN;
    // A longer write than the field holds ends short, and its caller writes the rest.
    const unsigned part = len < (1u << 30) ? (unsigned)len : 1u << 30;
    u->operations[i] = (struct operation){.used = true, .tag = tag};
    io_uring_prep_write(write, descriptor_for(u, file, offset, buf, len), buf, part, offset);
    // Not a sync linked to the write: that one runs on a worker thread of the kernel, which has to be woken.
    write->rw_flags = RWF_DSYNC;
    io_uring_sqe_set_data64(write, i);
    u->held++;
    u->under_way++;
    return 0;
}

static size_t take(struct disk_uring *u, struct disk_completion *out, size_t max)
{
    struct io_uring_cqe *cqe;
    size_t n = 0;
    while (n < max && io_uring_peek_cqe(&u->ring, &cqe) == 0) {
        struct operation *o = &u->operations[io_uring_cqe_get_data64(cqe)];
        out[n++] = (struct disk_completion){o->tag, cqe->res};
        io_uring_cqe_seen(&u->ring, cqe);
        o->used = false;
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
    u->ops.open = uring_open;
    u->ops.close = uring_close;
    u->ops.write_sync = uring_write_sync;
    u->ops.poll = uring_poll;
    u->files.disk.ops = &u->ops;
    u->event_fd = -1;
    for (int i = 0; i < FILES_MAX; i++)
        u->direct[i].file = -1;
    u->files.folder = disk_files_folder(dir);
    if (u->files.folder < 0) {
        store_fail(error, "cannot open the folder %s: %s", dir, strerror(-u->files.folder));
        free(u);
        return NULL;
    }
    u->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (u->event_fd < 0)
        return fail(u, error, "cannot create an eventfd", errno);
    int err = io_uring_queue_init(OPERATIONS_MAX, &u->ring, 0);
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
