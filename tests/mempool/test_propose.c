// Picking for a block, what becomes of the picked ones, and the base fee.
#include "tests/mempool/fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define PICK_MAX 64
#define ROOMY_GAS 1000000000ull
#define ROOMY_BYTES (1u << 20)

static u256 gwei(uint64_t count)
{
    return u256_from_u64(count * GWEI);
}

// Proposes and compares with a list of n.
static void expect_pick(struct mempool *mp, uint64_t base_fee_gwei, struct pooled_tx *const *expected, size_t n)
{
    struct pooled_tx *out[PICK_MAX];
    u256 base_fee = gwei(base_fee_gwei);
    cr_assert_eq(mempool_propose(mp, &base_fee, ROOMY_GAS, ROOMY_BYTES, out, PICK_MAX), n);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(out[i], expected[i], "at %zu", i);
}

Test(mempool_propose, picks_by_effective_tip_and_each_senders_by_nonce)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *a0 = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 0, .fee = 100, .tip = 3});
    struct pooled_tx *a1 = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 1, .fee = 100, .tip = 50});
    struct pooled_tx *b0 = put(pool.mp, 0, (struct spec){.sender = 2, .nonce = 0, .fee = 14, .tip = 14}); // 4 at 10
    struct pooled_tx *c0 = put(pool.mp, 0, (struct spec){.sender = 3, .nonce = 0, .fee = 100, .tip = 4});
    put(pool.mp, 0, (struct spec){.sender = 4, .nonce = 1, .fee = 100, .tip = 99}); // queued
    expect_pick(pool.mp, 10, (struct pooled_tx *[]){b0, c0, a0, a1}, 4);
    cr_assert_eq(mempool_stats(pool.mp).executable, 0);
    cr_assert_eq(mempool_stats(pool.mp).pending, 4);
    pool_close(&pool);
}

Test(mempool_propose, tells_tips_beyond_64_bits_apart)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *t[3];
    static const uint64_t high[] = {2, 3, 1};
    struct mempool_account account = {0, U256_MAX};
    for (uint32_t i = 0; i < 3; i++) {
        t[i] = make_tx((struct spec){.sender = i});
        t[i]->tx.max_tip.w[1] = high[i];
        t[i]->tx.max_fee.w[1] = 10;
        cr_assert_eq(mempool_insert(pool.mp, t[i], &account, 0), TX_OK);
    }
    expect_pick(pool.mp, 1, (struct pooled_tx *[]){t[1], t[0], t[2]}, 3);
    pool_close(&pool);
}

Test(mempool_propose, stops_at_gas_bytes_and_count)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *out[PICK_MAX];
    for (uint32_t i = 0; i < 10; i++)
        put(pool.mp, 0, (struct spec){.sender = i, .raw_len = 200});
    struct {
        uint64_t gas, bytes;
        size_t count, expected;
    } cases[] = {
        {21000 * 4, ROOMY_BYTES, PICK_MAX, 4},
        {21000 * 4 - 1, ROOMY_BYTES, PICK_MAX, 3},
        {20999, ROOMY_BYTES, 9, 0},
        {ROOMY_GAS, 200 * 5, PICK_MAX, 5},
        {ROOMY_GAS, 200 * 5 - 1, PICK_MAX, 4},
        {ROOMY_GAS, ROOMY_BYTES, 7, 7},
        {ROOMY_GAS, ROOMY_BYTES, 0, 0},
        {ROOMY_GAS, ROOMY_BYTES, PICK_MAX, 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = mempool_propose(pool.mp, &U256_ZERO, cases[i].gas, cases[i].bytes, out, cases[i].count);
        cr_assert_eq(n, cases[i].expected, "case %zu: %zu", i, n);
        for (size_t k = 0; k < n; k++)
            mempool_result_again(pool.mp, out[k]);
    }
    cr_assert_eq(mempool_stats(pool.mp).executable, 10);
    pool_close(&pool);
}

