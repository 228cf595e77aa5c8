#include "engine/store/block_cache.h"

#include <stdlib.h>

// NEWEST_SLOTS is a power of two; height & (NEWEST_SLOTS - 1) is a newest block's slot.
enum { NEWEST_SLOTS = 4096, OLD_SLOTS = 16 };

struct cached {
    uint8_t *bytes; // NULL: free slot
    uint64_t height, used;
    struct record record;
};

struct block_cache {
    struct cached genesis;
    struct cached *newest[NEWEST_SLOTS];
    uint64_t newest_first, newest_next; // heights in newest
    size_t newest_bytes;
    struct cached old[OLD_SLOTS];
    uint64_t clock;
};

struct block_cache *block_cache_create(void)
{
    return calloc(1, sizeof(struct block_cache));
}

static void drop_oldest(struct block_cache *c)
{
    struct cached **slot = &c->newest[c->newest_first++ & (NEWEST_SLOTS - 1)];
    c->newest_bytes -= (*slot)->record.encoding.len + sizeof **slot;
    free((*slot)->bytes);
    free(*slot);
    *slot = NULL;
}

void block_cache_free(struct block_cache *c)
{
    if (c == NULL)
        return;
    while (c->newest_first < c->newest_next)
        drop_oldest(c);
    for (int i = 0; i < OLD_SLOTS; i++)
        free(c->old[i].bytes);
    free(c->genesis.bytes);
    free(c);
}

void block_cache_set_genesis(struct block_cache *c, uint8_t *bytes, const struct record *record)
{
    c->genesis = (struct cached){.bytes = bytes, .record = *record};
}

void block_cache_add_newest(struct block_cache *c, uint64_t height, uint8_t *bytes, const struct record *record)
{
    struct cached *item = malloc(sizeof *item);
    if (item == NULL) {
        // Not remembering is always allowed, but the row must have no gap.
        free(bytes);
        while (c->newest_first < c->newest_next)
            drop_oldest(c);
        return;
    }
    if (height != c->newest_next) {
        while (c->newest_first < c->newest_next)
            drop_oldest(c);
        c->newest_first = c->newest_next = height;
    }
    *item = (struct cached){.bytes = bytes, .height = height, .record = *record};
    if (c->newest_next - c->newest_first == NEWEST_SLOTS)
        drop_oldest(c);
    c->newest[c->newest_next++ & (NEWEST_SLOTS - 1)] = item;
    c->newest_bytes += record->encoding.len + sizeof *item;
    while (c->newest_bytes > BLOCK_CACHE_BYTES_MAX && c->newest_next - c->newest_first > 1)
        drop_oldest(c);
}

const struct record *block_cache_add_old(struct block_cache *c, uint64_t height, uint8_t *bytes,
                                         const struct record *record)
{
    struct cached *victim = &c->old[0];
    for (int i = 1; i < OLD_SLOTS; i++) {
        if (c->old[i].used < victim->used)
            victim = &c->old[i];
    }
    free(victim->bytes);
    *victim = (struct cached){.bytes = bytes, .height = height, .used = ++c->clock, .record = *record};
    return &victim->record;
}

const struct record *block_cache_find(struct block_cache *c, uint64_t height)
{
    if (height == 0)
        return c->genesis.bytes != NULL ? &c->genesis.record : NULL;
    if (height >= c->newest_first && height < c->newest_next)
        return &c->newest[height & (NEWEST_SLOTS - 1)]->record;
    for (int i = 0; i < OLD_SLOTS; i++) {
        if (c->old[i].bytes != NULL && c->old[i].height == height) {
            c->old[i].used = ++c->clock;
            return &c->old[i].record;
        }
    }
    return NULL;
}

void block_cache_retain(struct block_cache *c, uint64_t height)
{
    while (c->newest_first < c->newest_next && c->newest_first < height)
        drop_oldest(c);
    for (int i = 0; i < OLD_SLOTS; i++) {
        if (c->old[i].bytes != NULL && c->old[i].height < height) {
            free(c->old[i].bytes);
            c->old[i] = (struct cached){0};
        }
    }
}
