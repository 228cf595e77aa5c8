#include "tests/mempool/model.h"

#include <criterion/criterion.h>

static struct model_tx *at_nonce(struct model *m, uint32_t sender, uint64_t nonce)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->txs[i].sender == sender && m->txs[i].tx->tx.nonce == nonce)
            return &m->txs[i];
    }
    return NULL;
}

// The sender's next one at or above this nonce.
static struct model_tx *from_nonce(struct model *m, uint32_t sender, uint64_t nonce)
{
    struct model_tx *best = NULL;
    for (size_t i = 0; i < m->count; i++) {
        struct model_tx *t = &m->txs[i];
        if (t->sender == sender && t->tx->tx.nonce >= nonce && (!best || t->tx->tx.nonce < best->tx->tx.nonce))
            best = t;
    }
    return best;
}

static size_t sender_count(const struct model *m, uint32_t sender)
{
    size_t n = 0;
    for (size_t i = 0; i < m->count; i++)
        n += m->txs[i].sender == sender;
    return n;
}

struct model_tx *model_find(struct model *m, const bytes32 *hash)
{
    for (size_t i = 0; i < m->count; i++) {
        if (bytes32_equal(&m->txs[i].tx->hash, hash))
            return &m->txs[i];
    }
    return NULL;
}

static void reckon_sender(struct model *m, uint32_t sender)
{
    bool gap = false, held = false;
    uint64_t next = m->senders[sender].account.nonce;
    for (struct model_tx *t = from_nonce(m, sender, 0); t; t = from_nonce(m, sender, t->tx->tx.nonce + 1)) {
        if (t->tx->tx.nonce == next || t->tx->tx.nonce <= m->senders[sender].account.nonce)
            gap = false;
        else
            gap = true;
        if (!gap)
            next = t->tx->tx.nonce + 1;
        if (!gap && !t->proposed && u256_cmp(&t->tx->tx.max_fee, &m->base_fee) < 0)
            held = true;
        enum model_state state = gap ? MODEL_QUEUED : held ? MODEL_HELD : MODEL_EXECUTABLE;
        if (state == MODEL_QUEUED && (!t->known_state || t->state != MODEL_QUEUED))
            t->queued_since = m->now_ns;
        t->state = state;
        t->known_state = true;
    }
}

static void reckon(struct model *m)
{
    for (uint32_t s = 0; s < MODEL_SENDERS; s++) {
        m->senders[s].present = sender_count(m, s) != 0;
        reckon_sender(m, s);
    }
}

static void leave(struct model *m, struct model_tx *t, enum tx_status reason)
{
    m->evicted += reason == TX_EVICTED;
    m->replaced += reason == TX_REPLACED;
    m->expired += reason == TX_EXPIRED;
    m->dropped += reason != TX_OK && reason != TX_EVICTED && reason != TX_REPLACED && reason != TX_EXPIRED;
    m->removed[m->removed_count++] = (struct mempool_removed){t->tx, reason};
    *t = m->txs[--m->count];
}

void model_note_time(struct model *m, uint64_t now_ns)
{
    m->now_ns = now_ns > m->now_ns ? now_ns : m->now_ns;
}

// b >= a + ceil(a / 10), and b > a. The prices of these tests are far from overflow.
static bool ten_percent_more(const u256 *a, const u256 *b)
{
    u256 ten_b, eleven_a;
    cr_assert_not(u256_mul_u64(&ten_b, b, 10));
    cr_assert_not(u256_mul_u64(&eleven_a, a, 11));
    return u256_cmp(&ten_b, &eleven_a) >= 0 && u256_cmp(b, a) > 0;
}

static bool pays_more(const struct pooled_tx *a, const struct pooled_tx *b)
{
    int tip = u256_cmp(&a->tx.max_tip, &b->tx.max_tip);
    return tip != 0 ? tip > 0 : u256_cmp(&a->tx.max_fee, &b->tx.max_fee) > 0;
}

static uint64_t bytes_of_all(const struct model *m)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < m->count; i++)
        bytes += pooled_tx_bytes(m->txs[i].tx->raw_len);
    return bytes;
}

static bool has_room(const struct model *m, uint64_t txs, uint64_t bytes)
{
    return txs <= m->limits.tx_max && bytes <= m->limits.bytes_max;
}