Test(mempool_propose, passes_over_what_does_not_fit_with_all_that_follows_it)
{
    struct pool pool = pool_open(roomy_limits());
    put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 0, .tip = 9, .gas = 100001});
    put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 1, .tip = 9, .gas = 21000});
    struct pooled_tx *small = put(pool.mp, 0, (struct spec){.sender = 2, .tip = 1}), *out[3];
    cr_assert_eq(mempool_propose(pool.mp, &U256_ZERO, 100000, ROOMY_BYTES, out, 3), 1);
    cr_assert_eq(out[0], small);
    pool_close(&pool);
}

Test(mempool_propose, a_hundred_huge_ones_with_high_tips_do_not_keep_a_block_empty)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *out[3];
    struct pooled_tx *first = put(pool.mp, 0, (struct spec){.sender = 1, .fee = 99, .tip = 99});
    for (uint32_t i = 0; i < 100; i++)
        put(pool.mp, 0, (struct spec){.sender = 100 + i, .tip = 5, .gas = 2000000});
    struct pooled_tx *second = put(pool.mp, 0, (struct spec){.sender = 2, .tip = 1});
    cr_assert_eq(mempool_propose(pool.mp, &U256_ZERO, 2000000, ROOMY_BYTES, out, 3), 2);
    cr_assert_eq(out[0], first);
    cr_assert_eq(out[1], second);
    pool_close(&pool);
}

Test(mempool_propose, included_ones_leave_and_make_the_account_nonce_known)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *t[3];
    for (uint32_t i = 0; i < 3; i++)
        t[i] = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = i});
    struct pooled_tx *out[2];
    cr_assert_eq(mempool_propose(pool.mp, &U256_ZERO, ROOMY_GAS, ROOMY_BYTES, out, 2), 2);
    put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 3}); // inserts go on meanwhile
    bytes32 hash = t[0]->hash;
    mempool_result_included(pool.mp, out[0]);
    mempool_result_included(pool.mp, out[1]);
    struct mempool_removed removed[3];
    cr_assert_eq(mempool_take_removed(pool.mp, removed, 3), 2);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(removed[i].tx, t[i]);
        cr_assert_eq(removed[i].reason, TX_OK);
        free(removed[i].tx);
    }
    cr_assert_eq(mempool_drop_reason(pool.mp, &hash), TX_OK);
    cr_assert(is_pending(pool.mp, t[2]));
    cr_assert_eq(mempool_stats(pool.mp).executable, 2);
    cr_assert_eq(mempool_stats(pool.mp).dropped, 0);
    pool_close(&pool);
}

Test(mempool_propose, a_dropped_one_opens_a_gap_and_is_recorded)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *t0 = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 0});
    struct pooled_tx *t1 = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 1}), *out[2];
    cr_assert_eq(mempool_propose(pool.mp, &U256_ZERO, ROOMY_GAS, ROOMY_BYTES, out, 2), 2);
    bytes32 hash = t0->hash;
    mempool_result_dropped(pool.mp, out[0], TX_INSUFFICIENT_FUNDS);
    mempool_result_again(pool.mp, out[1]);
    cr_assert_eq(take_one(pool.mp, t0), TX_INSUFFICIENT_FUNDS);
    cr_assert_eq(mempool_drop_reason(pool.mp, &hash), TX_INSUFFICIENT_FUNDS);
    cr_assert_not(is_pending(pool.mp, t1));
    cr_assert_eq(mempool_stats(pool.mp).executable, 0);
    pool_close(&pool);
}

Test(mempool_propose, goes_on_behind_what_awaits_its_result)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *t[6], *out[2];
    for (uint32_t i = 0; i < 6; i++)
        t[i] = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = i});
    for (int car = 0; car < 3; car++) {
        cr_assert_eq(mempool_propose(pool.mp, &U256_ZERO, ROOMY_GAS, ROOMY_BYTES, out, 2), 2);
        cr_assert(out[0] == t[2 * car] && out[1] == t[2 * car + 1]);
    }
    cr_assert_eq(mempool_propose(pool.mp, &U256_ZERO, ROOMY_GAS, ROOMY_BYTES, out, 2), 0);
    // The first car's are included; the others are dropped with their epoch and come again, in order.
    for (int i = 0; i < 2; i++) {
        mempool_result_included(pool.mp, t[i]);
        cr_assert_eq(take_one(pool.mp, t[i]), TX_OK);
    }
    for (int i = 2; i < 6; i++)
        mempool_result_again(pool.mp, t[i]);
    expect_pick(pool.mp, 0, t + 2, 4);
    pool_close(&pool);
}

