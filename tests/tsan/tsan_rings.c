// Several threads through the rings: nothing lost, nothing twice, each producer's order kept. Run under the thread
// sanitizer it also shows that the elements' bytes are handed over properly. Exits nonzero with a line on failure.
#include "base/ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#if GANTRY_SANITIZE
#define ITEMS 100000u
#else
#define ITEMS 1000000u
#endif
#define PRODUCERS 4u
#define BATCH 37u

// Three copies of the number: a torn element shows.
struct element {
    uint64_t number, copy, inverse;
    uint32_t producer;
};

static struct element make(uint32_t producer, uint64_t number)
{
    return (struct element){number, number, ~number, producer};
}

static void fail(const char *what, const struct element *e, uint64_t expected)
{
    fprintf(stderr, "%s: producer %u gave %llu where %llu was due\n", what, e->producer, (unsigned long long)e->number,
            (unsigned long long)expected);
    exit(1);
}

static void check(const char *what, const struct element *e, uint64_t expected)
{
    if (e->number != expected || e->copy != expected || e->inverse != ~expected)
        fail(what, e, expected);
}

static void *spsc_producer(void *arg)
{
    struct spsc_ring *ring = arg;
    struct element batch[BATCH];
    for (uint64_t next = 0; next < ITEMS;) {
        size_t n = 1 + next % BATCH;
        if (n > ITEMS - next)
            n = ITEMS - next;
        for (size_t i = 0; i < n; i++)
            batch[i] = make(0, next + i);
        size_t pushed = spsc_push(ring, batch, n);
        if (pushed == 0)
            sched_yield();
        next += pushed;
    }
    return NULL;
}

static void run_spsc(size_t capacity)
{
    struct spsc_ring *ring = spsc_create(capacity, sizeof(struct element));
    pthread_t thread;
    pthread_create(&thread, NULL, spsc_producer, ring);
    struct element batch[BATCH];
    for (uint64_t seen = 0; seen < ITEMS;) {
        size_t n = spsc_pop(ring, batch, 1 + seen % BATCH);
        for (size_t i = 0; i < n; i++)
            check("spsc", &batch[i], seen + i);
        if (n == 0)
            sched_yield();
        if (spsc_count(ring) > capacity)
            fail("spsc count", &batch[0], capacity);
        seen += n;
    }
    pthread_join(thread, NULL);
    if (spsc_count(ring) != 0)
        fail("spsc end", &batch[0], 0);
    spsc_free(ring);
}

struct producer {
    pthread_t thread;
    struct mpsc_ring *ring;
    uint32_t id;
};

static void *mpsc_producer(void *arg)
{
    struct producer *self = arg;
    for (uint64_t next = 0; next < ITEMS / PRODUCERS;) {
        struct element e = make(self->id, next);
        if (mpsc_push(self->ring, &e))
            next++;
        else
            sched_yield();
    }
    return NULL;
}

static void run_mpsc(size_t capacity)
{
    struct mpsc_ring *ring = mpsc_create(capacity, sizeof(struct element));
    struct producer producers[PRODUCERS];
    uint64_t next[PRODUCERS] = {0};
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        producers[i].ring = ring;
        producers[i].id = i;
        pthread_create(&producers[i].thread, NULL, mpsc_producer, &producers[i]);
    }
    struct element batch[BATCH];
    for (uint64_t seen = 0; seen < ITEMS / PRODUCERS * PRODUCERS;) {
        size_t n = mpsc_pop(ring, batch, BATCH);
        for (size_t i = 0; i < n; i++) {
            if (batch[i].producer >= PRODUCERS)
                fail("mpsc producer", &batch[i], PRODUCERS);
            check("mpsc", &batch[i], next[batch[i].producer]++);
        }
        if (n == 0)
            sched_yield();
        if (mpsc_count(ring) > capacity)
            fail("mpsc count", &batch[0], capacity);
        seen += n;
    }
    for (uint32_t i = 0; i < PRODUCERS; i++)
        pthread_join(producers[i].thread, NULL);
    if (mpsc_pop(ring, batch, BATCH) != 0)
        fail("mpsc end", &batch[0], 0);
    mpsc_free(ring);
}

int main(void)
{
    for (size_t capacity = 2; capacity <= 2048; capacity *= 32) {
        run_spsc(capacity);
        run_mpsc(capacity);
    }
    printf("rings: order and content kept\n");
    return 0;
}
