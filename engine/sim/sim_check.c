// The invariants I1 to I13 of the consensus specification, as far as a cluster without real execution has them.
#include "engine/sim/sim_private.h"

#include <stdlib.h>

static void grow(void **items, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return;
    const size_t to = need > 2 * *cap ? need + 64 : 2 * *cap;
    *items = realloc(*items, to * size);
    if (!*items)
        abort();
    memset((uint8_t *)*items + *cap * size, 0, (to - *cap) * size);
    *cap = to;
}

// ---- I2, I3, I4: who signed what

static struct sim_signed *signed_in(struct sim_check *c, uint64_t epoch, uint64_t view)
{
    if (2 * (c->view_count + 1) > c->view_cap) {
        struct sim_signed *old = c->views;
        const size_t old_cap = c->view_cap;
        c->view_cap = old_cap == 0 ? 1024 : 2 * old_cap;
        c->views = calloc(c->view_cap, sizeof *c->views);
        if (!c->views)
            abort();
        for (size_t i = 0; i < old_cap; i++) {
            if (old[i].view == 0)
                continue;
            size_t at = (old[i].view * 0x9e3779b97f4a7c15u + old[i].epoch) & (c->view_cap - 1);
            while (c->views[at].view != 0)
                at = (at + 1) & (c->view_cap - 1);
            c->views[at] = old[i];
        }
        free(old);
    }
    size_t at = (view * 0x9e3779b97f4a7c15u + epoch) & (c->view_cap - 1);
    while (c->views[at].view != 0 && (c->views[at].view != view || c->views[at].epoch != epoch))
        at = (at + 1) & (c->view_cap - 1);
    if (c->views[at].view == 0) {
        c->views[at].view = view;
        c->views[at].epoch = epoch;
        c->view_count++;
    }
    return &c->views[at];
}

static uint64_t holders(struct sim *s, const struct car_name *name)
{
    struct vmask who = {{0, 0}};
    for (unsigned i = 0; i < s->actor_count; i++) {
        struct sim_actor *a = &s->actors[i];
        const struct stored_car *car = store_find(&a->store, name);
        if (sim_honest(a) && car && car->durable && !car->invalid)
            vmask_add(&who, a->id);
    }
    return vset_weight(&s->set, who);
}

static struct kept_block *proposal_of(const struct sim_check *c, const bytes32 *digest)
{
    if (c->block_cap == 0)
        return NULL;
    for (size_t at = load_le64(digest->b) & (c->block_cap - 1); c->blocks[at]; at = (at + 1) & (c->block_cap - 1)) {
        if (bytes32_equal(&c->blocks[at]->digest, digest))
            return c->blocks[at];
    }
    return NULL;
}

static void keep_proposal(struct sim *s, const struct wire_block *block)
{
    struct sim_check *c = &s->check;
    if (proposal_of(c, &block->digest))
        return;
    if (2 * (c->block_count + 1) > c->block_cap) {
        struct kept_block **old = c->blocks;
        const size_t old_cap = c->block_cap;
        c->block_cap = old_cap == 0 ? 1024 : 2 * old_cap;
        c->blocks = calloc(c->block_cap, sizeof(struct kept_block *));
        if (!c->blocks)
            abort();
        for (size_t i = 0; i < old_cap; i++) {
            size_t at = old[i] ? load_le64(old[i]->digest.b) & (c->block_cap - 1) : 0;
            while (old[i] && c->blocks[at])
                at = (at + 1) & (c->block_cap - 1);
            if (old[i])
                c->blocks[at] = old[i];
        }
        free(old);
    }
    size_t at = load_le64(block->digest.b) & (c->block_cap - 1);
    while (c->blocks[at])
        at = (at + 1) & (c->block_cap - 1);
    c->blocks[at] = kept_block_new(block, &s->set);
    c->block_count++;
}

// I5: cars of a block that some certificate names.
static void check_held(struct sim *s, const struct kept_block *b, uint64_t weight, const char *what)
{
    for (unsigned i = 0; b && i < b->lane_count; i++) {
        for (unsigned k = 0; k < b->lanes[i].count; k++) {
            const struct car_name name = {b->header.epoch, b->lanes[i].lane, b->lanes[i].from_pos + k,
                                          b->lanes[i].digests[k]};
            if (holders(s, &name) < weight)
                sim_violate(s, "I5: car %u of lane %u is %s in view %llu, but too few honest validators hold it",
                            name.pos, name.lane, what, (unsigned long long)b->header.view);
        }
    }
}

