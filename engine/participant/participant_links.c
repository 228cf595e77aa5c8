// The participant's connections: the gate, control links here, bulk links handed to the depots.
#include "engine/participant/participant_private.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

// How long who broke the rules stays out.
#define BAN_NS 60000000000ull
// How often what operators see is brought up to date.
#define PUBLISH_NS 250000000ull
// Of a later message of these kinds all that counts is the newest.
enum slot { SLOT_NONE, SLOT_ACK_STATE, SLOT_PROPOSAL, SLOT_VOTES }; // one a kind of vote from there on

static bool is_validator(const struct participant *p, unsigned peer)
{
    return peer < p->n;
}

// ---- sending

// An older vote of the same kind counts for nothing to who gets a newer one: this validator left its view with a
// certificate, which it sends.
static unsigned slot_of(const struct shared_bytes *bytes)
{
    switch (bytes->bytes[2]) {
    case WIRE_ACK_STATE:
        return SLOT_ACK_STATE;
    case WIRE_PROPOSAL:
        return SLOT_PROPOSAL;
    case WIRE_VOTE:
        return SLOT_VOTES + bytes->bytes[WIRE_PREFIX_BYTES];
    default:
        return SLOT_NONE;
    }
}

static void send_control(struct participant *p, struct vmask to, struct payload *m, unsigned slot)
{
    for (unsigned peer = 0; peer < p->options.cluster->peer_count && peer < WIRE_VALIDATORS_MAX; peer++) {
        if (vmask_has(to, peer))
            links_send(p->control, peer, 0, m, slot);
    }
}

static void send_bulk(struct participant *p, struct vmask to, struct payload *m)
{
    // The first shard has the first group's connections with everybody. Payloads are one thread's.
    struct depot_call *c = depot_call_new(p->depots[0], DEPOT_BULK);
    c->to = to;
    c->bytes = m;
    depot_post(c);
}

void participant_send(struct participant *p, struct vmask to, const struct shared_bytes *bytes)
{
    struct payload *m = payload_of(bytes_of(bytes->bytes, bytes->len));
    if (wire_limit_of(bytes->bytes[2])->channel == WIRE_CONTROL) {
        send_control(p, to, m, slot_of(bytes));
        payload_release(m);
        return;
    }
    send_bulk(p, to, m);
}

void participant_send_to(struct participant *p, unsigned peer, struct payload *m)
{
    struct vmask one = {{0, 0}};
    vmask_add(&one, peer);
    if (wire_limit_of(m->data[2])->channel == WIRE_CONTROL)
        send_control(p, one, m, SLOT_NONE);
    else
        send_bulk(p, one, payload_of(bytes_of(m->data, m->len)));
}

void participant_send_message(struct participant *p, struct vmask to, const struct wire_message *m)
{
    struct payload *payload = payload_new(wire_size(m));
    wire_encode(payload->data, m);
    send_control(p, to, payload, SLOT_NONE);
    payload_release(payload);
}

void participant_ban(struct participant *p, unsigned peer, const char *why)
{
    log_warn("consensus", "a peer broke the rules", "peer=%s reason=\"%s\"", p->options.cluster->names[peer], why);
    p->banned_until_ns[peer] = clock_ns() + BAN_NS;
    gate_ban(p->gate, peer, p->banned_until_ns[peer]);
    for (unsigned s = 0; s < p->options.shard_count; s++) {
        struct depot_call *c = depot_call_new(p->depots[s], DEPOT_CLOSE);
        c->peer = peer;
        depot_post(c);
    }
}

// ---- control connections

static void opened(void *ctx, unsigned peer, unsigned group)
{
    struct participant *p = ctx;
    (void)group;
    log_info("consensus", "connected", "peer=%s", p->options.cluster->names[peer]);
    atomic_store_explicit(&p->groups[peer], (uint8_t)gate_groups(p->gate, peer), memory_order_relaxed);
    if (!is_validator(p, peer))
        return;
    participant_open_turn(p);
    dp_on_connect(&p->validator->dp, peer);
}

