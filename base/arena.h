// A memory arena of one shard: a jemalloc arena of its own, so that shards neither contend nor share pages.
// In sanitizer builds it is the plain allocator, so that the sanitizer sees every block.
//
// Each arena has one owner thread, whose calls go through a cache without locks: its creator, or the last thread that
// adopted it. Other threads may allocate and free too, more slowly; the design has owners handle their own memory.
// Allocation aborts the process when the machine is out of memory: every user of an arena has a bound of its own,
// so this is a configuration beyond the machine, reported in words.
#ifndef GANTRY_BASE_ARENA_H
#define GANTRY_BASE_ARENA_H

#include "base/bytes.h"

struct arena;

struct arena *arena_create(void);
// Makes the calling thread the owner. Only while no other thread uses the arena.
void arena_adopt(struct arena *arena);
// Frees the arena and everything still allocated in it.
void arena_destroy(struct arena *arena);

__attribute__((malloc, returns_nonnull)) void *arena_alloc(struct arena *arena, size_t size);
__attribute__((malloc, returns_nonnull)) void *arena_alloc_zero(struct arena *arena, size_t size);
// align is a power of two.
__attribute__((malloc, returns_nonnull)) void *arena_alloc_aligned(struct arena *arena, size_t size, size_t align);
__attribute__((returns_nonnull)) void *arena_realloc(struct arena *arena, void *ptr, size_t size);
void arena_free(struct arena *arena, void *ptr); // NULL is fine

// Zeroed memory for a large table (32 KiB and more) that is full or soon will be, and is read at random: it lies beside
// its like in huge pages, where the kernel gives them. A huge page is resident as a whole, so nothing that stays mostly
// untouched belongs here. Freed by arena_free, to be used again; it goes back to the kernel with the arena.
__attribute__((malloc, returns_nonnull)) void *arena_alloc_dense(struct arena *arena, size_t size);
// Whether the kernel gives huge pages to who asks for them; any thread.
bool arena_has_huge_pages(void);

// Bytes in live allocations, as the allocator rounds them. May be slightly stale. Any thread.
uint64_t arena_bytes(const struct arena *arena);

#endif
