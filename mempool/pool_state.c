// Which transactions are queued, held back or executable, and the accounts kept of them.
#include "mempool/pool.h"

static void ready_refresh(struct mempool *mp, struct sender *s)
{
    const uint32_t number = sender_number(&mp->senders, s);
    struct pooled_tx *t = s->next;
    mp->ready[mp->senders.places[number].in_ready] =
        (struct ready_entry){mp_low64(&t->tx.max_tip), mp_low64(&t->tx.max_fee), t->sequence, t, number};
}

static void ready_add(struct mempool *mp, struct sender *s)
{
    sender_place(&mp->senders, s)->in_ready = mp->ready_count++;
    ready_refresh(mp, s);
}

static void ready_remove(struct mempool *mp, struct sender *s)
{
    struct sender_place *place = sender_place(&mp->senders, s);
    struct ready_entry moved = mp->ready[--mp->ready_count];
    mp->ready[place->in_ready] = moved;
    mp->senders.places[moved.sender].in_ready = place->in_ready;
    place->in_ready = SENDER_NOWHERE;
}

static bool is_next(const struct pooled_tx *t)
{
    return t->pool_state == POOL_EXECUTABLE && !t->proposed;
}

// t has become executable.
static void next_add(struct mempool *mp, struct sender *s, struct pooled_tx *t)
{
    const bool first = s->executable++ == 0;
    if (!first && s->next->tx.nonce < t->tx.nonce)
        return;
    s->next = t;
    if (first)
        ready_add(mp, s);
    else
        ready_refresh(mp, s);
}

// t is executable and about not to be.
static void next_remove(struct mempool *mp, struct sender *s, const struct pooled_tx *t)
{
    if (--s->executable == 0) {
        s->next = NULL;
        ready_remove(mp, s);
        return;
    }
    if (s->next != t)
        return;
    do
        s->next = s->next->sender_next;
    while (!is_next(s->next));
    ready_refresh(mp, s);
}

static void queued_append(struct mempool *mp, struct pooled_tx *t)
{
    t->queued_ns = mp->now_ns;
    t->queued_next = NULL;
    t->queued_prev = mp->queued_last;
    *(mp->queued_last ? &mp->queued_last->queued_next : &mp->queued_first) = t;
    mp->queued_last = t;
}

static void queued_unlink(struct mempool *mp, struct pooled_tx *t)
{
    *(t->queued_prev ? &t->queued_prev->queued_next : &mp->queued_first) = t->queued_next;
    *(t->queued_next ? &t->queued_next->queued_prev : &mp->queued_last) = t->queued_prev;
}

static void note_fee(struct mempool *mp, const struct pooled_tx *t)
{
    if (t->proposed)
        return;
    if (t->pool_state == POOL_EXECUTABLE && u256_cmp(&t->tx.max_fee, &mp->executable_floor) < 0)
        mp->executable_floor = t->tx.max_fee;
    if (t->pool_state == POOL_HELD && u256_cmp(&t->tx.max_fee, &mp->base_fee) < 0 &&
        u256_cmp(&t->tx.max_fee, &mp->held_roof) > 0)
        mp->held_roof = t->tx.max_fee;
}

static void state_enter(struct mempool *mp, struct sender *s, struct pooled_tx *t)
{
    switch ((enum pool_state)t->pool_state) {
    case POOL_OUT:
        return;
    case POOL_QUEUED:
        mp->stats.queued++;
        if (!t->proposed)
            queued_append(mp, t);
        return;
    case POOL_HELD:
        mp->stats.pending++;
        mp->stats.held_back += !t->proposed;
        break;
    case POOL_EXECUTABLE:
        mp->stats.pending++;
        if (t->proposed)
            return;
        mp->stats.executable++;
        mp->executable_gas += t->tx.gas_limit;
        next_add(mp, s, t);
        break;
    }
    note_fee(mp, t);
}

void mp_state_leave(struct mempool *mp, struct sender *s, struct pooled_tx *t)
{
    switch ((enum pool_state)t->pool_state) {
    case POOL_OUT:
        return;
    case POOL_QUEUED:
        mp->stats.queued--;
        if (!t->proposed)
            queued_unlink(mp, t);
        return;
    case POOL_HELD:
        mp->stats.pending--;
        mp->stats.held_back -= !t->proposed;
        return;
    case POOL_EXECUTABLE:
        mp->stats.pending--;
        if (t->proposed)
            return;
        mp->stats.executable--;
        mp->executable_gas -= t->tx.gas_limit;
        next_remove(mp, s, t);
        return;
    }
}

// A proposed one holds nobody back: the base fee that it was picked at was reached.
static enum pool_state state_of(const struct mempool *mp, const struct sender *s, const struct pooled_tx *t)
{
    const struct pooled_tx *before = t->sender_prev;
    bool follows = before && before->pool_state != POOL_QUEUED && before->tx.nonce + 1 == t->tx.nonce;
    if (!follows && t->tx.nonce > s->nonce)
        return POOL_QUEUED;
    if (before && before->pool_state == POOL_HELD)
        return POOL_HELD;
    return t->proposed || u256_cmp(&t->tx.max_fee, &mp->base_fee) >= 0 ? POOL_EXECUTABLE : POOL_HELD;
}

static bool settle_one(struct mempool *mp, struct sender *s, struct pooled_tx *t)
{
    enum pool_state state = state_of(mp, s, t);
    if (state == (enum pool_state)t->pool_state) {
        note_fee(mp, t); // it may now be held by its own fee cap instead of another's
        return false;
    }
    mp_state_leave(mp, s, t);
    t->pool_state = (uint8_t)state;
    state_enter(mp, s, t);
    return true;
}

void mp_settle(struct mempool *mp, struct sender *s, struct pooled_tx *t)
{
    while (t && settle_one(mp, s, t))
        t = t->sender_next;
}

void mp_settle_all(struct mempool *mp, struct sender *s)
{
    for (struct pooled_tx *t = s->first; t; t = t->sender_next)
        settle_one(mp, s, t);
}

void mp_set_proposed(struct mempool *mp, struct sender *s, struct pooled_tx *t, bool proposed)
{
    mp_state_leave(mp, s, t);
    t->proposed = proposed;
    state_enter(mp, s, t);
    if (proposed)
        mp->proposed++;
    else
        mp->proposed--;
    mp_settle(mp, s, t);
    if (t == s->last)
        mp_evict_offer_tail(mp, s);
}

void mempool_set_base_fee(struct mempool *mp, const u256 *base_fee)
{
    mp->base_fee = *base_fee;
    if (u256_cmp(base_fee, &mp->executable_floor) <= 0 && u256_cmp(base_fee, &mp->held_roof) > 0)
        return;
    mp->executable_floor = U256_MAX;
    mp->held_roof = U256_ZERO;
    for (uint32_t i = 0; i < mp->senders.used; i++) {
        struct sender *s = &mp->senders.senders[i];
        if (s->count == 0)
            continue;
        for (struct pooled_tx *t = s->first; t && t->pool_state != POOL_QUEUED; t = t->sender_next) {
            settle_one(mp, s, t);
            note_fee(mp, t);
        }
    }
}
