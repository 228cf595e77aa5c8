#include "shard/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define QUEUE_ENTRIES 1024
#define BUFFER_GROUP 0

struct loop {
    struct io_uring ring;
    struct arena *arena;
    int wake_fd;
    bool wake_armed;
    struct loop_op wake;
    struct io_uring_buf_ring *buffer_ring;
    size_t buffer_ring_bytes;
    uint8_t *buffers;
    unsigned buffers_out;
};

static void wake_done(struct loop_op *op, int result, uint32_t flags)
{
    struct loop *l = (struct loop *)((char *)op - offsetof(struct loop, wake));
    (void)result;
    uint64_t count;
    ssize_t ignored = read(l->wake_fd, &count, sizeof count);
    (void)ignored;
    if (!(flags & IORING_CQE_F_MORE))
        l->wake_armed = false;
}

static void explain(char *error, size_t cap, int err)
{
    if (err == EPERM)
        snprintf(error, cap,
                 "io_uring is forbidden here: set sysctl kernel.io_uring_disabled=0, or allow io_uring_setup, "
                 "io_uring_enter and io_uring_register in the container's seccomp profile");
    else if (err == ENOSYS || err == EINVAL)
        snprintf(error, cap, "this kernel's io_uring is too old: gantry needs Linux 6.1 or newer");
    else if (err == ENOMEM)
        snprintf(error, cap, "io_uring could not lock its memory: raise the memlock limit (ulimit -l)");
    else
        snprintf(error, cap, "io_uring: %s", strerror(err));
}

static int register_buffers(struct loop *l)
{
    l->buffer_ring_bytes = LOOP_BUFFER_COUNT * sizeof(struct io_uring_buf);
    void *mem = mmap(NULL, l->buffer_ring_bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (mem == MAP_FAILED)
        return -ENOMEM;
    l->buffer_ring = mem;
    struct io_uring_buf_reg reg = {
        .ring_addr = (uintptr_t)mem, .ring_entries = LOOP_BUFFER_COUNT, .bgid = BUFFER_GROUP};
    int r = io_uring_register_buf_ring(&l->ring, &reg, 0);
    if (r < 0)
        return r;
    io_uring_buf_ring_init(l->buffer_ring);
    l->buffers = arena_alloc_aligned(l->arena, (size_t)LOOP_BUFFER_BYTES * LOOP_BUFFER_COUNT, 4096);
    for (unsigned i = 0; i < LOOP_BUFFER_COUNT; i++)
        io_uring_buf_ring_add(l->buffer_ring, l->buffers + (size_t)i * LOOP_BUFFER_BYTES, LOOP_BUFFER_BYTES,
                              (unsigned short)i, io_uring_buf_ring_mask(LOOP_BUFFER_COUNT), (int)i);
    io_uring_buf_ring_advance(l->buffer_ring, LOOP_BUFFER_COUNT);
    return 0;
}

struct loop *loop_create(struct arena *arena, int wake_fd, char *error, size_t error_cap)
{
    struct loop *l = arena_alloc_zero(arena, sizeof *l);
    l->arena = arena;
    l->wake_fd = wake_fd;
    l->wake.done = wake_done;
    struct io_uring_params params = {
        .flags =
            IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
        .cq_entries = QUEUE_ENTRIES * 4,
    };
    int r = io_uring_queue_init_params(QUEUE_ENTRIES, &l->ring, &params);
    if (r < 0) {
        explain(error, error_cap, -r);
        arena_free(arena, l);
        return NULL;
    }
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    io_uring_queue_exit(&l->ring);
    if (l->buffer_ring)
        munmap(l->buffer_ring, l->buffer_ring_bytes);
    arena_free(l->arena, l->buffers);
    arena_free(l->arena, l);
}

// liburing 2.3 declares io_uring_enable_rings but its shared library does not export it.
static bool enable(struct io_uring *ring)
{
    return syscall(__NR_io_uring_register, ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) == 0;
}

bool loop_enter_owner(struct loop *l)
{
    return enable(&l->ring);
}

bool loop_provide_buffers(struct loop *l)
{
    return register_buffers(l) == 0;
}

struct io_uring_sqe *loop_sqe(struct loop *l, struct loop_op *op)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);
    while (!sqe) {
        io_uring_submit(&l->ring);
        sqe = io_uring_get_sqe(&l->ring);
    }
    // io_uring_prep_* leave the user data alone.
    io_uring_sqe_set_data(sqe, op);
    return sqe;
}

static void arm_wake(struct loop *l)
{
    struct io_uring_sqe *sqe = loop_sqe(l, &l->wake);
    io_uring_prep_poll_multishot(sqe, l->wake_fd, POLLIN);
    l->wake_armed = true;
}

unsigned loop_dispatch(struct loop *l)
{
    unsigned total = 0, head, seen = 0;
    struct io_uring_cqe *cqe;
    io_uring_for_each_cqe(&l->ring, head, cqe)
    {
        struct loop_op *op = io_uring_cqe_get_data(cqe);
        seen++;
        if (op)
            op->done(op, cqe->res, cqe->flags);
        total++;
    }
    io_uring_cq_advance(&l->ring, seen);
    return total;
}

void loop_wait(struct loop *l, uint64_t wait_ns)
{
    if (!l->wake_armed)
        arm_wake(l);
    struct io_uring_cqe *cqe;
    if (wait_ns == 0) {
        io_uring_submit_and_get_events(&l->ring);
    } else if (wait_ns == UINT64_MAX) {
        io_uring_submit_and_wait(&l->ring, 1);
    } else {
        struct __kernel_timespec ts = {(long long)(wait_ns / 1000000000u), (long long)(wait_ns % 1000000000u)};
        io_uring_submit_and_wait_timeout(&l->ring, &cqe, 1, &ts, NULL);
    }
}

unsigned loop_run(struct loop *l, uint64_t wait_ns)
{
    loop_wait(l, wait_ns);
    return loop_dispatch(l);
}

uint8_t *loop_buffer(struct loop *l, unsigned id)
{
    return l->buffers + (size_t)id * LOOP_BUFFER_BYTES;
}

void loop_buffer_return(struct loop *l, unsigned id)
{
    io_uring_buf_ring_add(l->buffer_ring, loop_buffer(l, id), LOOP_BUFFER_BYTES, (unsigned short)id,
                          io_uring_buf_ring_mask(LOOP_BUFFER_COUNT), 0);
    io_uring_buf_ring_advance(l->buffer_ring, 1);
    l->buffers_out--;
}

unsigned loop_buffers_out(const struct loop *l)
{
    return l->buffers_out;
}

void loop_buffer_taken(struct loop *l)
{
    l->buffers_out++;
}
