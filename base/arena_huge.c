#include "base/arena_huge.h"

#if !GANTRY_SANITIZE

#include <jemalloc/jemalloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define SPAN_BYTES ((size_t)64 << 20) // address space; memory is what was touched
#define PAGE ((size_t)4096)

// At the start of its memory.
struct span {
    struct span *older;
    size_t bytes;
};

struct arena_huge {
    extent_hooks_t hooks; // first, so that a hook finds the rest
    pthread_mutex_t lock; // jemalloc asks for its own bookkeeping and for the user's memory at once
    struct span *newest;
    uintptr_t next, end; // what is left of the newest span
    unsigned index;
};

static uintptr_t round_up(uintptr_t at, size_t align)
{
    return (at + align - 1) & ~(uintptr_t)(align - 1);
}

static bool add_span(struct arena_huge *h, size_t need)
{
    const size_t bytes = round_up(need + PAGE > SPAN_BYTES ? need + PAGE : SPAN_BYTES, HUGE_PAGE);
    uint8_t *map =
        mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED)
        return false;
    uint8_t *start = (uint8_t *)round_up((uintptr_t)map, HUGE_PAGE);
    if (start > map)
        munmap(map, (size_t)(start - map));
    if (start < map + HUGE_PAGE)
        munmap(start + bytes, (size_t)(map + HUGE_PAGE - start));
    madvise(start, bytes, MADV_HUGEPAGE); // refused by kernels without huge pages: small ones do as well
    struct span *span = (struct span *)start;
    *span = (struct span){.older = h->newest, .bytes = bytes};
    h->newest = span;
    h->next = (uintptr_t)start + PAGE;
    h->end = (uintptr_t)start + bytes;
    return true;
}

static void *alloc_extent(extent_hooks_t *hooks, void *wanted, size_t size, size_t align, bool *zero, bool *commit,
                          unsigned index)
{
    (void)index;
    struct arena_huge *h = (struct arena_huge *)hooks;
    if (wanted) // an extent is never made longer in place
        return NULL;
    pthread_mutex_lock(&h->lock);
    uintptr_t at = round_up(h->next, align);
    bool room = h->newest && at + size <= h->end;
    if (!room) {
        room = add_span(h, size + align);
        at = round_up(h->next, align);
    }
    if (room)
        h->next = at + size;
    pthread_mutex_unlock(&h->lock);
    *zero = *commit = true; // no part of a span is given out twice
    return room ? (void *)at : NULL;
}

// Extents may be cut and joined anywhere: they are parts of spans.
static bool split_extent(extent_hooks_t *hooks, void *at, size_t size, size_t first, size_t second, bool committed,
                         unsigned index)
{
    (void)hooks, (void)at, (void)size, (void)first, (void)second, (void)committed, (void)index;
    return false; // done
}

static bool merge_extents(extent_hooks_t *hooks, void *a, size_t a_size, void *b, size_t b_size, bool committed,
                          unsigned index)
{
    (void)hooks, (void)a, (void)a_size, (void)b, (void)b_size, (void)committed, (void)index;
    return false; // done
}

static void control(const struct arena_huge *h, const char *what, void *value, size_t size)
{
    char name[64];
    snprintf(name, sizeof name, "arena.%u.%s", h->index, what);
    mallctl(name, NULL, NULL, value, size);
}

static void release(struct arena_huge *h)
{
    for (struct span *span = h->newest, *older; span; span = older) {
        older = span->older;
        munmap(span, span->bytes);
    }
    pthread_mutex_destroy(&h->lock);
    free(h);
}

struct arena_huge *arena_huge_create(void)
{
    struct arena_huge *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    pthread_mutex_init(&h->lock, NULL);
    h->hooks = (extent_hooks_t){.alloc = alloc_extent, .split = split_extent, .merge = merge_extents};
    extent_hooks_t *hooks = &h->hooks;
    size_t len = sizeof h->index, grow_max = SPAN_BYTES / 2;
    if (mallctl("arenas.create", &h->index, &len, &hooks, sizeof hooks) != 0) {
        release(h);
        return NULL;
    }
    // Nothing is given back, so there is nothing to do as time goes by.
    ssize_t never = -1;
    control(h, "dirty_decay_ms", &never, sizeof never);
    control(h, "muzzy_decay_ms", &never, sizeof never);
    control(h, "retain_grow_limit", &grow_max, sizeof grow_max);
    return h;
}

void arena_huge_destroy(struct arena_huge *h)
{
    if (!h)
        return;
    control(h, "destroy", NULL, 0);
    release(h);
}

unsigned arena_huge_index(const struct arena_huge *h)
{
    return h->index;
}

#endif