Test(mempool_propose, what_was_included_elsewhere_leaves_as_included)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *t[3], *out[1];
    for (uint32_t i = 0; i < 3; i++)
        t[i] = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = i});
    cr_assert_eq(mempool_propose(pool.mp, &U256_ZERO, ROOMY_GAS, ROOMY_BYTES, out, 1), 1);
    // Proposed here, and in another's car that came first: the own copy is dropped as "nonce too low".
    bytes32 hash = t[0]->hash, key = t[0]->sender_key;
    mempool_included_elsewhere(pool.mp, &hash, &key, 0);
    cr_assert_eq(mempool_stats(pool.mp).pending, 3);
    mempool_result_dropped(pool.mp, t[0], TX_NONCE_TOO_LOW);
    cr_assert_eq(take_one(pool.mp, t[0]), TX_OK);
    cr_assert_eq(mempool_drop_reason(pool.mp, &hash), TX_OK);
    // Not proposed here.
    hash = t[1]->hash;
    mempool_included_elsewhere(pool.mp, &hash, &key, 1);
    cr_assert_eq(take_one(pool.mp, t[1]), TX_OK);
    // Another transaction of the same nonce is none of it.
    hash = t[2]->hash;
    const bytes32 other = sender_key(77);
    mempool_included_elsewhere(pool.mp, &other, &key, 2);
    struct mempool_account account = rich(3);
    mempool_account_changed(pool.mp, &key, &account, 0);
    cr_assert_eq(take_one(pool.mp, t[2]), TX_NONCE_TOO_LOW);
    cr_assert_eq(mempool_drop_reason(pool.mp, &hash), TX_NONCE_TOO_LOW);
    // Unless that was included elsewhere after all.
    mempool_included_elsewhere(pool.mp, &hash, &key, 2);
    cr_assert_eq(mempool_drop_reason(pool.mp, &hash), TX_OK);
    pool_close(&pool);
}

Test(mempool_propose, groups_have_bytes_of_their_own)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *out[PICK_MAX];
    unsigned in_group[MEMPOOL_GROUPS] = {0}, of_group[MEMPOOL_GROUPS] = {0};
    for (uint32_t i = 0; i < 40; i++) {
        const bytes32 key = sender_key(i);
        of_group[key.b[0] >> 4]++;
        put(pool.mp, 0, (struct spec){.sender = i, .raw_len = 90});
    }
    struct mempool_pick pick = {.gas_max = ROOMY_GAS, .bytes_max = ROOMY_BYTES, .tx_bytes = 10, .count_max = PICK_MAX};
    for (unsigned g = 0; g < MEMPOOL_GROUPS; g++)
        pick.group_bytes_max[g] = g % 2 ? 299 : 100;
    const size_t n = mempool_propose_groups(pool.mp, &pick, out);
    for (size_t i = 0; i < n; i++)
        in_group[out[i]->sender_key.b[0] >> 4]++;
    for (unsigned g = 0; g < MEMPOOL_GROUPS; g++)
        cr_expect_eq(in_group[g], of_group[g] < 1 + g % 2 ? of_group[g] : 1 + g % 2, "group %u", g);
    pool_close(&pool);
}

Test(mempool_propose, again_makes_it_pending_as_before)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *t[3];
    for (uint32_t i = 0; i < 3; i++)
        t[i] = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = i});
    for (int round = 0; round < 3; round++) {
        expect_pick(pool.mp, 1, t, 3);
        for (int i = 0; i < 3; i++)
            mempool_result_again(pool.mp, t[(i + round) % 3]);
        cr_assert_eq(mempool_stats(pool.mp).executable, 3);
        cr_assert_eq(mempool_stats(pool.mp).executable_gas, 3 * 21000);
    }
    pool_close(&pool);
}

