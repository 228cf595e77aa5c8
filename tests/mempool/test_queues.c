// Pending and queued, what account changes and time do to them, and what is remembered.
#include "tests/mempool/fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(mempool_queues, a_gap_parts_queued_from_pending_and_filling_it_joins_them)
{
    struct pool pool = pool_open(roomy_limits());
    bytes32 key = sender_key(1);
    cr_assert_eq(mempool_next_nonce(pool.mp, &key, 5), 5);
    struct pooled_tx *t7 = put(pool.mp, 5, (struct spec){.sender = 1, .nonce = 7});
    cr_assert_eq(mempool_next_nonce(pool.mp, &key, 5), 5);
    struct pooled_tx *t5 = put(pool.mp, 5, (struct spec){.sender = 1, .nonce = 5});
    cr_assert(is_pending(pool.mp, t5));
    cr_assert_not(is_pending(pool.mp, t7));
    cr_assert_eq(mempool_next_nonce(pool.mp, &key, 5), 6);
    put(pool.mp, 5, (struct spec){.sender = 1, .nonce = 6});
    cr_assert(is_pending(pool.mp, t7));
    cr_assert_eq(mempool_next_nonce(pool.mp, &key, 5), 8);
    struct mempool_stats stats = mempool_stats(pool.mp);
    cr_assert_eq(stats.pending, 3);
    cr_assert_eq(stats.queued, 0);
    cr_assert_eq(stats.bytes, 3 * pooled_tx_bytes(110));
    pool_close(&pool);
}

Test(mempool_queues, a_new_account_nonce_takes_the_passed_ones_and_joins_the_rest)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *t0 = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 0});
    struct pooled_tx *t2 = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 2});
    struct mempool_account account = rich(2);
    mempool_account_changed(pool.mp, &t0->sender_key, &account, 0);
    bytes32 hash = t0->hash;
    cr_assert_eq(take_one(pool.mp, t0), TX_NONCE_TOO_LOW);
    cr_assert(is_pending(pool.mp, t2));
    cr_assert_eq(mempool_drop_reason(pool.mp, &hash), TX_NONCE_TOO_LOW);
    cr_assert_eq(mempool_stats(pool.mp).dropped, 1);
    pool_close(&pool);
}

Test(mempool_queues, a_lower_balance_takes_the_first_unpayable_and_queues_what_follows)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *t[3];
    static const uint64_t value[] = {0, 1000000000000000000, 0};
    for (uint32_t i = 0; i < 3; i++)
        t[i] = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = i, .value = value[i]});
    struct mempool_account account = {0, u256_from_u64(2 * 21000 * 10 * GWEI)};
    mempool_account_changed(pool.mp, &t[0]->sender_key, &account, 0);
    cr_assert_eq(take_one(pool.mp, t[1]), TX_INSUFFICIENT_FUNDS);
    cr_assert(is_pending(pool.mp, t[0]));
    cr_assert_not(is_pending(pool.mp, t[2]));
    pool_close(&pool);
}

Test(mempool_queues, an_account_change_of_somebody_unknown_is_ignored)
{
    struct pool pool = pool_open(roomy_limits());
    bytes32 key = sender_key(3);
    struct mempool_account account = rich(9);
    mempool_account_changed(pool.mp, &key, &account, 0);
    cr_assert_eq(mempool_next_nonce(pool.mp, &key, 4), 4);
    pool_close(&pool);
}

Test(mempool_queues, insert_applies_the_account_that_it_is_given)
{
    struct pool pool = pool_open(roomy_limits());
    struct pooled_tx *t0 = put(pool.mp, 0, (struct spec){.sender = 1, .nonce = 0});
    struct pooled_tx *t1 = put(pool.mp, 1, (struct spec){.sender = 1, .nonce = 1});
    cr_assert_eq(take_one(pool.mp, t0), TX_NONCE_TOO_LOW);
    cr_assert(is_pending(pool.mp, t1));
    pool_close(&pool);
}

