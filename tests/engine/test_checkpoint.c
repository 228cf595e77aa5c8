#include <criterion/criterion.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/store/account_codec.h"
#include "engine/store/checkpoint.h"
#include "shard/partition.h"
#include "tests/engine/store_fixture.h"
#include "tests/support/vectors.h"

static const bytes32 GENESIS = {{0x11}}, BLOCK_ONE = {{0x22}};

static struct checkpoint *open_expecting(const char *dir, uint64_t height, const bytes32 *hash, bool complete)
{
    char error[STORE_ERROR_MAX];
    uint64_t found;
    bytes32 found_hash;
    bool found_complete;
    struct checkpoint *c = checkpoint_open(dir, &GENESIS, &found, &found_hash, &found_complete, error);
    cr_assert_not_null(c, "%s", error);
    cr_expect_eq(found, height);
    cr_expect_eq(found_complete, complete);
    if (complete)
        cr_expect(bytes32_equal(&found_hash, hash));
    return c;
}

static struct account random_account(uint64_t *seed)
{
    struct account a = {.nonce = test_random(seed) >> test_random(seed) % 65 % 64};
    for (uint64_t words = test_random(seed) % 5, i = 0; i < words; i++)
        a.balance.w[i] = test_random(seed) >> test_random(seed) % 64;
    a.nonce |= 1; // exists
    return a;
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct state_dirty *)a)->key.b, ((const struct state_dirty *)b)->key.b, 32);
}

static struct state_dirty *random_accounts(uint64_t *seed, size_t count)
{
    struct state_dirty *list = malloc(count * sizeof *list);
    for (size_t i = 0; i < count; i++) {
        for (int j = 0; j < 32; j++)
            list[i].key.b[j] = (uint8_t)test_random(seed);
        list[i].exists = true;
        list[i].account = random_account(seed);
    }
    qsort(list, count, sizeof *list, by_key);
    return list;
}

// Visits must give exactly `expected`, in order.
struct expectation {
    const struct state_dirty *expected;
    size_t count, seen, wrong;
};

static void compare(void *ctx, const bytes32 *key, const struct account *account)
{
    struct expectation *e = ctx;
    while (e->seen < e->count && !e->expected[e->seen].exists)
        e->seen++;
    if (e->seen >= e->count || !bytes32_equal(key, &e->expected[e->seen].key) ||
        account->nonce != e->expected[e->seen].account.nonce ||
        !u256_equal(&account->balance, &e->expected[e->seen].account.balance))
        e->wrong++;
    e->seen++;
}

static void expect_accounts(struct checkpoint *c, const struct state_dirty *list, size_t count)
{
    char error[STORE_ERROR_MAX];
    struct expectation e = {.expected = list, .count = count};
    // In pieces, as the shards do.
    for (unsigned shard = 0; shard < 5; shard++)
        cr_assert(checkpoint_load(c, partition_first(shard, 5), partition_first(shard + 1, 5), compare, &e, error),
                  "%s", error);
    while (e.seen < count && !list[e.seen].exists)
        e.seen++;
    cr_expect(e.wrong == 0 && e.seen == count, "%zu wrong, %zu of %zu seen", e.wrong, e.seen, count);
}

static void wait_for(struct checkpoint *c)
{
    while (checkpoint_busy(c))
        usleep(1000);
    cr_assert_null(checkpoint_failed(c), "%s", checkpoint_failed(c));
}

Test(checkpoint, new_one_is_not_complete_and_the_initial_state_makes_it_so)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    uint64_t seed = test_seed("checkpoint_initial");
    struct checkpoint *c = open_expecting(dir, 0, NULL, false);
    struct state_dirty *list = random_accounts(&seed, 3000);
    cr_assert(checkpoint_write_initial(c, list, 3000, &GENESIS, error), "%s", error);
    expect_accounts(c, list, 3000);
    cr_expect_gt(checkpoint_bytes(c), 100000);
    checkpoint_close(c);
    c = open_expecting(dir, 0, &GENESIS, true);
    expect_accounts(c, list, 3000);
    checkpoint_close(c);
    free(list);
    fixture_remove(dir);
}

