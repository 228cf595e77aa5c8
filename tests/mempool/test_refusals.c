// Each answer of mempool_insert, at its boundary.
#include "tests/mempool/fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>

// What a default transaction may cost: 21000 gas at 10 gwei.
#define COST (21000 * 10 * GWEI)

static struct mempool_account with_balance(uint64_t nonce, uint64_t balance)
{
    return (struct mempool_account){nonce, u256_from_u64(balance)};
}

Test(mempool_refusals, the_same_hash_again_is_already_known)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *t = put(pool.mp, 0, (struct spec){.sender = 1});
    struct pooled_tx *again = copy_of(t);
    struct mempool_account account = rich(0);
    cr_assert_eq(mempool_insert(pool.mp, again, &account, 0), TX_ALREADY_KNOWN);
    free(again);
    pool_close(&pool);
}

Test(mempool_refusals, a_tip_cap_below_the_minimum_is_underpriced)
{
    struct mempool_limits limits = roomy_limits();
    limits.min_tip = u256_from_u64(2 * GWEI);
    struct pool pool = pool_open(limits);
    cr_assert_eq(try_put(pool.mp, rich(0), (struct spec){.sender = 1, .tip = 1}), TX_UNDERPRICED);
    cr_assert_eq(try_put(pool.mp, rich(0), (struct spec){.sender = 1, .tip = 2}), TX_OK);
    pool_close(&pool);
}

Test(mempool_refusals, a_nonce_below_the_accounts_is_too_low)
{
    struct pool pool = pool_open(roomy_limits());
    cr_assert_eq(try_put(pool.mp, rich(5), (struct spec){.sender = 1, .nonce = 4}), TX_NONCE_TOO_LOW);
    cr_assert_eq(try_put(pool.mp, rich(5), (struct spec){.sender = 1, .nonce = 5}), TX_OK);
    pool_close(&pool);
}

Test(mempool_refusals, a_nonce_further_ahead_than_the_limit_is_too_high)
{
    struct mempool_limits limits = roomy_limits();
    limits.nonce_ahead_max = 10;
    struct pool pool = pool_open(limits);
    cr_assert_eq(try_put(pool.mp, rich(5), (struct spec){.sender = 1, .nonce = 16}), TX_NONCE_TOO_HIGH);
    cr_assert_eq(try_put(pool.mp, rich(5), (struct spec){.sender = 1, .nonce = UINT64_MAX - 1}), TX_NONCE_TOO_HIGH);
    cr_assert_eq(try_put(pool.mp, rich(5), (struct spec){.sender = 1, .nonce = 15}), TX_OK);
    pool_close(&pool);
}

Test(mempool_refusals, a_cost_beyond_256_bits_is_named)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *t = make_tx((struct spec){.sender = 1});
    t->tx.max_fee = U256_MAX;
    struct mempool_account account = {0, U256_MAX};
    cr_assert_eq(mempool_insert(pool.mp, t, &account, 0), TX_COST_OVERFLOW);
    free(t);
    pool_close(&pool);
}

Test(mempool_refusals, the_balance_must_cover_fee_cap_and_value)
{
    struct pool pool = pool_open(roomy_limits());
    struct spec spec = {.sender = 1, .value = 5};
    cr_assert_eq(try_put(pool.mp, with_balance(0, COST + 4), spec), TX_INSUFFICIENT_FUNDS);
    cr_assert_eq(try_put(pool.mp, with_balance(0, COST + 5), spec), TX_OK);
    pool_close(&pool);
}

Test(mempool_refusals, the_balance_must_cover_all_that_the_sender_has_pooled)
{
    struct pool pool = pool_open(roomy_limits());
    cr_assert_eq(try_put(pool.mp, with_balance(0, 3 * COST - 1), (struct spec){.sender = 1, .nonce = 0}), TX_OK);
    cr_assert_eq(try_put(pool.mp, with_balance(0, 3 * COST - 1), (struct spec){.sender = 1, .nonce = 9}), TX_OK);
    struct spec third = {.sender = 1, .nonce = 1};
    cr_assert_eq(try_put(pool.mp, with_balance(0, 3 * COST - 1), third), TX_INSUFFICIENT_FUNDS);
    cr_assert_eq(try_put(pool.mp, with_balance(0, 3 * COST), third), TX_OK);
    pool_close(&pool);
}

