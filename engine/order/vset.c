#include "engine/order/vset.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/net/wire/digest.h"

unsigned vmask_count(struct vmask m)
{
    return (unsigned)(__builtin_popcountll(m.w[0]) + __builtin_popcountll(m.w[1]));
}

void vset_init(struct vset *s, uint64_t chain_id, unsigned n, const uint32_t *weights, const bytes32 *keys)
{
    assert(n > 0 && n <= WIRE_VALIDATORS_MAX);
    uint8_t body[WIRE_VALIDATORS_MAX * 36];
    memset(s, 0, sizeof *s);
    for (unsigned i = 0; i < n; i++) {
        assert(weights[i] > 0);
        s->weight[i] = weights[i];
        s->key[i] = keys[i];
        s->total += weights[i];
        memcpy(body + 36 * i, keys[i].b, 32);
        store_le32(body + 36 * i + 32, weights[i]);
    }
    s->faulty = (s->total - 1) / 3;
    s->quorum = s->total - s->faulty;
    s->one_honest = s->faulty + 1;
    uint8_t chain[8];
    store_le64(chain, chain_id);
    const struct bytes parts[] = {bytes_of(chain, sizeof chain), bytes_of(body, 36 * (size_t)n)};
    s->wire = (struct wire_set){chain_id, wire_tagged_hash("gantry/set", parts, 2), n, UINT64_MAX};
}

uint64_t vset_weight(const struct vset *s, struct vmask m)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < 2; i++) {
        for (uint64_t w = m.w[i]; w != 0; w &= w - 1)
            sum += s->weight[64 * i + (unsigned)__builtin_ctzll(w)];
    }
    return sum;
}

struct vmask vset_all(const struct vset *s)
{
    struct vmask m = {{0, 0}};
    for (unsigned i = 0; i < s->wire.n; i++)
        vmask_add(&m, i);
    return m;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b != 0) {
        const uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

void leaders_build(struct leaders *l, const struct vset *s, const bytes32 *seed)
{
    // Each entry goes to the validator that is owed most; what it is owed grows by its weight and falls by the total.
    int64_t owed[WIRE_VALIDATORS_MAX] = {0};
    uint8_t order[WIRE_VALIDATORS_MAX] = {0};
    uint64_t divisor = s->weight[0], state = load_le64(seed->b);
    const unsigned n = s->wire.n;
    for (unsigned i = 0; i < n; i++) {
        order[i] = (uint8_t)i;
        divisor = gcd(divisor, s->weight[i]);
    }
    for (unsigned i = n; i > 1; i--) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        const unsigned j = (unsigned)((state >> 33) % i);
        const uint8_t swapped = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swapped;
    }
    const uint64_t period = s->total / divisor;
    l->length = period < LEADERS_MAX ? (uint32_t)period : LEADERS_MAX;
    for (uint32_t e = 0; e < l->length; e++) {
        unsigned best = order[0];
        for (unsigned k = 0; k < n; k++) {
            const unsigned i = order[k];
            owed[i] += s->weight[i];
            if (owed[i] > owed[best])
                best = i;
        }
        owed[best] -= (int64_t)s->total;
        l->who[e] = (uint8_t)best;
    }
}

void tally_clear(struct tally *t)
{
    free(t->items);
    *t = (struct tally){0};
}

const struct tally_item *tally_of(const struct tally *t, unsigned voter)
{
    for (unsigned i = 0; i < t->count; i++) {
        if (vmask_has(t->items[i].who, voter))
            return &t->items[i];
    }
    return NULL;
}

struct tally_item *tally_find(const struct tally *t, const bytes32 *digest)
{
    for (unsigned i = 0; i < t->count; i++) {
        if (bytes32_equal(&t->items[i].digest, digest))
            return &t->items[i];
    }
    return NULL;
}

struct tally_item *tally_add(struct tally *t, const struct vset *s, unsigned voter, const bytes32 *digest)
{
    if (vmask_has(t->heard, voter))
        return NULL;
    struct tally_item *item = tally_find(t, digest);
    if (!item) {
        if (t->count == t->cap) {
            t->cap = t->cap == 0 ? 1 : (uint8_t)(2 * t->cap);
            t->items = realloc(t->items, t->cap * sizeof *t->items);
            if (!t->items)
                abort();
        }
        item = &t->items[t->count++];
        *item = (struct tally_item){.digest = *digest};
    }
    vmask_add(&t->heard, voter);
    vmask_add(&item->who, voter);
    item->weight += s->weight[voter];
    return item;
}

void tally_forget(struct tally *t, const struct vset *s, unsigned voter)
{
    for (unsigned i = 0; i < t->count; i++) {
        if (vmask_has(t->items[i].who, voter)) {
            vmask_drop(&t->items[i].who, voter);
            vmask_drop(&t->heard, voter);
            t->items[i].weight -= s->weight[voter];
            return;
        }
    }
}

uint64_t tally_weight(const struct tally *t, const bytes32 *digest)
{
    const struct tally_item *item = tally_find(t, digest);
    return item ? item->weight : 0;
}

const struct tally_item *tally_heaviest(const struct tally *t, uint64_t at_least)
{
    const struct tally_item *best = NULL;
    for (unsigned i = 0; i < t->count; i++) {
        if (t->items[i].weight >= at_least && (!best || t->items[i].weight > best->weight))
            best = &t->items[i];
    }
    return best;
}
