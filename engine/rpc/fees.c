#include "engine/rpc/fees.h"

#include <stdlib.h>

#define GWEI UINT64_C(1000000000)
// geth's: lower tips are not samples, higher suggestions are cut.
#define IGNORE_BELOW_WEI 2
#define SUGGEST_MAX (500 * GWEI)
#define SUGGEST_PERCENTILE 60

// The part of a transaction's price that goes to the coinbase; false when the record's bytes do not decode.
static bool effective_tip(u256 *tip, const struct record *r, uint32_t i, uint64_t *gas_used)
{
    struct record_tx t;
    struct tx tx;
    record_tx_at(r, i, &t);
    if (tx_decode(&tx, t.raw, 0) != TX_OK)
        return false;
    u256 price = tx_effective_price(&tx, &r->header.base_fee);
    u256_sub(tip, &price, &r->header.base_fee);
    *gas_used = t.gas_used;
    return true;
}

// Keeps the FEE_SAMPLES lowest, rising.
static void keep_lowest(struct fee_sample *s, const u256 *tip)
{
    if (u256_fits_u64(tip) && tip->w[0] < IGNORE_BELOW_WEI)
        return;
    unsigned at = s->count;
    while (at > 0 && u256_cmp(tip, &s->tips[at - 1]) < 0)
        at--;
    if (at == FEE_SAMPLES)
        return;
    unsigned last = s->count < FEE_SAMPLES ? s->count++ : FEE_SAMPLES - 1;
    memmove(&s->tips[at + 1], &s->tips[at], (last - at) * sizeof s->tips[0]);
    s->tips[at] = *tip;
}

static const struct fee_sample *sample(struct fee_oracle *oracle, struct chain_reader *reader, uint64_t height)
{
    struct fee_sample *s = &oracle->samples[height % FEE_BLOCKS];
    if (s->height == height)
        return s;
    bool damaged = false;
    const struct record *r = chain_reader_block(reader, height, &damaged);
    if (!r)
        return NULL;
    *s = (struct fee_sample){.height = height};
    for (uint32_t i = 0; i < r->tx_count; i++) {
        u256 tip;
        uint64_t gas;
        if (effective_tip(&tip, r, i, &gas))
            keep_lowest(s, &tip);
    }
    return s;
}

static int compare_tips(const void *a, const void *b)
{
    return u256_cmp(a, b);
}

u256 fee_suggest_tip(struct fee_oracle *oracle, struct chain_reader *reader)
{
    u256 tips[FEE_BLOCKS * FEE_SAMPLES];
    size_t count = 0;
    uint64_t height = chain_reader_head(reader);
    for (unsigned n = 0; n < FEE_BLOCKS && height > 0; n++, height--) {
        const struct fee_sample *s = sample(oracle, reader, height);
        if (!s)
            break;
        memcpy(&tips[count], s->tips, s->count * sizeof tips[0]);
        count += s->count;
    }
    if (count == 0)
        return u256_from_u64(GWEI);
    qsort(tips, count, sizeof tips[0], compare_tips);
    u256 tip = tips[(count - 1) * SUGGEST_PERCENTILE / 100], most = u256_from_u64(SUGGEST_MAX);
    return u256_cmp(&tip, &most) > 0 ? most : tip;
}

u256 fee_next_base(const struct genesis *genesis, const struct header *h)
{
    return header_next_base_fee(&genesis->fee_rules, h->gas_limit, h->gas_used, &h->base_fee);
}

struct reward {
    u256 tip;
    uint64_t gas;
};

static int compare_rewards(const void *a, const void *b)
{
    return u256_cmp(&((const struct reward *)a)->tip, &((const struct reward *)b)->tip);
}

bool fee_rewards(const struct record *r, const double *percentiles, size_t count, u256 *out)
{
    memset(out, 0, count * sizeof *out);
    if (r->tx_count == 0)
        return true;
    struct reward *rewards = calloc(r->tx_count, sizeof *rewards);
    if (!rewards)
        return false;
    for (uint32_t i = 0; i < r->tx_count; i++) {
        if (!effective_tip(&rewards[i].tip, r, i, &rewards[i].gas))
            rewards[i] = (struct reward){0};
    }
    qsort(rewards, r->tx_count, sizeof *rewards, compare_rewards);
    uint32_t at = 0;
    uint64_t gas = rewards[0].gas;
    for (size_t i = 0; i < count; i++) {
        uint64_t threshold = (uint64_t)((double)r->header.gas_used * percentiles[i] / 100);
        while (gas < threshold && at < r->tx_count - 1)
            gas += rewards[++at].gas;
        out[i] = rewards[at].tip;
    }
    free(rewards);
    return true;
}