Test(checkpoint, initial_state_out_of_order_is_refused_and_stays_incomplete)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    struct checkpoint *c = open_expecting(dir, 0, NULL, false);
    struct state_dirty list[2] = {{.key = {{2}}, .exists = true, .account.nonce = 1},
                                  {.key = {{1}}, .exists = true, .account.nonce = 1}};
    cr_expect_not(checkpoint_write_initial(c, list, 2, &GENESIS, error));
    cr_expect_not_null(strstr(error, "order"), "%s", error);
    checkpoint_close(c);
    c = open_expecting(dir, 0, NULL, false);
    cr_assert(checkpoint_write_initial(c, list, 1, &GENESIS, error), "an unfinished load is begun anew: %s", error);
    checkpoint_close(c);
    fixture_remove(dir);
}

// Random checkpoints on top of each other against a list in memory, with reopening in between.
Test(checkpoint, each_write_is_there_as_a_whole_after_reopening)
{
    enum { ACCOUNTS = 2000 };
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    uint64_t seed = test_seed("checkpoint_model");
    struct state_dirty *model = random_accounts(&seed, ACCOUNTS);
    // Some of them come later.
    for (size_t i = 0; i < ACCOUNTS; i++)
        model[i].exists = test_random(&seed) % 2;
    struct checkpoint *c = open_expecting(dir, 0, NULL, false);
    cr_assert(checkpoint_write_initial(c, model, ACCOUNTS, &GENESIS, error), "%s", error);
    for (uint64_t height = 1; height <= 10; height++) {
        struct checkpoint_part parts[3] = {0};
        for (int p = 0; p < 3; p++)
            parts[p].records = malloc(ACCOUNTS * sizeof *model);
        for (size_t n = 0; n < ACCOUNTS; n++) {
            if (test_random(&seed) % 4 != 0)
                continue;
            model[n].exists = test_random(&seed) % 3 != 0;
            model[n].account = random_account(&seed);
            struct checkpoint_part *p = &parts[test_random(&seed) % 3];
            p->records[p->count++] = model[n];
        }
        const bytes32 hash = {{(uint8_t)height}};
        cr_assert(checkpoint_start(c, height, &hash, parts, 3));
        wait_for(c);
        cr_expect_eq(checkpoint_height(c), height);
        if (height % 3 == 0) {
            checkpoint_close(c);
            c = open_expecting(dir, height, &hash, true);
        }
        expect_accounts(c, model, ACCOUNTS);
    }
    checkpoint_close(c);
    free(model);
    fixture_remove(dir);
}

Test(checkpoint, closing_finishes_the_write_that_runs)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    uint64_t seed = test_seed("checkpoint_close");
    struct checkpoint *c = open_expecting(dir, 0, NULL, false);
    cr_assert(checkpoint_write_initial(c, NULL, 0, &GENESIS, error), "%s", error);
    struct state_dirty *list = random_accounts(&seed, 50000), *copy = malloc(50000 * sizeof *copy);
    memcpy(copy, list, 50000 * sizeof *copy);
    cr_assert(checkpoint_start(c, 1, &BLOCK_ONE, &(struct checkpoint_part){copy, 50000}, 1));
    checkpoint_close(c);
    c = open_expecting(dir, 1, &BLOCK_ONE, true);
    expect_accounts(c, list, 50000);
    checkpoint_close(c);
    free(list);
    fixture_remove(dir);
}

