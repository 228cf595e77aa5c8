// Getting cars that a block names and that did not come by themselves (D6), and giving them to others.
#include "engine/order/dp.h"

// A car that only a proposal names may not exist; one that a certificate's voters hold does.
enum { TRIES_MAX = 64, TRIES_DOUBTFUL_MAX = 8, SERVE_TOKENS = 64 };
// Later answers are awaited longer, up to so many times fetch_ns: peers that are slow are not helped by more requests.
enum { PATIENCE_MAX = 4 };

static bool same_name(const struct car_name *a, const struct car_name *b)
{
    return a->epoch == b->epoch && a->lane == b->lane && a->pos == b->pos && bytes32_equal(&a->digest, &b->digest);
}

struct fetch *dp_fetch_of(struct dp *dp, const struct car_name *name)
{
    for (size_t i = 0; i < dp->fetch_count; i++) {
        if (same_name(&dp->fetches[i].name, name))
            return &dp->fetches[i];
    }
    return NULL;
}

void dp_fetch_done(struct dp *dp, const struct car_name *name)
{
    struct fetch *f = dp_fetch_of(dp, name);
    if (f)
        *f = dp->fetches[--dp->fetch_count];
}

// A free entry. Where there is none, something doubtful gives way to what surely exists.
static struct fetch *room(struct dp *dp, bool sure)
{
    if (dp->fetch_count < DP_FETCHES_MAX)
        return &dp->fetches[dp->fetch_count++];
    for (size_t i = 0; sure && i < dp->fetch_count; i++) {
        if (!dp->fetches[i].final && vmask_empty(dp->fetches[i].hint))
            return &dp->fetches[i];
    }
    return NULL;
}

// Whether the shards gather it: its owner has sent the header, and the body comes, or is being checked.
static bool is_coming(const struct dp *dp, const struct car_name *name)
{
    const struct car_slot *s = name->epoch == dp->epoch ? dp_slot(dp, name->lane, name->pos) : NULL;
    for (unsigned i = 0; s && i < s->car_count; i++) {
        if (s->cars[i].state == CAR_STORING && bytes32_equal(&s->cars[i].car->digest, &name->digest))
            return true;
    }
    return false;
}

void dp_need(struct dp *dp, const struct car_name *name, struct vmask hint, bool final, bool soon)
{
    struct fetch *f = dp_fetch_of(dp, name);
    if (!f) {
        const bool beyond_window = name->epoch == dp->epoch && !dp_slot(dp, name->lane, name->pos);
        if (beyond_window && !final)
            return; // it could not be stored
        f = room(dp, final || !vmask_empty(hint));
        if (!f)
            return;
        const uint64_t grace_ns = is_coming(dp, name) ? dp->config.fetch_ns : soon ? 0 : dp->config.fetch_grace_ns;
        *f = (struct fetch){.name = *name, .due_ns = dp->now_ns + grace_ns};
    }
    f->final |= final;
    f->hint.w[0] |= hint.w[0];
    f->hint.w[1] |= hint.w[1];
}

// The k-th member of the set, in rising order, wrapping.
static unsigned member(struct vmask m, unsigned k)
{
    k %= vmask_count(m);
    for (unsigned v = 0;; v++) {
        if (vmask_has(m, v) && k-- == 0)
            return v;
    }
}

// Two of those who said that they hold it; then of those who voted for its block; then anybody.
static struct vmask targets(const struct dp *dp, const struct fetch *f)
{
    const struct car_slot *s = f->name.epoch == dp->epoch ? dp_slot(dp, f->name.lane, f->name.pos) : NULL;
    struct tally_item *acked = s ? tally_find(&s->acks, &f->name.digest) : NULL;
    struct vmask from = acked && f->tries % 4 < 2 ? acked->who : f->hint, to = {{0, 0}};
    vmask_drop(&from, dp->config.me);
    if (vmask_empty(from) || f->tries % 8 == 7)
        from = vset_all(dp->set);
    vmask_drop(&from, dp->config.me);
    if (vmask_empty(from))
        return to;
    const unsigned start = f->tries * 2 + f->name.pos + dp->config.me;
    vmask_add(&to, member(from, start));
    vmask_add(&to, member(from, start + 1));
    return to;
}

static bool is_pointless(struct dp *dp, const struct fetch *f)
{
    if (f->final)
        return dp->config.store.has(dp->config.store.ctx, &f->name);
    const unsigned most = vmask_empty(f->hint) ? TRIES_DOUBTFUL_MAX : TRIES_MAX;
    return f->name.epoch != dp->epoch || f->tries >= most || !dp_slot(dp, f->name.lane, f->name.pos) ||
           dp_held(dp, f->name.lane, f->name.pos, &f->name.digest);
}

void dp_run_fetches(struct dp *dp)
{
    for (size_t i = 0; i < dp->fetch_count;) {
        struct fetch *f = &dp->fetches[i];
        if (f->due_ns > dp->now_ns) {
            i++;
        } else if (is_pointless(dp, f)) {
            *f = dp->fetches[--dp->fetch_count];
        } else {
            struct wire_message m;
            m.type = WIRE_GET_CAR;
            m.epoch = f->name.epoch;
            m.get_car = (struct wire_get_car){f->name.lane, f->name.pos, f->name.digest, UINT16_MAX};
            effects_send(dp->fx, targets(dp, f), &m);
            f->tries++;
            dp->fx->counts.fetches++;
            f->due_ns = dp->now_ns + (f->tries < PATIENCE_MAX ? f->tries : PATIENCE_MAX) * dp->config.fetch_ns;
            i++;
        }
    }
}

uint64_t dp_next_fetch(const struct dp *dp)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < dp->fetch_count; i++) {
        if (dp->fetches[i].due_ns < next)
            next = dp->fetches[i].due_ns;
    }
    return next;
}

void dp_on_get_car(struct dp *dp, unsigned src, uint64_t epoch, const struct wire_get_car *m)
{
    // A bucket a peer, refilled every fetch_ns.
    if (dp->now_ns >= dp->serve_refill_ns) {
        memset(dp->serve_tokens, 0, sizeof dp->serve_tokens);
        dp->serve_refill_ns = dp->now_ns + dp->config.fetch_ns;
    }
    if (dp->serve_tokens[src] == SERVE_TOKENS)
        return;
    dp->serve_tokens[src]++;
    struct effect *e = effects_add(dp->fx, EFFECT_SERVE_CAR);
    e->peer = (uint16_t)src;
    e->stripe_mask = m->stripe_mask;
    e->name = (struct car_name){epoch, m->lane, m->pos, m->digest};
}
