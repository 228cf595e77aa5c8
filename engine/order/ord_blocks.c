// Blocks of the views since the floor: proposals as they come, and blocks that a certificate names.
#include "engine/order/ord.h"

#include "engine/net/wire/digest.h"

struct kept_block *ord_block(struct ord *o, uint64_t view, const bytes32 *digest)
{
    if (view == o->floor->header.view)
        return bytes32_equal(&o->floor->digest, digest) ? o->floor : NULL;
    const struct view_rec *r = ord_view_if(o, view);
    for (unsigned i = 0; r && i < r->block_count; i++) {
        if (bytes32_equal(&r->blocks[i]->digest, digest))
            return r->blocks[i];
    }
    return NULL;
}

struct kept_block *ord_parent(struct ord *o, const struct kept_block *b)
{
    const bytes32 digest = b->header.parent_digest;
    return ord_block(o, b->header.parent_view, &digest);
}

bool ord_wants(const struct ord *o, uint64_t view, const bytes32 *digest)
{
    for (unsigned i = 0; i < o->want_count; i++) {
        if (o->wants[i].view == view && bytes32_equal(&o->wants[i].digest, digest))
            return true;
    }
    return false;
}

void ord_want_block(struct ord *o, uint64_t view, const bytes32 *digest, struct vmask voters)
{
    if (ord_wants(o, view, digest) || view <= o->floor->header.view)
        return;
    if (o->want_count < WANTS_MAX)
        o->wants[o->want_count++] = (struct want){view, *digest, voters};
    if (o->pull_due_ns > o->now_ns + o->config.delta_ns)
        o->pull_due_ns = o->now_ns + o->config.delta_ns;
}

bool ord_is_boundary(const struct ord *o, const struct wire_block_header *h)
{
    return h->height >= o->start_height + o->config.epoch_blocks ||
           (o->config.epoch_ms > 0 && h->time_ms >= o->start_time_ms + o->config.epoch_ms);
}

// Tips of every ancestor from the floor on, then of b. Ancestors are reached by going up, lowest first, at most once
// each; every call leaves their tips behind, so rows are short.
bool ord_ready_tips(struct ord *o, struct kept_block *b)
{
    while (!b->has_tips) {
        struct kept_block *low = b, *parent = ord_parent(o, low);
        while (parent && !parent->has_tips) {
            low = parent;
            parent = ord_parent(o, low);
        }
        if (!parent || !kept_block_set_tips(low, parent->tips, o->set, ord_mutated(o, MUTATE_ANY_CUT)))
            return false;
    }
    return true;
}

struct kept_block *ord_keep_block(struct ord *o, const struct wire_block *block)
{
    struct view_rec *r = ord_view(o, block->header.view);
    struct kept_block *b = r ? ord_block(o, block->header.view, &block->digest) : NULL;
    if (!r || b || block->header.view == o->floor->header.view)
        return b;
    if (r->block_count == VIEW_BLOCKS_MAX) {
        // The one that nothing names gives way.
        unsigned i = VIEW_BLOCKS_MAX - 1;
        while (i > 0 && (r->blocks[i] == r->proposal ||
                         (r->notarized && bytes32_equal(&r->blocks[i]->digest, &r->notarized->cert.digest))))
            i--;
        kept_block_unref(r->blocks[i]);
        r->blocks[i] = r->blocks[--r->block_count];
    }
    b = kept_block_new(block, o->set);
    b->boundary = !(block->header.flags & WIRE_BLOCK_TAIL) && ord_is_boundary(o, &block->header);
    r->blocks[r->block_count++] = b;
    return b;
}

void ord_log_block(struct ord *o, struct kept_block *b)
{
    if (b->logged)
        return;
    struct wire_message m;
    m.type = WIRE_BLOCK;
    m.epoch = o->epoch;
    kept_block_value(&m.block, b);
    effects_record_message(o->fx, RECORD_BLOCK, &m, true);
    b->logged = true;
}

static struct wire_signed_header signed_header(const struct kept_block *b)
{
    return (struct wire_signed_header){b->header, b->signature, b->digest};
}

void ord_on_proposal(struct ord *o, unsigned src, const struct wire_proposal *p)
{
    const struct wire_block_header *h = &p->block.header;
    const uint64_t view = h->view;
    if (view <= o->floor->header.view) {
        ord_help(o, src, view);
        return;
    }
    if (view > o->view + VIEWS_AHEAD || h->epoch != o->epoch || h->leader != src || leader_of(&o->leaders, view) != src)
        return;
    for (unsigned i = 0; i < p->just_count; i++)
        ord_on_cert(o, src, &p->just[i]);
    struct view_rec *r = ord_view(o, view);
    if (!r || view <= o->floor->header.view)
        return;
    if (view < o->view)
        ord_help(o, src, view);
    if (r->proposal && bytes32_equal(&r->proposal->digest, &p->block.digest))
        return;
    if (r->proposal && r->block_count == VIEW_BLOCKS_MAX)
        return;
    const bytes32 *key = &o->set->key[src];
    const wire_signature *sig = &p->signature;
    if (!o->config.signing->ops->verify(o->config.signing, &key, &sig, 1, &p->block.digest)) {
        effects_ban(o->fx, src, "a proposal with a wrong signature");
        return;
    }
    struct kept_block *b = ord_keep_block(o, &p->block);
    b->signature = p->signature;
    b->has_signature = true;
    o->dirty = true;
    if (!r->proposal) {
        r->proposal = b;
    } else if (r->proposal->has_signature) {
        const struct wire_signed_header first = signed_header(r->proposal), second = signed_header(b);
        evidence_proposals(o->evidence, o->fx, &first, &second);
    }
}

void ord_on_block(struct ord *o, const struct wire_block *block)
{
    const uint64_t view = block->header.view;
    const struct view_rec *r = ord_view_if(o, view);
    const bool wanted = ord_wants(o, view, &block->digest);
    const bool certified = r && r->notarized && bytes32_equal(&block->digest, &r->notarized->cert.digest);
    if (view <= o->floor->header.view || block->header.epoch != o->epoch || !(wanted || certified))
        return;
    struct kept_block *b = ord_keep_block(o, block);
    if (b)
        ord_log_block(o, b);
    o->dirty = true;
}
