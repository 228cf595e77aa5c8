// A jemalloc arena whose memory lies close together in huge pages, where the kernel gives them. Part of arena.c's
// inside; not for others.
//
// Its pages come from spans of address space that are aligned to huge pages and advised as such; jemalloc divides them
// from the front, so at most the last huge page in use is partly empty. What is freed is used again, and goes back to
// the kernel only with the arena.
#ifndef GANTRY_BASE_ARENA_HUGE_H
#define GANTRY_BASE_ARENA_HUGE_H

struct arena_huge;

// NULL when there is no memory for it. The caller destroys it.
struct arena_huge *arena_huge_create(void);
void arena_huge_destroy(struct arena_huge *h);         // with everything in it; NULL is fine
unsigned arena_huge_index(const struct arena_huge *h); // for MALLOCX_ARENA

#endif
