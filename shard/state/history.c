#include "shard/state/history.h"

#include <assert.h>

static uint32_t chunk_of(uint32_t number)
{
    return number / HISTORY_ENTRIES_PER_CHUNK;
}

static uint8_t **chunk_slot(const struct history *h, uint32_t chunk)
{
    return &h->chunks[chunk & (h->chunk_capacity - 1)];
}

void history_init(struct history *h, struct arena *arena, size_t entry_bytes, uint32_t first)
{
    *h = (struct history){.arena = arena,
                          .entry_bytes = (uint32_t)entry_bytes,
                          .chunk_capacity = 4,
                          .oldest = first,
                          .next = first,
                          .block_start = first};
    h->chunks = arena_alloc_zero(arena, h->chunk_capacity * sizeof *h->chunks);
}

void history_free(struct history *h)
{
    for (uint32_t i = 0; i < h->chunk_capacity; i++)
        arena_free(h->arena, h->chunks[i]);
    arena_free(h->arena, h->chunks);
    arena_free(h->arena, h->spare);
}

static void grow_ring(struct history *h)
{
    struct history old = *h;
    h->chunk_capacity *= 2;
    h->chunks = arena_alloc_zero(h->arena, h->chunk_capacity * sizeof *h->chunks);
    for (uint32_t i = 0; i < old.chunk_capacity; i++) {
        uint32_t chunk = chunk_of(h->oldest) + i;
        *chunk_slot(h, chunk) = *chunk_slot(&old, chunk);
    }
    arena_free(h->arena, old.chunks);
}

uint32_t history_append(struct history *h)
{
    assert(history_count(h) < UINT32_MAX / 2);
    uint32_t number = h->next;
    uint32_t chunk = chunk_of(number);
    if (number % HISTORY_ENTRIES_PER_CHUNK == 0 || number == h->oldest) {
        // All chunks from the oldest entry's on are in use.
        uint32_t first_of_oldest = h->oldest - h->oldest % HISTORY_ENTRIES_PER_CHUNK;
        if ((number - first_of_oldest) / HISTORY_ENTRIES_PER_CHUNK == h->chunk_capacity)
            grow_ring(h);
        uint8_t **slot = chunk_slot(h, chunk);
        if (!*slot) {
            *slot = h->spare ? h->spare : arena_alloc(h->arena, (size_t)HISTORY_ENTRIES_PER_CHUNK * h->entry_bytes);
            h->spare = NULL;
        }
    }
    h->next++;
    return number;
}

void history_begin_block(struct history *h, uint64_t height)
{
    h->block_start = h->next;
    h->starts[height % STATE_HISTORY_BLOCKS] = h->next;
}

const void *history_find(const struct history *h, uint32_t newest, uint32_t from)
{
    const void *found = NULL;
    for (uint32_t n = newest; history_holds(h, n, from);) {
        const struct history_entry *e = found = history_at(h, n);
        if (e->previous == n)
            break;
        n = e->previous;
    }
    return found;
}

static void drop_chunk(struct history *h, uint32_t chunk)
{
    uint8_t **slot = chunk_slot(h, chunk);
    if (h->spare)
        arena_free(h->arena, *slot);
    else
        h->spare = *slot;
    *slot = NULL;
}

void history_drop_before(struct history *h, uint32_t first)
{
    assert(first - h->oldest <= history_count(h));
    for (uint32_t n = h->oldest; chunk_of(n) != chunk_of(first); n += HISTORY_ENTRIES_PER_CHUNK)
        drop_chunk(h, chunk_of(n));
    h->oldest = first;
}
