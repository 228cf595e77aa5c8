#include "tests/mempool/fixture.h"

#include "base/keccak.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static u256 gwei(uint64_t count)
{
    u256 v = u256_from_u64(count);
    cr_assert_not(u256_mul_u64(&v, &v, GWEI));
    return v;
}

bytes32 sender_key(uint32_t sender)
{
    return keccak256(&sender, sizeof sender);
}

struct pooled_tx *make_tx(struct spec spec)
{
    static uint64_t made;
    made++;
    size_t raw_len = spec.raw_len ? spec.raw_len : 110;
    struct pooled_tx *t = calloc(1, pooled_tx_bytes(raw_len));
    t->raw_len = raw_len;
    t->tx.raw = bytes_of(t->raw, raw_len);
    t->tx.type = TX_DYNAMIC_FEE;
    t->tx.nonce = spec.nonce;
    t->tx.gas_limit = spec.gas ? spec.gas : 21000;
    t->tx.max_fee = gwei(spec.fee ? spec.fee : 10);
    t->tx.max_tip = gwei(spec.tip ? spec.tip : 1);
    t->tx.value = u256_from_u64(spec.value);
    t->hash = keccak256(&made, sizeof made);
    memcpy(t->sender.b, &spec.sender, sizeof spec.sender);
    t->sender_key = sender_key(spec.sender);
    return t;
}

struct pooled_tx *copy_of(const struct pooled_tx *t)
{
    struct pooled_tx *copy = calloc(1, pooled_tx_bytes(t->raw_len));
    copy->tx = t->tx;
    copy->raw_len = t->raw_len;
    copy->tx.raw = bytes_of(copy->raw, copy->raw_len);
    copy->hash = t->hash;
    copy->sender = t->sender;
    copy->sender_key = t->sender_key;
    return copy;
}

struct mempool_limits roomy_limits(void)
{
    return (struct mempool_limits){
        .tx_max = 1000,
        .bytes_max = 1u << 30,
        .per_sender_max = 100,
        .nonce_ahead_max = 1000,
        .gap_expiry_ns = 60 * SECOND,
        .drop_record_max = 100,
        .hash_seed = 7,
    };
}

struct pool pool_open(struct mempool_limits limits)
{
    struct pool pool = {.arena = arena_create()};
    pool.mp = mempool_create(pool.arena, &limits);
    return pool;
}

void pool_close(struct pool *pool)
{
    mempool_clear(pool->mp, TX_STOPPING);
    struct mempool_removed removed;
    while (mempool_take_removed(pool->mp, &removed, 1) == 1)
        free(removed.tx);
    mempool_free(pool->mp);
    arena_destroy(pool->arena);
}

struct mempool_account rich(uint64_t nonce)
{
    return (struct mempool_account){nonce, {{0, 0, 1, 0}}};
}

enum tx_status try_put(struct mempool *mp, struct mempool_account account, struct spec spec)
{
    struct pooled_tx *t = make_tx(spec);
    enum tx_status status = mempool_insert(mp, t, &account, 0);
    if (status != TX_OK)
        free(t);
    return status;
}

struct pooled_tx *put(struct mempool *mp, uint64_t account_nonce, struct spec spec)
{
    struct pooled_tx *t = make_tx(spec);
    struct mempool_account account = rich(account_nonce);
    enum tx_status status = mempool_insert(mp, t, &account, 0);
    cr_assert_eq(status, TX_OK, "refused: %s", tx_status_text(status));
    return t;
}

enum tx_status take_one(struct mempool *mp, const struct pooled_tx *expected)
{
    struct mempool_removed removed[2];
    size_t n = mempool_take_removed(mp, removed, 2);
    bool right = n == 1 && removed[0].tx == expected && removed[0].reason == (enum tx_status)removed[0].tx->status;
    for (size_t i = 0; i < n; i++)
        free(removed[i].tx);
    return right ? removed[0].reason : TX_STATUS_COUNT;
}

bool is_pending(const struct mempool *mp, const struct pooled_tx *t)
{
    struct mempool_found found;
    cr_assert(mempool_find(mp, &t->hash, &found));
    cr_assert_eq(found.tx, t);
    return found.pending;
}
