#include "base/arena.h"

#include "base/arena_huge.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn static void out_of_memory(size_t size)
{
    fprintf(stderr,
            "gantry: out of memory: an allocation of %zu bytes was refused; lower the configured limits or "
            "give the machine more memory\n",
            size);
    abort();
}

bool arena_has_huge_pages(void)
{
    char mode[64] = "";
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
    if (!file)
        return false;
    const bool read = fgets(mode, sizeof mode, file) != NULL;
    fclose(file);
    return read && (strstr(mode, "[always]") || strstr(mode, "[madvise]"));
}

#if GANTRY_SANITIZE

// Every block carries a header right before it, so that destroying the arena can free what is left.
struct block {
    struct block *prev, *next;
    void *base; // what the allocator gave
    size_t size;
};

struct arena {
    pthread_mutex_t lock;
    struct block head; // of the circular list
    uint64_t bytes;
};

struct arena *arena_create(void)
{
    struct arena *arena = calloc(1, sizeof *arena);
    if (!arena)
        out_of_memory(sizeof *arena);
    pthread_mutex_init(&arena->lock, NULL);
    arena->head.prev = arena->head.next = &arena->head;
    return arena;
}

void arena_adopt(struct arena *arena)
{
    (void)arena;
}

void arena_destroy(struct arena *arena)
{
    if (!arena)
        return;
    for (struct block *b = arena->head.next, *next; b != &arena->head; b = next) {
        next = b->next;
        free(b->base);
    }
    pthread_mutex_destroy(&arena->lock);
    free(arena);
}

static struct block *header_of(void *ptr)
{
    return (struct block *)ptr - 1;
}

void *arena_alloc_aligned(struct arena *arena, size_t size, size_t align)
{
    if (align < _Alignof(max_align_t))
        align = _Alignof(max_align_t);
    size_t front = (sizeof(struct block) + align - 1) & ~(align - 1);
    void *base = NULL;
    if (size > SIZE_MAX / 2 || posix_memalign(&base, align, front + size) != 0)
        out_of_memory(size);
    void *ptr = (uint8_t *)base + front;
    struct block *block = header_of(ptr);
    pthread_mutex_lock(&arena->lock);
    *block = (struct block){.prev = &arena->head, .next = arena->head.next, .base = base, .size = size};
    block->next->prev = block;
    arena->head.next = block;
    arena->bytes += size;
    pthread_mutex_unlock(&arena->lock);
    return ptr;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return arena_alloc_aligned(arena, size, _Alignof(max_align_t));
}

