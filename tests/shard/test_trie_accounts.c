// The partitions' account tries and the join to the state root, against the oracle over all accounts together.
#include "tests/shard/naive_trie.h"
#include "tests/support/vectors.h"

#include "base/hex.h"
#include "base/keccak.h"
#include "shard/partition.h"
#include "shard/trie/account_trie.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define ACCOUNTS_MAX 3000

// All partitions in one thread, and the accounts' values as the oracle knows them.
struct world {
    struct arena *arena;
    struct state *states[PARTITION_COUNT];
    struct account_trie *tries[PARTITION_COUNT];
    bytes32 keys[ACCOUNTS_MAX];
    struct account values[ACCOUNTS_MAX];
    size_t count;
    uint64_t height;
    struct state_root *root; // followed block by block
    bool root_known;
    struct subroot subroots[PARTITION_COUNT];
};

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    w->arena = arena_create();
    w->root = state_root_create();
    for (int p = 0; p < PARTITION_COUNT; p++) {
        w->states[p] = state_create(w->arena);
        w->tries[p] = account_trie_create(w->arena, w->states[p]);
    }
    return w;
}

static void world_free(struct world *w)
{
    for (int p = 0; p < PARTITION_COUNT; p++) {
        account_trie_free(w->tries[p]);
        state_free(w->states[p]);
    }
    state_root_free(w->root);
    cr_expect_eq(arena_bytes(w->arena), 0);
    arena_destroy(w->arena);
    free(w);
}

static void begin_block(struct world *w)
{
    w->height++;
    for (int p = 0; p < PARTITION_COUNT; p++)
        state_begin_block(w->states[p], w->height);
}

static void end_block(struct world *w)
{
    for (int p = 0; p < PARTITION_COUNT; p++)
        state_end_block(w->states[p]);
}

static void set(struct world *w, size_t i, uint64_t nonce, u256 balance)
{
    struct state *s = w->states[partition_of_key(&w->keys[i])];
    w->values[i] = (struct account){nonce, balance};
    state_set(s, state_find_or_add(s, &w->keys[i]), &w->values[i]);
}

static bytes32 joined_root(struct account_trie **tries)
{
    static struct subroot subroots[PARTITION_COUNT];
    for (int p = 0; p < PARTITION_COUNT; p++)
        account_trie_subroot(tries[p], &subroots[p]);
    return state_root_join(subroots);
}

// The root as a chain follows it: only what the last block changed is looked at.
static bytes32 followed_root(struct world *w)
{
    uint8_t changed[PARTITION_COUNT];
    for (int p = 0; p < PARTITION_COUNT; p++) {
        changed[p] = !w->root_known || state_changed_count(w->states[p]) > 0;
        if (changed[p])
            account_trie_subroot(w->tries[p], &w->subroots[p]);
    }
    w->root_known = true;
    return state_root_update(w->root, w->subroots, changed);
}

static bytes32 oracle_root(const struct world *w)
{
    static uint8_t encoded[ACCOUNTS_MAX][120];
    static struct naive_item items[ACCOUNTS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (w->values[i].nonce == 0 && u256_is_zero(&w->values[i].balance))
            continue;
        size_t len = account_encode(encoded[n], &w->values[i], NULL);
        items[n] = (struct naive_item){bytes_of(w->keys[i].b, 32), bytes_of(encoded[n], len)};
        n++;
    }
    return naive_trie_root(items, n);
}

#define expect_root(w, ...)                                                                                            \
    do {                                                                                                               \
        account_trie_update((w)->tries, PARTITION_COUNT);                                                              \
        bytes32 root_ = joined_root((w)->tries), expected_ = oracle_root(w), followed_ = followed_root(w);             \
        cr_assert(bytes32_equal(&root_, &expected_), __VA_ARGS__);                                                     \
        cr_assert(bytes32_equal(&followed_, &expected_), "followed: " __VA_ARGS__);                                    \
    } while (0)

static bytes32 random_key(uint64_t *rng)
{
    bytes32 key;
    for (int i = 0; i < 4; i++)
        store_le64(key.b + 8 * i, test_random(rng));
    return key;
}

static u256 random_balance(uint64_t *rng)
{
    u256 b = {{test_random(rng), test_random(rng), test_random(rng), test_random(rng)}};
    for (unsigned words = (unsigned)(test_random(rng) % 4) + 1; words < 4; words++)
        b.w[words] = 0;
    b.w[0] >>= test_random(rng) % 64;
    return b;
}