Test(mempool_propose, again_drops_what_the_account_has_passed)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *t0 = put(pool.mp, 0, (struct spec){.sender = 1}), *out;
    cr_assert_eq(mempool_propose(pool.mp, &U256_ZERO, ROOMY_GAS, ROOMY_BYTES, &out, 1), 1);
    struct mempool_account account = rich(1);
    mempool_account_changed(pool.mp, &t0->sender_key, &account, 0);
    cr_assert_eq(mempool_stats(pool.mp).pending, 1, "a proposed one waits for its result");
    mempool_result_again(pool.mp, out);
    cr_assert_eq(take_one(pool.mp, t0), TX_NONCE_TOO_LOW);
    pool_close(&pool);
}

Test(mempool_base_fee, holds_back_the_low_ones_and_what_is_behind_them)
{
    struct pool pool = pool_open(roomy_limits());
    static const uint64_t fee[] = {20, 10, 30};
    struct pooled_tx *t[3];
    for (uint32_t i = 0; i < 3; i++)
        t[i] = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = i, .fee = fee[i], .gas = 21000 + i});
    struct {
        uint64_t base_fee, executable, gas;
    } cases[] = {{11, 1, 21000}, {10, 3, 63003}, {21, 0, 0}, {20, 1, 21000}, {31, 0, 0}, {0, 3, 63003}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        u256 base_fee = gwei(cases[i].base_fee);
        mempool_set_base_fee(pool.mp, &base_fee);
        struct mempool_stats stats = mempool_stats(pool.mp);
        cr_assert_eq(stats.executable, cases[i].executable, "case %zu", i);
        cr_assert_eq(stats.executable_gas, cases[i].gas, "case %zu", i);
        cr_assert_eq(stats.held_back, 3 - cases[i].executable, "case %zu", i);
        cr_assert_eq(stats.pending, 3);
    }
    expect_pick(pool.mp, 15, t, 1);
    pool_close(&pool);
}

Test(mempool_base_fee, one_held_back_by_another_is_found_when_the_fee_falls_to_its_own)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *t0 = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 0, .fee = 10});
    put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 1, .fee = 20});
    u256 base_fee = gwei(15);
    mempool_set_base_fee(pool.mp, &base_fee);
    base_fee = gwei(25);
    mempool_set_base_fee(pool.mp, &base_fee);
    put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 0, .fee = 30, .tip = 2});
    cr_assert_eq(take_one(pool.mp, t0), TX_REPLACED);
    cr_assert_eq(mempool_stats(pool.mp).executable, 1);
    base_fee = gwei(20);
    mempool_set_base_fee(pool.mp, &base_fee);
    cr_assert_eq(mempool_stats(pool.mp).executable, 2);
    pool_close(&pool);
}

Test(mempool_base_fee, inserts_are_reckoned_at_the_fee_last_set)
{
    struct pool pool = pool_open(roomy_limits());
    u256 base_fee = gwei(15);
    mempool_set_base_fee(pool.mp, &base_fee);
    put(pool.mp, 0, (struct spec){.sender = 1, .fee = 14});
    put(pool.mp, 0, (struct spec){.sender = 2, .fee = 15});
    cr_assert_eq(mempool_stats(pool.mp).held_back, 1);
    cr_assert_eq(mempool_stats(pool.mp).executable, 1);
    pool_close(&pool);
}

Test(mempool_propose, the_sum_of_the_greatest_gas_limits_stops_at_the_most_and_comes_back)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *big[3];
    put(pool.mp, 0, (struct spec){.sender = 9});
    for (uint32_t i = 0; i < 3; i++)
        big[i] = put(pool.mp, 0, (struct spec){.sender = i, .gas = 1ull << 63});
    cr_assert_eq(mempool_stats(pool.mp).executable_gas, UINT64_MAX);
    struct mempool_account account = rich(1);
    for (uint32_t i = 0; i < 3; i++) {
        mempool_account_changed(pool.mp, &big[i]->sender_key, &account, 0);
        cr_assert_eq(take_one(pool.mp, big[i]), TX_NONCE_TOO_LOW);
    }
    cr_assert_eq(mempool_stats(pool.mp).executable_gas, 21000);
    pool_close(&pool);
}