Test(mempool_refusals, a_replacement_is_charged_only_the_difference)
{
    struct pool pool = pool_open(roomy_limits());
    struct mempool_account account = with_balance(0, 21000 * 11 * GWEI);
    cr_assert_eq(try_put(pool.mp, account, (struct spec){.sender = 1, .fee = 10, .tip = 10}), TX_OK);
    cr_assert_eq(try_put(pool.mp, account, (struct spec){.sender = 1, .fee = 12, .tip = 12}), TX_INSUFFICIENT_FUNDS);
    cr_assert_eq(try_put(pool.mp, account, (struct spec){.sender = 1, .fee = 11, .tip = 11}), TX_OK);
    pool_close(&pool);
}

// The same nonce at (old fee, old tip), then (fee, tip), in wei.
static enum tx_status replace(uint64_t old_fee, uint64_t old_tip, uint64_t fee, uint64_t tip)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *old = make_tx((struct spec){.sender = 1}), *new = make_tx((struct spec){.sender = 1});
    struct mempool_account account = rich(0);
    old->tx.max_fee = u256_from_u64(old_fee);
    old->tx.max_tip = u256_from_u64(old_tip);
    new->tx.max_fee = u256_from_u64(fee);
    new->tx.max_tip = u256_from_u64(tip);
    cr_assert_eq(mempool_insert(pool.mp, old, &account, 0), TX_OK);
    enum tx_status status = mempool_insert(pool.mp, new, &account, 0);
    if (status == TX_OK)
        cr_assert_eq(take_one(pool.mp, old), TX_REPLACED);
    else
        free(new);
    pool_close(&pool);
    return status;
}

Test(mempool_refusals, replaces_only_with_ten_percent_more_in_both)
{
    cr_assert_eq(replace(1000, 100, 1100, 110), TX_OK);
    cr_assert_eq(replace(1000, 100, 1099, 110), TX_REPLACEMENT_UNDERPRICED);
    cr_assert_eq(replace(1000, 100, 1100, 109), TX_REPLACEMENT_UNDERPRICED);
    cr_assert_eq(replace(1000, 100, 5000, 100), TX_REPLACEMENT_UNDERPRICED);
    cr_assert_eq(replace(1001, 100, 1101, 110), TX_REPLACEMENT_UNDERPRICED, "a tenth is rounded up");
    cr_assert_eq(replace(1001, 100, 1102, 110), TX_OK);
    cr_assert_eq(replace(1000, 0, 1100, 0), TX_REPLACEMENT_UNDERPRICED, "nothing is at least one more than nothing");
    cr_assert_eq(replace(1000, 0, 1100, 1), TX_OK);
}

Test(mempool_refusals, a_fee_that_has_no_ten_percent_more_is_never_replaced)
{
    struct pool pool = pool_open(roomy_limits());
    struct mempool_account account = {0, U256_MAX};
    struct pooled_tx *old = make_tx((struct spec){.sender = 1}), *new = make_tx((struct spec){.sender = 1});
    old->tx.gas_limit = new->tx.gas_limit = 1;
    old->tx.max_fee = old->tx.max_tip = U256_MAX;
    new->tx.max_fee = new->tx.max_tip = U256_MAX;
    cr_assert_eq(mempool_insert(pool.mp, old, &account, 0), TX_OK);
    cr_assert_eq(mempool_insert(pool.mp, new, &account, 0), TX_REPLACEMENT_UNDERPRICED);
    free(new);
    pool_close(&pool);
}

Test(mempool_refusals, a_proposed_one_is_not_replaced)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *old = put(pool.mp, 0, (struct spec){.sender = 1}), *out;
    cr_assert_eq(mempool_propose(pool.mp, &U256_ZERO, 30000000, 1 << 20, &out, 1), 1);
    struct spec better = {.sender = 1, .fee = 100, .tip = 100};
    cr_assert_eq(try_put(pool.mp, rich(0), better), TX_REPLACEMENT_UNDERPRICED);
    mempool_result_again(pool.mp, out);
    cr_assert_eq(try_put(pool.mp, rich(0), better), TX_OK);
    cr_assert_eq(take_one(pool.mp, old), TX_REPLACED);
    pool_close(&pool);
}

