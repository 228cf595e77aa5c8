#include "engine/ordered_list.h"

#include <stdlib.h>

// Every so manieth list is filled by one shard after the other; and every list, where the parts would be smaller than
// this gas.
#define LISTS_A_TURN 16
#define PART_GAS_MIN (64u * 21000u)

static void *grow(void *p, size_t size)
{
    void *grown = realloc(p, size);
    if (!grown)
        abort();
    return grown;
}

static void reserve(struct ordered_list *l, size_t count)
{
    if (count <= l->cap)
        return;
    l->cap = count * 2;
    l->txs = grow(l->txs, l->cap * sizeof *l->txs);
    l->by_shard = grow(l->by_shard, l->cap * sizeof *l->by_shard);
    l->block = grow(l->block, l->cap * sizeof *l->block);
    l->results = grow(l->results, l->cap * sizeof *l->results);
}

void ordered_list_init(struct ordered_list *l)
{
    reserve(l, 1); // so that an empty list has addresses too
}

void ordered_list_free(struct ordered_list *l)
{
    free(l->txs);
    free(l->by_shard);
    free(l->block);
    free(l->results);
    list_path_free(&l->path);
}

void ordered_list_clear(struct ordered_list *l)
{
    l->count = l->from = l->to = 0;
    list_path_clear(&l->path);
}

void ordered_list_add(struct ordered_list *l, const struct exec_tx *txs, size_t count)
{
    reserve(l, l->count + count);
    if (count > 0)
        memcpy(l->txs + l->count, txs, count * sizeof *l->txs);
    l->count += count;
}

void ordered_list_group(struct ordered_list *l, unsigned shard_count)
{
    size_t counts[SHARD_MAX + 1] = {0};
    memset(l->results, 0, l->count * sizeof *l->results);
    for (size_t i = 0; i < l->count; i++)
        counts[partition_owner(partition_of_key(l->txs[i].sender_key), shard_count)]++;
    size_t at = 0;
    for (unsigned s = 0; s <= shard_count; s++) {
        l->begin[s] = at;
        at += s < shard_count ? counts[s] : 0;
        counts[s] = l->begin[s];
    }
    for (size_t i = 0; i < l->count; i++) {
        l->txs[i].index = (uint32_t)i;
        l->by_shard[counts[partition_owner(partition_of_key(l->txs[i].sender_key), shard_count)]++] = l->txs[i];
    }
}

void ordered_list_cut(struct ordered_list *l, struct block_work *work, unsigned shard_count, uint64_t gas_limit)
{
    l->from = l->to;
    l->to += exec_cut(l->txs, l->count, l->from, gas_limit, l->results);
    size_t at = 0;
    for (unsigned s = 0; s < shard_count; s++) {
        work->txs[s] = l->block + at;
        size_t first = at;
        for (size_t i = l->begin[s]; i < l->begin[s + 1]; i++) {
            uint32_t index = l->by_shard[i].index;
            if (index >= l->from && index < l->to && l->results[index].drop == TX_OK)
                l->block[at++] = l->by_shard[i];
        }
        work->tx_count[s] = at - first;
    }
    work->results = l->results;
}

bool ordered_list_done(const struct ordered_list *l)
{
    return l->to == l->count;
}

// One shard after the other, beginning with another one each time, as far as the gas goes.
static void share_in_turn(struct gas_share *g, uint64_t *gas_max, const uint64_t *wanted, unsigned shard_count,
                          uint64_t limit)
{
    for (unsigned i = 0; i < shard_count; i++) {
        unsigned shard = (g->turn + i) % shard_count;
        uint64_t own = wanted[shard] < limit ? wanted[shard] : limit;
        gas_max[shard] = own;
        limit -= own;
    }
    g->turn++;
}

void gas_share_out(struct gas_share *g, uint64_t *gas_max, const uint64_t *wanted, unsigned shard_count, uint64_t limit)
{
    unsigned __int128 total = 0;
    for (unsigned i = 0; i < shard_count; i++)
        total += wanted[i];
    if (total > limit && (limit / shard_count < PART_GAS_MIN || ++g->crowded % LISTS_A_TURN == 0)) {
        share_in_turn(g, gas_max, wanted, shard_count, limit);
        return;
    }
    for (unsigned i = 0; i < shard_count; i++)
        gas_max[i] = total <= limit ? wanted[i] + (limit - (uint64_t)total) / shard_count
                                    : (uint64_t)((unsigned __int128)limit * wanted[i] / total);
}
