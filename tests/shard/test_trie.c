// The trie core against the oracle: random changes of random shapes, embedded nodes, building in one go, many at once.
#include "tests/shard/naive_trie.h"
#include "tests/shard/trie_fixture.h"
#include "tests/support/vectors.h"

#include "base/keccak.h"

#include <criterion/criterion.h>

static bytes32 random_bytes32(uint64_t *rng)
{
    bytes32 out;
    for (int i = 0; i < 4; i++) {
        uint64_t r = test_random(rng);
        memcpy(out.b + 8 * i, &r, 8);
    }
    return out;
}

// Keys that share long stretches: a key begins like one of a few others, up to a random nibble.
static bytes32 crowded_key(uint64_t *rng, const bytes32 *stems, size_t stem_count)
{
    bytes32 key = random_bytes32(rng);
    const bytes32 *stem = &stems[test_random(rng) % stem_count];
    unsigned same = (unsigned)(test_random(rng) % 64);
    memcpy(key.b, stem->b, same / 2);
    if (same % 2)
        key.b[same / 2] = (uint8_t)((stem->b[same / 2] & 0xf0) | (key.b[same / 2] & 15));
    return key;
}

static struct bytes random_value(uint64_t *rng, uint8_t *buffer, size_t max)
{
    size_t len = 1 + test_random(rng) % max;
    for (size_t i = 0; i < len; i++)
        buffer[i] = (uint8_t)test_random(rng);
    return bytes_of(buffer, len);
}

struct shape {
    bool crowded;
    unsigned root_depth;
    size_t keys, steps, value_max;
};

static void random_run(uint64_t *rng, struct shape shape)
{
    struct trie_fixture *f = trie_fixture_new(shape.root_depth);
    bytes32 stems[3] = {random_bytes32(rng), random_bytes32(rng), random_bytes32(rng)};
    for (size_t i = 0; i < shape.keys; i++) {
        bytes32 key = shape.crowded ? crowded_key(rng, stems, 3) : random_bytes32(rng);
        memset(key.b, 0, shape.root_depth / 2);
        trie_fixture_leaf(f, &key);
    }
    for (size_t step = 0; step < shape.steps; step++) {
        // Phases of growth and of decline, down to the empty trie.
        unsigned removals = step / (shape.steps / 4 + 1) % 2 ? 80 : 30;
        size_t changes = 1 + test_random(rng) % 8;
        for (size_t i = 0; i < changes; i++) {
            uint32_t leaf = (uint32_t)(test_random(rng) % f->count);
            uint8_t buffer[TRIE_VALUE_MAX];
            if (test_random(rng) % 100 < removals)
                trie_fixture_remove(f, leaf);
            else
                trie_fixture_put(f, leaf, random_value(rng, buffer, shape.value_max));
        }
        bytes32 root = trie_fixture_root(f), expected = trie_fixture_naive_root(f);
        cr_assert(bytes32_equal(&root, &expected), "step %zu", step);
    }
    trie_fixture_free(f);
}

Test(trie, random_changes_give_the_roots_of_the_definition)
{
    uint64_t rng = test_seed("trie/random_changes");
    for (int i = 0; i < 20; i++) {
        random_run(&rng, (struct shape){.keys = 12, .steps = 60, .value_max = 100});
        random_run(&rng, (struct shape){.keys = 200, .steps = 60, .value_max = 100});
    }
}

Test(trie, keys_with_long_common_beginnings_and_short_values_embed_nodes_rightly)
{
    uint64_t rng = test_seed("trie/crowded");
    for (int i = 0; i < 30; i++) {
        random_run(&rng, (struct shape){.crowded = true, .keys = 8, .steps = 80, .value_max = 3});
        random_run(&rng, (struct shape){.crowded = true, .keys = 60, .steps = 80, .value_max = 12});
        random_run(&rng, (struct shape){.crowded = true, .keys = 300, .steps = 20, .value_max = 40});
    }
}

Test(trie, keys_that_differ_only_in_their_last_nibbles_make_a_root_that_embeds_a_whole_branch)
{
    for (unsigned count = 2; count <= 16; count++) {
        struct trie_fixture *f = trie_fixture_new(0);
        for (unsigned i = 0; i < count; i++) {
            bytes32 key = {{0}};
            key.b[31] = (uint8_t)i;
            uint8_t value = (uint8_t)(i + 1);
            trie_fixture_put(f, trie_fixture_leaf(f, &key), bytes_of(&value, 1));
        }
        bytes32 root = trie_fixture_root(f), expected = trie_fixture_naive_root(f);
        cr_expect(bytes32_equal(&root, &expected), "%u keys", count);
        for (unsigned i = 0; i < count; i++) {
            trie_fixture_remove(f, i);
            root = trie_fixture_root(f), expected = trie_fixture_naive_root(f);
            cr_expect(bytes32_equal(&root, &expected), "%u keys, %u removed", count, i + 1);
        }
        trie_fixture_free(f);
    }
}

