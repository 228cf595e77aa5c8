#include "mempool/pool.h"

#include <assert.h>

// 2^30 - 1 is what key_index holds.
#define TX_MAX_LIMIT ((1u << 30) - 1)

uint64_t mempool_memory_max(const struct mempool_limits *limits)
{
    uint64_t tx_max = limits->tx_max;
    return sizeof(struct mempool) + limits->bytes_max + key_index_bytes(limits->tx_max) +
           sender_table_bytes(limits->tx_max) + drop_record_bytes(limits->drop_record_max) +
           tx_max * (sizeof(struct pooled_tx *) + sizeof(uint32_t) + sizeof(struct evict_entry) +
                     sizeof(struct ready_entry) + sizeof(struct propose_entry));
}

struct mempool *mempool_create(struct arena *arena, const struct mempool_limits *limits)
{
    size_t tx_max = limits->tx_max;
    assert(tx_max > 0 && tx_max <= TX_MAX_LIMIT && limits->drop_record_max <= TX_MAX_LIMIT);
    struct mempool *mp = arena_alloc_zero(arena, sizeof *mp);
    mp->arena = arena;
    mp->limits = *limits;
    mp->executable_floor = U256_MAX;
    mp->txs = arena_alloc(arena, tx_max * sizeof *mp->txs);
    mp->free_slots = arena_alloc(arena, tx_max * sizeof *mp->free_slots);
    mp->ready = arena_alloc(arena, tx_max * sizeof *mp->ready);
    mp->evict_heap = arena_alloc(arena, tx_max * sizeof *mp->evict_heap);
    mp->propose_heap = arena_alloc(arena, tx_max * sizeof *mp->propose_heap);
    key_index_init(&mp->by_hash, arena, limits->tx_max, limits->hash_seed);
    sender_table_init(&mp->senders, arena, limits->tx_max, limits->hash_seed);
    drop_record_init(&mp->drops, arena, limits->drop_record_max, limits->hash_seed);
    return mp;
}

void mempool_free(struct mempool *mp)
{
    if (!mp)
        return;
    struct arena *arena = mp->arena;
    drop_record_free(&mp->drops, arena);
    sender_table_free(&mp->senders, arena);
    key_index_free(&mp->by_hash, arena);
    arena_free(arena, mp->propose_heap);
    arena_free(arena, mp->evict_heap);
    arena_free(arena, mp->ready);
    arena_free(arena, mp->free_slots);
    arena_free(arena, mp->txs);
    arena_free(arena, mp);
}

static void note_time(struct mempool *mp, uint64_t now_ns)
{
    if (now_ns > mp->now_ns)
        mp->now_ns = now_ns;
}

static struct pooled_tx *find_by_hash(const struct mempool *mp, const bytes32 *hash)
{
    uint32_t tag = key_index_tag(&mp->by_hash, hash), position = key_index_home(&mp->by_hash, tag), slot;
    while ((slot = key_index_next(&mp->by_hash, tag, &position)) != KEY_INDEX_NONE) {
        if (bytes32_equal(&mp->txs[slot]->hash, hash))
            return mp->txs[slot];
    }
    return NULL;
}

// Links t into its sender's queue after `before` (NULL: first) and into the tables; the state is settled by the caller.
static void attach(struct mempool *mp, struct sender *s, struct pooled_tx *t, struct pooled_tx *before)
{
    t->sequence = mp->sequence++;
    t->sender_prev = before;
    t->sender_next = before ? before->sender_next : s->first;
    *(t->sender_prev ? &t->sender_prev->sender_next : &s->first) = t;
    *(t->sender_next ? &t->sender_next->sender_prev : &s->last) = t;
    s->count++;
    u256_add(&s->cost, &s->cost, &t->max_cost);

    t->sender_slot = sender_number(&mp->senders, s);
    t->pool_slot = mp->free_slot_count ? mp->free_slots[--mp->free_slot_count] : mp->slots_used++;
    t->pool_state = POOL_OUT;
    t->proposed = t->included = false;
    mp->txs[t->pool_slot] = t;
    key_index_put(&mp->by_hash, key_index_tag(&mp->by_hash, &t->hash), t->pool_slot);
    mp->tx_count++;
    mp->stats.bytes += pooled_tx_bytes(t->raw_len);
}