// All that t could push out: from each tail down to the first one that is proposed, dearer or a lower nonce of its own.
static enum tx_status check_room(struct model *m, const struct pooled_tx *t, uint32_t sender,
                                 const struct model_tx *replaced)
{
    uint64_t txs = m->count + (replaced ? 0 : 1);
    uint64_t bytes = bytes_of_all(m) + pooled_tx_bytes(t->raw_len);
    if (replaced)
        bytes -= pooled_tx_bytes(replaced->tx->raw_len);
    if (has_room(m, txs, bytes))
        return TX_OK;
    bool dearer_ones = false;
    for (uint32_t s = 0; s < MODEL_SENDERS; s++) {
        for (uint64_t below = UINT64_MAX;;) {
            const struct model_tx *tail = NULL;
            for (size_t i = 0; i < m->count; i++) {
                const struct model_tx *x = &m->txs[i];
                if (x->sender == s && x->tx->tx.nonce < below && (!tail || x->tx->tx.nonce > tail->tx->tx.nonce))
                    tail = x;
            }
            if (!tail || tail->proposed || (s == sender && tail->tx->tx.nonce <= t->tx.nonce))
                break;
            if (!pays_more(t, tail->tx)) {
                dearer_ones = true;
                break;
            }
            txs--;
            bytes -= pooled_tx_bytes(tail->tx->raw_len);
            below = tail->tx->tx.nonce;
        }
    }
    if (has_room(m, txs, bytes))
        return TX_OK;
    if (pooled_tx_bytes(t->raw_len) > m->limits.bytes_max)
        return TX_POOL_FULL;
    return dearer_ones ? TX_UNDERPRICED : TX_POOL_FULL;
}

static u256 pooled_cost(const struct model *m, uint32_t sender)
{
    u256 cost = U256_ZERO;
    for (size_t i = 0; i < m->count; i++) {
        if (m->txs[i].sender == sender)
            cr_assert_not(u256_add(&cost, &cost, &m->txs[i].cost));
    }
    return cost;
}

static u256 cost_of(const struct pooled_tx *t)
{
    u256 cost;
    cr_assert_not(u256_mul_u64(&cost, &t->tx.max_fee, t->tx.gas_limit));
    cr_assert_not(u256_add(&cost, &cost, &t->tx.value));
    return cost;
}

enum tx_status model_insert(struct model *m, const struct pooled_tx *t, uint32_t sender,
                            const struct mempool_account *account)
{
    if (model_find(m, &t->hash))
        return TX_ALREADY_KNOWN;
    if (u256_cmp(&t->tx.max_tip, &m->limits.min_tip) < 0)
        return TX_UNDERPRICED;
    if (t->tx.nonce < account->nonce)
        return TX_NONCE_TOO_LOW;
    if (t->tx.nonce > account->nonce + m->limits.nonce_ahead_max)
        return TX_NONCE_TOO_HIGH;
    struct model_sender *s = &m->senders[sender];
    if (s->present && (s->account.nonce != account->nonce || !u256_equal(&s->account.balance, &account->balance)))
        model_account_changed(m, sender, account);

    struct model_tx *old = at_nonce(m, sender, t->tx.nonce);
    u256 cost = cost_of(t), pooled = pooled_cost(m, sender);
    cr_assert_not(u256_add(&pooled, &pooled, &cost));
    if (old)
        u256_sub(&pooled, &pooled, &old->cost);
    if (u256_cmp(&pooled, &account->balance) > 0)
        return TX_INSUFFICIENT_FUNDS;
    if (old && (old->proposed || !ten_percent_more(&old->tx->tx.max_tip, &t->tx.max_tip) ||
                !ten_percent_more(&old->tx->tx.max_fee, &t->tx.max_fee)))
        return TX_REPLACEMENT_UNDERPRICED;
    if (!old && sender_count(m, sender) >= m->limits.per_sender_max)
        return TX_SENDER_LIMIT;
    return check_room(m, t, sender, old);
}

static bool is_tail(const struct model *m, const struct model_tx *t)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->txs[i].sender == t->sender && m->txs[i].tx->tx.nonce > t->tx->tx.nonce)
            return false;
    }
    return true;
}

static bool may_go(const struct model *m, const struct model_tx *x, const struct pooled_tx *t, uint32_t sender)
{
    return !x->proposed && is_tail(m, x) && (x->sender != sender || x->tx->tx.nonce > t->tx.nonce);
}

static bool room_for(struct model *m, const struct pooled_tx *t, uint32_t sender)
{
    const struct model_tx *old = at_nonce(m, sender, t->tx.nonce);
    return has_room(m, m->count + (old ? 0 : 1),
                    bytes_of_all(m) + pooled_tx_bytes(t->raw_len) - (old ? pooled_tx_bytes(old->tx->raw_len) : 0));
}

