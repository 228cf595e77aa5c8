#include "mempool/key_index.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>

#define ENTRIES 64u

static bytes32 key_of(uint64_t n)
{
    bytes32 key = {{0}};
    store_le64(key.b + 8, n);
    return key;
}

// Whether exactly this number is found under the tag.
static bool has(const struct key_index *index, uint32_t tag, uint32_t number)
{
    uint32_t position = key_index_home(index, tag), found;
    while ((found = key_index_next(index, tag, &position)) != KEY_INDEX_NONE) {
        if (found == number)
            return true;
    }
    return false;
}

// Puts and removes at random; `distinct` tags spread over the whole range, or crowded at its end so that chains wrap
// around. After each step exactly what was put and not removed is found.
static void churn(const char *name, uint32_t distinct, bool crowded)
{
    struct arena *arena = arena_create();
    struct key_index index;
    key_index_init(&index, arena, ENTRIES, 5);
    uint64_t random = test_seed(name);
    uint32_t tags[ENTRIES];
    bool present[ENTRIES] = {false};
    for (int step = 0; step < 20000; step++) {
        uint32_t number = (uint32_t)(test_random(&random) % ENTRIES);
        if (present[number]) {
            key_index_remove(&index, tags[number], number);
        } else {
            bytes32 key = key_of(test_random(&random) % distinct);
            tags[number] =
                crowded ? UINT32_MAX - (uint32_t)(test_random(&random) % distinct << 24) : key_index_tag(&index, &key);
            key_index_put(&index, tags[number], number);
        }
        present[number] = !present[number];
        for (uint32_t i = 0; i < ENTRIES; i++)
            cr_assert(!present[i] || has(&index, tags[i], i), "step %d: %u is lost", step, i);
        cr_assert(present[number] || !has(&index, tags[number], number));
    }
    key_index_free(&index, arena);
    arena_destroy(arena);
}

Test(key_index, finds_what_was_put_and_not_removed)
{
    churn("key_index spread", 1000000, false);
}

Test(key_index, keeps_numbers_of_equal_keys_apart)
{
    churn("key_index equal", 3, false);
}

Test(key_index, chains_that_wrap_around_stay_whole)
{
    churn("key_index crowded", 12, true);
}

Test(key_index, another_seed_puts_keys_elsewhere)
{
    struct arena *arena = arena_create();
    struct key_index a, b;
    key_index_init(&a, arena, 1000, 1);
    key_index_init(&b, arena, 1000, 0x123456789abcdef);
    unsigned crowd_a = 0, crowd_b = 0;
    for (uint64_t n = 0; n < 1000000; n++) {
        bytes32 key = key_of(n * 0x2545f4914f6cdd1d);
        if (key_index_home(&a, key_index_tag(&a, &key)) != 0)
            continue;
        crowd_a++;
        crowd_b += key_index_home(&b, key_index_tag(&b, &key)) == 0;
    }
    cr_assert_gt(crowd_a, 100);
    cr_assert_lt(crowd_b, crowd_a / 10, "%u of %u keys that crowd one place do so under another seed", crowd_b,
                 crowd_a);
    arena_destroy(arena);
}
