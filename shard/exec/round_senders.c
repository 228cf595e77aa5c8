#include "shard/exec/round_senders.h"

#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SIZE_MIN 64

void round_senders_init(struct round_senders *t, struct arena *arena)
{
    *t = (struct round_senders){.arena = arena};
    if (getrandom(&t->seed, sizeof t->seed, GRND_NONBLOCK) != (ssize_t)sizeof t->seed)
        t->seed = (uintptr_t)t; // early in boot: the address is secret enough
}

void round_senders_free(struct round_senders *t)
{
    arena_free(t->arena, t->entries);
}

void round_senders_clear(struct round_senders *t)
{
    if (t->count == 0)
        return;
    memset(t->entries, 0, t->size * sizeof *t->entries);
    t->count = 0;
}

static uint64_t hash_of(const struct round_senders *t, const bytes32 *key)
{
    return XXH3_64bits_withSeed(key->b, sizeof key->b, t->seed);
}

static uint16_t tag_of(uint64_t hash)
{
    return (uint16_t)(hash >> 48);
}

// The entry of the key, or the free one where it belongs.
static struct sender_entry *place_of(const struct round_senders *t, const bytes32 *key, uint64_t hash)
{
    const size_t mask = t->size - 1;
    size_t i = hash & mask;
    while (t->entries[i].key && (t->entries[i].tag != tag_of(hash) || !bytes32_equal(t->entries[i].key, key)))
        i = (i + 1) & mask;
    return &t->entries[i];
}

static void grow(struct round_senders *t)
{
    struct round_senders old = *t;
    t->size = old.size ? old.size * 2 : SIZE_MIN;
    t->entries = arena_alloc_zero(t->arena, t->size * sizeof *t->entries);
    for (size_t i = 0; i < old.size; i++) {
        const bytes32 *key = old.entries[i].key;
        if (key)
            *place_of(t, key, hash_of(t, key)) = old.entries[i];
    }
    arena_free(t->arena, old.entries);
}

struct sender_entry *round_senders_need(struct round_senders *t, const bytes32 *key)
{
    if (2 * (t->count + 1) > t->size)
        grow(t);
    const uint64_t hash = hash_of(t, key);
    struct sender_entry *e = place_of(t, key, hash);
    if (!e->key) {
        e->key = key;
        e->tag = tag_of(hash);
        t->count++;
    }
    return e;
}

struct sender_entry *round_senders_search(const struct round_senders *t, const bytes32 *key)
{
    struct sender_entry *e = place_of(t, key, hash_of(t, key));
    return e->key ? e : NULL;
}