// Short keys fill every shape: embedded roots, branches in branches in leaves' places.
Test(trie, keys_of_one_and_two_bytes_embed_almost_everything)
{
    uint64_t rng = test_seed("trie/short_keys");
    for (int i = 0; i < 30; i++) {
        random_run(&rng, (struct shape){.root_depth = 62, .keys = 2 + (size_t)i % 8, .steps = 60, .value_max = 2});
        random_run(&rng, (struct shape){.root_depth = 62, .keys = 100, .steps = 40, .value_max = 6});
        random_run(&rng, (struct shape){.root_depth = 60, .keys = 100, .steps = 40, .value_max = 3});
    }
}

Test(trie, taking_out_what_is_not_in_changes_nothing)
{
    struct trie_fixture *f = trie_fixture_new(0);
    bytes32 a = {{0x11}}, b = {{0x12}}, c = {{0x13}}, d = {{0x11, 1}};
    uint32_t leaf_a = trie_fixture_leaf(f, &a), leaf_b = trie_fixture_leaf(f, &b);
    uint32_t leaf_c = trie_fixture_leaf(f, &c), leaf_d = trie_fixture_leaf(f, &d);
    trie_fixture_remove(f, leaf_a);
    bytes32 root = trie_fixture_root(f);
    cr_expect(bytes32_equal(&root, &KECCAK256_EMPTY_RLP));
    trie_fixture_put(f, leaf_a, bytes_of("dog", 3));
    trie_fixture_remove(f, leaf_d);
    trie_fixture_put(f, leaf_b, bytes_of("cat", 3));
    root = trie_fixture_root(f);
    trie_fixture_remove(f, leaf_c);
    trie_fixture_remove(f, leaf_d);
    bytes32 again = trie_fixture_root(f), expected = trie_fixture_naive_root(f);
    cr_expect(bytes32_equal(&root, &again));
    cr_expect(bytes32_equal(&root, &expected));
    trie_fixture_free(f);
}

Test(trie, building_from_sorted_leaves_equals_putting_them_one_by_one)
{
    uint64_t rng = test_seed("trie/build");
    for (int round = 0; round < 30; round++) {
        struct trie_fixture *f = trie_fixture_new(0);
        bytes32 stems[2] = {random_bytes32(&rng), random_bytes32(&rng)};
        size_t count = round < 4 ? (size_t)round : 1 + test_random(&rng) % 500;
        struct trie_entry entries[512];
        for (size_t i = 0; i < count; i++) {
            bytes32 key = round % 2 ? random_bytes32(&rng) : crowded_key(&rng, stems, 2);
            struct fixture_leaf *leaf = &f->leaves[trie_fixture_leaf(f, &key)];
            leaf->value_len = random_value(&rng, leaf->value, 8).len;
            leaf->in = true;
        }
        count = f->count;
        for (uint32_t i = 0; i < count; i++)
            entries[i] = (struct trie_entry){trie_key_prefix(&f->leaves[i].key), i};
        trie_sort(&f->trie, entries, count);
        trie_build(&f->trie, entries, count);
        bytes32 root = trie_fixture_root(f), expected = trie_fixture_naive_root(f);
        cr_expect(bytes32_equal(&root, &expected), "%zu leaves", count);
        // What was built can be changed.
        for (uint32_t i = 0; i < count; i += 3)
            trie_fixture_remove(f, i);
        root = trie_fixture_root(f), expected = trie_fixture_naive_root(f);
        cr_expect(bytes32_equal(&root, &expected), "%zu leaves, a third removed", count);
        trie_fixture_free(f);
    }
}

Test(trie, memory_of_removed_nodes_is_used_again)
{
    uint64_t rng = test_seed("trie/reuse");
    struct trie_fixture *f = trie_fixture_new(0);
    for (int i = 0; i < 2000; i++) {
        bytes32 key = random_bytes32(&rng);
        f->leaves[i].key = key;
    }
    f->count = 2000;
    uint32_t chunks = 0;
    for (int round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < f->count; i++)
            trie_fixture_put(f, i, bytes_of("value", 5));
        if (round == 0)
            chunks = f->pool.chunk_count;
        for (uint32_t i = 0; i < f->count; i++)
            trie_fixture_remove(f, i);
        cr_assert_eq(f->trie.root, TRIE_NONE);
    }
    cr_expect_leq(f->pool.chunk_count, chunks + 1);
    trie_fixture_free(f);
}