Test(account_trie, an_account_is_encoded_as_four_fields)
{
    struct account a = {.nonce = 1, .balance = u256_from_u64(0x1234)};
    uint8_t out[120];
    size_t len = account_encode(out, &a, NULL);
    char text[241] = {0};
    hex_encode(text, out, len);
    cr_expect_str_eq(text, "f84601821234a056e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
                           "a0c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    a = (struct account){.nonce = UINT64_MAX, .balance = U256_MAX};
    cr_expect_eq(account_encode(out, &a, NULL), 2 + 9 + 33 + 33 + 33);
}

Test(account_trie, the_root_without_accounts_is_the_empty_root)
{
    struct world *w = world_new();
    bytes32 root = joined_root(w->tries);
    cr_expect(bytes32_equal(&root, &KECCAK256_EMPTY_RLP));
    account_trie_rebuild(w->tries, PARTITION_COUNT);
    root = joined_root(w->tries);
    cr_expect(bytes32_equal(&root, &KECCAK256_EMPTY_RLP));
    world_free(w);
}

// Hand-made small states: the first bytes of each account's key, one shape of the joined top a line.
static const struct {
    const char *shape;
    uint8_t starts[6][3];
    size_t count;
} shapes[] = {
    {"one leaf for the whole state", {{0x12}}, 1},
    {"two leaves in one partition, root is an extension", {{0x12, 0x30}, {0x12, 0x40}}, 2},
    {"two leaves in one partition that share more, root is a longer extension",
     {{0x12, 0x34, 0x50}, {0x12, 0x34, 0x60}},
     2},
    {"two partitions under one first nibble", {{0x12}, {0x13}}, 2},
    {"two first nibbles, a leaf each", {{0x12}, {0x52}}, 2},
    {"two first nibbles, a branch in one partition", {{0x12, 0x30}, {0x12, 0x40}, {0x52}}, 3},
    {"two first nibbles, an extension in one partition", {{0x12, 0x34, 0x50}, {0x12, 0x34, 0x60}, {0x52}}, 3},
    {"one first nibble, branches in two partitions", {{0x12, 0x30}, {0x12, 0x40}, {0x13, 0x30}, {0x13, 0x40}}, 4},
    {"one first nibble, an extension and a leaf", {{0x12, 0x34, 0x50}, {0x12, 0x34, 0x60}, {0x1f}}, 3},
    {"first and last partition", {{0x00}, {0xff}}, 2},
    {"everything", {{0x00}, {0x01, 0x10}, {0x01, 0x20}, {0x80, 0x11, 0x10}, {0x80, 0x11, 0x20}, {0xff}}, 6},
};

Test(account_trie, every_small_shape_of_the_top_joins_rightly)
{
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        struct world *w = world_new();
        uint64_t rng = s;
        for (size_t i = 0; i < shapes[s].count; i++) {
            w->keys[i] = random_key(&rng);
            memcpy(w->keys[i].b, shapes[s].starts[i], 3);
        }
        w->count = shapes[s].count;
        // Growing one by one and shrinking one by one goes through the shapes between.
        for (size_t i = 0; i < w->count; i++) {
            begin_block(w);
            set(w, i, i, u256_from_u64(1000 + i));
            end_block(w);
            expect_root(w, "%s: after %zu accounts", shapes[s].shape, i + 1);
        }
        for (size_t i = 0; i < w->count; i++) {
            begin_block(w);
            set(w, i, 0, U256_ZERO);
            end_block(w);
            expect_root(w, "%s: after %zu removals", shapes[s].shape, i + 1);
        }
        world_free(w);
    }
}

