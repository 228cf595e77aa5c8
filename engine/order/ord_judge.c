// R3: whether a proposal may be voted for. "Cannot judge yet" is never "invalid".
#include "engine/order/ord.h"

static enum verdict worse(enum verdict a, enum verdict b)
{
    return a > b ? a : b;
}

// The parent is certified and every view between was nullified.
static enum verdict judge_ancestry(struct ord *o, const struct kept_block *b)
{
    const uint64_t view = b->header.view, p = b->header.parent_view, floor = o->floor->header.view;
    const bytes32 digest = b->header.parent_digest;
    if (p >= view || p < floor)
        return VERDICT_INVALID;
    enum verdict verdict = VERDICT_GOOD;
    if (p == floor) {
        if (!bytes32_equal(&digest, &o->floor->digest))
            return VERDICT_INVALID;
    } else {
        const struct view_rec *r = ord_view(o, p);
        if (!r->notarized)
            verdict = VERDICT_WAIT;
        else if (!bytes32_equal(&digest, &r->notarized->cert.digest))
            return VERDICT_INVALID;
    }
    for (uint64_t u = p + 1; u < view && !ord_mutated(o, MUTATE_NO_GAP_PROOF); u++) {
        if (!ord_view(o, u)->nullified)
            verdict = VERDICT_WAIT;
    }
    if (verdict == VERDICT_WAIT)
        ord_want_certs(o, p, view - 1);
    return verdict;
}

static enum verdict judge_place(const struct ord *o, const struct kept_block *b, const struct kept_block *parent)
{
    const struct wire_block_header *h = &b->header, *ph = &parent->header;
    const bool tail = h->flags & WIRE_BLOCK_TAIL;
    const bool after_boundary = parent->boundary || (ph->flags & WIRE_BLOCK_TAIL);
    if (tail != after_boundary || h->height != ph->height + (tail ? 0 : 1))
        return VERDICT_INVALID;
    if ((h->flags & (WIRE_BLOCK_TICK | WIRE_BLOCK_TAIL)) && b->lane_count > 0)
        return VERDICT_INVALID;
    if (h->flags == (WIRE_BLOCK_TICK | WIRE_BLOCK_TAIL))
        return VERDICT_INVALID;
    if (!bytes32_equal(&h->set_hash, &o->set->wire.set_hash) ||
        !bytes32_equal(&h->next_set_hash, &o->set->wire.set_hash))
        return VERDICT_INVALID;
    return VERDICT_GOOD;
}

// Section 8: the attested execution result.
static enum verdict judge_exec(struct ord *o, const struct kept_block *b, const struct kept_block *parent)
{
    const struct wire_block_header *h = &b->header, *ph = &parent->header;
    const bytes32 root = h->exec_root;
    if (h->exec_height < ph->exec_height || h->exec_height > h->height)
        return VERDICT_INVALID;
    if (h->height - h->exec_height > LAG && b->lane_count > 0)
        return VERDICT_INVALID;
    if (b->boundary && h->exec_height < o->start_height)
        return VERDICT_INVALID;
    if (h->exec_height == ph->exec_height)
        return bytes32_equal(&h->exec_root, &ph->exec_root) ? VERDICT_GOOD : VERDICT_INVALID;
    const bytes32 *own = dp_own_root(o->dp, h->exec_height);
    if (own)
        return bytes32_equal(own, &root) ? VERDICT_GOOD : VERDICT_INVALID;
    return dp_root_weight(o->dp, h->exec_height, &root) >= o->set->one_honest ? VERDICT_GOOD : VERDICT_WAIT;
}

static enum verdict judge_time(struct ord *o, const struct kept_block *b, const struct kept_block *parent)
{
    const uint64_t time = b->header.time_ms, own = b->header.leader == o->config.me;
    uint64_t stale = o->config.stale_ms;
    if (time <= parent->header.time_ms)
        return VERDICT_INVALID;
    if (time > o->wall_ms + o->config.drift_ms && !own) {
        const uint64_t early_ns = (time - o->wall_ms - o->config.drift_ms) * 1000000;
        if (o->early_due_ns > o->now_ns + early_ns)
            o->early_due_ns = o->now_ns + early_ns;
        return VERDICT_WAIT;
    }
    for (unsigned i = 1; i < o->failures && stale < 3600000; i++)
        stale += stale / 2;
    // A row of blocks whose leaders' clocks were ahead may push time on, never back.
    return time + stale >= o->wall_ms || own ? VERDICT_GOOD : VERDICT_INVALID;
}

static enum verdict judge_cars(struct ord *o, const struct kept_block *b)
{
    enum verdict verdict = VERDICT_GOOD;
    const struct vmask nobody = {{0, 0}};
    for (unsigned i = 0; i < b->lane_count && !ord_mutated(o, MUTATE_NO_AVAILABILITY); i++) {
        const struct wire_cut_lane *l = &b->lanes[i];
        for (unsigned c = 0; c < l->count; c++) {
            if (dp_avail_vote(o->dp, l->lane, l->from_pos + c, &l->digests[c]))
                continue;
            const struct car_name name = {o->epoch, l->lane, l->from_pos + c, l->digests[c]};
            dp_need(o->dp, &name, nobody, false, false);
            verdict = VERDICT_WAIT;
        }
    }
    return verdict;
}

enum verdict ord_judge(struct ord *o, struct kept_block *b)
{
    enum verdict verdict = judge_ancestry(o, b);
    if (verdict != VERDICT_GOOD)
        return verdict;
    struct kept_block *parent = ord_parent(o, b);
    if (!parent || !ord_ready_tips(o, parent))
        return VERDICT_WAIT; // ord_pull asks for blocks that are certified and missing
    verdict = worse(judge_place(o, b, parent), judge_exec(o, b, parent));
    if (b->lane_count > 0 && (b->header.flags & WIRE_BLOCK_TAIL))
        verdict = VERDICT_INVALID;
    if (!ord_ready_tips(o, b))
        verdict = VERDICT_INVALID;
    verdict = worse(verdict, judge_time(o, b, parent));
    return verdict == VERDICT_INVALID ? verdict : worse(verdict, judge_cars(o, b));
}

void ord_try_notarize(struct ord *o)
{
    struct view_rec *r = ord_view(o, o->view);
    if (!r->proposal || r->invalid || voted(r, WIRE_NOTARIZE) || !ord_votes(o))
        return;
    struct kept_block *b = r->proposal;
    const enum verdict verdict = ord_judge(o, b);
    if (verdict == VERDICT_INVALID) {
        r->invalid = true;
        ord_timeout(o);
    } else if (verdict == VERDICT_GOOD) {
        ord_log_block(o, b);
        ord_vote(o, WIRE_NOTARIZE, o->view, &b->digest);
    }
}
