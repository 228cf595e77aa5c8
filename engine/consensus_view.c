#include "engine/consensus_view.h"

#include <pthread.h>
#include <stdlib.h>

#define MS 1000000u

const char *consensus_mode_text(enum consensus_mode mode)
{
    static const char *const texts[] = {
        [CONSENSUS_VOTING] = "voting",     [CONSENSUS_FOLLOWING] = "following", [CONSENSUS_RECOVERING] = "recovering",
        [CONSENSUS_DIVERGED] = "diverged", [CONSENSUS_FAILED] = "failed",
    };
    return texts[mode];
}

static enum consensus_mode mode_of(const struct validator *v)
{
    if (validator_failed(v))
        return CONSENSUS_FAILED;
    if (v->ord.diverged)
        return CONSENSUS_DIVERGED;
    if (v->config.ord.me >= v->set.wire.n)
        return CONSENSUS_FOLLOWING;
    return ord_votes(&v->ord) ? CONSENSUS_VOTING : CONSENSUS_RECOVERING;
}

static void take_lane(struct consensus_lane *out, const struct dp *dp, unsigned lane)
{
    const struct lane *l = &dp->lanes[lane];
    out->finalized = l->fin_pos;
    out->newest = l->newest > l->fin_pos ? l->newest : l->fin_pos;
    out->held_back = l->held_back;
    out->held = out->available = 0;
    bool gap = false;
    for (uint32_t pos = l->fin_pos + 1; pos <= l->fin_pos + WIRE_LANE_WINDOW; pos++) {
        const struct car_slot *s = &l->slots[pos % WIRE_LANE_WINDOW];
        if (s->car_count > 0 && pos > out->newest)
            out->newest = pos;
        for (unsigned i = 0; i < s->car_count; i++)
            out->held += s->cars[i].state == CAR_HELD;
        gap |= dp_avail_lead(dp, lane, pos) == NULL;
        out->available += !gap;
    }
}

// The highest height whose result this validator has told.
static uint64_t executed_by(const struct dp *dp, unsigned who)
{
    uint64_t highest = 0;
    for (unsigned i = 0; i < DP_EXEC_WINDOW; i++) {
        const struct exec_slot *s = &dp->execs[i];
        if (s->height > highest && vmask_has(s->said.heard, who))
            highest = s->height;
    }
    return highest;
}

static void take_peer(struct consensus_peer *out, const struct validator *v, unsigned who)
{
    const struct ord_peer *p = &v->ord.peers[who];
    out->view = p->view;
    out->executed = executed_by(&v->dp, who);
    out->heard_ms_ago = p->heard_ns == 0 ? UINT64_MAX : (v->ord.now_ns - p->heard_ns) / MS;
}

void consensus_view_take(struct consensus_view *out, const struct validator *v)
{
    const struct ord *o = &v->ord;
    const struct dp *dp = &v->dp;
    const bool validates = o->config.me < v->set.wire.n;
    out->mode = mode_of(v);
    out->me = validates ? o->config.me : CLUSTER_FOLLOWER;
    out->epoch = o->epoch;
    out->epoch_start_height = o->start_height;
    out->vote_from = o->vote_from;
    out->view = o->view;
    out->leader = leader_of(&o->leaders, o->view);
    out->in_view_ms = (o->now_ns - o->entered_ns) / MS;
    out->floor_view = o->floor->header.view;
    out->floor_height = o->floor->header.height;
    out->floor_digest = o->floor->digest;
    out->executed = dp->executed;
    out->failures = o->failures;
    out->unfinal_cars = validates ? dp->own_last - dp->lanes[o->config.me].fin_pos : 0;
    out->unfinal_bytes = dp->own_bytes;
    out->fetching = dp->fetch_count;
    out->acks_unsent = dp->acks_unsent;
    out->refused_votes = o->refused_votes;
    out->counts = v->fx.counts;
    out->lane_count = v->set.wire.n;
    if (out->peer_count < v->set.wire.n)
        out->peer_count = v->set.wire.n;
    for (unsigned i = 0; i < v->set.wire.n; i++) {
        take_lane(&out->lanes[i], dp, i);
        take_peer(&out->peers[i], v, i);
    }
}

static uint64_t load(const _Atomic uint64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

void consensus_view_take_links(struct consensus_view *out, const struct links *control, const struct gate *gate,
                               unsigned peers)
{
    const struct gate_numbers *g = gate_numbers(gate);
    out->peer_count = peers;
    for (unsigned i = 0; i < peers; i++) {
        out->peers[i].control = links_is_open(control, i, 0);
        out->peers[i].control_traffic = links_counters(control, i, 0);
        out->peers[i].bulk_wanted = (uint8_t)gate_groups(gate, i);
    }
    out->handshakes = (struct consensus_handshakes){load(&g->accepted),     load(&g->dialed),          load(&g->opened),
                                                    load(&g->refused_rate), load(&g->refused_pending), {0}};
    for (unsigned i = 0; i < LINK_STATUS_COUNT; i++)
        out->handshakes.failed[i] = load(&g->failed[i]);
}

void consensus_view_take_depots(struct consensus_view *out, struct depot *const *depots, unsigned count)
{
    struct link_counters traffic[CLUSTER_PEERS_MAX] = {0};
    out->shard_count = count;
    for (unsigned s = 0; s < count; s++)
        out->shards[s] = depot_numbers(depots[s], traffic);
    for (unsigned i = 0; i < out->peer_count; i++)
        out->peers[i].bulk_traffic = traffic[i];
}

const char *consensus_trouble(const struct consensus_view *view)
{
    if (view->mode == CONSENSUS_DIVERGED)
        return "diverged: the other validators agree on another execution result";
    if (view->mode == CONSENSUS_FAILED)
        return "the log of ordering can't be written";
    if (view->in_view_ms > CONSENSUS_STUCK_MS)
        return "the cluster has not moved for over 30 s: less than a quorum is up, or reachable from here";
    return NULL;
}

// ---- the board

struct consensus_board {
    pthread_mutex_t lock;
    bool published;
    struct consensus_view view;
};

struct consensus_board *consensus_board_create(void)
{
    struct consensus_board *b = calloc(1, sizeof *b);
    if (!b)
        abort();
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

void consensus_board_free(struct consensus_board *b)
{
    if (b)
        pthread_mutex_destroy(&b->lock);
    free(b);
}

void consensus_board_publish(struct consensus_board *b, const struct consensus_view *view)
{
    pthread_mutex_lock(&b->lock);
    b->view = *view;
    b->published = true;
    pthread_mutex_unlock(&b->lock);
}

bool consensus_board_read(struct consensus_board *b, struct consensus_view *out)
{
    pthread_mutex_lock(&b->lock);
    const bool published = b->published;
    if (published)
        *out = b->view;
    pthread_mutex_unlock(&b->lock);
    return published;
}
