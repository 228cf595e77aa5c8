#include "engine/snap/snap_fetch.h"

#include "base/hex.h"
#include "base/log.h"
#include "engine/snap/snap_take.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

// How often all are asked for offers, a second apart, before it is given up.
#define ROUNDS 60

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

// Whether an honest validator says that the epoch began with this block.
static bool is_agreed(const struct fetching *f, const struct offer *o)
{
    const struct vset *set = &f->options->cluster->set;
    struct vmask who = {{0, 0}};
    for (unsigned i = 0; i < set->wire.n; i++) {
        const struct offer *other = &f->offers[i];
        if (other->there && other->epoch == o->epoch && bytes32_equal(&other->boundary, &o->boundary))
            vmask_add(&who, i);
    }
    return o->epoch == 0 || vset_weight(set, who) >= set->one_honest;
}

static bool is_of_use(const struct fetching *f, const struct offer *o)
{
    return o->there && o->list.offer.height > f->options->above && o->epoch >= f->options->from.epoch &&
           is_agreed(f, o);
}

// The offer to take next: of what is half here, else the newest. n: none.
static unsigned choose(const struct fetching *f, const bytes32 *begun, const bool *tried)
{
    const unsigned n = f->options->cluster->set.wire.n;
    unsigned best = n;
    for (unsigned i = 0; i < n; i++) {
        const struct offer *o = &f->offers[i];
        if (tried[i] || f->lied[i] || !is_of_use(f, o))
            continue;
        if (bytes32_equal(&o->list.offer.block, begun))
            return i;
        if (best == n || o->list.offer.height > f->offers[best].list.offer.height)
            best = i;
    }
    return best;
}

// ---- taking one

static struct anchor anchor_of(const struct fetching *f, const struct offer *o)
{
    const struct anchor *from = &f->options->from;
    return (struct anchor){.height = o->list.offer.height,
                           .ordered = o->list.origin.height,
                           .block = o->list.offer.block,
                           .epoch = o->epoch,
                           .boundary = o->list.boundary,
                           .vote_from = from->vote_from,
                           .recovering = from->recovering,
                           .keep_log = o->epoch == from->epoch};
}

static enum snap_taken take(struct fetching *f, struct snap_take *t, unsigned peer, char error[STORE_ERROR_MAX])
{
    const struct cluster *c = f->options->cluster;
    const struct offer *o = &f->offers[peer];
    struct snap_line *line = open_line(f, peer, error);
    if (!line)
        return SNAP_LOST;
    log_info("snapshot", "fetching a state", "peer=%s height=%" PRIu64 " bytes=%" PRIu64, c->names[peer],
             o->list.offer.height, o->list.offer.bytes);
    const struct anchor anchor = anchor_of(f, o);
    const bytes32 origin = wire_block_digest(&c->set.wire, &o->list.origin);
    const enum snap_taken taken = snap_take_state(t, line, &anchor, &origin, o->list.offer.bytes, error);
    snap_line_close(line);
    if (taken == SNAP_LIED) {
        f->lied[peer] = true;
        log_warn("snapshot", "a validator gave what is no state", "peer=%s reason=\"%s\"", c->names[peer], error);
    } else if (taken == SNAP_LOST) {
        log_info("snapshot", "a state could not be fetched", "peer=%s reason=\"%s\"", c->names[peer], error);
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