static void insert_at(struct mempool *mp, uint64_t now_ns, struct pooled_tx *t)
{
    struct mempool_account account = rich(0);
    cr_assert_eq(mempool_insert(mp, t, &account, now_ns), TX_OK);
}

Test(mempool_queues, queued_ones_expire_and_pending_ones_do_not)
{
    struct mempool_limits limits = roomy_limits();
    limits.gap_expiry_ns = 10 * SECOND;
    struct pool pool = pool_open(limits);
    cr_assert_eq(mempool_tick(pool.mp, 0), UINT64_MAX);
    struct pooled_tx *pending = make_tx((struct spec){.sender = 1, .nonce = 0});
    struct pooled_tx *early = make_tx((struct spec){.sender = 1, .nonce = 2});
    struct pooled_tx *late = make_tx((struct spec){.sender = 1, .nonce = 3});
    insert_at(pool.mp, 1 * SECOND, pending);
    insert_at(pool.mp, 2 * SECOND, early);
    insert_at(pool.mp, 4 * SECOND, late);
    cr_assert_eq(mempool_tick(pool.mp, 5 * SECOND), 12 * SECOND);
    cr_assert_eq(mempool_tick(pool.mp, 12 * SECOND - 1), 12 * SECOND);
    cr_assert_eq(mempool_stats(pool.mp).queued, 2);
    cr_assert_eq(mempool_tick(pool.mp, 12 * SECOND), 14 * SECOND);
    bytes32 hash = early->hash;
    cr_assert_eq(take_one(pool.mp, early), TX_EXPIRED);
    cr_assert_eq(mempool_drop_reason(pool.mp, &hash), TX_EXPIRED);
    cr_assert_eq(mempool_tick(pool.mp, 1000 * SECOND), UINT64_MAX);
    cr_assert_eq(take_one(pool.mp, late), TX_EXPIRED);
    cr_assert(is_pending(pool.mp, pending));
    cr_assert_eq(mempool_stats(pool.mp).expired, 2);
    pool_close(&pool);
}

Test(mempool_queues, the_age_of_a_queued_one_starts_when_its_gap_opens)
{
    struct mempool_limits limits = roomy_limits();
    limits.gap_expiry_ns = 10 * SECOND;
    struct pool pool = pool_open(limits);
    struct pooled_tx *t0 = make_tx((struct spec){.sender = 1, .nonce = 0}), *out;
    insert_at(pool.mp, 0, t0);
    insert_at(pool.mp, 0, make_tx((struct spec){.sender = 1, .nonce = 1}));
    cr_assert_eq(mempool_tick(pool.mp, 100 * SECOND), UINT64_MAX);
    cr_assert_eq(mempool_propose(pool.mp, &U256_ZERO, 30000000, 1 << 20, &out, 1), 1);
    mempool_result_dropped(pool.mp, out, TX_SENDER_HAS_CODE);
    cr_assert_eq(take_one(pool.mp, t0), TX_SENDER_HAS_CODE);
    cr_assert_eq(mempool_tick(pool.mp, 105 * SECOND), 110 * SECOND);
    pool_close(&pool);
}

Test(mempool_queues, a_drop_is_remembered_until_it_is_pooled_again_or_newer_ones_push_it_out)
{
    struct mempool_limits limits = roomy_limits();
    limits.drop_record_max = 3;
    struct pool pool = pool_open(limits);
    struct pooled_tx *t = make_tx((struct spec){.sender = 1});
    cr_assert_eq(mempool_drop_reason(pool.mp, &t->hash), TX_OK);
    mempool_record_drop(pool.mp, &t->hash, TX_NONCE_TOO_LOW);
    mempool_record_drop(pool.mp, &t->hash, TX_FEE_CAP_BELOW_BASE_FEE);
    cr_assert_eq(mempool_drop_reason(pool.mp, &t->hash), TX_FEE_CAP_BELOW_BASE_FEE, "the latest reason wins");
    insert_at(pool.mp, 0, t);
    cr_assert_eq(mempool_drop_reason(pool.mp, &t->hash), TX_OK);

    bytes32 other[4];
    for (uint32_t i = 0; i < 4; i++) {
        other[i] = sender_key(i);
        mempool_record_drop(pool.mp, &other[i], TX_EXPIRED);
    }
    cr_assert_eq(mempool_drop_reason(pool.mp, &other[0]), TX_OK);
    for (uint32_t i = 1; i < 4; i++)
        cr_assert_eq(mempool_drop_reason(pool.mp, &other[i]), TX_EXPIRED);
    pool_close(&pool);
}