static void detach(struct mempool *mp, struct sender *s, struct pooled_tx *t)
{
    mp_state_leave(mp, s, t);
    *(t->sender_prev ? &t->sender_prev->sender_next : &s->first) = t->sender_next;
    *(t->sender_next ? &t->sender_next->sender_prev : &s->last) = t->sender_prev;
    s->count--;
    u256_sub(&s->cost, &s->cost, &t->max_cost);

    key_index_remove(&mp->by_hash, key_index_tag(&mp->by_hash, &t->hash), t->pool_slot);
    mp->free_slots[mp->free_slot_count++] = t->pool_slot;
    mp->tx_count--;
    mp->stats.bytes -= pooled_tx_bytes(t->raw_len);
    mp->proposed -= t->proposed;
    t->proposed = false;
    t->pool_state = POOL_OUT;
}

// Counts and records why t left, and lays it out for mempool_take_removed.
static void give_back(struct mempool *mp, struct pooled_tx *t, enum tx_status reason)
{
    if (reason == TX_EVICTED)
        mp->stats.evicted++;
    else if (reason == TX_REPLACED)
        mp->stats.replaced++;
    else if (reason == TX_EXPIRED)
        mp->stats.expired++;
    else if (reason != TX_OK)
        mp->stats.dropped++;
    if (reason != TX_OK)
        drop_record_add(&mp->drops, &t->hash, reason);

    t->status = (uint8_t)reason;
    t->sender_next = t->sender_prev = NULL;
    *(mp->removed_last ? &mp->removed_last->sender_next : &mp->removed_first) = t;
    mp->removed_last = t;
}

static void drop_out(struct mempool *mp, struct sender *s, struct pooled_tx *t, enum tx_status reason)
{
    bool was_last = t == s->last;
    detach(mp, s, t);
    give_back(mp, t, reason);
    if (was_last)
        mp_evict_offer_tail(mp, s);
    if (s->count == 0)
        sender_table_release(&mp->senders, s);
}

void mp_remove(struct mempool *mp, struct pooled_tx *t, enum tx_status reason)
{
    struct sender *s = mp_sender_of(mp, t);
    struct pooled_tx *next = t->sender_next;
    drop_out(mp, s, t, reason);
    mp_settle(mp, s, next);
}

size_t mempool_take_removed(struct mempool *mp, struct mempool_removed *out, size_t max)
{
    size_t n = 0;
    while (n < max && mp->removed_first) {
        struct pooled_tx *t = mp->removed_first;
        mp->removed_first = t->sender_next;
        t->sender_next = NULL;
        out[n++] = (struct mempool_removed){t, (enum tx_status)t->status};
    }
    if (!mp->removed_first)
        mp->removed_last = NULL;
    return n;
}

// The last of the queue whose nonce is at most this; walks from the nearer end.
static struct pooled_tx *queue_find(const struct sender *s, uint64_t nonce)
{
    if (nonce >= s->last->tx.nonce)
        return s->last;
    if (nonce < s->first->tx.nonce)
        return NULL;
    struct pooled_tx *t;
    if (nonce - s->first->tx.nonce < s->last->tx.nonce - nonce) {
        for (t = s->first; t->sender_next->tx.nonce <= nonce; t = t->sender_next)
            ;
    } else {
        for (t = s->last; t->tx.nonce > nonce; t = t->sender_prev)
            ;
    }
    return t;
}

// Whether b is at least a tenth above a, and above it at all.
static bool a_tenth_more(const u256 *a, const u256 *b)
{
    u256 tenth, wanted, nine = u256_from_u64(9), ten = u256_from_u64(10);
    if (u256_add(&tenth, a, &nine))
        return false;
    u256_divmod(&tenth, NULL, &tenth, &ten);
    if (u256_is_zero(&tenth))
        tenth = u256_from_u64(1);
    return !u256_add(&wanted, a, &tenth) && u256_cmp(b, &wanted) >= 0;
}

static enum tx_status check_cost(const struct sender *s, const struct pooled_tx *t, const struct pooled_tx *old,
                                 const u256 *balance)
{
    u256 cost = s ? s->cost : U256_ZERO;
    if (old)
        u256_sub(&cost, &cost, &old->max_cost);
    if (u256_add(&cost, &cost, &t->max_cost) || u256_cmp(&cost, balance) > 0)
        return TX_INSUFFICIENT_FUNDS;
    return TX_OK;
}

static enum tx_status check_replacement(const struct pooled_tx *t, const struct pooled_tx *old)
{
    if (old->proposed || !a_tenth_more(&old->tx.max_tip, &t->tx.max_tip) ||
        !a_tenth_more(&old->tx.max_fee, &t->tx.max_fee))
        return TX_REPLACEMENT_UNDERPRICED;
    return TX_OK;
}

