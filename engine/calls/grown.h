// Arrays that grow as they are filled.
#ifndef GANTRY_ENGINE_CALLS_GROWN_H
#define GANTRY_ENGINE_CALLS_GROWN_H

#include <stddef.h>
#include <stdlib.h>

// The array, with room for one item more than the count that it has; *capacity is in items.
static inline void *grown(void *array, size_t count, size_t *capacity, size_t item)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? 2 * *capacity : 16;
    void *out = realloc(array, *capacity * item);
    if (!out)
        abort();
    return out;
}

#endif