bool model_evict(struct model *m, const struct pooled_tx *victim, const struct pooled_tx *t, uint32_t sender)
{
    struct model_tx *v = model_find(m, &victim->hash);
    if (!v || v->tx != victim || room_for(m, t, sender) || !may_go(m, v, t, sender) || !pays_more(t, victim))
        return false;
    for (size_t i = 0; i < m->count; i++) {
        if (may_go(m, &m->txs[i], t, sender) && pays_more(victim, m->txs[i].tx))
            return false;
    }
    leave(m, v, TX_EVICTED);
    reckon(m);
    return true;
}

bool model_insert_end(struct model *m, struct pooled_tx *t, uint32_t sender, const struct mempool_account *account)
{
    if (!room_for(m, t, sender))
        return false;
    struct model_tx *old = at_nonce(m, sender, t->tx.nonce);
    if (old)
        leave(m, old, TX_REPLACED);
    m->txs[m->count++] = (struct model_tx){.tx = t, .sender = sender, .cost = cost_of(t), .sequence = m->sequence++};
    m->senders[sender].account = *account;
    reckon(m);
    return true;
}

static u256 effective_tip(const struct model *m, const struct pooled_tx *t)
{
    u256 price, with_tip;
    if (u256_add(&with_tip, &m->base_fee, &t->tx.max_tip) || u256_cmp(&with_tip, &t->tx.max_fee) > 0)
        price = t->tx.max_fee;
    else
        price = with_tip;
    u256_sub(&price, &price, &m->base_fee);
    return price;
}

// The first unproposed one of this sender, when it is executable.
static struct model_tx *candidate(struct model *m, uint32_t sender)
{
    struct model_tx *t = from_nonce(m, sender, 0);
    while (t && t->proposed)
        t = from_nonce(m, sender, t->tx->tx.nonce + 1);
    return t && t->state == MODEL_EXECUTABLE ? t : NULL;
}

// Whether t still fits beside what was picked before.
static bool fits(const struct mempool_pick *pick, struct pooled_tx *const *picked, size_t n, const struct pooled_tx *t)
{
    uint64_t gas = t->tx.gas_limit, bytes = t->raw_len + pick->tx_bytes, group = bytes;
    for (size_t i = 0; i < n; i++) {
        gas += picked[i]->tx.gas_limit;
        bytes += picked[i]->raw_len + pick->tx_bytes;
        if (picked[i]->sender_key.b[0] >> 4 == t->sender_key.b[0] >> 4)
            group += picked[i]->raw_len + pick->tx_bytes;
    }
    return gas <= pick->gas_max && bytes <= pick->bytes_max && group <= pick->group_bytes_max[t->sender_key.b[0] >> 4];
}

size_t model_propose(struct model *m, const struct mempool_pick *pick, struct pooled_tx **out)
{
    bool passed_over[MODEL_SENDERS] = {false};
    size_t n = 0;
    while (n < pick->count_max) {
        struct model_tx *best = NULL;
        for (uint32_t s = 0; s < MODEL_SENDERS; s++) {
            struct model_tx *t = passed_over[s] ? NULL : candidate(m, s);
            if (!t)
                continue;
            u256 tip = effective_tip(m, t->tx), best_tip = best ? effective_tip(m, best->tx) : U256_ZERO;
            int order = u256_cmp(&tip, &best_tip);
            if (!best || order > 0 || (order == 0 && t->sequence < best->sequence))
                best = t;
        }
        if (!best)
            break;
        if (!fits(pick, out, n, best->tx)) {
            passed_over[best->sender] = true;
            continue;
        }
        best->proposed = true;
        out[n++] = best->tx;
    }
    return n;
}

static void pass_nonce(struct model *m, uint32_t sender, uint64_t nonce)
{
    struct model_sender *s = &m->senders[sender];
    if (s->account.nonce <= nonce)
        s->account.nonce = nonce + 1;
}

void model_included(struct model *m, const struct pooled_tx *t)
{
    struct model_tx *x = model_find(m, &t->hash);
    pass_nonce(m, x->sender, t->tx.nonce);
    leave(m, x, TX_OK);
    reckon(m);
}

void model_dropped(struct model *m, const struct pooled_tx *t, enum tx_status reason)
{
    struct model_tx *x = model_find(m, &t->hash);
    if (x->included) {
        model_included(m, t);
        return;
    }
    leave(m, x, reason);
    reckon(m);
}

void model_again(struct model *m, const struct pooled_tx *t)
{
    struct model_tx *x = model_find(m, &t->hash);
    if (x->included) {
        model_included(m, t);
        return;
    }
    if (t->tx.nonce < m->senders[x->sender].account.nonce) {
        leave(m, x, TX_NONCE_TOO_LOW);
    } else {
        x->proposed = false;
        x->queued_since = m->now_ns;
    }
    reckon(m);
}

