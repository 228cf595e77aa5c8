// A checkpoint that others read while it is written on.
#include "engine/store/checkpoint_snapshot.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/engine/store_fixture.h"

static const bytes32 GENESIS = {{0x11}}, ONE = {{1}}, TWO = {{2}};

static struct checkpoint *c;
static char *dir, error[STORE_ERROR_MAX];

static void setup(void)
{
    uint64_t height;
    bytes32 hash;
    bool complete;
    dir = fixture_folder();
    c = checkpoint_open(dir, &GENESIS, &height, &hash, &complete, error);
    cr_assert(c, "%s", error);
}

static void teardown(void)
{
    checkpoint_close(c);
    fixture_remove(dir);
}

TestSuite(checkpoint_snapshot, .init = setup, .fini = teardown);

// Accounts 1 to count, each with this nonce.
static struct state_batch accounts(unsigned count, uint64_t nonce)
{
    struct state_batch b = {0};
    for (unsigned i = 1; i <= count; i++)
        state_batch_add(&b, &(bytes32){{(uint8_t)i}}, true, &(struct account){.nonce = nonce}, NULL);
    return b;
}

static void write_at(uint64_t height, const bytes32 *hash, unsigned count, uint64_t nonce)
{
    const struct state_batch b = accounts(count, nonce);
    cr_assert(checkpoint_start(c, height, hash, &b, 1)); // its arrays are taken over
    while (checkpoint_busy(c))
        usleep(1000);
}

struct reading {
    unsigned count, most;
    uint8_t last_value[8];
};

static bool note(void *ctx, const struct checkpoint_entry *e)
{
    struct reading *r = ctx;
    if (r->count == r->most)
        return false;
    r->count++;
    cr_assert_eq(e->key.len, 32);
    cr_assert_leq(e->value.len, sizeof r->last_value);
    memset(r->last_value, 0, sizeof r->last_value);
    memcpy(r->last_value, e->value.ptr, e->value.len);
    return true;
}

// Nonce of the accounts that are pinned, of which there are so many from key `from` on.
static void expect_pinned(uint8_t from, unsigned count, uint64_t nonce)
{
    const uint8_t key[32] = {from};
    struct reading r = {.most = 100};
    cr_assert(checkpoint_read_pinned(c, CHECKPOINT_ACCOUNTS, key, note, &r));
    cr_expect_eq(r.count, count, "%u accounts", r.count);
    cr_expect_eq(r.last_value[2], nonce, "behind the two lengths");
}

Test(checkpoint_snapshot, what_is_pinned_stays_as_it_was_until_it_is_renewed)
{
    uint64_t height;
    bytes32 hash;
    struct state_batch initial = accounts(5, 7);
    cr_expect_not(checkpoint_pin(c, false, &height, &hash, error), "there is none yet");
    cr_assert_null(checkpoint_pinned(c));
    cr_assert(checkpoint_write_initial(c, &initial, &GENESIS, error), "%s", error);
    state_batch_free(&initial);
    write_at(1, &ONE, 5, 8);
    cr_assert(checkpoint_pin(c, false, &height, &hash, error), "%s", error);
    cr_assert(height == 1 && bytes32_equal(&hash, &ONE) && bytes32_equal(checkpoint_pinned(c), &ONE));
    write_at(2, &TWO, 9, 9);
    expect_pinned(0, 5, 8);
    expect_pinned(4, 2, 8);
    cr_assert(checkpoint_pin(c, false, &height, &hash, error) && height == 1);
    cr_assert(checkpoint_pin(c, true, &height, &hash, error) && height == 2);
    expect_pinned(0, 9, 9);
    checkpoint_unpin(c);
    struct reading r = {.most = 100};
    cr_expect_not(checkpoint_read_pinned(c, CHECKPOINT_ACCOUNTS, ONE.b, note, &r), "nothing is pinned");
}

Test(checkpoint_snapshot, reading_says_whether_there_is_more)
{
    uint64_t height;
    bytes32 hash;
    const uint8_t from[32] = {0};
    struct state_batch initial = accounts(5, 7);
    cr_assert(checkpoint_write_initial(c, &initial, &GENESIS, error), "%s", error);
    state_batch_free(&initial);
    cr_assert(checkpoint_pin(c, false, &height, &hash, error), "%s", error);
    struct reading r = {.most = 4};
    cr_expect_not(checkpoint_read_pinned(c, CHECKPOINT_ACCOUNTS, from, note, &r));
    cr_expect_eq(r.count, 4);
    r = (struct reading){.most = 5};
    cr_expect(checkpoint_read_pinned(c, CHECKPOINT_ACCOUNTS, from, note, &r));
}

Test(checkpoint_snapshot, entries_come_in_in_order_or_not_at_all)
{
    const bytes32 keys[] = {{{1}}, {{2}}, {{3}}};
    static const uint8_t value[] = {1, 0, 5}, bad[] = {1, 0, 0};
    uint8_t last[32];
    struct checkpoint_entry e[3];
    for (unsigned i = 0; i < 3; i++)
        e[i] = (struct checkpoint_entry){bytes_of(keys[i].b, 32), bytes_of(value, sizeof value)};
    cr_assert(checkpoint_import_begin(c, 3, &ONE, error), "%s", error);
    cr_expect_not(checkpoint_import_last(c, CHECKPOINT_ACCOUNTS, last));
    cr_assert_eq(checkpoint_import(c, CHECKPOINT_ACCOUNTS, e, 2, error), CHECKPOINT_TAKEN);
    cr_assert(checkpoint_import_last(c, CHECKPOINT_ACCOUNTS, last) && last[0] == 2);
    cr_expect_eq(checkpoint_import(c, CHECKPOINT_ACCOUNTS, e + 1, 2, error), CHECKPOINT_MALFORMED, "one is there");
    e[2].value = bytes_of(bad, sizeof bad);
    cr_expect_eq(checkpoint_import(c, CHECKPOINT_ACCOUNTS, e + 2, 1, error), CHECKPOINT_MALFORMED, "not minimal");
    cr_assert(checkpoint_import_last(c, CHECKPOINT_ACCOUNTS, last) && last[0] == 2);
    cr_assert(checkpoint_import_complete(c, 3, &ONE, error), "%s", error);
    checkpoint_close(c);
    uint64_t height;
    bytes32 hash;
    bool complete;
    c = checkpoint_open(dir, &GENESIS, &height, &hash, &complete, error);
    cr_assert(c && complete && height == 3 && bytes32_equal(&hash, &ONE), "%s", error);
}
