// The memory budget: each part follows what bounds it.
#include "engine/memory_budget.h"

#include <criterion/criterion.h>

static const struct node_config small = {
    .ingest_connections = 10, .checkpoint_records = 1000, .pool_bytes = 1 << 20, .pool_transactions = 1000};
static const struct mempool_limits pool = {.tx_max = 1000, .bytes_max = 1 << 20, .drop_record_max = 1000};

static struct memory_budget of(const struct node_config *config, unsigned shards, uint64_t gas, uint64_t accounts)
{
    return memory_budget(config, &pool, shards, gas, accounts);
}

Test(memory_budget, is_the_sum_of_its_parts)
{
    struct memory_budget b = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
    cr_expect_eq(memory_budget_total(&b), 1023);
}

Test(memory_budget, a_cluster_adds_queues_of_each_peer_and_acks_of_each_pair)
{
    struct memory_budget alone = of(&small, 2, 30000000, 0), four = alone, five = alone, more_shards = alone;
    cr_expect_eq(alone.cluster, 0);
    memory_budget_add_cluster(&four, 4, 4, 2);
    memory_budget_add_cluster(&five, 4, 5, 2);
    memory_budget_add_cluster(&more_shards, 4, 4, 40);
    cr_expect_eq(five.cluster - four.cluster, (4ull << 20) + 2 * (32ull << 20));
    cr_expect_eq(more_shards.cluster - four.cluster, 4ull * 14 * (32ull << 20), "at most 16 bulk connections a peer");
    cr_expect_gt(four.cluster, 4 * ((4ull << 20) + 2 * (32ull << 20)));
}

Test(memory_budget, state_follows_the_accounts_and_nothing_else_does)
{
    struct memory_budget few = of(&small, 2, 30000000, 1000), many = of(&small, 2, 30000000, 11000);
    cr_expect_eq(many.state - few.state, 10000 * 200);
    cr_expect_eq(memory_budget_total(&many) - memory_budget_total(&few), 10000 * 200);
}

Test(memory_budget, history_follows_the_gas_limit)
{
    struct memory_budget b = of(&small, 2, 21000 * 100, 0);
    // 128 blocks of 100 transfers, two accounts each and the coinbase, 48 bytes or more a pre-image
    cr_expect_geq(b.history, 128ull * 201 * 48);
    cr_expect_leq(b.history, 128ull * 201 * 64);
}

Test(memory_budget, pools_and_receiving_follow_the_shards)
{
    struct memory_budget one = of(&small, 1, 30000000, 0), four = of(&small, 4, 30000000, 0);
    cr_expect_eq(one.pools, mempool_memory_max(&pool));
    cr_expect_eq(four.pools, 4 * one.pools);
    // The slack is shared; buffers and connections are each shard's own.
    cr_expect_gt(four.receiving, one.receiving);
    cr_expect_lt(four.receiving, 4 * one.receiving);
}

Test(memory_budget, many_shards_have_their_least_share_of_receiving)
{
    struct memory_budget b = of(&small, 256, 30000000, 0);
    cr_expect_geq(b.receiving, 256 * RECEIVE_SHARD_BYTES_MIN);
}

Test(memory_budget, connections_count)
{
    struct node_config more = small;
    more.ingest_connections = 20;
    struct memory_budget a = of(&small, 2, 30000000, 0), b = of(&more, 2, 30000000, 0);
    cr_expect_geq(b.receiving - a.receiving, 2ull * 10 * 128 * 1024);
}

Test(memory_budget, checkpoints_follow_their_configured_size)
{
    struct node_config more = small;
    more.checkpoint_records = 1001000;
    struct memory_budget a = of(&small, 2, 30000000, 0), b = of(&more, 2, 30000000, 0);
    cr_expect_geq(b.checkpoint - a.checkpoint, 1000000ull * 72);
}
