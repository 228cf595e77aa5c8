// Helping others along (R9, R10), and asking for what is missing here.
#include "engine/order/ord.h"

enum { TOKENS = 16, RANGE_SERVED = 64, CERTS_BYTES = 60000, RANGE_BYTES = 900000, RANGE_WORTH = 4 };

bool ord_token(struct ord *o, unsigned peer)
{
    if (o->now_ns >= o->refill_due_ns) {
        for (unsigned i = 0; i < WIRE_VALIDATORS_MAX; i++)
            o->peers[i].tokens = TOKENS;
        o->refill_due_ns = o->now_ns + o->config.delta_ns + 10000000;
    }
    if (o->peers[peer].tokens == 0)
        return false;
    o->peers[peer].tokens--;
    return true;
}

void ord_send_cert(struct ord *o, unsigned peer, const struct kept_cert *c)
{
    struct wire_message m;
    m.type = WIRE_CERT;
    m.epoch = o->epoch;
    m.cert = c->cert;
    effects_send_one(o->fx, peer, &m);
}

// R10.
void ord_help(struct ord *o, unsigned peer, uint64_t view)
{
    if (!ord_token(o, peer))
        return;
    const struct view_rec *r = view > o->base ? ord_view_if(o, view) : NULL;
    if (r && (r->notarized || r->nullified))
        ord_send_cert(o, peer, r->notarized ? r->notarized : r->nullified);
    if (o->entry && o->entry->cert.view != view)
        ord_send_cert(o, peer, o->entry);
    if (o->floor_cert && o->floor_cert != o->entry)
        ord_send_cert(o, peer, o->floor_cert);
}

// R9.
void ord_retransmit(struct ord *o)
{
    const struct view_rec *r = ord_view(o, o->view);
    struct wire_message m;
    m.epoch = o->epoch;
    for (unsigned k = 0; k < 3; k++) {
        if (!((r->voted >> k) & 1))
            continue;
        m.type = WIRE_VOTE;
        m.vote = r->mine[k];
        effects_broadcast(o->fx, &m);
    }
    m.type = WIRE_CERT;
    if (o->entry) {
        m.cert = o->entry->cert;
        effects_broadcast(o->fx, &m);
    }
    // Who missed it may have come to the same view all the same, but then takes no cars that are far beyond its floor.
    if (o->floor_cert && o->floor_cert != o->entry) {
        m.cert = o->floor_cert->cert;
        effects_broadcast(o->fx, &m);
    }
    const uint64_t exit_ns = 6 * o->config.delta_ns + o->config.idle_ns;
    o->retry_due_ns = o->now_ns + (exit_ns / 4 > 200000000 ? exit_ns / 4 : 200000000);
}

// ---- asking

void ord_want_certs(struct ord *o, uint64_t from, uint64_t to)
{
    if (o->pull_to != to)
        o->pulls = 0;
    o->pull_from = from;
    o->pull_to = to;
    if (o->pull_due_ns > o->now_ns + 2 * o->config.delta_ns)
        o->pull_due_ns = o->now_ns;
}

static unsigned other_peer(struct ord *o, struct vmask among)
{
    vmask_drop(&among, o->config.me);
    if (vmask_empty(among)) {
        among = vset_all(o->set);
        vmask_drop(&among, o->config.me);
    }
    if (vmask_empty(among))
        return o->config.me;
    unsigned k = (unsigned)(ord_random(o) % vmask_count(among)), v = 0;
    for (;; v++) {
        if (vmask_has(among, v) && k-- == 0)
            return v;
    }
}

static void pull_certs(struct ord *o)
{
    // The first view of which nothing is here; all of them when each has something, but not the right thing.
    uint64_t from = o->pull_from;
    while (from < o->pull_to) {
        const struct view_rec *r = ord_view_if(o, from);
        if (from > o->base && (!r || !r->nullified))
            break;
        from++;
    }
    struct wire_message m;
    m.type = WIRE_GET_CERTS;
    m.epoch = o->epoch;
    m.get_certs = (struct wire_get_certs){from, o->pull_to};
    const unsigned leader = leader_of(&o->leaders, o->view);
    if (o->pulls == 0 && leader != o->config.me) {
        effects_send_one(o->fx, leader, &m);
        return;
    }
    struct vmask to = {{0, 0}};
    for (unsigned i = 0; i < 16 && vset_weight(o->set, to) < o->set->one_honest; i++)
        vmask_add(&to, other_peer(o, vset_all(o->set)));
    effects_send(o->fx, to, &m);
}

// Its voters had it. But whoever closed an epoch by another certificate has dropped what came after that one, so others
// are asked too.
static void ask_block(struct ord *o, const bytes32 *digest, struct vmask voters)
{
    struct wire_message m;
    m.type = WIRE_GET_BLOCK;
    m.epoch = o->epoch;
    m.get_block = *digest;
    effects_send_one(o->fx, other_peer(o, o->pulls % 2 == 0 ? voters : vset_all(o->set)), &m);
}

