#include "engine/order/ord.h"

#include <stdlib.h>

#define NEVER UINT64_MAX
#define BACKOFF_NS_MAX (60ull * 1000000000)

void ord_init(struct ord *o, const struct ord_config *config, struct effects *fx, struct dp *dp, struct guard *guard,
              struct evidence *evidence)
{
    *o = (struct ord){.config = *config, .fx = fx, .dp = dp, .guard = guard, .evidence = evidence};
    o->random = config->seed;
}

static void clear_view(struct view_rec *r)
{
    kept_cert_unref(r->notarized);
    kept_cert_unref(r->nullified);
    for (unsigned i = 0; i < r->block_count; i++)
        kept_block_unref(r->blocks[i]);
    ord_free_ballots(r);
    *r = (struct view_rec){0};
}

static void clear_epoch(struct ord *o)
{
    for (size_t i = 0; i < o->view_count; i++)
        clear_view(&o->views[i]);
    o->view_count = 0;
    kept_cert_unref(o->entry);
    kept_cert_unref(o->floor_cert);
    kept_cert_unref(o->pending);
    kept_block_unref(o->floor);
    o->entry = o->floor_cert = o->pending = NULL;
    o->floor = NULL;
}

void ord_free(struct ord *o)
{
    clear_epoch(o);
    free(o->views);
    chain_free(&o->chain);
}

