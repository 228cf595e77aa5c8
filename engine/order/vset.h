// The validators of an epoch: weights, quorums, who leads which view; sets of validators as bit masks; and tallies of
// who said what. Pure; any thread. Weight always counts distinct validators.
#ifndef GANTRY_ENGINE_ORDER_VSET_H
#define GANTRY_ENGINE_ORDER_VSET_H

#include "engine/net/wire/message.h"

struct vmask {
    uint64_t w[2];
};

static inline bool vmask_has(struct vmask m, unsigned v)
{
    return (m.w[v >> 6] >> (v & 63)) & 1;
}
static inline void vmask_add(struct vmask *m, unsigned v)
{
    m->w[v >> 6] |= 1ull << (v & 63);
}
static inline void vmask_drop(struct vmask *m, unsigned v)
{
    m->w[v >> 6] &= ~(1ull << (v & 63));
}
static inline bool vmask_empty(struct vmask m)
{
    return (m.w[0] | m.w[1]) == 0;
}
unsigned vmask_count(struct vmask m);

struct vset {
    struct wire_set wire; // chain id, set hash, n, a bound of cars' gas
    uint32_t weight[WIRE_VALIDATORS_MAX];
    bytes32 key[WIRE_VALIDATORS_MAX]; // x-only consensus keys
    uint64_t total, faulty;           // W, f
    uint64_t quorum, one_honest;      // q = W - f, a = f + 1
};

// The set hash covers keys and weights in order. Weights are above 0; n is 1 to WIRE_VALIDATORS_MAX. Cars' gas is not
// bounded.
void vset_init(struct vset *s, uint64_t chain_id, unsigned n, const uint32_t *weights, const bytes32 *keys);
uint64_t vset_weight(const struct vset *s, struct vmask m);
struct vmask vset_all(const struct vset *s);

// Who leads: a table of stride order, in which each validator stands as often as its weight asks for; the seed (the
// boundary block's digest) decides between equals. View v is led by entry v mod length.
#define LEADERS_MAX 4096
struct leaders {
    uint32_t length;
    uint8_t who[LEADERS_MAX];
};
void leaders_build(struct leaders *l, const struct vset *s, const bytes32 *seed);
static inline unsigned leader_of(const struct leaders *l, uint64_t view)
{
    return l->who[view % l->length];
}

// Who said which digest; only a validator's first word counts. Zeroed is empty; tally_clear frees.
struct tally_item {
    bytes32 digest;
    struct vmask who;
    uint64_t weight;
};
struct tally {
    struct vmask heard;
    uint8_t count, cap; // distinct digests, at most one a validator
    struct tally_item *items;
};
void tally_clear(struct tally *t);
// What voter said before, NULL for nothing.
const struct tally_item *tally_of(const struct tally *t, unsigned voter);
struct tally_item *tally_find(const struct tally *t, const bytes32 *digest);
// The item after voter was added; NULL when it has been heard already.
struct tally_item *tally_add(struct tally *t, const struct vset *s, unsigned voter, const bytes32 *digest);
// Takes voter's word back, as if it had never been heard.
void tally_forget(struct tally *t, const struct vset *s, unsigned voter);
uint64_t tally_weight(const struct tally *t, const bytes32 *digest);
// The heaviest item of at least this weight, NULL when there is none.
const struct tally_item *tally_heaviest(const struct tally *t, uint64_t at_least);

#endif