// partitions: how many different first bytes the keys have.
static void random_blocks(uint64_t *rng, size_t accounts, unsigned partitions, unsigned blocks, unsigned removals)
{
    struct world *w = world_new();
    uint8_t offset = (uint8_t)test_random(rng), stride = (uint8_t)(test_random(rng) | 1);
    w->count = accounts;
    for (size_t i = 0; i < accounts; i++) {
        w->keys[i] = random_key(rng);
        w->keys[i].b[0] = (uint8_t)(offset + stride * (test_random(rng) % partitions));
        if (test_random(rng) % 4 == 0 && i > 0) // share some nibbles with the account before
            memcpy(w->keys[i].b, w->keys[i - 1].b, 1 + test_random(rng) % 6);
    }
    for (unsigned b = 0; b < blocks; b++) {
        begin_block(w);
        size_t changes = test_random(rng) % (accounts / 4 + 2);
        for (size_t i = 0; i < changes; i++) {
            size_t a = test_random(rng) % accounts;
            if (test_random(rng) % 100 < removals)
                set(w, a, 0, U256_ZERO);
            else
                set(w, a, test_random(rng) % 300, random_balance(rng));
        }
        end_block(w);
        expect_root(w, "%zu accounts in %u partitions, block %u", accounts, partitions, b + 1);
    }
    // What was changed block by block equals what is built at once.
    account_trie_rebuild(w->tries, PARTITION_COUNT);
    bytes32 root = joined_root(w->tries), expected = oracle_root(w);
    cr_assert(bytes32_equal(&root, &expected), "rebuilt");
    begin_block(w);
    set(w, 0, 7, u256_from_u64(7));
    end_block(w);
    expect_root(w, "changed after the rebuild");
    world_free(w);
}

Test(account_trie, random_blocks_give_the_roots_of_the_definition)
{
    uint64_t rng = test_seed("account_trie/random_blocks");
    for (int i = 0; i < 6; i++) {
        random_blocks(&rng, 5, 2, 40, 50);
        random_blocks(&rng, 40, 3, 40, 40);
        random_blocks(&rng, 200, 256, 20, 30);
        random_blocks(&rng, 200, 16, 20, 70);
    }
    random_blocks(&rng, ACCOUNTS_MAX, 256, 6, 10);
    random_blocks(&rng, ACCOUNTS_MAX, 1, 6, 10);
}

Test(account_trie, updating_all_partitions_in_one_call_equals_one_by_one)
{
    uint64_t rng = test_seed("account_trie/one_by_one");
    struct world *together = world_new(), *single = world_new();
    for (size_t i = 0; i < 1000; i++)
        together->keys[i] = single->keys[i] = random_key(&rng);
    for (int b = 0; b < 10; b++) {
        begin_block(together);
        begin_block(single);
        for (int i = 0; i < 200; i++) {
            size_t a = test_random(&rng) % 1000;
            u256 balance = random_balance(&rng);
            set(together, a, 1, balance);
            set(single, a, 1, balance);
        }
        end_block(together);
        end_block(single);
        account_trie_update(together->tries, PARTITION_COUNT);
        for (int p = PARTITION_COUNT - 1; p >= 0; p--)
            account_trie_update(&single->tries[p], 1);
        bytes32 a = joined_root(together->tries), b_root = joined_root(single->tries);
        cr_assert(bytes32_equal(&a, &b_root), "block %d", b + 1);
    }
    world_free(together);
    world_free(single);
}

Test(account_trie, loading_and_rebuilding_gives_the_same_root_in_any_order_of_keys)
{
    uint64_t rng = test_seed("account_trie/load");
    struct world *w = world_new();
    w->count = ACCOUNTS_MAX;
    for (int p = 0; p < PARTITION_COUNT; p++)
        state_load_begin(w->states[p], p % 2 ? 0 : ACCOUNTS_MAX / PARTITION_COUNT);
    for (size_t i = 0; i < w->count; i++) {
        w->keys[i] = random_key(&rng);
        w->values[i] = (struct account){test_random(&rng) % 5 + 1, random_balance(&rng)};
        state_load(w->states[partition_of_key(&w->keys[i])], &w->keys[i], &w->values[i]);
    }
    for (int p = 0; p < PARTITION_COUNT; p++)
        state_load_end(w->states[p]);
    account_trie_rebuild(w->tries, PARTITION_COUNT);
    bytes32 root = joined_root(w->tries), expected = oracle_root(w);
    cr_expect(bytes32_equal(&root, &expected));
    world_free(w);
}

Test(account_trie, rebuilding_gives_back_what_was_built_before)
{
    struct world *w = world_new();
    uint64_t rng = 1;
    begin_block(w);
    for (w->count = 0; w->count < ACCOUNTS_MAX; w->count++) {
        w->keys[w->count] = random_key(&rng);
        w->keys[w->count].b[0] = 7;
        set(w, w->count, 1, U256_ZERO);
    }
    end_block(w);
    account_trie_rebuild(w->tries, PARTITION_COUNT);
    uint64_t bytes = arena_bytes(w->arena);
    for (int i = 0; i < 3; i++)
        account_trie_rebuild(w->tries, PARTITION_COUNT);
    cr_expect_eq(arena_bytes(w->arena), bytes);
    expect_root(w, "after four rebuilds");
    world_free(w);
}
