// Who leaves when the pool is full.
#include "tests/mempool/fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(mempool_eviction, takes_the_tail_and_never_the_middle_of_a_queue)
{
    struct mempool_limits limits = roomy_limits();
    limits.tx_max = 3;
    struct pool pool = pool_open(limits);
    put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 0, .tip = 1}); // the cheapest, but not a tail
    struct pooled_tx *tail = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 1, .tip = 5});
    put(pool.mp, 0, (struct spec){.sender = 2, .nonce = 0, .tip = 6});
    cr_assert_eq(try_put(pool.mp, rich(0), (struct spec){.sender = 3, .tip = 4}), TX_UNDERPRICED);
    cr_assert_eq(try_put(pool.mp, rich(0), (struct spec){.sender = 3, .tip = 7}), TX_OK);
    cr_assert_eq(take_one(pool.mp, tail), TX_EVICTED);
    pool_close(&pool);
}

Test(mempool_eviction, a_large_one_takes_as_many_as_it_needs_or_none)
{
    struct mempool_limits limits = roomy_limits();
    limits.bytes_max = pooled_tx_bytes(110) * 6;
    struct pool pool = pool_open(limits);
    struct pooled_tx *tx[6];
    for (uint32_t i = 0; i < 6; i++) // senders 1 and 2, three each; tips 5 4 3 and 8 7 6
        tx[i] = put(pool.mp, 0, (struct spec){.sender = 1 + i / 3, .nonce = i % 3, .tip = (i < 3 ? 5 : 11) - i});
    size_t three = pooled_tx_bytes(110) * 3 - sizeof(struct pooled_tx);
    struct spec large = {.sender = 3, .fee = 20, .tip = 5, .raw_len = three};
    large.fee = 10;
    cr_assert_eq(try_put(pool.mp, rich(0), large), TX_UNDERPRICED, "two are cheaper, the third is not");
    cr_assert_eq(mempool_stats(pool.mp).pending, 6);
    large.tip = 6;
    cr_assert_eq(try_put(pool.mp, rich(0), large), TX_OK);
    struct mempool_removed removed[6];
    cr_assert_eq(mempool_take_removed(pool.mp, removed, 6), 3);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(removed[i].tx, tx[2 - i]);
        cr_assert_eq(removed[i].reason, TX_EVICTED);
        cr_assert_eq(mempool_drop_reason(pool.mp, &removed[i].tx->hash), TX_EVICTED);
        free(removed[i].tx);
    }
    cr_assert_eq(mempool_stats(pool.mp).evicted, 3);
    pool_close(&pool);
}

Test(mempool_eviction, tells_prices_beyond_64_bits_apart)
{
    struct mempool_limits limits = roomy_limits();
    limits.tx_max = 3;
    struct pool pool = pool_open(limits);
    struct pooled_tx *tx[4];
    static const uint64_t high[] = {3, 2, 4, 3};
    struct mempool_account account = {0, U256_MAX};
    for (uint32_t i = 0; i < 4; i++) {
        tx[i] = make_tx((struct spec){.sender = i});
        tx[i]->tx.max_tip.w[1] = high[i];
        tx[i]->tx.max_fee.w[1] = 10;
        cr_assert_eq(mempool_insert(pool.mp, tx[i], &account, 0), TX_OK);
    }
    cr_assert_eq(take_one(pool.mp, tx[1]), TX_EVICTED);
    pool_close(&pool);
}

Test(mempool_eviction, a_replacement_in_a_full_pool_evicts_nobody)
{
    struct mempool_limits limits = roomy_limits();
    limits.tx_max = 2;
    struct pool pool = pool_open(limits);
    struct pooled_tx *old = put(pool.mp, 0, (struct spec){.sender = 1, .fee = 10, .tip = 5});
    put(pool.mp, 0, (struct spec){.sender = 2, .tip = 1});
    put(pool.mp, 0, (struct spec){.sender = 1, .fee = 20, .tip = 6});
    cr_assert_eq(take_one(pool.mp, old), TX_REPLACED);
    pool_close(&pool);
}

Test(mempool_eviction, leaves_the_rest_of_the_queue_pending)
{
    struct mempool_limits limits = roomy_limits();
    limits.tx_max = 2;
    struct pool pool = pool_open(limits);
    struct pooled_tx *first = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 0, .tip = 2});
    struct pooled_tx *tail = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 1, .tip = 2});
    put(pool.mp, 0, (struct spec){.sender = 2, .tip = 3});
    cr_assert_eq(take_one(pool.mp, tail), TX_EVICTED);
    cr_assert(is_pending(pool.mp, first));
    cr_assert_eq(mempool_next_nonce(pool.mp, &first->sender_key, 0), 1);
    pool_close(&pool);
}
