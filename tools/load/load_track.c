#include "tools/load/load_track.h"

#include <stdlib.h>

#define INCLUDED_RING (1u << 17)

static void *zeroed(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (!p)
        abort();
    return p;
}

static uint32_t slot_of(const struct load_track *t, const bytes32 *hash)
{
    return load_le32(hash->b) & t->mask;
}

struct load_track *load_track_create(const struct load_set *set)
{
    struct load_track *t = zeroed(1, sizeof *t);
    const size_t count = set->count;
    t->set = set;
    t->due_ns = zeroed(count, sizeof *t->due_ns);
    t->sent_ns = zeroed(count, sizeof *t->sent_ns);
    t->state = zeroed(count, sizeof *t->state);
    t->status = zeroed(count, sizeof *t->status);
    t->visible_ns = zeroed(count, sizeof *t->visible_ns);
    t->included = spsc_create(INCLUDED_RING, sizeof(uint32_t));
    if (!t->included)
        abort();
    t->mask = 1;
    while (t->mask < 2 * count)
        t->mask *= 2;
    t->table = zeroed(t->mask, sizeof *t->table);
    t->mask--;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = slot_of(t, &set->hash[i]);
        while (t->table[slot] != 0)
            slot = (slot + 1) & t->mask;
        t->table[slot] = i + 1;
    }
    return t;
}

void load_track_free(struct load_track *t)
{
    if (!t)
        return;
    free(t->due_ns);
    free(t->sent_ns);
    free(t->state);
    free(t->status);
    free(t->visible_ns);
    spsc_free(t->included);
    free(t->table);
    free(t);
}

uint32_t load_track_found(struct load_track *t, const bytes32 *hash, uint64_t visible_ns)
{
    for (uint32_t slot = slot_of(t, hash); t->table[slot] != 0; slot = (slot + 1) & t->mask) {
        const uint32_t item = t->table[slot] - 1;
        if (!bytes32_equal(&t->set->hash[item], hash))
            continue;
        if (load_is_visible(t, item))
            return UINT32_MAX;
        atomic_store_explicit(&t->visible_ns[item], visible_ns, memory_order_relaxed);
        atomic_fetch_add_explicit(&t->included_count, 1, memory_order_relaxed);
        return item;
    }
    return UINT32_MAX;
}
