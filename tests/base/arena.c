#include "base/arena.h"

#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

Test(arena, blocks_are_writable_distinct_and_counted)
{
    struct arena *arena = arena_create();
    cr_assert_eq(arena_bytes(arena), 0);
    enum { N = 1000 };
    uint8_t *blocks[N];
    uint64_t wanted = 0;
    for (size_t i = 0; i < N; i++) {
        size_t size = i * 7 % 3000;
        blocks[i] = arena_alloc(arena, size);
        memset(blocks[i], (int)i, size);
        wanted += size;
    }
    cr_assert_geq(arena_bytes(arena), wanted);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < i * 7 % 3000; j++)
            cr_assert_eq(blocks[i][j], (uint8_t)i);
        arena_free(arena, blocks[i]);
    }
    cr_assert_eq(arena_bytes(arena), 0);
    arena_free(arena, NULL);
    arena_destroy(arena);
}

Test(arena, zeroed_memory_is_zero_even_when_reused)
{
    struct arena *arena = arena_create();
    for (int round = 0; round < 100; round++) {
        uint8_t *p = arena_alloc_zero(arena, 500);
        for (int i = 0; i < 500; i++)
            cr_assert_eq(p[i], 0);
        memset(p, 0xff, 500);
        arena_free(arena, p);
    }
    arena_destroy(arena);
}

Test(arena, alignment_is_kept)
{
    struct arena *arena = arena_create();
    for (size_t align = 1; align <= 65536; align *= 2) {
        for (size_t size = 1; size < 5000; size = size * 3 + 1) {
            uint8_t *p = arena_alloc_aligned(arena, size, align);
            cr_assert_eq((uintptr_t)p % align, 0);
            memset(p, 1, size);
            if (size % 2)
                arena_free(arena, p);
        }
    }
    arena_destroy(arena);
}

Test(arena, growing_and_shrinking_keeps_the_contents)
{
    uint64_t seed = test_seed("arena realloc");
    struct arena *arena = arena_create();
    uint8_t *p = arena_realloc(arena, NULL, 1);
    size_t size = 1;
    p[0] = 0;
    for (int round = 0; round < 2000; round++) {
        size_t next = 1 + test_random(&seed) % (round % 10 == 0 ? 300000 : 3000);
        p = arena_realloc(arena, p, next);
        for (size_t i = 0; i < size && i < next; i++)
            cr_assert_eq(p[i], (uint8_t)(i * 31));
        for (size_t i = 0; i < next; i++)
            p[i] = (uint8_t)(i * 31);
        size = next;
        cr_assert_geq(arena_bytes(arena), size);
    }
    arena_free(arena, p);
    cr_assert_eq(arena_bytes(arena), 0);
    arena_destroy(arena);
}

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long long total = 0, resident = 0;
    cr_assert_eq(fscanf(file, "%llu %llu", &total, &resident), 2);
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

Test(arena, dense_memory_is_zero_even_when_reused)
{
    uint64_t seed = test_seed("arena dense");
    struct arena *arena = arena_create();
    enum { N = 64 };
    uint8_t *blocks[N] = {0};
    size_t sizes[N];
    for (int round = 0; round < 2000; round++) {
        size_t i = test_random(&seed) % N;
        if (blocks[i]) {
            cr_assert_eq(blocks[i][0], (uint8_t)i);
            cr_assert_eq(blocks[i][sizes[i] - 1], (uint8_t)i);
            arena_free(arena, blocks[i]);
        }
        sizes[i] = 32768 + test_random(&seed) % 300000;
        blocks[i] = arena_alloc_dense(arena, sizes[i]);
        for (size_t at = 0; at < sizes[i]; at++)
            cr_assert_eq(blocks[i][at], 0);
        memset(blocks[i], (int)i, sizes[i]);
    }
    for (size_t i = 0; i < N; i++)
        arena_free(arena, blocks[i]);
    cr_assert_eq(arena_bytes(arena), 0);
    arena_destroy(arena);
}

Test(arena, dense_blocks_of_any_size_are_given)
{
    struct arena *arena = arena_create();
    for (size_t size = 1; size < (size_t)400 << 20; size *= 5) {
        uint8_t *p = arena_alloc_dense(arena, size);
        p[0] = p[size - 1] = 1;
        cr_assert_geq(arena_bytes(arena), size);
        arena_free(arena, p);
    }
    arena_destroy(arena);
}