// A follower may ask; it has no say.
static bool is_question(struct bytes message)
{
    struct wire_prefix prefix;
    if (wire_peek(&prefix, message) != WIRE_OK)
        return false;
    return prefix.type == WIRE_GET_BLOCK || prefix.type == WIRE_GET_RANGE || prefix.type == WIRE_GET_CAR ||
           prefix.type == WIRE_GET_CERTS || prefix.type == WIRE_GET_SNAP;
}

static void received(void *ctx, unsigned peer, unsigned group, struct bytes message)
{
    struct participant *p = ctx;
    (void)group;
    if (!is_validator(p, peer) && (peer >= WIRE_VALIDATORS_MAX || !is_question(message)))
        return;
    if (participant_take_snap(p, peer, message))
        return;
    participant_open_turn(p);
    // What is refused becomes a ban, as an effect.
    (void)!validator_message(p->validator, peer, message);
}

static void closed(void *ctx, unsigned peer, unsigned group, enum link_status why, const char *text)
{
    struct participant *p = ctx;
    const char *reason = link_status_text(why);
    const bool more = text && strcmp(text, reason) != 0;
    log_info("consensus", "disconnected", "peer=%s reason=\"%s%s%s\"", p->options.cluster->names[peer], reason,
             more ? ": " : "", more ? text : "");
    if (p->gate)
        gate_closed(p->gate, peer, WIRE_CONTROL, group);
}

// ---- bulk connections

static void take_bulk(void *ctx, unsigned peer, unsigned group, struct gate_bulk bulk)
{
    struct participant *p = ctx;
    const unsigned groups = gate_groups(p->gate, peer);
    atomic_store_explicit(&p->groups[peer], (uint8_t)groups, memory_order_relaxed);
    struct depot_call *c = depot_call_new(p->depots[depot_of_group(group, groups, p->options.shard_count)], DEPOT_LINK);
    c->peer = peer;
    c->group = group;
    c->fd = bulk.fd;
    c->link = bulk.link;
    depot_post(c);
    p->bulk_open[peer]++;
}

void participant_bulk_closed(struct participant *p, const struct depot_event *e)
{
    p->bulk_open[e->peer]--;
    gate_closed(p->gate, e->peer, WIRE_BULK, e->group);
}

uint64_t participant_publish(struct participant *p, uint64_t now_ns)
{
    if (now_ns < p->publish_ns)
        return p->publish_ns;
    consensus_view_take(&p->view, p->validator);
    consensus_view_take_links(&p->view, p->control, p->gate, p->options.cluster->peer_count);
    consensus_view_take_depots(&p->view, p->depots, p->options.shard_count);
    for (unsigned i = 0; i < p->view.peer_count; i++) {
        p->view.peers[i].bulk = p->bulk_open[i];
        p->view.peers[i].banned = p->banned_until_ns[i] > now_ns;
    }
    for (unsigned i = 0; i < p->n; i++)
        p->view.lanes[i].wasted_bytes = ordered_feed_wasted(p->feed, i);
    consensus_board_publish(p->options.board, &p->view);
    return p->publish_ns = now_ns + PUBLISH_NS;
}

bool participant_make_links(struct participant *p, char error[STORE_ERROR_MAX])
{
    static const struct links_ops ops = {opened, received, closed};
    const struct cluster *c = p->options.cluster;
    p->control = links_create(p->loop, c->peer_count, 1, &ops, p);
    const struct gate_options gate = {
        .loop = p->loop,
        .listen_fd = p->options.listen_fd,
        .secret = c->channel_secret,
        .genesis_hash = p->options.genesis_hash,
        .shards = (uint16_t)p->options.shard_count,
        .peers = c->peers,
        .peer_count = c->peer_count,
        .control = p->control,
        .bulk = take_bulk,
        .ctx = p,
    };
    p->gate = gate_create(&gate, error, STORE_ERROR_MAX);
    return p->gate != NULL;
}
