// Finality: finalize votes (R5), finalize certificates (R8), the turn of an epoch (section 9), and handing final blocks
// to execution.
#include "engine/order/ord.h"

#include <stdlib.h>

enum { EXEC_LOOKAHEAD = 8 };

// All cars of the block are durably here; asks for those that are not.
static bool holds_cars(struct ord *o, const struct kept_block *b, struct vmask voters)
{
    bool all = true;
    const bool soon = b->header.view + 1 < o->view; // of an older view nothing is on its way any more
    for (unsigned i = 0; i < b->lane_count; i++) {
        const struct wire_cut_lane *l = &b->lanes[i];
        for (unsigned c = 0; c < l->count; c++) {
            if (dp_held(o->dp, l->lane, l->from_pos + c, &l->digests[c]))
                continue;
            const struct car_name name = {o->epoch, l->lane, l->from_pos + c, l->digests[c]};
            dp_need(o->dp, &name, voters, false, soon);
            all = false;
        }
    }
    return all;
}

static bool is_unheld(const struct ord *o, const struct kept_block *b)
{
    return b != o->floor && !b->chain_held && b->unheld_in == o->looks;
}

// Everything from the floor to this block is durably here, or will be with this turn; asks for what is not. A block on
// the way needs no certificate here: its certified descendant vouches for it. What a look has found not to be held is
// not walked through again for those that come after it.
static bool holds_chain(struct ord *o, struct kept_block *b, struct vmask voters)
{
    while (!b->chain_held) {
        struct kept_block *low = b, *parent = ord_parent(o, low);
        while (parent && parent != o->floor && !parent->chain_held && !is_unheld(o, parent)) {
            low = parent;
            parent = ord_parent(o, low);
        }
        b->unheld_in = o->looks; // unless it turns out to be held
        if (parent && is_unheld(o, parent))
            return false;
        if (!parent) {
            const bytes32 digest = low->header.parent_digest;
            ord_want_block(o, low->header.parent_view, &digest, voters);
            return false;
        }
        if (!ord_ready_tips(o, low) || !holds_cars(o, low, voters))
            return false;
        ord_log_block(o, low);
        low->chain_held = true;
    }
    return true;
}

static bool holds_view(struct ord *o, const struct view_rec *r, uint64_t view)
{
    const struct vmask voters = cert_voters(&r->notarized->cert);
    struct kept_block *b = ord_block(o, view, &r->notarized->cert.digest);
    if (!b)
        ord_want_block(o, view, &r->notarized->cert.digest, voters);
    return b && holds_chain(o, b, voters);
}

// R5. What I voted is read from what the log brings back, never from tallies.
void ord_try_finalize_votes(struct ord *o)
{
    o->looks++;
    for (uint64_t u = o->base + 1; u < o->view && ord_votes(o); u++) {
        struct view_rec *r = ord_view_if(o, u);
        if (!r)
            return;
        if (!r->notarized || !holds_view(o, r, u) || guard_has_forgotten(o->guard, o->epoch, u))
            continue;
        const bool nullified = voted(r, WIRE_NULLIFY) && !ord_mutated(o, MUTATE_FINALIZE_AFTER_NULLIFY);
        if (!nullified && !voted(r, WIRE_FINALIZE)) {
            const bytes32 digest = r->notarized->cert.digest;
            ord_vote(o, WIRE_FINALIZE, u, &digest);
        }
    }
}

static void prune(struct ord *o)
{
    const size_t gone = (size_t)(o->floor->header.view - o->base);
    for (size_t i = 0; i < gone && i < o->view_count; i++) {
        struct view_rec *r = &o->views[i];
        kept_cert_unref(r->notarized);
        kept_cert_unref(r->nullified);
        for (unsigned b = 0; b < r->block_count; b++)
            kept_block_unref(r->blocks[b]);
        ord_free_ballots(r);
    }
    if (gone < o->view_count) {
        o->view_count -= gone;
        memmove(o->views, o->views + gone, o->view_count * sizeof *o->views);
    } else {
        o->view_count = 0;
    }
    o->base = o->floor->header.view;
}

static void deliver(struct ord *o, struct kept_block *b, struct kept_cert *cert)
{
    chain_append(&o->chain, b, cert, o->turn);
    o->dp->stored = true;
    dp_finalized(o->dp, b);
    struct effect *e = effects_add(o->fx, EFFECT_DELIVER);
    e->block = kept_block_ref(b);
    e->cert = cert ? kept_cert_ref(cert) : NULL;
}

// view u64 | height u64 | digest 32
static void log_floor(struct ord *o, const struct kept_cert *cert)
{
    struct wire_message m;
    m.type = WIRE_CERT;
    m.epoch = o->epoch;
    m.cert = cert->cert;
    effects_record_message(o->fx, RECORD_CERT, &m, true);
    uint8_t record[48];
    store_le64(record, o->floor->header.view);
    store_le64(record + 8, o->floor->header.height);
    memcpy(record + 16, o->floor->digest.b, 32);
    effects_record(o->fx, RECORD_FLOOR, bytes_of(record, sizeof record), true);
}