static void *allocate_dense(void *arg)
{
    for (int i = 0; i < 200; i++) {
        uint8_t *p = arena_alloc_dense(arg, 50000);
        memset(p, i, 50000);
        arena_free(arg, p);
    }
    return NULL;
}

Test(arena, another_thread_may_be_the_first_to_want_dense_memory)
{
    for (int round = 0; round < 20; round++) {
        struct arena *arena = arena_create();
        pthread_t thread;
        pthread_create(&thread, NULL, allocate_dense, arena);
        allocate_dense(arena);
        pthread_join(thread, NULL);
        cr_assert_eq(arena_bytes(arena), 0);
        arena_destroy(arena);
    }
}

// What is small must stay small: 200 blocks in pages of their own would be 400 MB.
Test(arena, dense_blocks_share_huge_pages)
{
    uint64_t before = resident_bytes();
    struct arena *arena = arena_create();
    for (int i = 0; i < 200; i++)
        memset(arena_alloc_dense(arena, 40000), 1, 40000);
    cr_assert_lt(resident_bytes(), before + (30u << 20));
    arena_destroy(arena);
}

// Under the address sanitizer a block that destroy missed is reported as a leak; elsewhere the process would grow by
// 800 MB.
Test(arena, destroying_frees_what_is_left)
{
    uint64_t before = resident_bytes();
    for (int round = 0; round < 50; round++) {
        struct arena *arena = arena_create();
        for (int i = 0; i < 100; i++)
            memset(arena_alloc(arena, 4096), 1, 4096);
        memset(arena_alloc(arena, 8 << 20), 1, 8 << 20);
        memset(arena_alloc_dense(arena, 8 << 20), 1, 8 << 20);
        arena_destroy(arena);
    }
    arena_destroy(NULL);
#if !GANTRY_SANITIZE // the sanitizer keeps freed blocks for a while
    cr_assert_lt(resident_bytes(), before + (100u << 20));
#else
    (void)before;
#endif
}

#define SHARED_BLOCKS 20000

struct shared {
    struct arena *arena;
    _Atomic bool done;
    void *blocks[SHARED_BLOCKS];
};

static void *free_blocks(void *arg)
{
    struct shared *shared = arg;
    for (int i = 0; i < SHARED_BLOCKS; i++)
        arena_free(shared->arena, shared->blocks[i]);
    shared->done = true;
    return NULL;
}

Test(arena, another_thread_may_free_while_the_owner_allocates)
{
    static struct shared shared;
    shared.arena = arena_create();
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < SHARED_BLOCKS; i++)
            shared.blocks[i] = memset(arena_alloc(shared.arena, 64), i, 64);
        shared.done = false;
        pthread_t thread;
        pthread_create(&thread, NULL, free_blocks, &shared);
        while (!shared.done) {
            void *own[100];
            for (int i = 0; i < 100; i++)
                own[i] = memset(arena_alloc(shared.arena, 64), 7, 64);
            for (int i = 0; i < 100; i++)
                arena_free(shared.arena, own[i]);
        }
        pthread_join(thread, NULL);
    }
    cr_assert_eq(arena_bytes(shared.arena), 0);
    arena_destroy(shared.arena);
}

static void *adopt_and_use(void *arg)
{
    struct arena *arena = arg;
    arena_adopt(arena);
    for (int i = 0; i < 10000; i++) {
        void *p = arena_alloc(arena, (size_t)i % 700);
        memset(p, 1, (size_t)i % 700);
        arena_free(arena, p);
    }
    return arena_alloc(arena, 100);
}

Test(arena, an_arena_can_be_made_by_one_thread_and_owned_by_another)
{
    struct arena *arena = arena_create();
    void *before = arena_alloc(arena, 200), *from_thread;
    pthread_t thread;
    pthread_create(&thread, NULL, adopt_and_use, arena);
    pthread_join(thread, &from_thread);
    arena_free(arena, before);
    arena_free(arena, from_thread);
    cr_assert_eq(arena_bytes(arena), 0);
    arena_destroy(arena);
}