void ord_ask_range(struct ord *o, unsigned peer)
{
    struct ord_peer *p = &o->peers[peer];
    if (p->asked_ns != 0 && o->now_ns < p->asked_ns + 2 * o->config.delta_ns)
        return;
    p->asked_ns = o->now_ns;
    struct wire_message m;
    m.type = WIRE_GET_RANGE;
    m.epoch = o->epoch;
    m.get_range = (struct wire_get_range){o->floor->header.height + 1, RANGE_SERVED};
    effects_send_one(o->fx, peer, &m);
}

void ord_pull(struct ord *o)
{
    unsigned asked = 0;
    o->pull_due_ns = UINT64_MAX;
    if (o->pull_to != 0) {
        pull_certs(o);
        asked++;
    }
    for (unsigned i = 0; i < o->want_count; i++) {
        ask_block(o, &o->wants[i].digest, o->wants[i].voters);
        asked++;
    }
    if (o->pending && o->pending->cert.view > o->floor->header.view + RANGE_WORTH)
        ord_ask_range(o, other_peer(o, cert_voters(&o->pending->cert)));
    o->pulls++;
    o->pull_to = 0;
    if (asked > 0)
        o->pull_due_ns = o->now_ns + 2 * o->config.delta_ns;
    o->dirty = true;
}

// A validator that lost its log can have voted last in the epoch after the newest that a quorum of the others knows to
// have begun: whoever closed the one before needed votes of a quorum, of which an honest one is among them. They count
// once they are not ahead of what is proved here, so that nobody's word alone keeps it waiting.
static void hear_epoch(struct ord *o, unsigned src, uint64_t epoch)
{
    struct vmask reached = {{0, 0}};
    vmask_add(&o->epoch_heard, src);
    o->epoch_said[src] = epoch;
    for (unsigned i = 0; i < o->set->wire.n; i++) {
        if (vmask_has(o->epoch_heard, i) && o->epoch_said[i] <= o->epoch && i != o->config.me)
            vmask_add(&reached, i);
    }
    if (vset_weight(o->set, reached) < o->set->quorum)
        return;
    o->recovering = false;
    o->vote_from = o->epoch + 2;
    ord_snapshot(o);
}

void ord_on_floor(struct ord *o, unsigned src, uint64_t epoch, const struct wire_floor *floor)
{
    if (o->recovering)
        hear_epoch(o, src, epoch);
    if (epoch == o->epoch && floor->height >= o->floor->header.height + RANGE_WORTH)
        ord_ask_range(o, src);
}

// ---- answering

static void answer_certs(struct ord *o, unsigned src, const struct wire_get_certs *get)
{
    static _Thread_local struct wire_cert items[WIRE_CERTS_MAX];
    size_t count = 0, bytes = 0;
    const uint64_t from = get->from_view > o->base ? get->from_view : o->base + 1;
    if (o->floor_cert)
        items[count++] = o->floor_cert->cert;
    for (uint64_t u = from; u <= get->to_view && u - o->base < o->view_count; u++) {
        const struct kept_cert *both[2] = {ord_view_if(o, u)->notarized, ord_view_if(o, u)->nullified};
        for (unsigned k = 0; k < 2; k++) {
            if (!both[k] || count == WIRE_CERTS_MAX || bytes > CERTS_BYTES - WIRE_CERT_BYTES_MAX)
                continue;
            items[count++] = both[k]->cert;
            bytes += 57 + 64 * (size_t)vmask_count(cert_voters(&both[k]->cert));
        }
    }
    if (count == 0 || !ord_token(o, src))
        return;
    struct wire_message m;
    m.type = WIRE_CERTS;
    m.epoch = o->epoch;
    m.certs = (struct wire_certs){.count = (uint16_t)count, .items = items};
    effects_send_one(o->fx, src, &m);
}

static void answer_block(struct ord *o, unsigned src, const bytes32 *digest)
{
    const struct kept_block *found = chain_find(&o->chain, digest);
    for (size_t i = 1; i < o->view_count && !found; i++)
        found = ord_block(o, o->base + i, digest);
    if (!found || !ord_token(o, src))
        return;
    struct wire_message m;
    m.type = WIRE_BLOCK;
    m.epoch = found->header.epoch;
    kept_block_value(&m.block, found);
    effects_send_one(o->fx, src, &m);
}

static size_t encoded_bytes(const struct kept_block *b)
{
    size_t bytes = sizeof b->header + 2;
    for (unsigned i = 0; i < b->lane_count; i++)
        bytes += 7 + 32 * (size_t)b->lanes[i].count;
    return bytes;
}