void model_included_elsewhere(struct model *m, const bytes32 *hash, uint32_t sender, uint64_t nonce)
{
    struct model_tx *x = model_find(m, hash);
    model_forget_drop(m, hash);
    if (x && !x->proposed) {
        model_included(m, x->tx);
        return;
    }
    if (x)
        x->included = true;
    if (m->senders[sender].present)
        pass_nonce(m, sender, nonce);
    reckon(m);
}

void model_account_changed(struct model *m, uint32_t sender, const struct mempool_account *account)
{
    if (!m->senders[sender].present)
        return;
    m->senders[sender].account = *account;
    u256 kept = U256_ZERO;
    uint64_t nonce = 0;
    for (struct model_tx *t; (t = from_nonce(m, sender, nonce)) != NULL;) {
        nonce = t->tx->tx.nonce + 1;
        u256 with;
        cr_assert_not(u256_add(&with, &kept, &t->cost));
        if (!t->proposed && t->tx->tx.nonce < account->nonce)
            leave(m, t, TX_NONCE_TOO_LOW);
        else if (!t->proposed && u256_cmp(&with, &account->balance) > 0)
            leave(m, t, TX_INSUFFICIENT_FUNDS);
        else
            kept = with;
    }
    reckon(m);
}

void model_set_base_fee(struct model *m, const u256 *base_fee)
{
    m->base_fee = *base_fee;
    reckon(m);
}

uint64_t model_tick(struct model *m, uint64_t now_ns)
{
    model_note_time(m, now_ns);
    uint64_t next = UINT64_MAX;
    for (size_t i = m->count; i-- > 0;) {
        struct model_tx *t = &m->txs[i];
        if (t->state != MODEL_QUEUED || t->proposed)
            continue;
        if (m->now_ns >= t->queued_since + m->limits.gap_expiry_ns)
            leave(m, t, TX_EXPIRED);
        else if (t->queued_since + m->limits.gap_expiry_ns < next)
            next = t->queued_since + m->limits.gap_expiry_ns;
    }
    reckon(m);
    return next;
}

void model_clear(struct model *m, enum tx_status reason)
{
    while (m->count != 0)
        leave(m, &m->txs[0], reason);
    reckon(m);
}

struct mempool_stats model_stats(const struct model *m)
{
    struct mempool_stats stats = {.bytes = bytes_of_all(m),
                                  .evicted = m->evicted,
                                  .replaced = m->replaced,
                                  .expired = m->expired,
                                  .dropped = m->dropped};
    for (size_t i = 0; i < m->count; i++) {
        const struct model_tx *t = &m->txs[i];
        stats.queued += t->state == MODEL_QUEUED;
        stats.pending += t->state != MODEL_QUEUED;
        stats.held_back += t->state == MODEL_HELD && !t->proposed;
        stats.executable += t->state == MODEL_EXECUTABLE && !t->proposed;
        stats.executable_gas += t->state == MODEL_EXECUTABLE && !t->proposed ? t->tx->tx.gas_limit : 0;
    }
    return stats;
}

bool model_has_sender(const struct model *m, uint32_t sender)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->txs[i].sender == sender)
            return true;
    }
    return false;
}

uint64_t model_next_nonce(const struct model *m, uint32_t sender, uint64_t account_nonce)
{
    uint64_t next = account_nonce;
    for (size_t i = 0; i < m->count; i++) {
        const struct model_tx *t = &m->txs[i];
        if (t->sender == sender && t->state != MODEL_QUEUED && t->tx->tx.nonce + 1 > next)
            next = t->tx->tx.nonce + 1;
    }
    return next;
}

enum tx_status model_drop_reason(const struct model *m, const bytes32 *hash)
{
    size_t oldest = m->drop_count > m->limits.drop_record_max ? m->drop_count - m->limits.drop_record_max : 0;
    for (size_t i = m->drop_count; i-- > oldest;) {
        if (bytes32_equal(&m->drops[i].hash, hash))
            return m->drops[i].reason;
    }
    return TX_OK;
}

void model_record_drop(struct model *m, const bytes32 *hash, enum tx_status reason)
{
    if (m->drop_count == MODEL_DROPS_MAX) {
        m->drop_count /= 2;
        memmove(m->drops, m->drops + m->drop_count, m->drop_count * sizeof *m->drops);
    }
    m->drops[m->drop_count].hash = *hash;
    m->drops[m->drop_count++].reason = reason;
}

void model_forget_drop(struct model *m, const bytes32 *hash)
{
    for (size_t i = 0; i < m->drop_count; i++) {
        if (bytes32_equal(&m->drops[i].hash, hash))
            m->drops[i].reason = TX_OK;
    }
}
