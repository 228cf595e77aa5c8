// Bodies as they come from peers: taken by the car that names them, kept for a while, or dropped.
#include <stdlib.h>

#include "engine/cars/gather_private.h"

// Positions this far beyond the finalized ones as this shard knows them, which may be a little behind.
#define EARLY_WINDOW (2u * WIRE_LANE_WINDOW)

static bool fits(const struct wire_stripe_ref *ref, struct bytes body, bytes32 *digest, bool *hashed)
{
    if (ref->bytes != body.len)
        return false;
    if (!*hashed)
        *digest = wire_stripe_digest(body);
    *hashed = true;
    return bytes32_equal(&ref->digest, digest);
}

enum match { MATCH_NONE, MATCH_DUPLICATE, MATCH_WANTED };

// The pending car that names this body.
static enum match match_of(struct gather *g, uint64_t epoch, const struct wire_car_stripe *m, struct pending **out)
{
    bytes32 digest;
    bool hashed = false;
    for (struct pending *p = *gather_bucket(g, m->lane, m->pos); p; p = p->next) {
        const struct car_name *name = &p->part.name;
        if (name->epoch != epoch || name->lane != m->lane || name->pos != m->pos ||
            !(p->part.stripes >> m->stripe & 1) || !fits(&p->part.car.stripes[m->stripe], m->body, &digest, &hashed))
            continue;
        *out = p;
        return p->state == PENDING_BODIES && p->missing >> m->stripe & 1 ? MATCH_WANTED : MATCH_DUPLICATE;
    }
    return MATCH_NONE;
}

static struct kept_bytes keep(struct bytes body, uint8_t *memory)
{
    if (!memory) {
        memory = malloc(body.len ? body.len : 1);
        if (!memory)
            abort();
        memcpy(memory, body.ptr, body.len);
        body.ptr = memory;
    }
    return (struct kept_bytes){body, memory};
}

// ---- early ones

static void drop_oldest(struct gather *g, struct early_ring *r)
{
    struct early *e = &r->items[r->first];
    r->bytes -= e->body.bytes.len;
    g->numbers.early--;
    g->numbers.early_bytes -= e->body.bytes.len;
    free(e->body.memory);
    r->first = (r->first + 1) % GATHER_EARLY_MAX;
    r->count--;
}

static void add_early(struct gather *g, struct early_ring *r, const struct early *e)
{
    while (r->count == GATHER_EARLY_MAX || (r->count > 0 && r->bytes + e->body.bytes.len > GATHER_EARLY_BYTES)) {
        drop_oldest(g, r);
        g->numbers.dropped++;
    }
    r->items[(r->first + r->count++) % GATHER_EARLY_MAX] = *e;
    r->bytes += e->body.bytes.len;
    g->numbers.early++;
    g->numbers.early_bytes += e->body.bytes.len;
}

// Goes through a peer's early bodies in order; those that visit does not take over stay.
static void sift(struct gather *g, struct early_ring *r,
                 bool (*visit)(struct gather *g, const struct early *e, void *ctx), void *ctx)
{
    for (unsigned n = r->count; n > 0; n--) {
        const struct early e = r->items[r->first];
        r->first = (r->first + 1) % GATHER_EARLY_MAX;
        r->count--;
        r->bytes -= e.body.bytes.len;
        g->numbers.early--;
        g->numbers.early_bytes -= e.body.bytes.len;
        if (!visit(g, &e, ctx))
            add_early(g, r, &e);
    }
}

static bool use_one(struct gather *g, const struct early *e, void *ctx)
{
    struct pending *p = ctx, *found;
    const struct wire_car_stripe m = {e->lane, e->pos, e->stripe, e->body.bytes};
    if (e->lane != p->part.name.lane || e->pos != p->part.name.pos ||
        match_of(g, e->epoch, &m, &found) != MATCH_WANTED || found != p)
        return false;
    gather_take_body(g, p, e->stripe, e->body);
    return true;
}

void gather_use_early(struct gather *g, struct pending *p)
{
    for (unsigned peer = 0; peer < g->options.peers; peer++) {
        if (g->early[peer].count > 0)
            sift(g, &g->early[peer], use_one, p);
    }
}

static bool is_near(const struct gather *g, uint64_t epoch, unsigned lane, uint32_t pos)
{
    return lane != g->options.me && epoch == g->epoch && pos > g->tips[lane] && pos - g->tips[lane] <= EARLY_WINDOW;
}

static bool drop_one(struct gather *g, const struct early *e, void *all)
{
    if (!all && is_near(g, e->epoch, e->lane, e->pos))
        return false;
    free(e->body.memory);
    return true;
}

void gather_floor(struct gather *g, uint64_t epoch, const uint32_t *tips)
{
    const bool turned = epoch != g->epoch;
    g->epoch = epoch;
    memcpy(g->tips, tips, g->options.set->n * sizeof *tips);
    for (unsigned peer = 0; peer < g->options.peers; peer++)
        sift(g, &g->early[peer], drop_one, NULL);
    if (turned)
        gather_drop_earlier(g);
}

void gather_drop_early(struct gather *g)
{
    for (unsigned peer = 0; peer < g->options.peers; peer++)
        sift(g, &g->early[peer], drop_one, g);
}

// ---- arrivals

bool gather_body(struct gather *g, unsigned peer, uint64_t epoch, const struct wire_car_stripe *m, uint8_t *memory)
{
    struct pending *p = NULL;
    g->numbers.bodies++;
    const bool ours = peer < g->options.peers && m->lane < g->options.set->n && m->stripe < WIRE_STRIPES &&
                      g->own_stripes >> m->stripe & 1;
    const enum match match = ours ? match_of(g, epoch, m, &p) : MATCH_DUPLICATE;
    if (match == MATCH_WANTED) {
        gather_take_body(g, p, m->stripe, keep(m->body, memory));
        return true;
    }
    if (match == MATCH_DUPLICATE || !is_near(g, epoch, m->lane, m->pos) || m->body.len > WIRE_STRIPE_BYTES_MAX) {
        g->numbers.dropped++;
        free(memory);
        return false;
    }
    const struct early e = {epoch, m->lane, m->stripe, m->pos, keep(m->body, memory)};
    add_early(g, &g->early[peer], &e);
    return true;
}