Test(mempool_refusals, a_sender_has_a_limit_that_replacement_does_not_touch)
{
    struct mempool_limits limits = roomy_limits();
    limits.per_sender_max = 2;
    struct pool pool = pool_open(limits);
    struct pooled_tx *first = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 0});
    put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 7});
    cr_assert_eq(try_put(pool.mp, rich(0), (struct spec){.sender = 1, .nonce = 1}), TX_SENDER_LIMIT);
    cr_assert_eq(try_put(pool.mp, rich(0), (struct spec){.sender = 2, .nonce = 1}), TX_OK);
    cr_assert_eq(try_put(pool.mp, rich(0), (struct spec){.sender = 1, .fee = 20, .tip = 2}), TX_OK);
    cr_assert_eq(take_one(pool.mp, first), TX_REPLACED);
    pool_close(&pool);
}

Test(mempool_refusals, a_full_pool_refuses_who_does_not_pay_more)
{
    struct mempool_limits limits = roomy_limits();
    limits.tx_max = 2;
    struct pool pool = pool_open(limits);
    struct pooled_tx *cheap = put(pool.mp, 0, (struct spec){.sender = 1, .fee = 10, .tip = 2});
    put(pool.mp, 0, (struct spec){.sender = 2, .fee = 10, .tip = 3});
    cr_assert_eq(try_put(pool.mp, rich(0), (struct spec){.sender = 3, .fee = 50, .tip = 1}), TX_UNDERPRICED);
    cr_assert_eq(try_put(pool.mp, rich(0), (struct spec){.sender = 3, .fee = 10, .tip = 2}), TX_UNDERPRICED);
    struct mempool_removed removed;
    cr_assert_eq(mempool_take_removed(pool.mp, &removed, 1), 0);
    cr_assert_eq(try_put(pool.mp, rich(0), (struct spec){.sender = 3, .fee = 11, .tip = 2}), TX_OK);
    cr_assert_eq(take_one(pool.mp, cheap), TX_EVICTED);
    pool_close(&pool);
}

Test(mempool_refusals, a_pool_full_of_proposed_ones_is_full)
{
    struct mempool_limits limits = roomy_limits();
    limits.tx_max = 2;
    struct pool pool = pool_open(limits);
    put(pool.mp, 0, (struct spec){.sender = 1});
    put(pool.mp, 0, (struct spec){.sender = 2});
    struct pooled_tx *out[2];
    cr_assert_eq(mempool_propose(pool.mp, &U256_ZERO, 30000000, 1 << 20, out, 2), 2);
    cr_assert_eq(try_put(pool.mp, rich(0), (struct spec){.sender = 3, .fee = 99, .tip = 99}), TX_POOL_FULL);
    pool_close(&pool);
}

Test(mempool_refusals, a_sender_does_not_push_out_its_own_lower_nonces)
{
    struct mempool_limits limits = roomy_limits();
    limits.tx_max = 2;
    struct pool pool = pool_open(limits);
    put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 0});
    struct pooled_tx *tail = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 2});
    struct spec spec = {.sender = 1, .nonce = 3, .fee = 99, .tip = 99};
    cr_assert_eq(try_put(pool.mp, rich(0), spec), TX_POOL_FULL);
    spec.nonce = 1;
    cr_assert_eq(try_put(pool.mp, rich(0), spec), TX_OK, "a higher nonce of its own may go");
    cr_assert_eq(take_one(pool.mp, tail), TX_EVICTED);
    pool_close(&pool);
}

Test(mempool_refusals, one_larger_than_the_pool_is_refused_without_evicting)
{
    struct mempool_limits limits = roomy_limits();
    limits.bytes_max = pooled_tx_bytes(110) * 3;
    struct pool pool = pool_open(limits);
    for (uint32_t i = 0; i < 3; i++)
        put(pool.mp, 0, (struct spec){.sender = i});
    struct spec large = {.sender = 9, .fee = 99, .tip = 99, .raw_len = pooled_tx_bytes(110) * 3};
    cr_assert_eq(try_put(pool.mp, rich(0), large), TX_POOL_FULL);
    cr_assert_eq(mempool_stats(pool.mp).pending, 3);
    pool_close(&pool);
}
