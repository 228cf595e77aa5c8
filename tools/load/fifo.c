#include "tools/load/fifo.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAP 1024

static void grow(struct fifo *f)
{
    const size_t cap = f->cap ? 2 * f->cap : FIRST_CAP;
    uint32_t *items = malloc(cap * sizeof *items);
    if (!items)
        abort();
    for (size_t i = 0; i < f->count; i++)
        items[i] = f->items[(f->head + i) & (f->cap - 1)];
    free(f->items);
    f->items = items;
    f->head = 0;
    f->cap = cap;
}

void fifo_push(struct fifo *f, uint32_t item)
{
    if (f->count == f->cap)
        grow(f);
    f->items[(f->head + f->count++) & (f->cap - 1)] = item;
}

uint32_t fifo_pop(struct fifo *f)
{
    assert(f->count > 0);
    const uint32_t item = f->items[f->head];
    f->head = (f->head + 1) & (f->cap - 1);
    f->count--;
    return item;
}

void fifo_free(struct fifo *f)
{
    free(f->items);
    *f = (struct fifo){0};
}
