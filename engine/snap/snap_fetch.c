#include "engine/snap/snap_fetch.h"

#include "base/log.h"
#include "engine/snap/snap_take.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

// How often all are asked for offers, a second apart, before it is given up.
#define ROUNDS 60
// How often one is asked where to go on.
#define TURNS 10

struct offer {
    bool there;
    uint64_t epoch;
    struct wire_snap_list list;
    bytes32 boundary; // digest
};

struct fetching {
    const struct snap_fetch_options *options;
    struct offer offers[WIRE_VALIDATORS_MAX];
    bool lied[WIRE_VALIDATORS_MAX];
    unsigned begun_by; // who gave the first of what is half here; as many as there are validators: not known
};

static struct snap_line *open_line(const struct fetching *f, unsigned peer, char error[STORE_ERROR_MAX])
{
    const struct cluster *c = f->options->cluster;
    struct snap_line_options line = {.at = c->peers[peer].at,
                                     .secret = c->channel_secret,
                                     .genesis_hash = f->options->genesis_hash,
                                     .set = &c->set.wire};
    memcpy(line.key, c->peers[peer].key, sizeof line.key);
    return snap_line_open(&line, error);
}

// ---- offers

static void ask_offer(struct fetching *f, unsigned peer)
{
    static _Thread_local struct wire_message answer;
    const struct cluster *c = f->options->cluster;
    const struct wire_get_snap get = {.kind = WIRE_SNAP_OFFER};
    char error[STORE_ERROR_MAX];
    bool malformed = false;
    struct offer *o = &f->offers[peer];
    *o = (struct offer){0};
    struct snap_line *line = open_line(f, peer, error);
    if (line && snap_line_ask(line, &get, &answer, &malformed, error))
        *o = (struct offer){true, answer.epoch, answer.snap_list,
                            wire_block_digest(&c->set.wire, &answer.snap_list.boundary)};
    else
        log_info("snapshot", "no offer", "peer=%s reason=\"%s\"", c->names[peer], error);
    f->lied[peer] |= malformed;
    snap_line_close(line);
}

static void gather(struct fetching *f)
{
    const struct cluster *c = f->options->cluster;
    for (unsigned i = 0; i < c->set.wire.n; i++) {
        f->offers[i].there = false;
        if (i != c->me && c->hosts[i][0] != '\0' && !f->lied[i])
            ask_offer(f, i);
    }
}

// What the epoch began with, as validators say of whom one at least is honest. NULL: not known.
static const struct offer *find_epoch(const struct fetching *f, uint64_t epoch)
{
    const struct vset *set = &f->options->cluster->set;
    for (unsigned i = 0; i < set->wire.n; i++) {
        struct vmask who = {{0, 0}};
        const struct offer *o = &f->offers[i];
        for (unsigned k = 0; k < set->wire.n && o->there && o->epoch == epoch; k++) {
            const struct offer *other = &f->offers[k];
            if (other->there && other->epoch == epoch && bytes32_equal(&other->boundary, &o->boundary))
                vmask_add(&who, k);
        }
        if (vset_weight(set, who) >= set->one_honest)
            return o;
    }
    return NULL;
}

// The offer to take next: of what is half here, else the newest. n: none.
static unsigned choose(const struct fetching *f, const bytes32 *begun, const bool *tried)
{
    const unsigned n = f->options->cluster->set.wire.n;
    unsigned best = n;
    for (unsigned i = 0; i < n; i++) {
        const struct offer *o = &f->offers[i];
        if (tried[i] || f->lied[i] || !o->there || o->list.offer.height <= f->options->above)
            continue;
        if (bytes32_equal(&o->list.offer.block, begun))
            return i;
        if (best == n || o->list.offer.height > f->offers[best].list.offer.height)
            best = i;
    }
    return best;
}

// ---- taking one

static struct anchor anchor_of(const struct fetching *f, const struct snap_proof *proof, const struct offer *epoch)
{
    const struct anchor *from = &f->options->from;
    return (struct anchor){.height = proof->height,
                           .ordered = proof->ordered,
                           .block = proof->block,
                           .epoch = proof->epoch,
                           .boundary = epoch->list.boundary,
                           .vote_from = from->vote_from,
                           .recovering = from->recovering,
                           .keep_log = proof->epoch == from->epoch};
}

