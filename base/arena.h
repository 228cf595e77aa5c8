// A memory arena of one shard: a jemalloc arena of its own, so that shards neither contend nor share pages.
// In sanitizer builds it is the plain allocator, so that the sanitizer sees every block.
//
// Any thread may free what an arena gave (jemalloc allows it), but the design has owners free their own memory.
// Allocation aborts the process when the machine is out of memory: every user of an arena has a bound of its own,
// so this is a configuration beyond the machine, reported in words.
#ifndef GANTRY_BASE_ARENA_H
#define GANTRY_BASE_ARENA_H

#include "base/bytes.h"

struct arena;

struct arena *arena_create(void);
// Frees the arena and everything still allocated in it.
void arena_destroy(struct arena *arena);

__attribute__((malloc, returns_nonnull)) void *arena_alloc(struct arena *arena, size_t size);
__attribute__((malloc, returns_nonnull)) void *arena_alloc_zero(struct arena *arena, size_t size);
// align is a power of two.
__attribute__((malloc, returns_nonnull)) void *arena_alloc_aligned(struct arena *arena, size_t size, size_t align);
__attribute__((returns_nonnull)) void *arena_realloc(struct arena *arena, void *ptr, size_t size);
void arena_free(struct arena *arena, void *ptr); // NULL is fine

// Bytes in live allocations. May be slightly stale.
uint64_t arena_bytes(const struct arena *arena);

#endif