uint64_t ord_random(struct ord *o)
{
    uint64_t z = o->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

struct view_rec *ord_view_if(const struct ord *o, uint64_t view)
{
    return view >= o->base && view - o->base < o->view_count ? &o->views[view - o->base] : NULL;
}

struct view_rec *ord_view(struct ord *o, uint64_t view)
{
    if (view < o->base || view - o->base >= VIEWS_MAX)
        return NULL;
    const size_t need = (size_t)(view - o->base) + 1;
    if (need > o->view_cap) {
        o->view_cap = need > 2 * o->view_cap ? need : 2 * o->view_cap;
        o->views = realloc(o->views, o->view_cap * sizeof *o->views);
        if (!o->views)
            abort();
    }
    for (; o->view_count < need; o->view_count++)
        o->views[o->view_count] = (struct view_rec){0};
    return &o->views[view - o->base];
}

void ord_start_epoch(struct ord *o, const struct vset *set, uint64_t epoch, const struct wire_block_header *boundary,
                     const bytes32 *digest)
{
    struct wire_block_header header = *boundary;
    header.epoch = epoch;
    header.view = 0;
    clear_epoch(o);
    o->set = set;
    o->fx->set = set;
    o->epoch = epoch;
    o->start_height = header.height;
    o->start_time_ms = header.time_ms;
    o->floor = kept_block_genesis(&header, digest, set);
    o->leaders_seed = *digest;
    leaders_build(&o->leaders, set, digest);
    o->base = 0;
    o->view = 0;
    o->failures = 0;
    o->pull_to = 0;
    for (unsigned i = 0; i < set->wire.n; i++)
        o->peers[i].view = 0;
    dp_start_epoch(o->dp, set, epoch);
    o->dp->floor_view = 0;
    o->dp->floor_height = header.height;
    o->dp->muted = !ord_votes(o);
    evidence_start_epoch(o->evidence, set, epoch);
    ord_enter(o, 1, NULL);
}

// 1.5^max(0, k - 1) times, at most BACKOFF_NS_MAX.
static uint64_t backed_off(const struct ord *o, uint64_t ns)
{
    double t = (double)ns;
    for (unsigned i = 1; i < o->failures && t < (double)BACKOFF_NS_MAX; i++)
        t *= 1.5;
    return t < (double)BACKOFF_NS_MAX ? (uint64_t)t : BACKOFF_NS_MAX;
}

// Whether the leader has said nothing for so long, while a quorum did, that it is not waited for.
static bool leader_is_absent(const struct ord *o, unsigned leader)
{
    if (leader == o->config.me || o->now_ns < o->config.skip_ns)
        return false;
    const uint64_t since = o->now_ns - o->config.skip_ns;
    struct vmask heard = {{0, 0}};
    vmask_add(&heard, o->config.me);
    for (unsigned i = 0; i < o->set->wire.n; i++) {
        if (o->peers[i].heard_ns > since)
            vmask_add(&heard, i);
    }
    return o->peers[leader].heard_ns <= since && vset_weight(o->set, heard) >= o->set->quorum;
}

static void set_timers(struct ord *o)
{
    const struct ord_config *c = &o->config;
    const unsigned leader = leader_of(&o->leaders, o->view);
    const bool absent = leader_is_absent(o, leader);
    const uint64_t exit_ns = backed_off(o, 6 * c->delta_ns + c->fsync_ns + c->idle_ns);
    o->prop_due_ns = absent ? o->now_ns : o->now_ns + backed_off(o, 2 * c->delta_ns + c->fsync_ns + c->idle_ns);
    o->exit_due_ns = absent ? o->now_ns : o->now_ns + exit_ns;
    o->retry_due_ns = o->now_ns + (exit_ns / 4 > 200000000 ? exit_ns / 4 : 200000000);
    // Peers hear at slightly different times, so that one word of the first often spares the others'.
    o->spread_due_ns = o->now_ns + ord_random(o) % (c->delta_ns / 4 + 1);
    const uint64_t earliest = o->entered_ns + c->block_ns;
    o->propose_ns = leader != c->me ? NEVER : earliest > o->now_ns ? earliest : o->now_ns;
    o->idle_until_ns = o->now_ns + c->idle_ns;
    o->early_due_ns = NEVER;
}

// Votes of views that are long past are of no use to anybody.
static void drop_old_ballots(struct ord *o)
{
    struct view_rec *r = o->view > BALLOT_VIEWS ? ord_view_if(o, o->view - BALLOT_VIEWS) : NULL;
    if (r)
        ord_free_ballots(r);
}

// R1.
void ord_enter(struct ord *o, uint64_t view, struct kept_cert *cert)
{
    kept_cert_unref(o->entry);
    o->entry = cert ? kept_cert_ref(cert) : NULL;
    o->view = view;
    o->fx->counts.views++;
    if (ord_mutated(o, MUTATE_NO_BACKOFF))
        o->failures = 0;
    set_timers(o);
    o->entered_ns = o->now_ns;
    o->pull_to = 0;
    if (o->pull_due_ns == NEVER)
        o->pulls = 0;
    drop_old_ballots(o);
    if (cert)
        ord_send_cert(o, leader_of(&o->leaders, view), cert);
    o->dirty = true;
}

static void spread_entry(struct ord *o)
{
    o->spread_due_ns = NEVER;
    if (!o->entry)
        return;
    struct vmask behind = {{0, 0}};
    for (unsigned i = 0; i < o->set->wire.n; i++) {
        if (i != leader_of(&o->leaders, o->view) && o->peers[i].view < o->view)
            vmask_add(&behind, i);
    }
    struct wire_message m;
    m.type = WIRE_CERT;
    m.epoch = o->epoch;
    m.cert = o->entry->cert;
    effects_send(o->fx, behind, &m);
}

// R6.
void ord_timeout(struct ord *o)
{
    struct view_rec *r = ord_view(o, o->view);
    o->prop_due_ns = o->exit_due_ns = NEVER;
    if (voted(r, WIRE_FINALIZE) || voted(r, WIRE_NULLIFY))
        return;
    const bytes32 none = {{0}};
    if (ord_vote(o, WIRE_NULLIFY, o->view, &none))
        o->failures++;
}

void ord_start(struct ord *o, uint64_t executed)
{
    uint64_t view = o->floor->header.view + 1;
    struct kept_cert *entry = o->floor_cert;
    for (size_t i = 0; i < o->view_count; i++) {
        const struct view_rec *r = &o->views[i];
        const uint64_t u = o->base + i;
        if (r->voted && u > view) {
            view = u;
            entry = NULL;
        }
        if ((r->notarized || r->nullified) && u + 1 >= view) {
            view = u + 1;
            entry = r->notarized ? r->notarized : r->nullified;
        }
    }
    for (unsigned i = 0; i < o->set->wire.n; i++)
        o->peers[i].heard_ns = o->now_ns;
    o->exec_next = executed + 1;
    o->dp->stored = true;
    o->pull_due_ns = NEVER;
    o->refill_due_ns = o->now_ns;
    o->entered_ns = o->now_ns;
    if (!entry) {
        const struct view_rec *before = ord_view_if(o, view - 1);
        entry = before ? (before->notarized ? before->notarized : before->nullified) : NULL;
    }
    ord_enter(o, view, entry);
    o->dp->muted = !ord_votes(o);
    ord_retransmit(o);
}

// ---- events

static uint64_t view_of(const struct wire_message *m)
{
    switch (m->type) {
    case WIRE_PROPOSAL:
        return m->proposal.block.header.view;
    case WIRE_VOTE:
        return m->vote.view;
    case WIRE_CERT:
        return m->cert.view;
    default:
        return 0;
    }
}

void ord_on_message(struct ord *o, unsigned src, const struct wire_message *m)
{
    struct ord_peer *peer = &o->peers[src];
    peer->heard_ns = o->now_ns;
    if (m->epoch != o->epoch) {
        if (!ord_on_request(o, src, m))
            ord_other_epoch(o, src, m);
        return;
    }
    if (view_of(m) > peer->view)
        peer->view = view_of(m);
    switch (m->type) {
    case WIRE_PROPOSAL:
        ord_on_proposal(o, src, &m->proposal);
        break;
    case WIRE_VOTE:
        ord_on_vote(o, src, &m->vote);
        break;
    case WIRE_CERT:
        ord_on_cert(o, src, &m->cert);
        break;
    case WIRE_BLOCK:
        ord_on_block(o, &m->block);
        break;
    default:
        ord_on_request(o, src, m);
    }
}

void ord_on_timer(struct ord *o)
{
    const struct view_rec *r = ord_view(o, o->view);
    if (o->now_ns >= o->spread_due_ns)
        spread_entry(o);
    if (o->now_ns >= o->exit_due_ns || (o->now_ns >= o->prop_due_ns && !r->proposal))
        ord_timeout(o);
    if (o->now_ns >= o->prop_due_ns)
        o->prop_due_ns = NEVER;
    if (o->now_ns >= o->retry_due_ns)
        ord_retransmit(o);
    if (o->now_ns >= o->pull_due_ns)
        ord_pull(o);
    if (o->now_ns >= o->early_due_ns)
        o->early_due_ns = NEVER;
    o->dirty = true;
}

void ord_poke(struct ord *o)
{
    if (o->dirty)
        ord_check_divergence(o);
    // Each round does something that leads on; the bound is for a mistake.
    for (unsigned i = 0; o->dirty && i < 10000; i++) {
        o->dirty = false;
        ord_try_finalize(o);
        ord_try_notarize(o);
        ord_try_finalize_votes(o);
        ord_try_propose(o);
    }
    ord_run_execution(o);
}

uint64_t ord_next_timer(const struct ord *o)
{
    const uint64_t due[] = {o->prop_due_ns,   o->exit_due_ns, o->retry_due_ns,
                            o->spread_due_ns, o->pull_due_ns, o->early_due_ns};
    uint64_t next = NEVER;
    for (unsigned i = 0; i < sizeof due / sizeof due[0]; i++) {
        if (due[i] < next)
            next = due[i];
    }
    // A leader waits for its time, then for something to order.
    if (o->propose_ns != NEVER && ord_votes(o)) {
        const uint64_t propose = o->propose_ns > o->now_ns ? o->propose_ns : o->idle_until_ns;
        if (propose < next)
            next = propose;
    }
    return next;
}