// A certificate of this kind can exist from now on.
static void certified(struct sim *s, struct sim_signed *v, uint8_t kind, const bytes32 *digest)
{
    const unsigned long long view = v->view, epoch = v->epoch;
    if (kind == WIRE_NOTARIZE) {
        if (v->notarized && !bytes32_equal(&v->notarized_digest, digest))
            sim_violate(s, "I2: two blocks are notarized in view %llu of epoch %llu", view, epoch);
        if (!v->notarized)
            check_held(s, proposal_of(&s->check, digest), 1, "notarized");
        v->notarized = true;
        v->notarized_digest = *digest;
    } else if (kind == WIRE_NULLIFY) {
        v->nullified = true;
    } else {
        if (v->finalized && !bytes32_equal(&v->finalized_digest, digest))
            sim_violate(s, "I2: two blocks are finalized in view %llu of epoch %llu", view, epoch);
        v->finalized = true;
        v->finalized_digest = *digest;
    }
    if (v->nullified && v->finalized)
        sim_violate(s, "I3: view %llu of epoch %llu is nullified and finalized", view, epoch);
}

static void check_vote(struct sim *s, const struct sim_actor *a, uint64_t epoch, const struct wire_vote *vote)
{
    const bytes32 digest = vote->digest;
    if (vote->voter != a->id || vote->view == 0 || vote->view > (1u << 20))
        return;
    struct sim_signed *v = signed_in(&s->check, epoch, vote->view);
    const unsigned long long view = vote->view;
    if (vote->kind == WIRE_NULLIFY) {
        vmask_add(&v->nullify, a->id);
        if (s->crash_on_nullify && sim_honest(a))
            sim_crash_all(s);
        if (vset_weight(&s->set, v->nullify) >= s->set.quorum)
            certified(s, v, WIRE_NULLIFY, &digest);
    } else {
        struct tally *t = vote->kind == WIRE_NOTARIZE ? &v->notarize : &v->finalize;
        struct tally_item *item = tally_add(t, &s->set, a->id, &digest);
        if (!item) {
            item = tally_find(t, &digest);
            const bool same = item && vmask_has(item->who, a->id);
            if (!same && sim_honest(a))
                sim_violate(s, "I4: validator %u votes for two blocks in view %llu", a->id, view);
            if (!same && !item) {
                // A Byzantine second word: counted too.
                const struct vmask heard = t->heard;
                t->heard = (struct vmask){{0, 0}};
                item = tally_add(t, &s->set, a->id, &digest);
                t->heard = heard;
            } else if (!same) {
                vmask_add(&item->who, a->id);
                item->weight = vset_weight(&s->set, item->who);
            }
        }
        if (item->weight >= s->set.quorum)
            certified(s, v, vote->kind, &digest);
    }
    const struct tally_item *fin = tally_of(&v->finalize, a->id);
    if (sim_honest(a) && fin && vmask_has(v->nullify, a->id))
        sim_violate(s, "I4: validator %u nullifies and finalizes view %llu", a->id, view);
}

void check_sent(struct sim *s, const struct sim_actor *a, const struct shared_bytes *bytes)
{
    static struct wire_message m;
    const uint8_t type = bytes->bytes[2];
    XXH3_128bits_update(s->audit, &a->index, sizeof a->index);
    XXH3_128bits_update(s->audit, &s->now_ns, sizeof s->now_ns);
    XXH3_128bits_update(s->audit, bytes->bytes, bytes->len);
    if (type != WIRE_VOTE && type != WIRE_CERT && type != WIRE_PROPOSAL)
        return;
    const enum wire_status status = wire_decode(&m, bytes_of(bytes->bytes, bytes->len), &s->set.wire);
    if (status != WIRE_OK) {
        if (sim_honest(a))
            sim_violate(s, "validator %u sends what does not decode: %s", a->id, wire_status_text(status));
        return;
    }
    if (type == WIRE_PROPOSAL)
        keep_proposal(s, &m.proposal.block);
    else if (type == WIRE_VOTE)
        check_vote(s, a, m.epoch, &m.vote);
    else if (sim_honest(a) && m.cert.view > 0) {
        const bytes32 digest = m.cert.digest;
        certified(s, signed_in(&s->check, m.epoch, m.cert.view), m.cert.kind, &digest);
    }
}

// ---- I1, I5, I6, I9: final blocks

static struct sim_height *height_of(struct sim *s, uint64_t height)
{
    grow((void **)&s->check.heights, &s->check.height_cap, height + 1, sizeof(struct sim_height));
    return &s->check.heights[height];
}

