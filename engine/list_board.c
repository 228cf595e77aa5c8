#include "engine/list_board.h"

#include <pthread.h>
#include <stdlib.h>

// One allocation: the entry, its cars, its blocks.
struct entry {
    uint32_t number;
    uint32_t car_count, block_count;
    struct list_order order;
    uint64_t durable_ns;
    struct list_block blocks[];
};

// Entries oldest to newest in a ring; numbers rise by one, but for the step over 0.
struct list_board {
    pthread_mutex_t lock;
    struct entry *entries[LIST_BOARD_LISTS];
    size_t first, count;
    uint64_t bytes;
};

static void *grow(void *p, size_t *cap, size_t count, size_t size)
{
    if (count < *cap)
        return p;
    *cap = *cap ? 2 * *cap : 8;
    p = realloc(p, *cap * size);
    if (!p)
        abort();
    return p;
}

void list_path_free(struct list_path *l)
{
    free(l->cars);
    free(l->blocks);
}

void list_path_clear(struct list_path *l)
{
    l->order = (struct list_order){0};
    l->durable_ns = 0;
    l->car_count = l->block_count = 0;
}

void list_path_add_car(struct list_path *l, const struct list_car *car)
{
    l->cars = grow(l->cars, &l->car_cap, l->car_count, sizeof *l->cars);
    l->cars[l->car_count++] = *car;
}

void list_path_add_block(struct list_path *l, const struct list_block *block)
{
    l->blocks = grow(l->blocks, &l->block_cap, l->block_count, sizeof *l->blocks);
    l->blocks[l->block_count++] = *block;
}

// ---- the board

static struct list_car *cars_of(const struct entry *e)
{
    return (struct list_car *)(e->blocks + e->block_count);
}

static size_t entry_bytes(size_t cars, size_t blocks)
{
    return sizeof(struct entry) + cars * sizeof(struct list_car) + blocks * sizeof(struct list_block);
}

struct list_board *list_board_create(void)
{
    struct list_board *b = calloc(1, sizeof *b);
    if (!b)
        abort();
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

static void drop_oldest(struct list_board *b)
{
    struct entry *e = b->entries[b->first];
    b->bytes -= entry_bytes(e->car_count, e->block_count);
    free(e);
    b->first = (b->first + 1) % LIST_BOARD_LISTS;
    b->count--;
}

void list_board_free(struct list_board *b)
{
    if (!b)
        return;
    while (b->count > 0)
        drop_oldest(b);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

static void copy(void *to, const void *from, size_t bytes)
{
    if (bytes > 0)
        memcpy(to, from, bytes);
}

void list_board_put(struct list_board *b, const struct list_path *l)
{
    const size_t bytes = entry_bytes(l->car_count, l->block_count);
    struct entry *e = malloc(bytes);
    if (!e)
        abort();
    *e = (struct entry){l->number, (uint32_t)l->car_count, (uint32_t)l->block_count, l->order, l->durable_ns};
    copy(e->blocks, l->blocks, l->block_count * sizeof *l->blocks);
    copy(cars_of(e), l->cars, l->car_count * sizeof *l->cars);
    pthread_mutex_lock(&b->lock);
    while (b->count == LIST_BOARD_LISTS || (b->count > 0 && b->bytes + bytes > LIST_BOARD_BYTES))
        drop_oldest(b);
    b->entries[(b->first + b->count++) % LIST_BOARD_LISTS] = e;
    b->bytes += bytes;
    pthread_mutex_unlock(&b->lock);
}

static const struct entry *find(const struct list_board *b, uint32_t number)
{
    size_t low = 0, high = b->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct entry *e = b->entries[(b->first + middle) % LIST_BOARD_LISTS];
        if (e->number == number)
            return e;
        if ((int32_t)(e->number - number) < 0) // round 2^32
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void take(struct list_leg *out, const struct entry *e, uint32_t index)
{
    const struct list_car *cars = cars_of(e);
    size_t car = 0, block = 0;
    *out = (struct list_leg){.order = e->order, .durable_ns = e->durable_ns};
    while (car < e->car_count && cars[car].to <= index)
        car++;
    while (block < e->block_count && e->blocks[block].to <= index)
        block++;
    if (car < e->car_count) {
        out->has_car = true;
        out->car = cars[car];
    }
    if (block < e->block_count) {
        out->has_block = true;
        out->block = e->blocks[block];
    }
}

bool list_board_find(struct list_board *b, uint32_t number, uint32_t index, struct list_leg *out)
{
    pthread_mutex_lock(&b->lock);
    const struct entry *e = find(b, number);
    if (e)
        take(out, e, index);
    pthread_mutex_unlock(&b->lock);
    return e != NULL;
}
