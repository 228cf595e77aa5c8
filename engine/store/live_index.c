#include "engine/store/live_index.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define XXH_INLINE_ALL // of 8 bytes it is a few instructions
#include <xxhash.h>

// Open addressing with linear probing; a free slot has this block number.
enum { SLOT_FREE = 0xffffffffu, SLOTS_MIN = 1024 };
// Entries whose slots are asked for together.
enum { PUT_BATCH = 32 };

struct live_index {
    uint32_t segment;
    uint64_t first_height, seed;
    struct tx_index_place *places;
    size_t block_count, place_cap;
    bloom *blooms;
    size_t bloom_count, bloom_cap;
    struct tx_index_entry *slots;
    size_t slot_count, used; // slot_count is a power of two; used stays under 3/4 of it
};

static struct tx_index_entry *new_slots(size_t count)
{
    struct tx_index_entry *slots = malloc(count * sizeof *slots);
    for (size_t i = 0; slots != NULL && i < count; i++)
        slots[i].block = SLOT_FREE;
    return slots;
}

struct live_index *live_index_create(uint32_t segment, uint64_t first_height, uint64_t seed)
{
    struct live_index *x = calloc(1, sizeof *x);
    struct tx_index_entry *slots = new_slots(SLOTS_MIN);
    if (x == NULL || slots == NULL) {
        free(x);
        free(slots);
        return NULL;
    }
    *x = (struct live_index){
        .segment = segment, .first_height = first_height, .seed = seed, .slots = slots, .slot_count = SLOTS_MIN};
    return x;
}

void live_index_free(struct live_index *x)
{
    if (x == NULL)
        return;
    free(x->slots);
    free(x->places);
    free(x->blooms);
    free(x);
}

static size_t slot_of(const struct live_index *x, uint64_t prefix)
{
    return (size_t)XXH3_64bits_withSeed(&prefix, sizeof prefix, x->seed) & (x->slot_count - 1);
}

static void put(struct live_index *x, struct tx_index_entry entry)
{
    size_t i = slot_of(x, entry.prefix);
    while (x->slots[i].block != SLOT_FREE)
        i = (i + 1) & (x->slot_count - 1);
    x->slots[i] = entry;
}

static bool reserve_slots(struct live_index *x, size_t more)
{
    size_t count = x->slot_count;
    while ((x->used + more) * 4 > count * 3)
        count *= 2;
    if (count == x->slot_count)
        return true;
    struct tx_index_entry *old = x->slots, *slots = new_slots(count);
    const size_t old_count = x->slot_count;
    if (slots == NULL)
        return false;
    x->slots = slots;
    x->slot_count = count;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].block != SLOT_FREE)
            put(x, old[i]);
    }
    free(old);
    return true;
}

static bool reserve_place(struct live_index *x)
{
    if (x->block_count < x->place_cap)
        return true;
    const size_t cap = x->place_cap == 0 ? 64 : 2 * x->place_cap;
    struct tx_index_place *grown = realloc(x->places, cap * sizeof *grown);
    if (grown == NULL)
        return false;
    x->places = grown;
    x->place_cap = cap;
    return true;
}

static bool reserve_bloom(struct live_index *x)
{
    if (x->bloom_count < x->bloom_cap)
        return true;
    const size_t cap = x->bloom_cap == 0 ? 64 : 2 * x->bloom_cap;
    bloom *grown = realloc(x->blooms, cap * sizeof *grown);
    if (grown == NULL)
        return false;
    x->blooms = grown;
    x->bloom_cap = cap;
    return true;
}

// The number of the block's bloom, 0 for a block without logs.
static uint32_t add_bloom(struct live_index *x, const struct record *r)
{
    if (bloom_is_zero(&r->header.logs_bloom))
        return 0;
    x->blooms[x->bloom_count++] = r->header.logs_bloom;
    return (uint32_t)x->bloom_count;
}

// A batch of the block's transactions, from this one on.
static void put_transactions(struct live_index *x, const struct record *r, uint32_t first, uint32_t block)
{
    struct tx_index_entry entries[PUT_BATCH];
    const uint32_t count = r->tx_count - first < PUT_BATCH ? r->tx_count - first : PUT_BATCH;
    for (uint32_t i = 0; i < count; i++) {
        struct record_tx tx;
        record_tx_at(r, first + i, &tx);
        entries[i] = (struct tx_index_entry){tx_index_prefix(&tx.hash), block, first + i};
        __builtin_prefetch(&x->slots[slot_of(x, entries[i].prefix)], 1);
    }
    for (uint32_t i = 0; i < count; i++)
        put(x, entries[i]);
}

bool live_index_add(struct live_index *x, const struct record *r, struct blog_place place)
{
    assert(place.segment == x->segment && x->block_count < SLOT_FREE);
    if (!reserve_place(x) || !reserve_bloom(x) || !reserve_slots(x, (size_t)r->tx_count + 1))
        return false;
    const uint32_t block = (uint32_t)x->block_count;
    x->places[x->block_count++] = (struct tx_index_place){place.offset, place.length, add_bloom(x, r)};
    put(x, (struct tx_index_entry){tx_index_prefix(&r->block_hash), block, TX_INDEX_BLOCK});
    for (uint32_t i = 0; i < r->tx_count; i += PUT_BATCH)
        put_transactions(x, r, i, block);
    x->used += (size_t)r->tx_count + 1;
    return true;
}

uint64_t live_index_first(const struct live_index *x)
{
    return x->first_height;
}

uint64_t live_index_next(const struct live_index *x)
{
    return x->first_height + x->block_count;
}

bool live_index_find(const struct live_index *x, uint64_t prefix, uint64_t *cursor, struct tx_index_entry *out)
{
    // The cursor counts probes done.
    for (size_t i = (slot_of(x, prefix) + *cursor) & (x->slot_count - 1); x->slots[i].block != SLOT_FREE;
         i = (i + 1) & (x->slot_count - 1)) {
        ++*cursor;
        if (x->slots[i].prefix == prefix) {
            *out = x->slots[i];
            return true;
        }
    }
    return false;
}

bool live_index_place_of(const struct live_index *x, uint64_t height, struct tx_index_place *out)
{
    if (height < x->first_height || height - x->first_height >= x->block_count)
        return false;
    *out = x->places[height - x->first_height];
    return true;
}

bool live_index_bloom_of(const struct live_index *x, uint64_t height, const bloom **out)
{
    static const bloom none;
    if (height < x->first_height || height - x->first_height >= x->block_count)
        return false;
    const uint32_t number = x->places[height - x->first_height].bloom;
    *out = number == 0 ? &none : &x->blooms[number - 1];
    return true;
}

int live_index_write(const struct live_index *x, const char *dir, const bytes32 *genesis_hash)
{
    struct tx_index_input in = {.segment = x->segment,
                                .first_height = x->first_height,
                                .places = x->places,
                                .block_count = x->block_count,
                                .blooms = x->blooms,
                                .bloom_count = x->bloom_count,
                                .entries = malloc((x->used + 1) * sizeof *in.entries)};
    if (in.entries == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < x->slot_count; i++) {
        if (x->slots[i].block != SLOT_FREE)
            in.entries[in.entry_count++] = x->slots[i];
    }
    const int err = tx_index_write(dir, genesis_hash, &in);
    free(in.entries);
    return err;
}