static void mark_finalized(struct sim *s, const struct car_name *name)
{
    for (size_t i = s->check.car_count; i-- > 0;) {
        struct sim_car *car = &s->check.cars[i];
        if (car->name.lane == name->lane && car->name.epoch == name->epoch && car->name.pos == name->pos &&
            bytes32_equal(&car->name.digest, &name->digest)) {
            car->finalized = true;
            return;
        }
    }
}

static void check_cut(struct sim *s, const struct kept_block *b)
{
    struct sim_check *c = &s->check;
    if (c->tips_epoch != b->header.epoch) {
        memset(c->tips, 0, sizeof c->tips);
        c->tips_epoch = b->header.epoch;
    }
    for (unsigned i = 0; i < b->lane_count; i++) {
        const struct wire_cut_lane *l = &b->lanes[i];
        if (l->from_pos != c->tips[l->lane] + 1)
            sim_violate(s, "I6: lane %u goes from position %u to %u at height %llu", l->lane, c->tips[l->lane],
                        l->from_pos, (unsigned long long)b->header.height);
        c->tips[l->lane] = l->from_pos + l->count - 1u;
        s->result->cars += l->count;
        for (unsigned k = 0; k < l->count; k++) {
            const struct car_name name = {b->header.epoch, l->lane, l->from_pos + k, l->digests[k]};
            mark_finalized(s, &name);
        }
    }
    check_held(s, b, s->set.one_honest, "finalized");
}

void check_delivered(struct sim *s, struct sim_actor *a, const struct kept_block *b)
{
    const uint64_t h = b->header.height;
    if (!sim_honest(a))
        return;
    if (h != a->next_height)
        sim_violate(s, "I1: validator %u delivers height %llu after %llu", a->id, (unsigned long long)h,
                    (unsigned long long)a->next_height - 1);
    a->next_height = h + 1;
    struct sim_height *known = height_of(s, h);
    if (bytes32_is_zero(&known->digest)) {
        known->digest = b->digest;
        if (h > s->check.height_count)
            s->check.height_count = h;
        check_cut(s, b);
        if (b->header.exec_height > 0) {
            const struct sim_height *e = height_of(s, b->header.exec_height);
            if (e->has_root && !bytes32_equal(&e->root, &b->header.exec_root))
                sim_violate(s, "I9: the block at height %llu names a wrong execution result", (unsigned long long)h);
        }
    } else if (!bytes32_equal(&known->digest, &b->digest)) {
        sim_violate(s, "I1: validator %u delivers another block at height %llu", a->id, (unsigned long long)h);
    }
}

void check_executed(struct sim *s, const struct sim_actor *a, uint64_t height, const bytes32 *root)
{
    struct sim_height *h = height_of(s, height);
    if (!sim_honest(a))
        return;
    if (!h->has_root) {
        h->has_root = true;
        h->root = *root;
    } else if (!bytes32_equal(&h->root, root)) {
        sim_violate(s, "I9: validator %u executes height %llu to another result", a->id, (unsigned long long)height);
    }
}

// ---- I10, I11, I13

void check_bounds(struct sim *s, const struct sim_actor *a)
{
    const struct validator *v = a->v;
    if (!sim_honest(a))
        return;
    if (v->dp.fetch_count > DP_FETCHES_MAX || v->fx.count > 100000)
        sim_violate(s, "I10: a queue of validator %u is beyond its bound", a->id);
    // Views are only kept beyond the window when a certificate let the others go on.
    if (v->ord.base + v->ord.view_count > v->ord.view + 4096)
        sim_violate(s, "I10: validator %u keeps views far beyond its own", a->id);
    if (v->ord.refused_votes > 0)
        sim_violate(s, "I4: the sign guard of validator %u had to refuse a vote", a->id);
}

void check_effect(struct sim *s, const struct sim_actor *a, const struct effect *e)
{
    if (!sim_honest(a))
        return;
    if (e->hold > wal_durable(&a->v->wal))
        sim_violate(s, "I11: validator %u acts before what that rests on is durable", a->id);
    if (e->kind == EFFECT_EVIDENCE) {
        s->result->evidence++;
        for (unsigned i = 0; i < s->actor_count; i++) {
            if (s->actors[i].id == e->peer && sim_honest(&s->actors[i]))
                sim_violate(s, "I13: validator %u accuses validator %u, who is honest, of offence %u", a->id, e->peer,
                            e->bytes->bytes[11]);
        }
    }
    if (e->kind == EFFECT_BAN) {
        for (unsigned i = 0; i < s->actor_count; i++) {
            if (s->actors[i].id == e->peer && sim_honest(&s->actors[i]))
                sim_violate(s, "I13: validator %u bans validator %u, who is honest: %s", a->id, e->peer, e->detail);
        }
    }
    if (e->kind == EFFECT_DIVERGED)
        sim_violate(s, "I9: validator %u finds that others executed to another result", a->id);
}