void *arena_alloc_zero(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

void *arena_alloc_dense(struct arena *arena, size_t size)
{
    return arena_alloc_zero(arena, size);
}

void *arena_realloc(struct arena *arena, void *ptr, size_t size)
{
    void *bigger = arena_alloc(arena, size);
    if (ptr) {
        size_t old = header_of(ptr)->size;
        memcpy(bigger, ptr, old < size ? old : size);
        arena_free(arena, ptr);
    }
    return bigger;
}

void arena_free(struct arena *arena, void *ptr)
{
    if (!ptr)
        return;
    struct block *block = header_of(ptr);
    pthread_mutex_lock(&arena->lock);
    assert(block->prev->next == block && block->next->prev == block);
    block->prev->next = block->next;
    block->next->prev = block->prev;
    arena->bytes -= block->size;
    pthread_mutex_unlock(&arena->lock);
    free(block->base);
}

uint64_t arena_bytes(const struct arena *arena)
{
    pthread_mutex_lock((pthread_mutex_t *)&arena->lock);
    uint64_t bytes = arena->bytes;
    pthread_mutex_unlock((pthread_mutex_t *)&arena->lock);
    return bytes;
}

#else

#include <jemalloc/jemalloc.h>

// jemalloc's explicit thread caches are not locked: only the owner's calls go through this arena's cache, all others
// go to the arena itself, which is.
struct arena {
    unsigned index, cache;
    _Atomic(struct arena_huge *) huge; // made when it is first needed
    pthread_mutex_t huge_lock;         // held while it is made
    const void *owner;                 // a thread's identity, see thread_identity
    _Atomic int64_t owner_bytes;       // written by the owner alone
    _Atomic int64_t other_bytes;
};

// An address that only the calling thread has.
static const void *thread_identity(void)
{
    static _Thread_local char identity;
    return &identity;
}

static unsigned create_control(const char *name)
{
    unsigned index;
    size_t len = sizeof index;
    if (mallctl(name, &index, &len, NULL, 0) != 0)
        out_of_memory(0);
    return index;
}

struct arena *arena_create(void)
{
    struct arena *arena = calloc(1, sizeof *arena);
    if (!arena)
        out_of_memory(sizeof *arena);
    arena->index = create_control("arenas.create");
    arena->cache = create_control("tcache.create");
    arena->owner = thread_identity();
    pthread_mutex_init(&arena->huge_lock, NULL);
    return arena;
}

void arena_adopt(struct arena *arena)
{
    arena->owner = thread_identity();
}

void arena_destroy(struct arena *arena)
{
    if (!arena)
        return;
    char name[64];
    mallctl("tcache.destroy", NULL, NULL, &arena->cache, sizeof arena->cache);
    snprintf(name, sizeof name, "arena.%u.destroy", arena->index);
    mallctl(name, NULL, NULL, NULL, 0);
    arena_huge_destroy(arena->huge);
    pthread_mutex_destroy(&arena->huge_lock);
    free(arena);
}

static bool is_owner(const struct arena *arena)
{
    return arena->owner == thread_identity();
}

static int flags_for(const struct arena *arena, bool owner)
{
    return MALLOCX_ARENA(arena->index) | (owner ? MALLOCX_TCACHE(arena->cache) : MALLOCX_TCACHE_NONE);
}

static void count_bytes(struct arena *arena, bool owner, int64_t delta)
{
    if (owner) {
        int64_t bytes = atomic_load_explicit(&arena->owner_bytes, memory_order_relaxed);
        atomic_store_explicit(&arena->owner_bytes, bytes + delta, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(&arena->other_bytes, delta, memory_order_relaxed);
    }
}

static void *allocate_by(struct arena *arena, bool owner, size_t size, int flags)
{
    if (size == 0)
        size = 1; // mallocx leaves 0 undefined
    void *ptr = mallocx(size, flags);
    if (!ptr)
        out_of_memory(size);
    count_bytes(arena, owner, (int64_t)nallocx(size, flags));
    return ptr;
}

static void *allocate(struct arena *arena, size_t size, int extra_flags)
{
    bool owner = is_owner(arena);
    return allocate_by(arena, owner, size, flags_for(arena, owner) | extra_flags);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return allocate(arena, size, 0);
}

void *arena_alloc_zero(struct arena *arena, size_t size)
{
    return allocate(arena, size, MALLOCX_ZERO);
}

static const struct arena_huge *huge_of(struct arena *arena)
{
    if (!arena->huge) {
        pthread_mutex_lock(&arena->huge_lock);
        if (!arena->huge)
            arena->huge = arena_huge_create();
        pthread_mutex_unlock(&arena->huge_lock);
        if (!arena->huge)
            out_of_memory(0);
    }
    return arena->huge;
}

void *arena_alloc_dense(struct arena *arena, size_t size)
{
    int from = MALLOCX_ARENA(arena_huge_index(huge_of(arena))) | MALLOCX_TCACHE_NONE;
    return allocate_by(arena, is_owner(arena), size, from | MALLOCX_ZERO);
}

void *arena_alloc_aligned(struct arena *arena, size_t size, size_t align)
{
    return allocate(arena, size, MALLOCX_ALIGN(align));
}

void *arena_realloc(struct arena *arena, void *ptr, size_t size)
{
    if (!ptr)
        return arena_alloc(arena, size);
    bool owner = is_owner(arena);
    int flags = flags_for(arena, owner);
    if (size == 0)
        size = 1;
    int64_t before = (int64_t)sallocx(ptr, 0);
    ptr = rallocx(ptr, size, flags);
    if (!ptr)
        out_of_memory(size);
    count_bytes(arena, owner, (int64_t)nallocx(size, flags) - before);
    return ptr;
}

void arena_free(struct arena *arena, void *ptr)
{
    if (!ptr)
        return;
    bool owner = is_owner(arena);
    count_bytes(arena, owner, -(int64_t)sallocx(ptr, 0));
    dallocx(ptr, flags_for(arena, owner));
}

uint64_t arena_bytes(const struct arena *arena)
{
    int64_t bytes = atomic_load_explicit(&arena->owner_bytes, memory_order_relaxed) +
                    atomic_load_explicit(&arena->other_bytes, memory_order_relaxed);
    return bytes > 0 ? (uint64_t)bytes : 0;
}

#endif