Test(checkpoint, an_abandoned_write_ends_soon_and_leaves_the_last_checkpoint_whole)
{
    char *dir = fixture_folder();
    uint64_t seed = test_seed("checkpoint_abandoned");
    struct checkpoint *c = open_expecting(dir, 0, NULL, false);
    char error[STORE_ERROR_MAX];
    struct state_dirty *initial = random_accounts(&seed, 10);
    cr_assert(checkpoint_write_initial(c, initial, 10, &GENESIS, error), "%s", error);
    struct checkpoint_part part = {random_accounts(&seed, 400000), 400000};
    const uint64_t start = clock_ns();
    cr_assert(checkpoint_start(c, 9, &BLOCK_ONE, &part, 1));
    checkpoint_abandon(c);
    checkpoint_close(c);
    const uint64_t took = clock_ns() - start;
    c = open_expecting(dir, 0, &GENESIS, true);
    cr_expect_null(checkpoint_failed(c));
    // The same one, finished, for comparison.
    part = (struct checkpoint_part){random_accounts(&seed, 400000), 400000};
    const uint64_t again = clock_ns();
    cr_assert(checkpoint_start(c, 9, &BLOCK_ONE, &part, 1));
    checkpoint_close(c);
    cr_expect_lt(took, clock_ns() - again);
    checkpoint_close(open_expecting(dir, 9, &BLOCK_ONE, true));
    free(initial);
    fixture_remove(dir);
}

// The limit on file sizes stands for a full disk.
Test(checkpoint, a_write_that_fails_is_told_and_leaves_the_last_checkpoint_whole)
{
    enum { COUNT = 60000 };
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    uint64_t seed = test_seed("checkpoint_full");
    struct checkpoint *c = open_expecting(dir, 0, NULL, false);
    struct state_dirty *list = random_accounts(&seed, COUNT), *copy = malloc(COUNT * sizeof *copy);
    cr_assert(checkpoint_write_initial(c, list, 1000, &GENESIS, error), "%s", error);
    memcpy(copy, list, COUNT * sizeof *copy);
    struct rlimit old, small;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){checkpoint_bytes(c) + 100000, old.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    cr_assert(checkpoint_start(c, 1, &BLOCK_ONE, &(struct checkpoint_part){copy, COUNT}, 1));
    while (checkpoint_busy(c))
        usleep(1000);
    cr_assert_not_null(checkpoint_failed(c));
    cr_expect_not_null(strstr(checkpoint_failed(c), "block 1"), "%s", checkpoint_failed(c));
    cr_expect_eq(checkpoint_height(c), 0);
    cr_expect_not(checkpoint_start(c, 2, &BLOCK_ONE, NULL, 0), "an error is final");
    checkpoint_close(c);
    setrlimit(RLIMIT_FSIZE, &old);
    c = open_expecting(dir, 0, &GENESIS, true);
    expect_accounts(c, list, 1000);
    checkpoint_close(c);
    free(list);
    fixture_remove(dir);
}

Test(checkpoint, keys_with_a_common_beginning_are_sorted_too)
{
    enum { COUNT = 3000 };
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    uint64_t seed = test_seed("checkpoint_skew");
    struct checkpoint *c = open_expecting(dir, 0, NULL, false);
    cr_assert(checkpoint_write_initial(c, NULL, 0, &GENESIS, error), "%s", error);
    struct state_dirty *list = random_accounts(&seed, COUNT), *copy = malloc(COUNT * sizeof *copy);
    for (size_t i = 0; i < COUNT; i++)
        memset(list[i].key.b, 7, i % 2 == 0 ? 12 : 3);
    memcpy(copy, list, COUNT * sizeof *copy);
    cr_assert(checkpoint_start(c, 1, &BLOCK_ONE, &(struct checkpoint_part){copy, COUNT}, 1));
    wait_for(c);
    qsort(list, COUNT, sizeof *list, by_key);
    expect_accounts(c, list, COUNT);
    checkpoint_close(c);
    free(list);
    fixture_remove(dir);
}

static void count_up(void *ctx)
{
    ++*(_Atomic int *)ctx;
}

