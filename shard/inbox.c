#include "shard/inbox.h"

#include "base/clock.h"
#include "shard/stage.h"

#include <sys/eventfd.h>
#include <unistd.h>

bool inbox_init(struct inbox *in, size_t capacity)
{
    in->ring = mpsc_create(capacity, sizeof(struct message));
    in->capacity = capacity;
    in->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    atomic_init(&in->sleeping, false);
    if (in->ring && in->event_fd >= 0)
        return true;
    inbox_free(in);
    return false;
}

void inbox_free(struct inbox *in)
{
    if (in->ring)
        mpsc_free(in->ring);
    if (in->event_fd >= 0)
        close(in->event_fd);
    in->ring = NULL;
    in->event_fd = -1;
}

void inbox_wake(struct inbox *in)
{
    uint64_t one = 1;
    // EAGAIN means the counter is full: the owner is woken anyway.
    ssize_t ignored = write(in->event_fd, &one, sizeof one);
    (void)ignored;
}

bool inbox_post(struct inbox *in, const struct message *m)
{
    if (!mpsc_push(in->ring, m))
        return false;
    // Orders the push before the look at `sleeping`; pairs with the fence in inbox_prepare_sleep.
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&in->sleeping, memory_order_relaxed) &&
        atomic_exchange_explicit(&in->sleeping, false, memory_order_relaxed))
        inbox_wake(in);
    return true;
}

bool inbox_post_below(struct inbox *in, const struct message *m, enum inbox_share share)
{
    return mpsc_count(in->ring) < in->capacity / 4 * (size_t)share && inbox_post(in, m);
}

size_t inbox_take(struct inbox *in, struct message *out, size_t max)
{
    return mpsc_pop(in->ring, out, max);
}

bool inbox_await(const struct inbox *in, uint64_t ns)
{
    const uint64_t until = clock_ns() + ns;
    while (mpsc_count(in->ring) == 0) {
        if (clock_ns() >= until)
            return false;
        stage_yield();
    }
    return true;
}

bool inbox_prepare_sleep(struct inbox *in)
{
    atomic_store_explicit(&in->sleeping, true, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    if (mpsc_count(in->ring) == 0)
        return true;
    inbox_awake(in);
    return false;
}

void inbox_awake(struct inbox *in)
{
    atomic_store_explicit(&in->sleeping, false, memory_order_relaxed);
}