// What the transaction and the account alone decide. Sets t->max_cost.
static enum tx_status check_alone(const struct mempool *mp, struct pooled_tx *t, const struct mempool_account *account)
{
    if (u256_cmp(&t->tx.max_tip, &mp->limits.min_tip) < 0)
        return TX_UNDERPRICED;
    if (t->tx.nonce < account->nonce)
        return TX_NONCE_TOO_LOW;
    if (t->tx.nonce - account->nonce > mp->limits.nonce_ahead_max)
        return TX_NONCE_TOO_HIGH;
    return tx_max_cost(&t->max_cost, &t->tx) ? TX_COST_OVERFLOW : TX_OK;
}

// The sender's entry with this account applied; NULL when it has nothing pooled.
static struct sender *find_sender(struct mempool *mp, const bytes32 *key, const struct mempool_account *account)
{
    struct sender *s = sender_table_find(&mp->senders, key);
    if (!s || (s->nonce == account->nonce && u256_equal(&s->balance, &account->balance)))
        return s;
    mempool_account_changed(mp, key, account, mp->now_ns);
    return sender_table_find(&mp->senders, key);
}

static void link_new(struct mempool *mp, struct sender *s, struct pooled_tx *t, struct pooled_tx *before,
                     struct pooled_tx *old)
{
    if (old) {
        before = old->sender_prev;
        detach(mp, s, old);
    }
    attach(mp, s, t, before);
    mp_settle(mp, s, t);
    if (!t->sender_next)
        mp_evict_offer_tail(mp, s);
    if (old)
        give_back(mp, old, TX_REPLACED);
}

enum tx_status mempool_insert(struct mempool *mp, struct pooled_tx *t, const struct mempool_account *account,
                              uint64_t now_ns)
{
    note_time(mp, now_ns);
    if (find_by_hash(mp, &t->hash))
        return TX_ALREADY_KNOWN;
    enum tx_status status = check_alone(mp, t, account);
    if (status != TX_OK)
        return status;

    struct sender *s = find_sender(mp, &t->sender_key, account);
    struct pooled_tx *before = s ? queue_find(s, t->tx.nonce) : NULL;
    struct pooled_tx *old = before && before->tx.nonce == t->tx.nonce ? before : NULL;
    status = check_cost(s, t, old, &account->balance);
    if (status == TX_OK && old)
        status = check_replacement(t, old);
    else if (status == TX_OK && (s ? s->count : 0) >= mp->limits.per_sender_max)
        status = TX_SENDER_LIMIT;
    if (status == TX_OK)
        status = mp_evict_for(mp, t, s, old);
    if (status != TX_OK)
        return status;

    // Making room may have taken the sender's last one, and its entry with it.
    if (!s || s->count == 0) {
        s = sender_table_add(&mp->senders, &t->sender_key);
        s->nonce = account->nonce;
        s->balance = account->balance;
    }
    link_new(mp, s, t, before, old);
    drop_record_forget(&mp->drops, &t->hash);
    return TX_OK;
}

void mempool_prefetch(const struct mempool *mp, const struct pooled_tx *t)
{
    key_index_prefetch(&mp->by_hash, &t->hash);
    key_index_prefetch(&mp->senders.index, &t->sender_key);
}

void mempool_prefetch_result(const struct mempool *mp, const struct pooled_tx *t)
{
    const char *sender = (const char *)mp_sender_of(mp, t);
    mempool_prefetch(mp, t);
    for (size_t at = 0; at < sizeof(struct sender); at += 64)
        __builtin_prefetch(sender + at, 1);
    __builtin_prefetch(&mp->senders.places[t->sender_slot], 1);
}

// The account's nonce is past this one.
static void pass_nonce(struct sender *s, uint64_t nonce)
{
    s->reckoned = false;
    if (s->nonce <= nonce)
        s->nonce = nonce + 1;
}

static void leave_included(struct mempool *mp, struct pooled_tx *t)
{
    struct sender *s = mp_sender_of(mp, t);
    bool was_first = t == s->first;
    pass_nonce(s, t->tx.nonce);
    mp_remove(mp, t, TX_OK);
    if (!was_first && s->count != 0)
        mp_settle_all(mp, s);
}

void mempool_result_included(struct mempool *mp, struct pooled_tx *t)
{
    assert(t->proposed);
    leave_included(mp, t);
}

void mempool_result_dropped(struct mempool *mp, struct pooled_tx *t, enum tx_status reason)
{
    assert(t->proposed && reason != TX_OK);
    if (t->included) {
        leave_included(mp, t);
        return;
    }
    mp_sender_of(mp, t)->reckoned = false;
    mp_remove(mp, t, reason);
}

void mempool_result_again(struct mempool *mp, struct pooled_tx *t)
{
    assert(t->proposed);
    struct sender *s = mp_sender_of(mp, t);
    s->reckoned = false;
    if (t->included)
        leave_included(mp, t);
    else if (t->tx.nonce < s->nonce)
        mp_remove(mp, t, TX_NONCE_TOO_LOW);
    else
        mp_set_proposed(mp, s, t, false);
}

