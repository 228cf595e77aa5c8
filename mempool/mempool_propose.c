// Picking transactions for a block: a heap over the first executable transaction of each sender that has one.
#include "mempool/pool.h"

// The least gas that any transaction takes: with less left nothing can fit.
#define GAS_OF_SMALLEST 21000u
// When 63/64 of the gas or bytes are used, the picking ends after so many senders whose next one does not fit. Before
// that any number is passed over, so that a few huge ones with high tips can't keep a block empty.
#define MISFITS_MAX 64u

static u256 effective_tip(const struct mempool *mp, const struct pooled_tx *t)
{
    u256 above;
    u256_sub(&above, &t->tx.max_fee, &mp->base_fee);
    return u256_cmp(&t->tx.max_tip, &above) < 0 ? t->tx.max_tip : above;
}

static struct propose_entry entry_of(const struct mempool *mp, struct pooled_tx *t)
{
    u256 tip = effective_tip(mp, t);
    return (struct propose_entry){mp_low64(&tip), t->sequence, t};
}

static struct propose_entry entry_of_ready(const struct mempool *mp, const struct ready_entry *ready)
{
    if (ready->tip == UINT64_MAX || ready->fee == UINT64_MAX)
        return entry_of(mp, ready->next);
    // An executable one reaches the base fee, which so fits 64 bits too.
    uint64_t above = ready->fee - mp->base_fee.w[0];
    return (struct propose_entry){ready->tip < above ? ready->tip : above, ready->sequence, ready->next};
}

// Higher tip first, of equal ones the one that was here first.
static bool better(const struct mempool *mp, const struct propose_entry *a, const struct propose_entry *b)
{
    if (a->tip != b->tip)
        return a->tip > b->tip;
    if (a->tip == UINT64_MAX) {
        u256 tip_a = effective_tip(mp, a->tx), tip_b = effective_tip(mp, b->tx);
        int order = u256_cmp(&tip_a, &tip_b);
        if (order != 0)
            return order > 0;
    }
    return a->sequence < b->sequence;
}

static void sift_down(struct mempool *mp, size_t count, size_t at, struct propose_entry entry)
{
    struct propose_entry *heap = mp->propose_heap;
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && better(mp, &heap[child + 1], &heap[child]))
            child++;
        if (!better(mp, &heap[child], &entry))
            break;
        heap[at] = heap[child];
    }
    heap[at] = entry;
}

static size_t build_heap(struct mempool *mp)
{
    size_t count = mp->ready_count;
    for (size_t i = 0; i < count; i++)
        mp->propose_heap[i] = entry_of_ready(mp, &mp->ready[i]);
    for (size_t i = count / 2; i-- > 0;)
        sift_down(mp, count, i, mp->propose_heap[i]);
    return count;
}

// What a proposal may still take.
struct room {
    uint64_t gas, bytes, groups[MEMPOOL_GROUPS];
};

// Takes t's part off; false when it does not fit. *tight: nor would a smaller one that is in any group.
static bool take_room(struct room *room, const struct mempool_pick *pick, const struct pooled_tx *t, bool *tight)
{
    uint64_t *group = &room->groups[t->sender_key.b[0] / (256 / MEMPOOL_GROUPS)];
    const uint64_t bytes = t->raw_len + pick->tx_bytes;
    if (t->tx.gas_limit > room->gas || bytes > room->bytes || bytes > *group) {
        *tight = room->gas < pick->gas_max / 64 || room->bytes < pick->bytes_max / 64;
        return false;
    }
    room->gas -= t->tx.gas_limit;
    room->bytes -= bytes;
    *group -= bytes;
    return true;
}

size_t mempool_propose_groups(struct mempool *mp, const struct mempool_pick *pick, struct pooled_tx **out)
{
    if (!u256_equal(&pick->base_fee, &mp->base_fee))
        mempool_set_base_fee(mp, &pick->base_fee);

    struct propose_entry *heap = mp->propose_heap;
    struct room room = {pick->gas_max, pick->bytes_max, {0}};
    size_t taken = 0, left = build_heap(mp);
    unsigned misfits = 0;
    memcpy(room.groups, pick->group_bytes_max, sizeof room.groups);
    while (left > 0 && taken < pick->count_max && room.gas >= GAS_OF_SMALLEST) {
        struct pooled_tx *t = heap[0].tx, *next = NULL;
        bool tight = false;
        if (take_room(&room, pick, t, &tight)) {
            struct sender *s = mp_sender_of(mp, t);
            out[taken++] = t;
            mp_set_proposed(mp, s, t, true);
            next = s->next;
        } else if (++misfits >= MISFITS_MAX && tight) {
            break;
        }
        if (!next)
            left--;
        if (left > 0)
            sift_down(mp, left, 0, next ? entry_of(mp, next) : heap[left]);
    }
    return taken;
}

size_t mempool_propose(struct mempool *mp, const u256 *base_fee, uint64_t gas_max, uint64_t bytes_max,
                       struct pooled_tx **out, size_t count_max)
{
    struct mempool_pick pick = {
        .base_fee = *base_fee, .gas_max = gas_max, .bytes_max = bytes_max, .count_max = count_max};
    memset(pick.group_bytes_max, 0xff, sizeof pick.group_bytes_max);
    return mempool_propose_groups(mp, &pick, out);
}
