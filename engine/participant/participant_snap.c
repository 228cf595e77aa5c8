// State sync: offering this node's state to others, and noticing that this node can't go on without one of theirs.
#include "engine/participant/participant_private.h"

#include "base/log.h"

#include <inttypes.h>
#include <string.h>

// Without an executed ordering block for so long, others are asked what they have; so often.
#define QUIET_NS 3000000000ull
// A car that is still missing then is gone, whatever they say.
#define CAR_WAIT_NS 30000000000ull

static const struct ord *ord_of(const struct participant *p)
{
    return &p->validator->ord;
}

// ---- offering

// Cars of earlier epochs were let go (turn_epoch).
static uint64_t first_epoch(const struct participant *p)
{
    const uint64_t epoch = ord_of(p)->epoch;
    return epoch > EPOCHS_KEPT ? epoch - EPOCHS_KEPT : 0;
}

static bool describe(void *ctx, struct wire_message *m)
{
    const struct participant *p = ctx;
    const struct ord *o = ord_of(p);
    const struct chain_entry *boundary = chain_at(&o->chain, o->start_height);
    if (!boundary && o->epoch > 0)
        return false; // it was fetched itself
    m->epoch = o->epoch;
    m->snap_list.offer.first_height = o->chain.first;
    m->snap_list.offer.first_epoch = first_epoch(p);
    if (o->epoch > 0)
        m->snap_list.boundary = boundary->block->header;
    return true;
}

static bool attested(void *ctx, bytes32 *digest)
{
    const struct chain *chain = &ord_of(ctx)->chain;
    const struct chain_entry *last = chain_at(chain, chain_last(chain));
    const struct chain_entry *entry = last ? chain_at(chain, last->block->header.exec_height) : NULL;
    if (entry)
        *digest = entry->block->digest;
    return entry != NULL;
}

static void send_to(void *ctx, unsigned peer, const struct wire_message *m)
{
    struct participant *p = ctx;
    struct payload *payload = payload_new(wire_size(m));
    wire_encode(payload->data, m);
    participant_send_to(p, peer, payload);
    payload_release(payload);
}

void participant_make_snaps(struct participant *p)
{
    const struct snap_server_options options = {.checkpoint = p->options.checkpoint,
                                                .blog = p->options.blog,
                                                .finality = p->options.finality,
                                                .owner = p->options.inbox,
                                                .send = send_to,
                                                .describe = describe,
                                                .attested = attested,
                                                .ctx = p};
    p->snaps = snap_server_create(&options);
}

// ---- needing one

static bool waits_for_cars(const struct participant *p)
{
    return chain_at(&ord_of(p)->chain, ord_of(p)->exec_next) != NULL;
}

// The epoch of the ordering block that is executed next.
static uint64_t next_epoch(const struct participant *p)
{
    const struct chain_entry *next = chain_at(&ord_of(p)->chain, ord_of(p)->exec_next);
    return next ? next->block->header.epoch : ord_of(p)->epoch;
}

static void take_offer(struct participant *p, unsigned peer, const struct wire_snap_list *l, uint64_t now_ns)
{
    struct snap_watch *w = &p->watch;
    struct vmask one = {{0, 0}};
    vmask_add(&one, peer);
    vmask_drop(&w->without, peer);
    const bool gone = l->offer.first_height > ord_of(p)->floor->header.height + 1 ||
                      l->offer.first_epoch > next_epoch(p) ||
                      (waits_for_cars(p) && now_ns - w->moved_ns >= CAR_WAIT_NS);
    if (!gone || l->offer.height <= executor_head(p->executor)->number)
        return;
    vmask_add(&w->without, peer);
    if (w->told || vset_weight(&p->options.cluster->set, w->without) < p->options.cluster->set.one_honest)
        return;
    w->told = true;
    const struct ord *o = ord_of(p);
    log_warn("consensus", "the others no longer have what comes next here: a state is fetched",
             "height=%" PRIu64 " theirs=%" PRIu64, executor_head(p->executor)->number, l->offer.height);
    p->options.needs_state(p->options.ctx, &(struct anchor){.height = executor_head(p->executor)->number,
                                                            .epoch = o->epoch,
                                                            .vote_from = o->vote_from,
                                                            .recovering = o->recovering});
}

bool participant_take_snap(struct participant *p, unsigned peer, struct bytes message)
{
    static _Thread_local struct wire_message m;
    struct wire_prefix prefix;
    if (wire_peek(&prefix, message) != WIRE_OK || (prefix.type != WIRE_GET_SNAP && prefix.type != WIRE_SNAP_LIST))
        return false;
    const enum wire_status status = wire_decode(&m, message, &p->options.cluster->set.wire);
    if (status != WIRE_OK)
        participant_ban(p, peer, wire_status_text(status));
    else if (m.type == WIRE_GET_SNAP)
        snap_server_ask(p->snaps, peer, &m.get_snap);
    else if (peer < p->n)
        take_offer(p, peer, &m.snap_list, clock_ns());
    return true;
}

uint64_t participant_step_snaps(struct participant *p, uint64_t now_ns)
{
    struct snap_watch *w = &p->watch;
    const uint64_t served = snap_server_step(p->snaps, now_ns), next = ord_of(p)->exec_next;
    if (w->next != next) {
        w->next = next;
        w->moved_ns = now_ns;
        w->without = (struct vmask){{0, 0}};
    }
    const uint64_t asked = w->asked_ns > w->moved_ns ? w->asked_ns : w->moved_ns, due = asked + QUIET_NS;
    if (now_ns < due)
        return served < due ? served : due;
    struct wire_message m;
    m.type = WIRE_GET_SNAP;
    m.epoch = 0;
    m.get_snap = (struct wire_get_snap){.kind = WIRE_SNAP_OFFER};
    struct vmask others = vset_all(&p->options.cluster->set);
    if (p->me < p->n)
        vmask_drop(&others, p->me);
    participant_send_message(p, others, &m);
    w->asked_ns = now_ns;
    return served < now_ns + QUIET_NS ? served : now_ns + QUIET_NS;
}
