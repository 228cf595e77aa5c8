// The ordered list O under way: its transactions, their results, and each shard's part of the executed block that is
// cut from it. Memory is kept between lists. Owner: the coordinator.
#ifndef GANTRY_ENGINE_ORDERED_LIST_H
#define GANTRY_ENGINE_ORDERED_LIST_H

#include "engine/list_board.h"
#include "engine/order/order.h"
#include "shard/message.h"

struct ordered_list {
    struct exec_tx *txs; // O
    struct exec_result *results;
    size_t count, cap;
    size_t from, to;          // the executed block under way: O[from, to)
    struct exec_tx *by_shard; // O grouped by shard, rising in index
    size_t begin[SHARD_MAX + 1];
    struct exec_tx *block; // the block's, grouped by shard, without those that the cut dropped
    struct ordered ordered;
    struct list_path path;
};

// l is zeroed.
void ordered_list_init(struct ordered_list *l);
void ordered_list_free(struct ordered_list *l);

// Empties it; adds a shard's proposal (copied).
void ordered_list_clear(struct ordered_list *l);
void ordered_list_add(struct ordered_list *l, const struct exec_tx *txs, size_t count);
// After sealing: numbers the transactions and groups them by the shard that owns their sender.
void ordered_list_group(struct ordered_list *l, unsigned shard_count);
// Cuts the next executed block by gas and gives each shard its part in work.
void ordered_list_cut(struct ordered_list *l, struct block_work *work, unsigned shard_count, uint64_t gas_limit);
bool ordered_list_done(const struct ordered_list *l); // nothing is left to cut

// How the gas of a list is shared out among the shards' proposals.
struct gas_share {
    unsigned crowded; // lists while more was pooled than they hold
    unsigned turn;    // which shard begins
};
// wanted[i] is the gas that shard i has to propose. Each gets its part of limit, and what is over goes to all alike;
// never more together than limit. While more is pooled than a list holds, every so manieth list is filled by one shard
// after the other, so that a transaction whose gas limit exceeds its shard's part gets its turn.
void gas_share_out(struct gas_share *g, uint64_t *gas_max, const uint64_t *wanted, unsigned shard_count,
                   uint64_t limit);

#endif