static enum snap_taken take_tables(struct fetching *f, struct snap_take *t, unsigned peer, char error[STORE_ERROR_MAX])
{
    const struct wire_snap_list *l = &f->offers[peer].list;
    struct snap_line *line = open_line(f, peer, error);
    if (!line)
        return SNAP_LOST;
    if (!bytes32_equal(snap_take_begun(t), &l->offer.block))
        f->begun_by = peer;
    log_info("snapshot", "fetching a state", "peer=%s height=%" PRIu64 " bytes=%" PRIu64,
             f->options->cluster->names[peer], l->offer.height, l->offer.bytes);
    const enum snap_taken taken = snap_take_tables(t, line, l->offer.height, &l->offer.block, l->offer.bytes, error);
    snap_line_close(line);
    return taken;
}

// Where to go on, as of now, and the blocks up to there. *early: it is too early to say, try again.
static enum snap_taken take_rest(struct fetching *f, struct snap_take *t, unsigned peer, bool *early,
                                 char error[STORE_ERROR_MAX])
{
    struct snap_proof proof;
    struct snap_line *line = open_line(f, peer, error);
    if (!line)
        return SNAP_LOST;
    enum snap_taken taken = snap_take_proof(t, line, &proof, error);
    const struct offer *epoch = taken == SNAP_TAKEN ? find_epoch(f, proof.epoch) : NULL;
    *early = taken == SNAP_LOST || (taken == SNAP_TAKEN && (!epoch || epoch->list.boundary.height > proof.ordered));
    if (*early) {
        store_fail(error, "the cluster is at the turn of an epoch");
        taken = SNAP_LOST;
    } else if (taken == SNAP_TAKEN && proof.epoch < f->options->from.epoch) {
        store_fail(error, "it is behind this node");
        taken = SNAP_LOST;
    } else if (taken == SNAP_TAKEN) {
        const struct anchor anchor = anchor_of(f, &proof, epoch);
        taken = snap_take_blocks(t, line, &anchor, error);
    }
    snap_line_close(line);
    return taken;
}

static enum snap_taken take(struct fetching *f, struct snap_take *t, unsigned peer, char error[STORE_ERROR_MAX])
{
    const char *name = f->options->cluster->names[peer];
    enum snap_taken taken = take_tables(f, t, peer, error);
    bool early = taken == SNAP_TAKEN;
    for (unsigned tries = 0; early && tries < TURNS; tries++) {
        if (tries > 0)
            sleep(1);
        gather(f);
        taken = take_rest(f, t, peer, &early, error);
    }
    if (taken == SNAP_LIED) {
        f->lied[peer] = f->begun_by == peer; // else it may have been another
        log_warn("snapshot", "a validator gave what is no state", "peer=%s reason=\"%s\"", name, error);
    } else if (taken != SNAP_TAKEN) {
        log_info("snapshot", "a state could not be fetched", "peer=%s reason=\"%s\"", name, error);
    }
    return taken;
}

// All that offer something, one after the other, until it is here or can't be.
static enum snap_taken take_any(struct fetching *f, struct snap_take *t, char error[STORE_ERROR_MAX])
{
    const unsigned n = f->options->cluster->set.wire.n;
    bool tried[WIRE_VALIDATORS_MAX] = {false};
    gather(f);
    for (unsigned peer; (peer = choose(f, snap_take_begun(t), tried)) < n; tried[peer] = true) {
        const enum snap_taken taken = take(f, t, peer, error);
        if (taken == SNAP_TAKEN || taken == SNAP_FAILED)
            return taken;
    }
    return SNAP_LOST;
}

bool snap_fetch(const struct snap_fetch_options *options, char error[STORE_ERROR_MAX])
{
    struct fetching *f = calloc(1, sizeof *f);
    if (!f)
        abort();
    f->options = options;
    f->begun_by = options->cluster->set.wire.n;
    const struct snap_take_options take_options = {.data = options->data,
                                                   .genesis_hash = options->genesis_hash,
                                                   .chain_id = options->genesis->chain_id,
                                                   .set = &options->cluster->set};
    struct snap_take *t = snap_take_open(&take_options, error);
    enum snap_taken taken = t ? SNAP_LOST : SNAP_FAILED;
    for (unsigned round = 0; taken == SNAP_LOST && round < ROUNDS; round++) {
        if (round > 0)
            sleep(1);
        taken = take_any(f, t, error);
    }
    if (taken == SNAP_LOST)
        store_fail(error, "no validator gives a state that this node could go on from");
    snap_take_close(t);
    free(f);
    return taken == SNAP_TAKEN;
}
