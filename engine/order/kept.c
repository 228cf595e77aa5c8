#include "engine/order/kept.h"

#include <stdlib.h>

#include "engine/net/wire/digest.h"

// One allocation: the structure, tips, lanes, digests.
static struct kept_block *allocate(unsigned n, unsigned lane_count, unsigned cars)
{
    const size_t lanes_at = sizeof(struct kept_block) + (sizeof(uint32_t) * n + 7) / 8 * 8;
    const size_t digests_at = lanes_at + lane_count * sizeof(struct wire_cut_lane);
    struct kept_block *b = calloc(1, digests_at + cars * sizeof(bytes32));
    if (!b)
        abort();
    b->refs = 1;
    b->tips = (uint32_t *)(b + 1);
    b->lanes = (struct wire_cut_lane *)((uint8_t *)b + lanes_at);
    return b;
}

struct kept_block *kept_block_new(const struct wire_block *block, const struct vset *set)
{
    unsigned cars = 0;
    for (unsigned i = 0; i < block->lane_count; i++)
        cars += block->lanes[i].count;
    struct kept_block *b = allocate(set->wire.n, block->lane_count, cars);
    bytes32 *digests = (bytes32 *)(b->lanes + block->lane_count);
    b->header = block->header;
    b->digest = block->digest;
    b->lane_count = block->lane_count;
    for (unsigned i = 0; i < block->lane_count; i++) {
        b->lanes[i] = block->lanes[i];
        b->lanes[i].digests = digests;
        memcpy(digests, block->lanes[i].digests, block->lanes[i].count * sizeof *digests);
        digests += block->lanes[i].count;
    }
    return b;
}

struct kept_block *kept_block_genesis(const struct wire_block_header *header, const bytes32 *digest,
                                      const struct vset *set)
{
    struct kept_block *b = allocate(set->wire.n, 0, 0);
    b->header = *header;
    b->digest = *digest;
    b->has_tips = true;
    b->logged = true;
    return b;
}

struct kept_block *kept_block_ref(struct kept_block *b)
{
    b->refs++;
    return b;
}

void kept_block_unref(struct kept_block *b)
{
    if (b && --b->refs == 0)
        free(b);
}

void kept_block_value(struct wire_block *out, const struct kept_block *b)
{
    out->header = b->header;
    out->digest = b->digest;
    out->lane_count = b->lane_count;
    memcpy(out->lanes, b->lanes, b->lane_count * sizeof *b->lanes);
}

bool kept_block_set_tips(struct kept_block *b, const uint32_t *parent_tips, const struct vset *set, bool allow_gaps)
{
    memcpy(b->tips, parent_tips, set->wire.n * sizeof *b->tips);
    for (unsigned i = 0; i < b->lane_count; i++) {
        const struct wire_cut_lane *l = &b->lanes[i];
        if (l->from_pos != b->tips[l->lane] + 1 && !allow_gaps)
            return false;
        b->tips[l->lane] = l->from_pos + l->count - 1u;
    }
    const bytes32 hash = wire_tips_hash(b->tips, set->wire.n);
    b->has_tips = bytes32_equal(&hash, &b->header.tips_hash);
    return b->has_tips;
}

struct kept_cert *kept_cert_new(const struct wire_cert *cert)
{
    const size_t bytes = vmask_count(cert_voters(cert)) * sizeof(wire_signature);
    struct kept_cert *c = malloc(sizeof *c + bytes);
    if (!c)
        abort();
    c->refs = 1;
    c->cert = *cert;
    c->cert.sigs = c->sigs;
    memcpy(c->sigs, cert->sigs, bytes);
    return c;
}

struct kept_cert *kept_cert_ref(struct kept_cert *c)
{
    c->refs++;
    return c;
}

void kept_cert_unref(struct kept_cert *c)
{
    if (c && --c->refs == 0)
        free(c);
}
