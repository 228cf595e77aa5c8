// R2: proposing.
#include "engine/order/ord.h"

#include "engine/net/wire/digest.h"

// The highest certified view below ours above which everything was nullified; NULL, and what is missing is asked for,
// when certificates or the block are not here.
static struct kept_block *find_parent(struct ord *o)
{
    for (uint64_t u = o->view - 1; u > o->floor->header.view; u--) {
        const struct view_rec *r = ord_view(o, u);
        struct kept_block *b = r->notarized ? ord_block(o, u, &r->notarized->cert.digest) : NULL;
        if (b && ord_ready_tips(o, b))
            return b;
        if (r->nullified)
            continue;
        if (!r->notarized)
            ord_want_certs(o, o->floor->header.view + 1, o->view - 1);
        return NULL;
    }
    return o->floor;
}

// The longest runs of cars that a quorum holds. Returns how many cars.
static unsigned choose_cut(const struct ord *o, struct wire_block *block, uint32_t *tips, bytes32 *digests)
{
    unsigned cars = 0;
    for (unsigned l = 0; l < o->set->wire.n; l++) {
        struct wire_cut_lane lane = {(uint16_t)l, tips[l] + 1, 0, digests + cars};
        const bytes32 *digest;
        while (lane.count < o->config.cars_per_lane && (digest = dp_avail_lead(o->dp, l, tips[l] + 1)) != NULL) {
            digests[cars++] = *digest;
            lane.count++;
            tips[l]++;
        }
        if (lane.count > 0)
            block->lanes[block->lane_count++] = lane;
    }
    return cars;
}

static bool held_back(const struct ord *o)
{
    for (unsigned l = 0; l < o->set->wire.n; l++) {
        if (o->dp->lanes[l].held_back)
            return true;
    }
    return false;
}

static void fill_header(struct ord *o, struct wire_block_header *h, const struct kept_block *parent)
{
    const struct wire_block_header *p = &parent->header;
    const bool tail = parent->boundary || (p->flags & WIRE_BLOCK_TAIL);
    *h = (struct wire_block_header){
        .epoch = o->epoch,
        .view = o->view,
        .height = p->height + (tail ? 0 : 1),
        .leader = (uint16_t)o->config.me,
        .parent_view = p->view,
        .parent_digest = parent->digest,
        .time_ms = o->wall_ms > p->time_ms ? o->wall_ms : p->time_ms + 1,
        .set_hash = o->set->wire.set_hash,
        .next_set_hash = o->set->wire.set_hash,
        .exec_height = p->exec_height,
        .exec_root = p->exec_root,
        .flags = tail ? WIRE_BLOCK_TAIL : 0,
    };
    uint64_t height;
    bytes32 root;
    if (dp_best_exec(o->dp, p->exec_height, &height, &root) && height <= h->height) {
        h->exec_height = height;
        h->exec_root = root;
    }
}

// The parent's certificate and the newest nullify certificates after it; the others are asked for.
static void justify(struct ord *o, struct wire_proposal *p)
{
    const uint64_t parent = p->block.header.parent_view, view = o->view;
    const struct view_rec *r = ord_view_if(o, parent);
    p->just_count = 0;
    if (parent == o->floor->header.view && o->floor_cert)
        p->just[p->just_count++] = o->floor_cert->cert;
    else if (r && r->notarized)
        p->just[p->just_count++] = r->notarized->cert;
    const uint64_t from = view - parent > WIRE_JUST_MAX ? view - WIRE_JUST_MAX + 1 : parent + 1;
    for (uint64_t u = from; u < view && p->just_count < WIRE_JUST_MAX; u++) {
        const struct view_rec *gap = ord_view_if(o, u);
        if (gap && gap->nullified)
            p->just[p->just_count++] = gap->nullified->cert;
    }
}

static void send_proposal(struct ord *o, const struct kept_block *b)
{
    struct wire_message m;
    m.type = WIRE_PROPOSAL;
    m.epoch = o->epoch;
    kept_block_value(&m.proposal.block, b);
    m.proposal.signature = b->signature;
    justify(o, &m.proposal);
    effects_broadcast(o->fx, &m);
}

static void propose(struct ord *o, const struct wire_block *block)
{
    struct view_rec *r = ord_view(o, o->view);
    struct kept_block *b = ord_keep_block(o, block);
    if (!b || ord_judge(o, b) != VERDICT_GOOD) {
        // Ours alone: nobody has seen it. A later attempt makes another.
        for (unsigned i = 0; b && i < r->block_count; i++) {
            if (r->blocks[i] == b) {
                r->blocks[i] = r->blocks[--r->block_count];
                kept_block_unref(b);
                break;
            }
        }
        o->idle_until_ns = o->now_ns + o->config.delta_ns;
        return;
    }
    o->config.signing->ops->sign(o->config.signing, &b->signature, &b->digest);
    b->has_signature = true;
    r->proposal = b;
    o->propose_ns = UINT64_MAX;
    ord_log_block(o, b);
    send_proposal(o, b);
    ord_vote(o, WIRE_NOTARIZE, o->view, &b->digest);
}

void ord_try_propose(struct ord *o)
{
    static _Thread_local bytes32 digests[WIRE_VALIDATORS_MAX * WIRE_LANE_CARS_MAX];
    if (o->propose_ns > o->now_ns || !ord_votes(o))
        return;
    const struct view_rec *r = ord_view(o, o->view);
    if (r->proposal || r->voted) {
        // After a restart: what was signed is sent again.
        if (r->proposal && r->proposal->header.leader == o->config.me && voted(r, WIRE_NOTARIZE) &&
            r->proposal->has_signature)
            send_proposal(o, r->proposal);
        o->propose_ns = UINT64_MAX;
        return;
    }
    const struct kept_block *parent = find_parent(o);
    if (!parent) {
        o->idle_until_ns = o->now_ns + o->config.delta_ns;
        return;
    }
    static _Thread_local struct wire_block block;
    uint32_t tips[WIRE_VALIDATORS_MAX];
    memcpy(tips, parent->tips, o->set->wire.n * sizeof *tips);
    fill_header(o, &block.header, parent);
    block.lane_count = 0;
    const bool may_order =
        !(block.header.flags & WIRE_BLOCK_TAIL) && block.header.height - block.header.exec_height <= LAG;
    const unsigned cars = may_order ? choose_cut(o, &block, tips, digests) : 0;
    // A tail closes the epoch: nothing to wait for.
    if (cars == 0 && !(block.header.flags & WIRE_BLOCK_TAIL)) {
        if (o->now_ns < o->idle_until_ns)
            return;
        if (may_order && held_back(o))
            block.header.flags |= WIRE_BLOCK_TICK;
    }
    block.header.tips_hash = wire_tips_hash(tips, o->set->wire.n);
    wire_block_seal(&o->set->wire, &block);
    propose(o, &block);
}
