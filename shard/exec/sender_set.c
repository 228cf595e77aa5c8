#include "shard/exec/sender_set.h"

#include <sys/random.h>
#include <xxhash.h>

#define SLOTS_MIN 64

void sender_set_init(struct sender_set *set, struct arena *arena)
{
    *set = (struct sender_set){.arena = arena};
    if (getrandom(&set->seed, sizeof set->seed, GRND_NONBLOCK) != (ssize_t)sizeof set->seed)
        set->seed = (uintptr_t)set; // early in boot: the address is secret enough
}

void sender_set_free(struct sender_set *set)
{
    arena_free(set->arena, set->slots);
}

void sender_set_clear(struct sender_set *set)
{
    if (set->count == 0)
        return;
    memset(set->slots, 0, set->slot_count * sizeof *set->slots);
    set->count = 0;
}

// The slot that holds key, or the free one where it belongs.
static size_t slot_of(const struct sender_set *set, const bytes32 *key)
{
    size_t mask = set->slot_count - 1;
    size_t slot = XXH3_64bits_withSeed(key->b, sizeof key->b, set->seed) & mask;
    while (set->slots[slot] && !bytes32_equal(set->slots[slot], key))
        slot = (slot + 1) & mask;
    return slot;
}

static void grow(struct sender_set *set)
{
    struct sender_set old = *set;
    set->slot_count = old.slot_count ? old.slot_count * 2 : SLOTS_MIN;
    set->slots = arena_alloc_zero(set->arena, set->slot_count * sizeof *set->slots);
    for (size_t i = 0; i < old.slot_count; i++) {
        if (old.slots[i])
            set->slots[slot_of(set, old.slots[i])] = old.slots[i];
    }
    arena_free(set->arena, old.slots);
}

void sender_set_add(struct sender_set *set, const bytes32 *key)
{
    if (2 * (set->count + 1) > set->slot_count)
        grow(set);
    set->slots[slot_of(set, key)] = key;
    set->count++;
}

bool sender_set_search(const struct sender_set *set, const bytes32 *key)
{
    return set->slots[slot_of(set, key)] != NULL;
}