Test(checkpoint, background_jobs_run_and_are_not_lost_by_closing)
{
    char *dir = fixture_folder();
    struct checkpoint *c = open_expecting(dir, 0, NULL, false);
    _Atomic int count = 0;
    int given = 0;
    for (int i = 0; i < 200; i++)
        given += checkpoint_background(c, count_up, (void *)&count);
    checkpoint_close(c);
    cr_expect_geq(given, 64);
    cr_expect_eq(count, given);
    fixture_remove(dir);
}

Test(checkpoint, of_another_chain_is_refused)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    const bytes32 other = {{0x99}};
    uint64_t height;
    bytes32 hash;
    bool complete;
    struct checkpoint *c = open_expecting(dir, 0, NULL, false);
    cr_assert(checkpoint_write_initial(c, NULL, 0, &GENESIS, error));
    checkpoint_close(c);
    cr_expect_null(checkpoint_open(dir, &other, &height, &hash, &complete, error));
    cr_expect_not_null(strstr(error, "another chain"), "%s", error);
    fixture_remove(dir);
}

// Writes one raw value into a table of a closed environment.
static void put_raw(const char *dir, const char *table, const void *key, size_t key_len, const void *value, size_t len)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val k = {key_len, (void *)key}, v = {len, (void *)value};
    cr_assert(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 4) == 0);
    cr_assert_eq(mdb_env_open(env, dir, 0, 0640), 0);
    cr_assert(mdb_txn_begin(env, NULL, 0, &txn) == 0 && mdb_dbi_open(txn, table, 0, &dbi) == 0);
    cr_assert(mdb_put(txn, dbi, &k, &v, 0) == 0 && mdb_txn_commit(txn) == 0);
    mdb_env_close(env);
}

static void ignore(void *ctx, const bytes32 *key, const struct account *account)
{
    (void)ctx, (void)key, (void)account;
}

Test(checkpoint, malformed_and_newer_contents_are_refused_by_name)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    uint64_t height;
    bytes32 hash;
    bool complete;
    uint8_t full[2 + 1 + 64] = {0x10 | 1, 0, 9};
    struct checkpoint *c = open_expecting(dir, 0, NULL, false);
    cr_assert(checkpoint_write_initial(c, NULL, 0, &GENESIS, error));
    checkpoint_close(c);

    put_raw(dir, "accounts", &BLOCK_ONE, 32, full, sizeof full);
    c = open_expecting(dir, 0, &GENESIS, true);
    cr_expect_not(checkpoint_load(c, 0, PARTITION_COUNT, ignore, NULL, error));
    cr_expect_not_null(strstr(error, "code or storage"), "%s", error);
    checkpoint_close(c);

    put_raw(dir, "accounts", &BLOCK_ONE, 32, full, 3);
    c = open_expecting(dir, 0, &GENESIS, true);
    cr_expect_not(checkpoint_load(c, 0, PARTITION_COUNT, ignore, NULL, error));
    cr_expect_not_null(strstr(error, "damaged"), "%s", error);
    checkpoint_close(c);

    put_raw(dir, "meta", "head", 4, "nonsense", 8);
    cr_expect_null(checkpoint_open(dir, &GENESIS, &height, &hash, &complete, error));
    cr_expect_not_null(strstr(error, "not a gantry state checkpoint"), "%s", error);
    fixture_remove(dir);
}

Test(account_codec, round_trips_and_is_canonical)
{
    uint64_t seed = test_seed("account_codec");
    for (int i = 0; i < 100000; i++) {
        uint8_t buf[ACCOUNT_ENCODED_MAX];
        struct account back, a = random_account(&seed);
        const size_t len = account_put(buf, &a);
        cr_assert_eq(account_get(&back, bytes_of(buf, len)), ACCOUNT_OK);
        cr_assert(back.nonce == a.nonce && u256_equal(&back.balance, &a.balance));
        cr_assert_eq(account_get(&back, bytes_of(buf, len - 1)), ACCOUNT_MALFORMED);
        buf[0]++;
        buf[len] = 0;
        cr_assert_neq(account_get(&back, bytes_of(buf, len + 1)), ACCOUNT_OK);
    }
}
