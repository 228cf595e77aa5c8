#include "engine/cars/serve.h"

#include <stdlib.h>

#include "engine/net/wire/limits.h"

// What one peer waits for, oldest first.
struct queue {
    struct serve_request waiting[SERVE_QUEUE_MAX];
    unsigned first, count;
};

struct serve {
    unsigned peers, turn; // whose turn it is
    unsigned waiting;
    uint64_t bytes_per_s, burst_bytes;
    int64_t tokens; // bytes; below 0 while the last request is being paid for
    uint64_t filled_ns;
    struct queue queues[];
};

struct serve *serve_create(unsigned peers, uint64_t bytes_per_s)
{
    struct serve *s = calloc(1, sizeof *s + peers * sizeof *s->queues);
    if (!s)
        abort();
    s->peers = peers;
    s->bytes_per_s = bytes_per_s;
    s->burst_bytes = bytes_per_s / 10 > WIRE_CAR_BYTES_MAX ? bytes_per_s / 10 : WIRE_CAR_BYTES_MAX;
    s->tokens = (int64_t)s->burst_bytes;
    return s;
}

void serve_free(struct serve *s)
{
    free(s);
}

static bool same(const struct car_name *a, const struct car_name *b)
{
    return a->epoch == b->epoch && a->lane == b->lane && a->pos == b->pos && bytes32_equal(&a->digest, &b->digest);
}

bool serve_add(struct serve *s, const struct serve_request *r)
{
    if (r->peer >= s->peers)
        return false;
    struct queue *q = &s->queues[r->peer];
    for (unsigned i = 0; i < q->count; i++) {
        struct serve_request *other = &q->waiting[(q->first + i) % SERVE_QUEUE_MAX];
        if (same(&other->name, &r->name)) {
            other->stripes |= r->stripes;
            return true;
        }
    }
    if (q->count == SERVE_QUEUE_MAX)
        return false;
    q->waiting[(q->first + q->count++) % SERVE_QUEUE_MAX] = *r;
    s->waiting++;
    return true;
}

void serve_forget(struct serve *s, unsigned peer)
{
    if (peer >= s->peers)
        return;
    s->waiting -= s->queues[peer].count;
    s->queues[peer].count = 0;
}

static void fill(struct serve *s, uint64_t now_ns)
{
    const uint64_t passed = now_ns - s->filled_ns;
    const uint64_t room = (uint64_t)((int64_t)s->burst_bytes - s->tokens);
    if (now_ns <= s->filled_ns)
        return;
    const unsigned __int128 more = (unsigned __int128)passed * s->bytes_per_s / 1000000000u;
    if (more == 0)
        return;
    s->tokens += more < room ? (int64_t)more : (int64_t)room;
    // The part of a byte that is not yet paid out stays.
    s->filled_ns = more < room ? s->filled_ns + (uint64_t)(more * 1000000000u / s->bytes_per_s) : now_ns;
}

bool serve_next(struct serve *s, uint64_t now_ns, struct serve_request *out)
{
    fill(s, now_ns);
    if (s->waiting == 0 || s->tokens <= 0)
        return false;
    while (s->queues[s->turn].count == 0)
        s->turn = (s->turn + 1) % s->peers;
    struct queue *q = &s->queues[s->turn];
    *out = q->waiting[q->first];
    q->first = (q->first + 1) % SERVE_QUEUE_MAX;
    q->count--;
    s->waiting--;
    s->turn = (s->turn + 1) % s->peers;
    return true;
}

void serve_spent(struct serve *s, uint64_t bytes)
{
    s->tokens -= (int64_t)bytes;
}

uint64_t serve_due(const struct serve *s, uint64_t now_ns)
{
    if (s->waiting == 0)
        return UINT64_MAX;
    if (s->tokens > 0)
        return now_ns;
    const uint64_t missing = (uint64_t)(1 - s->tokens);
    const uint64_t at = s->filled_ns + (uint64_t)((unsigned __int128)missing * 1000000000u / s->bytes_per_s) + 1;
    return at > now_ns ? at : now_ns;
}
