// Making room. Of each sender the tail of its queue stands in a four-way heap, the cheapest on top.
//
// Room for one transaction may take several victims, and one sender's tail after the other. So victims are first only
// chosen, each sender offering what is before its chosen ones, and go when there are enough of them.
#include "mempool/pool.h"

#define HEAP_WAYS 4

static int compare_price(const struct pooled_tx *a, const struct pooled_tx *b)
{
    int order = u256_cmp(&a->tx.max_tip, &b->tx.max_tip);
    return order ? order : u256_cmp(&a->tx.max_fee, &b->tx.max_fee);
}

static bool cheaper(const struct mempool *mp, const struct evict_entry *a, const struct evict_entry *b)
{
    if (a->tip != b->tip)
        return a->tip < b->tip;
    if (a->fee != b->fee)
        return a->fee < b->fee;
    if (a->fee != UINT64_MAX) // nor is the tip cut then: it is at most the fee cap
        return false;
    const struct sender *senders = mp->senders.senders;
    return compare_price(senders[a->sender].evictable, senders[b->sender].evictable) < 0;
}

static void heap_place(struct mempool *mp, uint32_t at, struct evict_entry entry)
{
    mp->evict_heap[at] = entry;
    mp->senders.places[entry.sender].in_evict_heap = at;
}

// Puts the entry where the hole at `at` takes it.
static void heap_sift(struct mempool *mp, uint32_t at, struct evict_entry entry)
{
    struct evict_entry *heap = mp->evict_heap;
    while (at > 0 && cheaper(mp, &entry, &heap[(at - 1) / HEAP_WAYS])) {
        heap_place(mp, at, heap[(at - 1) / HEAP_WAYS]);
        at = (at - 1) / HEAP_WAYS;
    }
    for (;;) {
        uint32_t best = HEAP_WAYS * at + 1;
        if (best >= mp->evict_count)
            break;
        uint32_t end = best + HEAP_WAYS < mp->evict_count ? best + HEAP_WAYS : mp->evict_count;
        for (uint32_t child = best + 1; child < end; child++) {
            if (cheaper(mp, &heap[child], &heap[best]))
                best = child;
        }
        if (!cheaper(mp, &heap[best], &entry))
            break;
        heap_place(mp, at, heap[best]);
        at = best;
    }
    heap_place(mp, at, entry);
}

static void heap_remove(struct mempool *mp, struct sender *s)
{
    struct sender_place *place = sender_place(&mp->senders, s);
    uint32_t hole = place->in_evict_heap;
    struct evict_entry last = mp->evict_heap[--mp->evict_count];
    place->in_evict_heap = SENDER_NOWHERE;
    if (hole != mp->evict_count)
        heap_sift(mp, hole, last);
}

// The sender offers t, or nothing.
static void offer(struct mempool *mp, struct sender *s, struct pooled_tx *t)
{
    if (t && s->evictable == t)
        return;
    s->evictable = t;
    uint32_t at = sender_place(&mp->senders, s)->in_evict_heap;
    if (t) {
        struct evict_entry entry = {mp_low64(&t->tx.max_tip), mp_low64(&t->tx.max_fee), sender_number(&mp->senders, s)};
        heap_sift(mp, at == SENDER_NOWHERE ? mp->evict_count++ : at, entry);
    } else if (at != SENDER_NOWHERE) {
        heap_remove(mp, s);
    }
}

void mp_evict_offer_tail(struct mempool *mp, struct sender *s)
{
    offer(mp, s, s->last && !s->last->proposed ? s->last : NULL);
}

// t itself, when it may go to make room for `newcomer` of sender own.
static struct pooled_tx *if_evictable(struct pooled_tx *t, const struct pooled_tx *newcomer, const struct sender *own,
                                      const struct sender *s)
{
    return t && !t->proposed && (s != own || t->tx.nonce > newcomer->tx.nonce) ? t : NULL;
}

// Chooses victims until the rest is within the limits.
static enum tx_status choose(struct mempool *mp, const struct pooled_tx *t, const struct sender *own, uint64_t txs,
                             uint64_t bytes, size_t *victim_count)
{
    while (txs > mp->limits.tx_max || bytes > mp->limits.bytes_max) {
        if (mp->evict_count == 0 || *victim_count == EVICT_VICTIMS_MAX)
            return TX_POOL_FULL;
        struct sender *s = &mp->senders.senders[mp->evict_heap[0].sender];
        struct pooled_tx *victim = s->evictable;
        if (compare_price(t, victim) <= 0)
            return TX_UNDERPRICED;
        mp->victims[(*victim_count)++] = victim;
        txs--;
        bytes -= pooled_tx_bytes(victim->raw_len);
        offer(mp, s, if_evictable(victim->sender_prev, t, own, s));
    }
    return TX_OK;
}

enum tx_status mp_evict_for(struct mempool *mp, const struct pooled_tx *t, struct sender *own,
                            const struct pooled_tx *old)
{
    uint64_t txs = mp->tx_count + 1u - (old != NULL);
    uint64_t bytes = mp->stats.bytes + pooled_tx_bytes(t->raw_len) - (old ? pooled_tx_bytes(old->raw_len) : 0);
    if (txs <= mp->limits.tx_max && bytes <= mp->limits.bytes_max)
        return TX_OK;
    if (pooled_tx_bytes(t->raw_len) > mp->limits.bytes_max)
        return TX_POOL_FULL;

    size_t count = 0;
    if (own)
        offer(mp, own, if_evictable(own->last, t, own, own));
    enum tx_status status = choose(mp, t, own, txs, bytes, &count);
    for (size_t i = 0; i < count; i++) {
        if (status == TX_OK)
            mp_remove(mp, mp->victims[i], TX_EVICTED);
        else
            mp_evict_offer_tail(mp, mp_sender_of(mp, mp->victims[i]));
    }
    if (own && own->count != 0)
        mp_evict_offer_tail(mp, own);
    return status;
}
