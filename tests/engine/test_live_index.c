#include <criterion/criterion.h>
#include <stdlib.h>

#include "engine/store/live_index.h"
#include "tests/engine/store_fixture.h"
#include "tests/support/vectors.h"

// Blocks of any size, also many times what the table starts with.
Test(live_index, finds_every_transaction_of_small_and_large_blocks)
{
    const uint32_t sizes[] = {0, 1, 700, 5000, 3, 20000, 40};
    enum { BLOCKS = sizeof sizes / sizeof sizes[0], FIRST = 10 };
    struct fixture_chain chain = {.seed = test_seed("live_index"), .height = FIRST - 1};
    struct live_index *x = live_index_create(4, FIRST, test_random(&chain.seed));
    uint8_t *bytes[BLOCKS];
    struct record records[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        size_t len;
        bytes[i] = fixture_record(&chain, sizes[i], &len, &records[i]);
        cr_assert(live_index_add(x, &records[i], (struct blog_place){4, (uint32_t)len, 100 + (uint64_t)i}));
    }
    cr_expect_eq(live_index_next(x), FIRST + BLOCKS);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        struct tx_index_place place;
        cr_assert(live_index_place_of(x, FIRST + i, &place) && place.offset == 100 + i);
        for (uint32_t t = 0; t < sizes[i]; t++) {
            struct record_tx tx;
            struct tx_index_entry e;
            uint64_t cursor = 0;
            record_tx_at(&records[i], t, &tx);
            cr_assert(live_index_find(x, tx_index_prefix(&tx.hash), &cursor, &e));
            cr_assert(e.block == i && e.index == t);
            cr_assert_not(live_index_find(x, tx_index_prefix(&tx.hash), &cursor, &e), "there is only one");
        }
        free(bytes[i]);
    }
    live_index_free(x);
}