// Blocks of one epoch from a height on, up to the last one that a certificate makes final by itself, with it.
static void answer_range(struct ord *o, unsigned src, const struct wire_get_range *get)
{
    static _Thread_local struct wire_block items[RANGE_SERVED];
    const struct chain_entry *e = chain_at(&o->chain, get->from_height);
    if (!e || !ord_token(o, src))
        return;
    const uint64_t epoch = e->block->header.epoch;
    const struct kept_cert *cert = NULL;
    unsigned count = 0, proven = 0;
    size_t bytes = 0;
    for (; e && e->block->header.epoch == epoch && count < get->count && count < RANGE_SERVED;
         e = chain_at(&o->chain, get->from_height + count)) {
        bytes += encoded_bytes(e->block);
        if (bytes > RANGE_BYTES)
            break;
        kept_block_value(&items[count++], e->block);
        if (e->cert) {
            cert = e->cert;
            proven = count;
        }
    }
    const struct closing *closing = chain_closing(&o->chain, epoch);
    if (!cert && closing && (!e || e->block->header.epoch != epoch)) {
        cert = closing->cert;
        proven = count;
    }
    if (!cert)
        return;
    struct wire_message m;
    m.type = WIRE_RANGE;
    m.epoch = epoch;
    m.range = (struct wire_range){.count = (uint16_t)proven, .items = items, .has_cert = true, .cert = cert->cert};
    effects_send_one(o->fx, src, &m);
}

// ---- taking answers

static void take_certs(struct ord *o, unsigned src, const struct wire_certs *m)
{
    struct bytes rest = m->encoded;
    struct wire_cert cert;
    while (wire_certs_next(&rest, &cert))
        ord_on_cert(o, src, &cert);
}

// The certificate proves its block, each block proves its parent: walk down from there, or from the one that is missing
// in what is known to be final already.
static void take_range(struct ord *o, unsigned src, const struct wire_range *m)
{
    static _Thread_local struct wire_block items[RANGE_SERVED];
    struct bytes rest = m->encoded;
    unsigned count = 0;
    while (count < RANGE_SERVED && wire_blocks_next(&rest, &items[count], &o->set->wire))
        count++;
    if (!m->has_cert || count == 0 || m->cert.kind != WIRE_FINALIZE)
        return;
    const struct wire_block *last = &items[count - 1];
    // An older certificate than the one whose chain is being completed: its part first. At an epoch's end it may be all
    // that can be had, since the others need nothing further to have closed it.
    if (o->pending && o->pending->cert.view > m->cert.view && m->cert.view > o->floor->header.view) {
        kept_cert_unref(o->pending);
        o->pending = NULL;
    }
    ord_on_cert(o, src, &m->cert);
    bool proven;
    if (bytes32_equal(&last->digest, &m->cert.digest)) {
        proven = o->pending && bytes32_equal(&o->pending->cert.digest, &last->digest);
    } else {
        ord_try_finalize(o);
        proven = o->pending && ord_wants(o, last->header.view, &last->digest);
    }
    bytes32 expected = last->digest;
    for (unsigned i = count; proven && i-- > 0;) {
        if (!bytes32_equal(&items[i].digest, &expected) || items[i].header.epoch != o->epoch ||
            items[i].header.view <= o->floor->header.view)
            break;
        struct kept_block *b = ord_keep_block(o, &items[i]);
        if (!b)
            break;
        expected = items[i].header.parent_digest;
    }
    o->dirty = true;
    ord_try_finalize(o);
    // Go on while this peer has more.
    o->peers[src].asked_ns = 0;
    if (proven && count == RANGE_SERVED)
        ord_ask_range(o, src);
}

bool ord_on_request(struct ord *o, unsigned src, const struct wire_message *m)
{
    const bool ours = m->epoch == o->epoch;
    switch (m->type) {
    case WIRE_GET_CERTS:
        if (ours)
            answer_certs(o, src, &m->get_certs);
        return ours;
    case WIRE_GET_BLOCK:
        answer_block(o, src, &m->get_block);
        return true;
    case WIRE_GET_RANGE:
        answer_range(o, src, &m->get_range);
        return true;
    case WIRE_CERTS:
        if (ours)
            take_certs(o, src, &m->certs);
        return true;
    case WIRE_RANGE:
        if (ours)
            take_range(o, src, &m->range);
        return true;
    default:
        return false;
    }
}

// Section 9: who is in an earlier epoch is told how it closed; who is in a later one is asked.
void ord_other_epoch(struct ord *o, unsigned src, const struct wire_message *m)
{
    if (m->epoch > o->epoch) {
        ord_ask_range(o, src);
        return;
    }
    const struct closing *closing = chain_closing(&o->chain, m->epoch);
    const bool speaks = m->type == WIRE_VOTE || m->type == WIRE_CERT || m->type == WIRE_PROPOSAL ||
                        m->type == WIRE_GET_CERTS || m->type == WIRE_ACKS || m->type == WIRE_ACK_STATE;
    if (!closing || !speaks || !ord_token(o, src))
        return;
    struct wire_message answer;
    answer.type = WIRE_CERT;
    answer.epoch = m->epoch;
    answer.cert = closing->cert->cert;
    effects_send_one(o->fx, src, &answer);
}