void mempool_included_elsewhere(struct mempool *mp, const bytes32 *hash, const bytes32 *sender_key, uint64_t nonce)
{
    struct sender *s = sender_table_find(&mp->senders, sender_key);
    struct pooled_tx *t = s ? find_by_hash(mp, hash) : NULL;
    drop_record_forget(&mp->drops, hash);
    if (t && !t->proposed) {
        leave_included(mp, t);
        return;
    }
    if (t)
        t->included = true;
    if (!s)
        return;
    pass_nonce(s, nonce);
    mp_settle_all(mp, s);
}

void mempool_account_changed(struct mempool *mp, const bytes32 *sender_key, const struct mempool_account *account,
                             uint64_t now_ns)
{
    note_time(mp, now_ns);
    struct sender *s = sender_table_find(&mp->senders, sender_key);
    if (!s)
        return;
    if (s->reckoned && s->nonce == account->nonce && u256_equal(&s->balance, &account->balance))
        return;
    s->reckoned = true;
    s->nonce = account->nonce;
    s->balance = account->balance;

    u256 cost = U256_ZERO, with;
    for (struct pooled_tx *t = s->first, *next; t; t = next) {
        next = t->sender_next;
        bool payable = !u256_add(&with, &cost, &t->max_cost) && u256_cmp(&with, &account->balance) <= 0;
        if (!t->proposed && t->tx.nonce < account->nonce)
            drop_out(mp, s, t, TX_NONCE_TOO_LOW);
        else if (!t->proposed && !payable)
            drop_out(mp, s, t, TX_INSUFFICIENT_FUNDS);
        else
            cost = with;
    }
    if (s->count != 0)
        mp_settle_all(mp, s);
}

uint64_t mempool_tick(struct mempool *mp, uint64_t now_ns)
{
    note_time(mp, now_ns);
    while (mp->queued_first && mp->now_ns - mp->queued_first->queued_ns >= mp->limits.gap_expiry_ns)
        mp_remove(mp, mp->queued_first, TX_EXPIRED);
    uint64_t next;
    if (!mp->queued_first || __builtin_add_overflow(mp->queued_first->queued_ns, mp->limits.gap_expiry_ns, &next))
        return UINT64_MAX;
    return next;
}

void mempool_clear(struct mempool *mp, enum tx_status reason)
{
    for (uint32_t i = 0; i < mp->senders.used; i++) {
        struct sender *s = &mp->senders.senders[i];
        while (s->count != 0)
            drop_out(mp, s, s->last, reason);
    }
}

struct mempool_stats mempool_stats(const struct mempool *mp)
{
    struct mempool_stats stats = mp->stats;
    stats.executable_gas = mp->executable_gas < UINT64_MAX ? (uint64_t)mp->executable_gas : UINT64_MAX;
    return stats;
}

bool mempool_has_sender(const struct mempool *mp, const bytes32 *sender_key)
{
    return sender_table_find(&mp->senders, sender_key) != NULL;
}

uint64_t mempool_next_nonce(const struct mempool *mp, const bytes32 *sender_key, uint64_t account_nonce)
{
    const struct sender *s = sender_table_find(&mp->senders, sender_key);
    const struct pooled_tx *t = s ? s->last : NULL;
    while (t && t->pool_state == POOL_QUEUED)
        t = t->sender_prev;
    return t && t->tx.nonce >= account_nonce ? t->tx.nonce + 1 : account_nonce;
}

bool mempool_find(const struct mempool *mp, const bytes32 *hash, struct mempool_found *out)
{
    const struct pooled_tx *t = find_by_hash(mp, hash);
    if (!t)
        return false;
    *out = (struct mempool_found){t, t->pool_state != POOL_QUEUED};
    return true;
}

enum tx_status mempool_drop_reason(const struct mempool *mp, const bytes32 *hash)
{
    return drop_record_reason(&mp->drops, hash);
}

void mempool_record_drop(struct mempool *mp, const bytes32 *hash, enum tx_status reason)
{
    drop_record_add(&mp->drops, hash, reason);
}

void mempool_visit(const struct mempool *mp, bool (*visit)(void *ctx, const struct pooled_tx *tx, bool pending),
                   void *ctx)
{
    for (uint32_t i = 0; i < mp->senders.used; i++) {
        const struct sender *s = &mp->senders.senders[i];
        for (const struct pooled_tx *t = s->count ? s->first : NULL; t; t = t->sender_next) {
            if (!visit(ctx, t, t->pool_state != POOL_QUEUED))
                return;
        }
    }
}