// ---- I7: cars of honest owners

void check_made_car(struct sim *s, const struct sim_actor *a, const struct car_name *name)
{
    struct sim_check *c = &s->check;
    if (!sim_honest(a) || a->lost)
        return;
    grow((void **)&c->cars, &c->car_cap, c->car_count + 1, sizeof(struct sim_car));
    c->cars[c->car_count++] = (struct sim_car){.name = *name, .made_ns = s->now_ns};
}

uint64_t check_epoch_closed(struct sim *s, const struct sim_actor *a, uint64_t epoch)
{
    uint64_t dropped = 0;
    for (size_t i = 0; i < s->check.car_count; i++) {
        struct sim_car *car = &s->check.cars[i];
        if (car->name.lane == a->id && car->name.epoch == epoch && !car->finalized && !car->rebatched) {
            car->rebatched = true;
            dropped++;
        }
    }
    return dropped;
}

// A crash may lose a car that was not stored yet: it was never sent.
static bool was_stored(struct sim *s, const struct car_name *name)
{
    for (unsigned i = 0; i < s->actor_count; i++) {
        if (s->actors[i].id == name->lane && store_find(&s->actors[i].store, name))
            return true;
    }
    return false;
}

// ---- I7, I8 at the end

void check_end(struct sim *s)
{
    uint64_t low = UINT64_MAX, high = 0, low_view = UINT64_MAX, high_view = 0, epoch = 0;
    for (unsigned i = 0; i < s->actor_count; i++) {
        const struct sim_actor *a = &s->actors[i];
        if (!sim_honest(a) || !a->up)
            continue;
        const struct ord *o = &a->v->ord;
        const uint64_t h = o->floor->header.height, view = (o->epoch << 32) + o->view;
        low = h < low ? h : low;
        high = h > high ? h : high;
        low_view = view < low_view ? view : low_view;
        high_view = view > high_view ? view : high_view;
        epoch = o->epoch;
        if (a->executed + 8 < h)
            sim_violate(s, "I8: validator %u stands at height %llu but has executed %llu", a->id, (unsigned long long)h,
                        (unsigned long long)a->executed);
    }
    s->result->height = high;
    s->result->epochs = epoch;
    if (low < s->calm_height + (s->slow_network ? 1 : 5))
        sim_violate(s, "I8: a validator's floor went from at most %llu to %llu after the faults stopped",
                    (unsigned long long)s->calm_height, (unsigned long long)low);
    if (high > low + 8)
        sim_violate(s, "I8: floors are apart, %llu to %llu", (unsigned long long)low, (unsigned long long)high);
    if (high_view >> 32 == low_view >> 32 && high_view > low_view + 4)
        sim_violate(s, "I8: views are apart, %llu to %llu", (unsigned long long)(low_view & UINT32_MAX),
                    (unsigned long long)(high_view & UINT32_MAX));
    for (size_t i = 0; i < s->check.car_count; i++) {
        const struct sim_car *car = &s->check.cars[i];
        const struct sim_actor *owner = NULL;
        for (unsigned k = 0; k < s->actor_count; k++)
            owner = s->actors[k].id == car->name.lane ? &s->actors[k] : owner;
        if (car->finalized || car->rebatched || car->made_ns + s->patience_ns > s->end_ns || owner->lost ||
            s->slow_network || !was_stored(s, &car->name))
            continue;
        const struct dp *dp = owner->up ? &owner->v->dp : NULL;
        const struct car_slot *slot = dp ? dp_slot(dp, car->name.lane, car->name.pos) : NULL;
        sim_violate(
            s,
            "I7: car %u of lane %u in epoch %llu, made at %llu ms, is lost: the owner's lane is final to %u, made "
            "to %u, and the car acked by weight %llu",
            car->name.pos, car->name.lane, (unsigned long long)car->name.epoch, (unsigned long long)(car->made_ns / MS),
            dp ? dp->lanes[owner->id].fin_pos : 0, dp ? dp->own_last : 0,
            (unsigned long long)(slot ? tally_weight(&slot->acks, &car->name.digest) : 0));
    }
}

void check_free(struct sim *s)
{
    struct sim_check *c = &s->check;
    for (size_t i = 0; i < c->view_cap; i++) {
        tally_clear(&c->views[i].notarize);
        tally_clear(&c->views[i].finalize);
    }
    for (size_t i = 0; i < c->block_cap; i++)
        kept_block_unref(c->blocks[i]);
    free(c->views);
    free(c->blocks);
    free(c->heights);
    free(c->cars);
}
