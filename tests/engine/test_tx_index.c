// The index of a closed segment: entries come out sorted, whatever order and likeness they went in with.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "engine/store/tx_index.h"
#include "tests/engine/store_fixture.h"
#include "tests/support/vectors.h"

enum { BLOCKS = 4 };
static const bytes32 GENESIS = {{7}};

// Writes an index of these entries in a new folder and opens it.
static struct tx_index *written(char **folder, struct tx_index_entry *entries, size_t count)
{
    struct tx_index_place places[BLOCKS] = {{.offset = 4096, .length = 100}};
    struct tx_index_input in = {.segment = 1,
                                .first_height = 1,
                                .places = places,
                                .block_count = BLOCKS,
                                .entries = entries,
                                .entry_count = count};
    *folder = fixture_folder();
    cr_assert_eq(tx_index_write(*folder, &GENESIS, &in), 0);
    struct tx_index *x = tx_index_open(*folder, &GENESIS, 1);
    cr_assert_not_null(x);
    return x;
}

static bool in_order(const struct tx_index_entry *a, const struct tx_index_entry *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix;
    return a->block != b->block ? a->block < b->block : a->index < b->index;
}

static void expect_sorted(const struct tx_index_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++)
        cr_assert(in_order(&entries[i - 1], &entries[i]), "entries %zu and %zu", i - 1, i);
}

// All 64 bits of the prefix count, one by one and together.
Test(tx_index, sorts_random_prefixes_and_prefixes_that_differ_in_few_bits)
{
    enum { COUNT = 30000 };
    uint64_t seed = test_seed("tx_index_sort");
    struct tx_index_entry *entries = malloc(COUNT * sizeof *entries), e;
    uint64_t *prefixes = malloc(COUNT * sizeof *prefixes);
    for (uint32_t i = 0; i < COUNT; i++) {
        const uint64_t random = test_random(&seed);
        prefixes[i] = i % 3 ? random : (uint64_t)1 << random % 64 | (uint64_t)1 << (random >> 8) % 64;
        entries[i] = (struct tx_index_entry){prefixes[i], i % BLOCKS, i};
    }
    char *folder;
    struct tx_index *x = written(&folder, entries, COUNT);
    expect_sorted(entries, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint64_t cursor = 0;
        bool found = false;
        while (!found && tx_index_find(x, prefixes[i], &cursor, &e) == 1)
            found = e.prefix == prefixes[i] && e.block == i % BLOCKS && e.index == i;
        cr_assert(found, "entry %u", i);
    }
    tx_index_close(x);
    fixture_remove(folder);
    free(prefixes);
    free(entries);
}

Test(tx_index, equal_prefixes_come_by_block_and_index)
{
    struct tx_index_entry entries[] = {{9, 2, 1}, {9, 1, 7}, {8, 3, 3}, {9, 2, 0}, {9, 1, TX_INDEX_BLOCK}, {10, 0, 0}};
    const struct tx_index_entry sorted[] = {{9, 1, 7}, {9, 1, TX_INDEX_BLOCK}, {9, 2, 0}, {9, 2, 1}};
    char *folder;
    struct tx_index *x = written(&folder, entries, sizeof entries / sizeof entries[0]);
    struct tx_index_entry e;
    uint64_t cursor = 0;
    for (size_t i = 0; i < sizeof sorted / sizeof sorted[0]; i++) {
        cr_assert_eq(tx_index_find(x, 9, &cursor, &e), 1);
        cr_assert(e.prefix == 9 && e.block == sorted[i].block && e.index == sorted[i].index);
    }
    cr_assert_eq(tx_index_find(x, 9, &cursor, &e), 0);
    tx_index_close(x);
    fixture_remove(folder);
}

Test(tx_index, an_index_without_entries_finds_nothing)
{
    char *folder;
    struct tx_index *x = written(&folder, NULL, 0);
    struct tx_index_entry e;
    uint64_t cursor = 0;
    cr_assert_eq(tx_index_find(x, 9, &cursor, &e), 0);
    tx_index_close(x);
    fixture_remove(folder);
}
