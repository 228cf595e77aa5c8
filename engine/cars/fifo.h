// A queue of items of one size that grows as needed. Zeroed is empty; the owner frees `items`. Pointers to items last
// until the next fifo_add. One thread.
#ifndef GANTRY_ENGINE_CARS_FIFO_H
#define GANTRY_ENGINE_CARS_FIFO_H

#include <stdlib.h>
#include <string.h>

struct fifo {
    void *items;
    size_t first, count, cap;
};

static inline void *fifo_at(const struct fifo *f, size_t i, size_t item_bytes)
{
    return (char *)f->items + (f->first + i) * item_bytes;
}

// Room for one more at the end.
static inline void *fifo_add(struct fifo *f, size_t item_bytes)
{
    if (f->first + f->count == f->cap && f->first > 0) {
        memmove(f->items, fifo_at(f, 0, item_bytes), f->count * item_bytes);
        f->first = 0;
    }
    if (2 * f->count >= f->cap) {
        f->cap = f->cap ? 2 * f->cap : 64;
        f->items = realloc(f->items, f->cap * item_bytes);
        if (!f->items)
            abort();
    }
    return fifo_at(f, f->count++, item_bytes);
}

// Takes the first n away.
static inline void fifo_drop(struct fifo *f, size_t n)
{
    f->first += n;
    f->count -= n;
    if (f->count == 0)
        f->first = 0;
}

#endif