Test(mempool_queues, a_pool_that_remembers_no_drops_says_so)
{
    struct mempool_limits limits = roomy_limits();
    limits.drop_record_max = 0;
    struct pool pool = pool_open(limits);
    bytes32 hash = sender_key(0);
    mempool_record_drop(pool.mp, &hash, TX_EXPIRED);
    cr_assert_eq(mempool_drop_reason(pool.mp, &hash), TX_OK);
    pool_close(&pool);
}

struct visited {
    size_t count, stop_at, pending;
    uint32_t sender;
    uint64_t nonce;
};

static bool check_visit(void *ctx, const struct pooled_tx *t, bool pending)
{
    struct visited *v = ctx;
    uint32_t sender;
    memcpy(&sender, t->sender.b, sizeof sender);
    if (v->count++ > 0 && sender == v->sender)
        cr_assert_gt(t->tx.nonce, v->nonce);
    v->sender = sender;
    v->nonce = t->tx.nonce;
    v->pending += pending;
    return v->count < v->stop_at;
}

Test(mempool_queues, visits_by_sender_and_nonce_until_told_to_stop)
{
    struct pool pool = pool_open(roomy_limits());
    for (uint32_t i = 0; i < 12; i++)
        put(pool.mp, 0, (struct spec){.sender = i % 3, .nonce = (i * 7) % 12});
    struct visited all = {.stop_at = 100}, some = {.stop_at = 5};
    mempool_visit(pool.mp, check_visit, &all);
    mempool_visit(pool.mp, check_visit, &some);
    cr_assert_eq(all.count, 12);
    cr_assert_eq(all.pending, mempool_stats(pool.mp).pending);
    cr_assert_eq(some.count, 5);
    pool_close(&pool);
}

Test(mempool_queues, clear_gives_everything_back_with_the_reason)
{
    struct pool pool = pool_open(roomy_limits());
    for (uint32_t i = 0; i < 9; i++)
        put(pool.mp, 0, (struct spec){.sender = i % 3, .nonce = i});
    struct pooled_tx *out[9];
    cr_assert_gt(mempool_propose(pool.mp, &U256_ZERO, 30000000, 1 << 20, out, 9), 0);
    mempool_clear(pool.mp, TX_STOPPING);
    struct mempool_removed removed[4];
    size_t total = 0, n;
    while ((n = mempool_take_removed(pool.mp, removed, 4)) != 0) {
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(removed[i].reason, TX_STOPPING);
            free(removed[i].tx);
        }
        total += n;
    }
    cr_assert_eq(total, 9);
    struct mempool_stats stats = mempool_stats(pool.mp);
    cr_assert_eq(stats.pending + stats.queued + stats.bytes + stats.executable + stats.executable_gas, 0);
    cr_assert_eq(mempool_propose(pool.mp, &U256_ZERO, 30000000, 1 << 20, out, 9), 0);
    pool_close(&pool);
}

Test(mempool_queues, its_memory_is_known_beforehand)
{
    struct mempool_limits limits = roomy_limits();
    limits.tx_max = 50000;
    limits.bytes_max = 1000;
    limits.drop_record_max = 100000;
    struct pool pool = pool_open(limits);
    uint64_t promised = mempool_memory_max(&limits), used = arena_bytes(pool.arena);
    cr_assert_leq(used, promised + promised / 4, "%lu beyond %lu: rounding by the allocator is all there may be", used,
                  promised);
    pool_close(&pool);
}
