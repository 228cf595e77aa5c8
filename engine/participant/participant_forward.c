// A node that makes no cars hands what its pools take to a validator: one for a while, then the next.
#include "engine/participant/participant_private.h"

#include "base/clock.h"

// A validator is stayed with so long that what it was given can come into a block (depot_forward.c), since the nonces
// of a sender are best at one place.
#define TARGET_NS 3000000000ull
// Transactions wait this long for company.
#define FORWARD_NS 2000000u

static bool is_reachable(const struct participant *p, unsigned peer)
{
    return peer != p->me && p->bulk_open[peer] > 0;
}

// False when there is none.
static bool choose_target(struct participant *p, uint64_t now_ns)
{
    struct forwarding *f = &p->forwarding;
    if (now_ns < f->until_ns && is_reachable(p, f->target))
        return true;
    for (unsigned i = 1; i <= p->n; i++) {
        const unsigned peer = (f->target + i) % p->n;
        if (!is_reachable(p, peer))
            continue;
        f->target = peer;
        f->until_ns = now_ns + TARGET_NS;
        return true;
    }
    return false;
}

uint64_t participant_forward(struct participant *p, uint64_t now_ns)
{
    struct forwarding *f = &p->forwarding;
    if (!p->validator->dp.muted || p->stopping)
        return UINT64_MAX;
    bool executable[SHARD_MAX], any = false;
    for (unsigned s = 0; s < p->options.shard_count; s++) {
        const struct shard_numbers *n = shard_numbers(p->options.shards[s]);
        executable[s] = atomic_load_explicit(&n->executable, memory_order_relaxed) > 0;
        any |= executable[s];
    }
    if (!any)
        return UINT64_MAX;
    if (now_ns < f->due_ns)
        return f->due_ns;
    f->due_ns = now_ns + FORWARD_NS;
    const bool found = choose_target(p, now_ns);
    for (unsigned s = 0; found && s < p->options.shard_count; s++) {
        if (!executable[s])
            continue;
        struct depot_call *c = depot_call_new(p->depots[s], DEPOT_FORWARD);
        c->peer = f->target;
        c->request.base_fee = executor_next_base_fee(p->executor);
        depot_post(c);
    }
    return f->due_ns;
}
