#include "base/ring.h"

#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct elem {
    uint64_t number;
    uint8_t rest[5]; // 16 with padding; odd sizes are tested below
};

Test(ring, a_capacity_that_is_no_power_of_two_is_refused)
{
    static const size_t bad[] = {0, 1, 3, 6, 1000, SIZE_MAX, (SIZE_MAX >> 1) + 1};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_null(spsc_create(bad[i], 8));
        cr_assert_null(mpsc_create(bad[i], 8));
    }
    cr_assert_null(spsc_create(8, 0));
    cr_assert_null(mpsc_create(8, 0));
    cr_assert_null(spsc_create(1024, SIZE_MAX / 512), "the size must not wrap around");
    cr_assert_null(mpsc_create(1024, SIZE_MAX / 512));
    spsc_free(NULL);
    mpsc_free(NULL);
}

Test(ring, spsc_holds_exactly_its_capacity)
{
    struct spsc_ring *ring = spsc_create(8, sizeof(uint64_t));
    uint64_t in[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, out[10];
    cr_assert_eq(spsc_pop(ring, out, 10), 0);
    cr_assert_eq(spsc_push(ring, in, 10), 8);
    cr_assert_eq(spsc_count(ring), 8);
    cr_assert_eq(spsc_push(ring, in, 1), 0);
    cr_assert_eq(spsc_pop(ring, out, 3), 3);
    cr_assert_eq(spsc_push(ring, in + 8, 2), 2);
    cr_assert_eq(spsc_pop(ring, out + 3, 10), 7);
    cr_assert_arr_eq(in, out, sizeof in);
    cr_assert_eq(spsc_count(ring), 0);
    spsc_free(ring);
}

Test(ring, mpsc_holds_exactly_its_capacity)
{
    struct mpsc_ring *ring = mpsc_create(4, sizeof(uint64_t));
    uint64_t out[8];
    cr_assert_eq(mpsc_pop(ring, out, 8), 0);
    for (uint64_t i = 0; i < 4; i++)
        cr_assert(mpsc_push(ring, &i));
    uint64_t more = 4;
    cr_assert_not(mpsc_push(ring, &more));
    cr_assert_eq(mpsc_count(ring), 4);
    cr_assert_eq(mpsc_pop(ring, out, 1), 1);
    cr_assert(mpsc_push(ring, &more));
    cr_assert_not(mpsc_push(ring, &more));
    cr_assert_eq(mpsc_pop(ring, out + 1, 7), 4);
    for (uint64_t i = 0; i < 5; i++)
        cr_assert_eq(out[i], i);
    cr_assert_eq(mpsc_count(ring), 0);
    mpsc_free(ring);
}

// Elements of every size come out byte for byte in order, through many wraps, with batches of any length.
static void check_spsc(size_t capacity, size_t elem_bytes, uint64_t *seed)
{
    struct spsc_ring *ring = spsc_create(capacity, elem_bytes);
    uint8_t *buffer = malloc(2 * capacity * elem_bytes);
    uint64_t pushed = 0, popped = 0;
    for (int step = 0; step < 500; step++) {
        size_t n = test_random(seed) % (2 * capacity);
        for (size_t i = 0; i < n * elem_bytes; i++)
            buffer[i] = (uint8_t)((pushed * elem_bytes + i) * 131 >> 3);
        size_t room = capacity - (size_t)(pushed - popped);
        cr_assert_eq(spsc_push(ring, buffer, n), n < room ? n : room);
        pushed += n < room ? n : room;
        cr_assert_eq(spsc_count(ring), pushed - popped);

        size_t max = test_random(seed) % (2 * capacity), have = (size_t)(pushed - popped);
        size_t got = spsc_pop(ring, buffer, max);
        cr_assert_eq(got, max < have ? max : have);
        for (size_t i = 0; i < got * elem_bytes; i++)
            cr_assert_eq(buffer[i], (uint8_t)((popped * elem_bytes + i) * 131 >> 3));
        popped += got;
    }
    free(buffer);
    spsc_free(ring);
}

Test(ring, spsc_keeps_order_and_bytes_through_wraps)
{
    uint64_t seed = test_seed("spsc wraps");
    for (size_t capacity = 2; capacity <= 64; capacity *= 2) {
        for (size_t elem_bytes = 1; elem_bytes < 30; elem_bytes += 4)
            check_spsc(capacity, elem_bytes, &seed);
    }
}

Test(ring, mpsc_keeps_order_and_bytes_through_wraps)
{
    uint64_t seed = test_seed("mpsc wraps");
    struct mpsc_ring *ring = mpsc_create(16, sizeof(struct elem));
    uint64_t pushed = 0, popped = 0;
    for (int step = 0; step < 5000; step++) {
        for (size_t n = test_random(&seed) % 20; n > 0; n--) {
            struct elem elem = {pushed, {1, 2, 3, 4, (uint8_t)pushed}};
            bool has_room = pushed - popped < 16;
            cr_assert_eq(mpsc_push(ring, &elem), has_room);
            pushed += has_room;
        }
        struct elem out[20];
        size_t max = test_random(&seed) % 20;
        size_t got = mpsc_pop(ring, out, max);
        cr_assert_eq(got, max < pushed - popped ? max : pushed - popped);
        for (size_t i = 0; i < got; i++, popped++) {
            cr_assert_eq(out[i].number, popped);
            cr_assert_eq(out[i].rest[4], (uint8_t)popped);
        }
        cr_assert_eq(mpsc_count(ring), pushed - popped);
    }
    mpsc_free(ring);
}
