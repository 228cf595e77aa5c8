// Blocks and certificates that the state machines keep: the wire's values with memory of their own, counted references.
// One thread.
#ifndef GANTRY_ENGINE_ORDER_KEPT_H
#define GANTRY_ENGINE_ORDER_KEPT_H

#include "engine/order/vset.h"

struct kept_block {
    unsigned refs;
    struct wire_block_header header;
    bytes32 digest;
    wire_signature signature; // the leader's
    bool has_signature;
    bool logged;     // a BLOCK record of it was written
    bool boundary;   // the last block of its epoch, but for tails
    bool chain_held; // it and its ancestors from the floor on are durably here with all their cars
    bool has_tips;
    uint64_t unheld_in; // the look for finalize votes that found it not to be so (ord.looks)
    uint32_t *tips;     // ordered positions of the n lanes after this block, once has_tips
    uint16_t lane_count;
    struct wire_cut_lane *lanes;
};

struct kept_block *kept_block_new(const struct wire_block *block, const struct vset *set);
// An epoch's first floor: height, time and execution of the boundary block, nothing ordered yet.
struct kept_block *kept_block_genesis(const struct wire_block_header *header, const bytes32 *digest,
                                      const struct vset *set);
struct kept_block *kept_block_ref(struct kept_block *b);
void kept_block_unref(struct kept_block *b); // NULL is fine
// The block as a value that points into b.
void kept_block_value(struct wire_block *out, const struct kept_block *b);
// tips of b from its parent's. False when the cut does not go on where the parent's tips end, or the hash in the header
// is another.
MUST_CHECK bool kept_block_set_tips(struct kept_block *b, const uint32_t *parent_tips, const struct vset *set,
                                    bool allow_gaps);

struct kept_cert {
    unsigned refs;
    struct wire_cert cert; // sigs points behind this structure
    wire_signature sigs[];
};

struct kept_cert *kept_cert_new(const struct wire_cert *cert);
struct kept_cert *kept_cert_ref(struct kept_cert *c);
void kept_cert_unref(struct kept_cert *c); // NULL is fine

static inline struct vmask cert_voters(const struct wire_cert *c)
{
    return (struct vmask){{c->voters[0], c->voters[1]}};
}

#endif
