// What a depot counts, for any thread to read.
#include "engine/cars/depot_private.h"

#include <pthread.h>
#include <stdlib.h>

// How often what is read is brought up to date.
#define PUBLISH_NS 250000000ull

struct published {
    pthread_mutex_t lock;
    struct depot_numbers numbers;
    struct link_counters traffic[]; // of each peer's bulk connections that are this shard's
};

void depot_numbers_create(struct depot *d)
{
    d->published = calloc(1, sizeof *d->published + d->options.peers * sizeof d->published->traffic[0]);
    if (!d->published)
        abort();
    pthread_mutex_init(&d->published->lock, NULL);
}

void depot_numbers_free(struct depot *d)
{
    if (d->published)
        pthread_mutex_destroy(&d->published->lock);
    free(d->published);
}

static void add(struct link_counters *sum, const struct link_counters *c)
{
    sum->messages_in += c->messages_in;
    sum->bytes_in += c->bytes_in;
    sum->messages_out += c->messages_out;
    sum->bytes_out += c->bytes_out;
    sum->dropped += c->dropped;
    sum->replaced += c->replaced;
    sum->queued_bytes += c->queued_bytes;
}

uint64_t depot_numbers_turn(struct depot *d, uint64_t now_ns)
{
    struct published *p = d->published;
    if (now_ns < d->publish_ns)
        return d->publish_ns;
    pthread_mutex_lock(&p->lock);
    p->numbers = d->numbers;
    p->numbers.gather = gather_numbers(d->gather);
    p->numbers.log = car_log_numbers(d->log);
    for (unsigned peer = 0; peer < d->options.peers; peer++) {
        p->traffic[peer] = (struct link_counters){0};
        const unsigned groups = atomic_load_explicit(&d->options.groups[peer], memory_order_relaxed);
        for (unsigned g = 0; g < groups; g++) {
            const struct link_counters c = links_counters(d->links, peer, g);
            add(&p->traffic[peer], &c);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return d->publish_ns = now_ns + PUBLISH_NS;
}

struct depot_numbers depot_numbers(const struct depot *d, struct link_counters *traffic)
{
    struct published *p = d->published;
    pthread_mutex_lock(&p->lock);
    const struct depot_numbers n = p->numbers;
    for (unsigned peer = 0; peer < d->options.peers; peer++)
        add(&traffic[peer], &p->traffic[peer]);
    pthread_mutex_unlock(&p->lock);
    return n;
}
