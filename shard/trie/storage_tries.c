#include "shard/trie/storage_tries.h"

#include "base/keccak.h"
#include "base/rlp.h"
#include "shard/state/storage.h"

#define HASH_AHEAD 256 // slots whose keys are hashed together

static const bytes32 *slot_key(void *ctx, uint32_t leaf)
{
    return storage_slot_key(ctx, leaf);
}

// A slot's value is itself RLP (yellow paper, 4.1).
static size_t slot_value(void *ctx, uint32_t leaf, uint8_t *out)
{
    const u256 value = storage_slot_value(ctx, leaf);
    return (size_t)(rlp_put_u256(out, &value) - out);
}

static const struct trie_leaves slot_leaves = {.key = slot_key, .value = slot_value};

void storage_tries_init(struct storage_tries *t, struct state *state, struct trie_pool *pool)
{
    *t = (struct storage_tries){.arena = pool->arena, .state = state, .pool = pool};
}

void storage_tries_free(struct storage_tries *t)
{
    arena_free(t->arena, t->tries);
    arena_free(t->arena, t->changed);
    storage_tries_init(t, t->state, t->pool);
}

const struct trie *storage_tries_of(const struct storage_tries *t, uint32_t contract)
{
    return contract > 0 && contract < t->count ? &t->tries[contract] : NULL;
}

// A trie for every contract that there is. A number that was free and is used again has an empty one.
static void make_room(struct storage_tries *t)
{
    const uint32_t limit = storage_contract_limit(t->state);
    if (limit <= t->count)
        return;
    const uint32_t count = limit + limit / 2;
    t->tries = arena_realloc(t->arena, t->tries, count * sizeof *t->tries);
    for (uint32_t i = t->count; i < count; i++)
        trie_init(&t->tries[i], &slot_leaves, t->state, t->pool, 0);
    t->count = count;
}

static void note_change(struct storage_tries *t, uint32_t contract)
{
    if (t->changed_count == t->changed_capacity) {
        t->changed_capacity += t->changed_capacity / 2 + 16;
        t->changed = arena_realloc(t->arena, t->changed, t->changed_capacity * sizeof *t->changed);
    }
    t->changed[t->changed_count++] = contract;
}

static void take_slot(struct storage_tries *t, uint32_t slot)
{
    const uint32_t contract = storage_slot_contract(t->state, slot);
    const u256 value = storage_slot_value(t->state, slot);
    struct trie *trie = &t->tries[contract];
    const bool was_dirty = trie->dirty;
    if (u256_is_zero(&value))
        trie_remove(trie, slot);
    else
        trie_put(trie, slot);
    if (trie->dirty && !was_dirty)
        note_change(t, contract);
}

static void take_slots(struct storage_tries *t, const uint32_t *slots, size_t count)
{
    storage_hash_keys(t->state, slots, count);
    for (size_t done = 0; done < count;) {
        struct trie_way ways[TRIE_PREFETCH_MAX];
        const size_t n = count - done < TRIE_PREFETCH_MAX ? count - done : TRIE_PREFETCH_MAX;
        for (size_t i = 0; i < n; i++) {
            const uint32_t slot = slots[done + i];
            ways[i] = (struct trie_way){&t->tries[storage_slot_contract(t->state, slot)], slot};
        }
        trie_prefetch(ways, n);
        for (size_t i = 0; i < n; i++)
            take_slot(t, slots[done + i]);
        done += n;
    }
}

static void add_changed(const struct storage_tries *t, struct trie_hasher *hasher)
{
    for (size_t i = 0; i < t->changed_count; i++)
        trie_hasher_add(hasher, &t->tries[t->changed[i]]);
}

void storage_tries_take(struct storage_tries *t, struct trie_hasher *hasher)
{
    const size_t count = storage_changed_count(t->state);
    make_room(t);
    for (size_t done = 0; done < count;) {
        uint32_t slots[HASH_AHEAD];
        size_t n = 0;
        for (; n < HASH_AHEAD && done + n < count; n++)
            slots[n] = storage_changed(t->state, done + n);
        take_slots(t, slots, n);
        done += n;
    }
    add_changed(t, hasher);
}

void storage_tries_publish(struct storage_tries *t)
{
    enum { ROOTS = 64 };
    const struct trie *tries[ROOTS];
    bytes32 roots[ROOTS];
    for (size_t done = 0; done < t->changed_count;) {
        const size_t left = t->changed_count - done, n = left < ROOTS ? left : ROOTS;
        for (size_t i = 0; i < n; i++)
            tries[i] = &t->tries[t->changed[done + i]];
        trie_roots(roots, tries, n);
        for (size_t i = 0; i < n; i++)
            storage_set_root(t->state, t->changed[done + i], &roots[i]);
        done += n;
    }
    t->changed_count = 0;
}

// ---- from all slots

// The slots of all contracts, those of contract c from start[c] on.
struct sorted_slots {
    struct state *state;
    uint32_t *slots;
    uint32_t *start; // while sorting: where contract c goes on
};

static void count_slot(void *ctx, uint32_t slot)
{
    struct sorted_slots *s = ctx;
    s->start[storage_slot_contract(s->state, slot) + 1]++;
}

static void place_slot(void *ctx, uint32_t slot)
{
    struct sorted_slots *s = ctx;
    s->slots[s->start[storage_slot_contract(s->state, slot)]++] = slot;
}

static void build_trie(struct storage_tries *t, uint32_t contract, const uint32_t *slots, size_t count)
{
    struct trie *trie = &t->tries[contract];
    struct trie_entry *entries = arena_alloc(t->arena, count * sizeof *entries);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct trie_entry){trie_key_prefix(storage_slot_key(t->state, slots[i])), slots[i]};
    trie_sort(trie, entries, count);
    trie_build(trie, entries, count);
    arena_free(t->arena, entries);
    note_change(t, contract);
}

void storage_tries_build(struct storage_tries *t, struct trie_hasher *hasher)
{
    storage_tries_free(t);
    make_room(t);
    const uint32_t limit = storage_contract_limit(t->state);
    const size_t total = state_slot_count(t->state);
    struct sorted_slots sorted = {.state = t->state};
    sorted.start = arena_alloc_zero(t->arena, (limit + 1) * sizeof *sorted.start);
    sorted.slots = arena_alloc(t->arena, (total + 1) * sizeof *sorted.slots);
    storage_visit(t->state, count_slot, &sorted);
    for (uint32_t c = 0; c < limit; c++)
        sorted.start[c + 1] += sorted.start[c];
    storage_visit(t->state, place_slot, &sorted);
    storage_hash_keys(t->state, sorted.slots, total);
    // Now start[c] is where the slots of contract c end.
    for (uint32_t c = 1; c < limit; c++) {
        const size_t from = sorted.start[c - 1], count = sorted.start[c] - from;
        if (count > 0)
            build_trie(t, c, sorted.slots + from, count);
        else
            storage_set_root(t->state, c, &KECCAK256_EMPTY_RLP);
    }
    arena_free(t->arena, sorted.slots);
    arena_free(t->arena, sorted.start);
    add_changed(t, hasher);
    storage_roots_are_right(t->state);
}
