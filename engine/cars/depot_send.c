// The depot's bulk connections: bodies out and in, and what else travels there.
#include "engine/cars/depot_private.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

// Stripes' bodies go on the connection of their group. Where peers have different numbers of shards, that may be
// another depot's.
void depot_relay(struct depot *d, unsigned peer, unsigned group, struct payload *bytes)
{
    const unsigned groups = atomic_load_explicit(&d->options.groups[peer], memory_order_relaxed);
    if (groups == 0)
        return;
    const unsigned shard = depot_of_group(group, groups, d->options.shard_count);
    if (shard == d->options.shard_index) {
        links_send(d->links, peer, group, bytes, 0);
        return;
    }
    struct depot_call *c = depot_call_new(d->all[shard], DEPOT_RELAY);
    c->peer = peer;
    c->group = group;
    c->bytes = payload_of(bytes_of(bytes->data, bytes->len)); // references are one thread's
    shard_pass_on(d->options.shard, shard, &c->call);
}

static struct payload *encode_body(const struct car_name *name, unsigned stripe, struct bytes body)
{
    struct wire_message m;
    m.type = WIRE_CAR_STRIPE;
    m.epoch = name->epoch;
    m.car_stripe = (struct wire_car_stripe){name->lane, name->pos, (uint16_t)stripe, body};
    struct payload *p = payload_new(wire_size(&m));
    wire_encode(p->data, &m);
    return p;
}

static void send_bodies(struct depot *d, const struct car_name *name, struct vmask to, uint16_t stripes,
                        const struct bytes bodies[WIRE_STRIPES])
{
    for (unsigned s = 0; s < WIRE_STRIPES; s++) {
        if (!((stripes >> s) & 1))
            continue;
        struct payload *p = encode_body(name, s, bodies[s]);
        for (unsigned peer = 0; peer < d->options.peers && peer < WIRE_VALIDATORS_MAX; peer++) {
            const unsigned groups = atomic_load_explicit(&d->options.groups[peer], memory_order_relaxed);
            if (vmask_has(to, peer) && groups > 0)
                depot_relay(d, peer, depot_group_of_stripe(s, groups), p);
        }
        payload_release(p);
    }
}

void depot_send(struct depot *d, const struct car_name *name, struct vmask to, uint16_t mask)
{
    char error[STORE_ERROR_MAX];
    struct car_record record;
    const struct car_part *part = gather_find(d->gather, name);
    const struct car_entry *stored = car_log_find(d->log, name);
    if (!stored || !stored->durable)
        return;
    if (part) {
        send_bodies(d, name, to, part->stripes & mask, part->bodies);
        return;
    }
    if (!car_log_read(d->log, &record, name, &d->options.set->wire, error)) {
        log_error("cars", "a stored car can't be sent", "reason=\"%s\"", error);
        return;
    }
    send_bodies(d, name, to, record.stripes & mask, record.bodies);
    car_record_free(&record);
}

void depot_run_serve(struct depot *d, uint64_t now_ns)
{
    struct serve_request r;
    while (serve_next(d->serve, now_ns, &r)) {
        const struct car_entry *e = car_log_find(d->log, &r.name);
        struct vmask to = {{0, 0}};
        vmask_add(&to, r.peer);
        serve_spent(d->serve, e ? e->place.length : 0);
        d->numbers.served_bytes += e ? e->place.length : 0;
        depot_send(d, &r.name, to, r.stripes);
    }
}

// ---- receiving

void depot_take_body(struct depot *d, unsigned peer, struct bytes message)
{
    static _Thread_local struct wire_message m;
    if (wire_decode(&m, message, &d->options.set->wire) == WIRE_OK)
        gather_body(d->gather, peer, m.epoch, &m.car_stripe, NULL);
}

static void take_stripe(struct depot *d, unsigned peer, unsigned group, struct bytes message,
                        const struct wire_message *m)
{
    const unsigned shard = depot_of_stripe(m->car_stripe.stripe, d->options.shard_count);
    if (shard == d->options.shard_index) {
        gather_body(d->gather, peer, m->epoch, &m->car_stripe, links_keep(d->links, peer, group));
        return;
    }
    struct depot_call *c = depot_call_new(d->all[shard], DEPOT_BODY);
    c->peer = peer;
    c->bytes = payload_of(message);
    shard_pass_on(d->options.shard, shard, &c->call);
}

static void hand_on(struct depot *d, unsigned peer, unsigned group, struct bytes message)
{
    struct depot_event *e = depot_event_new(d, DEPOT_MESSAGE);
    e->peer = peer;
    e->len = message.len;
    e->bytes = links_keep(d->links, peer, group);
    if (!e->bytes) {
        e->bytes = malloc(message.len);
        if (!e->bytes)
            abort();
        memcpy(e->bytes, message.ptr, message.len);
    }
    depot_tell(d, e);
}

void depot_ban(struct depot *d, unsigned peer, const char *why)
{
    struct depot_event *e = depot_event_new(d, DEPOT_BANNED);
    e->peer = peer;
    snprintf(e->detail, sizeof e->detail, "%s", why);
    depot_tell(d, e);
}

static void received(void *ctx, unsigned peer, unsigned group, struct bytes message)
{
    static _Thread_local struct wire_message m;
    struct depot *d = ctx;
    struct wire_prefix prefix;
    enum wire_status status = wire_peek(&prefix, message);
    if (status == WIRE_OK && prefix.type == WIRE_FORWARD) {
        depot_take_forward(d, peer, message);
        return;
    }
    if (status == WIRE_OK && prefix.type != WIRE_CAR_STRIPE) {
        hand_on(d, peer, group, message);
        return;
    }
    if (status == WIRE_OK)
        status = wire_decode(&m, message, &d->options.set->wire);
    if (status == WIRE_OK) {
        take_stripe(d, peer, group, message, &m);
        return;
    }
    depot_ban(d, peer, wire_status_text(status));
}

static void closed(void *ctx, unsigned peer, unsigned group, enum link_status why, const char *text)
{
    struct depot *d = ctx;
    struct depot_event *e = depot_event_new(d, DEPOT_CLOSED);
    e->peer = peer;
    e->group = group;
    snprintf(e->detail, sizeof e->detail, "%s: %s", link_status_text(why), text ? text : "");
    depot_tell(d, e);
}

void depot_make_links(struct depot *d)
{
    static const struct links_ops ops = {NULL, received, closed};
    d->links = links_create(shard_loop(d->options.shard), d->options.peers, WIRE_STRIPES, &ops, d);
}
