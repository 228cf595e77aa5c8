// An unbounded queue of item numbers. Zeroed: empty. One thread. Memory running out ends the process.
#ifndef GANTRY_TOOLS_LOAD_FIFO_H
#define GANTRY_TOOLS_LOAD_FIFO_H

#include "base/bytes.h"

struct fifo {
    uint32_t *items; // a ring; cap is a power of two
    size_t head, count, cap;
};

void fifo_push(struct fifo *f, uint32_t item);
static inline uint32_t fifo_front(const struct fifo *f)
{
    return f->items[f->head];
}
uint32_t fifo_pop(struct fifo *f); // not while empty
void fifo_free(struct fifo *f);

#endif