static void turn_epoch(struct ord *o, struct kept_block *boundary, struct kept_cert *cert, struct kept_block **tails,
                       unsigned tail_count)
{
    chain_close_epoch(&o->chain, o->epoch, cert, tails, tail_count);
    struct effect *e = effects_add(o->fx, EFFECT_EPOCH);
    e->block = kept_block_ref(boundary);
    e->cert = kept_cert_ref(cert);
    const struct wire_block_header header = boundary->header;
    const bytes32 digest = boundary->digest;
    ord_start_epoch(o, o->set, o->epoch + 1, &header, &digest);
    ord_snapshot(o);
}

// path[0] is the certified block, the last one the floor's child. Takes the references.
static void finalize(struct ord *o, struct kept_block **path, size_t count, struct kept_cert *cert)
{
    struct kept_block *boundary = o->floor->boundary ? kept_block_ref(o->floor) : NULL;
    struct kept_block *tails[CLOSING_TAILS_MAX];
    unsigned tail_count = 0;
    for (size_t i = count; i-- > 0;) {
        struct kept_block *b = path[i];
        ord_log_block(o, b);
        if (b->header.flags & WIRE_BLOCK_TAIL) {
            if (tail_count < CLOSING_TAILS_MAX)
                tails[tail_count++] = b;
            continue;
        }
        deliver(o, b, i == 0 ? cert : NULL);
        if (b->boundary && !boundary)
            boundary = kept_block_ref(b);
    }
    kept_block_unref(o->floor);
    kept_cert_unref(o->floor_cert);
    o->floor = kept_block_ref(path[0]);
    o->floor_cert = kept_cert_ref(cert);
    o->failures = 0;
    o->dp->floor_view = o->floor->header.view;
    o->dp->floor_height = o->floor->header.height;
    log_floor(o, cert);
    prune(o);
    if (boundary)
        turn_epoch(o, boundary, cert, tails, tail_count);
    else if (o->view <= o->floor->header.view)
        ord_enter(o, o->floor->header.view + 1, cert);
    kept_block_unref(boundary);
    for (size_t i = 0; i < count; i++)
        kept_block_unref(path[i]);
    o->dirty = true;
}

// R8.
void ord_try_finalize(struct ord *o)
{
    o->want_count = 0;
    if (!o->pending)
        return;
    struct kept_cert *cert = o->pending;
    if (cert->cert.view <= o->floor->header.view) {
        kept_cert_unref(cert);
        o->pending = NULL;
        return;
    }
    struct kept_block **path = NULL;
    size_t count = 0, cap = 0;
    uint64_t view = cert->cert.view;
    bytes32 digest = cert->cert.digest;
    struct kept_block *b = ord_block(o, view, &digest);
    while (b && b != o->floor) {
        if (count == cap) {
            cap = cap == 0 ? 16 : 2 * cap;
            path = realloc(path, cap * sizeof(struct kept_block *));
            if (!path)
                abort();
        }
        path[count++] = b;
        view = b->header.parent_view;
        digest = b->header.parent_digest;
        b = ord_parent(o, b);
    }
    if (!b || !ord_ready_tips(o, path[0])) {
        ord_want_block(o, view, &digest, cert_voters(&cert->cert));
    } else {
        for (size_t i = 0; i < count; i++)
            kept_block_ref(path[i]);
        o->pending = NULL;
        finalize(o, path, count, cert);
        kept_cert_unref(cert);
    }
    free(path);
}

static bool all_here(struct ord *o, const struct chain_entry *e)
{
    const struct kept_block *b = e->block;
    const struct vmask voters = e->cert ? cert_voters(&e->cert->cert) : (struct vmask){{0, 0}};
    bool all = true;
    for (unsigned i = 0; i < b->lane_count; i++) {
        const struct wire_cut_lane *l = &b->lanes[i];
        for (unsigned c = 0; c < l->count; c++) {
            const struct car_name name = {b->header.epoch, l->lane, l->from_pos + c, l->digests[c]};
            if (o->dp->config.store.has(o->dp->config.store.ctx, &name))
                continue;
            dp_need(o->dp, &name, voters, true, true);
            all = false;
        }
    }
    return all;
}

void ord_run_execution(struct ord *o)
{
    if (!o->dp->stored)
        return;
    o->dp->stored = false;
    const uint64_t last = chain_last(&o->chain);
    uint64_t ahead = o->exec_next + EXEC_LOOKAHEAD;
    for (uint64_t h = o->exec_next; h <= last && h < ahead; h++) {
        const struct chain_entry *e = chain_at(&o->chain, h);
        if (!e)
            return;
        if (all_here(o, e) && h == o->exec_next) {
            effects_add(o->fx, EFFECT_EXECUTE)->block = kept_block_ref(e->block);
            o->exec_next++;
            ahead++;
        }
    }
}

// Section 8: others agree on what is not ours.
void ord_check_divergence(struct ord *o)
{
    const uint64_t executed = o->dp->executed;
    if (!o->diverged && executed > 0 && dp_contradicted(o->dp, executed) >= o->set->one_honest) {
        o->diverged = true;
        o->dp->muted = true;
        effects_add(o->fx, EFFECT_DIVERGED);
    }
}
