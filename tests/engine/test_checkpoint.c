#include <criterion/criterion.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/keccak.h"
#include "engine/store/account_codec.h"
#include "engine/store/checkpoint.h"
#include "shard/partition.h"
#include "shard/state/codes.h"
#include "shard/trie/account_trie.h"
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
    struct state_dirty *list = calloc(count, sizeof *list);
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

static bool compare(void *ctx, const bytes32 *key, const struct account *account,
                    const struct account_contract *contract)
{
    (void)contract;
    struct expectation *e = ctx;
    while (e->seen < e->count && !e->expected[e->seen].exists)
        e->seen++;
    if (e->seen >= e->count || !bytes32_equal(key, &e->expected[e->seen].key) ||
        account->nonce != e->expected[e->seen].account.nonce ||
        !u256_equal(&account->balance, &e->expected[e->seen].account.balance))
        e->wrong++;
    e->seen++;
    return true;
}

static void expect_accounts(struct checkpoint *c, const struct state_dirty *list, size_t count)
{
    char error[STORE_ERROR_MAX];
    struct expectation e = {.expected = list, .count = count};
    const struct checkpoint_visitor visitor = {&e, compare, NULL};
    // In pieces, as the shards do.
    for (unsigned shard = 0; shard < 5; shard++)
        cr_assert(checkpoint_visit(c, partition_first(shard, 5), partition_first(shard + 1, 5), &visitor, error), "%s",
                  error);
    while (e.seen < count && !list[e.seen].exists)
        e.seen++;
    cr_expect(e.wrong == 0 && e.seen == count, "%zu wrong, %zu of %zu seen", e.wrong, e.seen, count);
}

static bool write_initial(struct checkpoint *c, struct state_dirty *list, size_t count, char error[STORE_ERROR_MAX])
{
    const struct state_batch initial = {.accounts = list, .account_count = count};
    return checkpoint_write_initial(c, &initial, &GENESIS, error);
}

static struct state_batch batch_of(struct state_dirty *list, size_t count)
{
    return (struct state_batch){.accounts = list, .account_count = count};
}

static struct state_batch copy_of(const struct state_dirty *list, size_t count)
{
    struct state_dirty *copy = malloc(count * sizeof *copy);
    memcpy(copy, list, count * sizeof *copy);
    return batch_of(copy, count);
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
    cr_assert(write_initial(c, list, 3000, error), "%s", error);
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
    cr_expect_not(write_initial(c, list, 2, error));
    cr_expect_not_null(strstr(error, "order"), "%s", error);
    checkpoint_close(c);
    c = open_expecting(dir, 0, NULL, false);
    cr_assert(write_initial(c, list, 1, error), "an unfinished load is begun anew: %s", error);
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
    cr_assert(write_initial(c, model, ACCOUNTS, error), "%s", error);
    for (uint64_t height = 1; height <= 10; height++) {
        struct state_batch parts[3] = {0};
        for (size_t n = 0; n < ACCOUNTS; n++) {
            if (test_random(&seed) % 4 != 0)
                continue;
            model[n].exists = test_random(&seed) % 3 != 0;
            model[n].account = random_account(&seed);
            state_batch_add(&parts[test_random(&seed) % 3], &model[n].key, model[n].exists, &model[n].account, NULL);
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
    cr_assert(write_initial(c, NULL, 0, error), "%s", error);
    struct state_dirty *list = random_accounts(&seed, 50000);
    struct state_batch part = copy_of(list, 50000);
    cr_assert(checkpoint_start(c, 1, &BLOCK_ONE, &part, 1));
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
    cr_assert(write_initial(c, initial, 10, error), "%s", error);
    struct state_batch part = batch_of(random_accounts(&seed, 400000), 400000);
    const uint64_t start = clock_ns();
    cr_assert(checkpoint_start(c, 9, &BLOCK_ONE, &part, 1));
    checkpoint_abandon(c);
    checkpoint_close(c);
    const uint64_t took = clock_ns() - start;
    c = open_expecting(dir, 0, &GENESIS, true);
    cr_expect_null(checkpoint_failed(c));
    // The same one, finished, for comparison.
    part = batch_of(random_accounts(&seed, 400000), 400000);
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
    struct state_dirty *list = random_accounts(&seed, COUNT);
    cr_assert(write_initial(c, list, 1000, error), "%s", error);
    struct state_batch part = copy_of(list, COUNT);
    struct rlimit old, small;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){checkpoint_bytes(c) + 100000, old.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    cr_assert(checkpoint_start(c, 1, &BLOCK_ONE, &part, 1));
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
    cr_assert(write_initial(c, NULL, 0, error), "%s", error);
    struct state_dirty *list = random_accounts(&seed, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        memset(list[i].key.b, 7, i % 2 == 0 ? 12 : 3);
    struct state_batch part = copy_of(list, COUNT);
    cr_assert(checkpoint_start(c, 1, &BLOCK_ONE, &part, 1));
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
    cr_assert(write_initial(c, NULL, 0, error));
    checkpoint_close(c);
    cr_expect_null(checkpoint_open(dir, &other, &height, &hash, &complete, error));
    cr_expect_not_null(strstr(error, "another chain"), "%s", error);
    fixture_remove(dir);
}

// ---- states with contracts

struct contracts {
    struct arena *arena;
    struct codes *codes;
    struct state *states[PARTITION_COUNT];
    struct account_trie *tries[PARTITION_COUNT];
};

static struct contracts *contracts_new(void)
{
    struct contracts *w = calloc(1, sizeof *w);
    w->arena = arena_create();
    w->codes = codes_create(evm_rules_of(EVM_CANCUN));
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        w->states[p] = state_create(w->arena);
        state_use_codes(w->states[p], w->codes);
        w->tries[p] = account_trie_create(w->arena, w->states[p]);
    }
    return w;
}

static void contracts_free(struct contracts *w)
{
    codes_free(w->codes);
    arena_destroy(w->arena);
    free(w);
}

static bytes32 contracts_root(const struct contracts *w)
{
    struct subroot *subroots = calloc(PARTITION_COUNT, sizeof *subroots);
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        account_trie_subroot(w->tries[p], &subroots[p]);
    const bytes32 root = state_root_join(subroots);
    free(subroots);
    return root;
}

// One block: some of 200 accounts get a code of their own, which may be new, some of 30 slots, or cease to exist.
static void contracts_block(struct contracts *w, uint64_t height, uint64_t *seed)
{
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_begin_block(w->states[p], height);
    for (int n = 0; n < 300; n++) {
        bytes32 key = {{0}};
        store_le64(key.b, test_random(seed) % 200 * 0x9e3779b97f4a7c15);
        struct state *s = w->states[partition_of_key(&key)];
        const uint32_t id = state_find_or_add(s, &key);
        const struct account account = random_account(seed);
        const u256 slot = u256_from_u64(test_random(seed) % 30), value = random_account(seed).balance;
        if (test_random(seed) % 8 == 0) {
            state_remove(s, id);
            continue;
        }
        state_set(s, id, &account);
        state_slot_put(s, id, &slot, &value);
        if (test_random(seed) % 3 == 0) {
            const uint64_t code = test_random(seed) % 1000;
            const bytes32 hash = keccak256(&code, sizeof code);
            codes_add(w->codes, &hash, bytes_of(&code, sizeof code));
            state_set_code(s, id, &hash);
        }
    }
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_end_block(w->states[p]);
    account_trie_update(w->tries, PARTITION_COUNT);
}

static void expect_loaded(struct checkpoint *c, const struct contracts *w)
{
    char error[STORE_ERROR_MAX];
    struct contracts *back = contracts_new();
    cr_assert(checkpoint_load_codes(c, back->codes, error), "%s", error);
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_load_begin(back->states[p], 1);
    cr_assert(checkpoint_load(c, 0, 100, back->states, error), "%s", error);
    cr_assert(checkpoint_load(c, 100, PARTITION_COUNT, back->states, error), "%s", error);
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_load_end(back->states[p]);
    account_trie_rebuild(back->tries, PARTITION_COUNT);
    const bytes32 got = contracts_root(back), expected = contracts_root(w);
    cr_assert(bytes32_equal(&got, &expected));
    cr_assert_eq(codes_count(back->codes), codes_count(w->codes));
    contracts_free(back);
}

Test(checkpoint, contracts_come_back_with_their_storage_and_codes)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    uint64_t seed = test_seed("checkpoint_contracts");
    struct contracts *w = contracts_new();
    struct checkpoint *c = open_expecting(dir, 0, NULL, false);
    cr_assert(checkpoint_load_codes(c, w->codes, error));
    cr_assert(write_initial(c, NULL, 0, error), "%s", error);
    for (uint64_t height = 1; height <= 12; height++) {
        const bytes32 hash = {{(uint8_t)height}};
        struct state_batch parts[2] = {0};
        contracts_block(w, height, &seed);
        if (height % 4 == 1)
            continue; // the next one has more
        for (unsigned p = 0; p < PARTITION_COUNT; p++)
            state_take_dirty(w->states[p], &parts[p % 2]);
        cr_assert(checkpoint_start(c, height, &hash, parts, 2));
        checkpoint_close(c);
        c = open_expecting(dir, height, &hash, true);
        expect_loaded(c, w);
        // As a start does, but with codes there already, which are written again once.
        cr_assert(checkpoint_load_codes(c, w->codes, error), "%s", error);
    }
    checkpoint_close(c);
    contracts_free(w);
    fixture_remove(dir);
}

Test(checkpoint, initial_slots_out_of_order_are_refused)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    struct checkpoint *c = open_expecting(dir, 0, NULL, false);
    const u256 one = u256_from_u64(1);
    struct state_batch b = {0};
    state_batch_add(&b, &BLOCK_ONE, true, &(struct account){.nonce = 1}, NULL);
    state_batch_add_slot(&b, &BLOCK_ONE, &(bytes32){{2}}, &one);
    state_batch_add_slot(&b, &BLOCK_ONE, &(bytes32){{1}}, &one);
    cr_expect_not(checkpoint_write_initial(c, &b, &GENESIS, error));
    cr_expect_not_null(strstr(error, "order"), "%s", error);
    state_batch_free(&b);
    checkpoint_close(c);
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

// Loading all of the checkpoint into states is refused.
static void expect_damaged(const char *dir, const char *words)
{
    char error[STORE_ERROR_MAX] = "";
    struct arena *arena = arena_create();
    struct codes *codes = codes_create(evm_rules_of(EVM_CANCUN));
    struct state *states[PARTITION_COUNT];
    struct checkpoint *c = open_expecting(dir, 0, &GENESIS, true);
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        states[p] = state_create(arena);
        state_use_codes(states[p], codes);
        state_load_begin(states[p], 0);
    }
    cr_expect(!checkpoint_load_codes(c, codes, error) || !checkpoint_load(c, 0, PARTITION_COUNT, states, error));
    cr_expect_not_null(strstr(error, words), "%s", error);
    cr_expect_not_null(strstr(error, "damaged"), "%s", error);
    checkpoint_close(c);
    codes_free(codes);
    arena_destroy(arena);
}

Test(checkpoint, malformed_and_newer_contents_are_refused_by_name)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    uint64_t height;
    bytes32 hash;
    bool complete;
    static const uint8_t unknown_code[2 + 1 + 64] = {0x10 | 1, 0, 9}, not_minimal[3] = {1, 1, 0};
    struct checkpoint *c = open_expecting(dir, 0, NULL, false);
    cr_assert(write_initial(c, NULL, 0, error));
    checkpoint_close(c);

    put_raw(dir, "accounts", &BLOCK_ONE, 32, unknown_code, sizeof unknown_code);
    expect_damaged(dir, "account record");
    put_raw(dir, "accounts", &BLOCK_ONE, 32, not_minimal, sizeof not_minimal);
    expect_damaged(dir, "account record");
    put_raw(dir, "accounts", &BLOCK_ONE, 32, "\1\0\5", 3);
    const bytes32 slot_of_one[2] = {BLOCK_ONE, {{7}}}, slot_of_nobody[2] = {{{2}}, {{7}}};
    put_raw(dir, "slots", slot_of_one, 64, "\1\0", 2); // not minimal
    expect_damaged(dir, "slot record");
    put_raw(dir, "slots", slot_of_one, 64, "\1", 1);
    put_raw(dir, "slots", slot_of_nobody, 64, "\1", 1);
    expect_damaged(dir, "slot record 0x02");
    put_raw(dir, "codes", &BLOCK_ONE, 32, "\x60\0", 2); // not its hash
    expect_damaged(dir, "code record");

    put_raw(dir, "meta", "head", 4, "nonsense", 8);
    cr_expect_null(checkpoint_open(dir, &GENESIS, &height, &hash, &complete, error));
    cr_expect_not_null(strstr(error, "not a gantry state checkpoint"), "%s", error);
    fixture_remove(dir);
}

static bytes32 random_hash(uint64_t *seed)
{
    bytes32 hash;
    for (int i = 0; i < 4; i++)
        store_le64(hash.b + 8 * i, test_random(seed));
    return hash;
}

// The same, and nothing shorter or longer, and not the other form.
static void expect_canonical(const struct account *a, const struct account_contract *contract)
{
    uint8_t buf[ACCOUNT_ENCODED_MAX + 1];
    struct account back;
    struct account_contract back_contract;
    const size_t len = account_put(buf, a, contract);
    cr_assert(account_get(&back, &back_contract, bytes_of(buf, len)));
    cr_assert(back.nonce == a->nonce && u256_equal(&back.balance, &a->balance));
    cr_assert_arr_eq(&back_contract, contract, sizeof *contract);
    cr_assert_not(account_get(&back, &back_contract, bytes_of(buf, len - 1)));
    cr_assert_not(account_get(&back, &back_contract, bytes_of(buf, len + 1)));
    buf[0] ^= 0x10;
    cr_assert_not(account_get(&back, &back_contract, bytes_of(buf, len)));
    buf[0] ^= 0x10;
    if (buf[0] & 0x10)
        return; // what follows could be hashes
    buf[0]++;
    buf[len] = 0;
    cr_assert_not(account_get(&back, &back_contract, bytes_of(buf, len + 1)));
}

Test(account_codec, round_trips_and_is_canonical)
{
    uint64_t seed = test_seed("account_codec");
    for (int i = 0; i < 50000; i++) {
        struct account a = random_account(&seed);
        struct account_contract contract = account_no_contract();
        expect_canonical(&a, &contract);
        if (i % 3 != 0)
            contract.code_hash = random_hash(&seed);
        if (i % 3 != 1)
            contract.storage_root = random_hash(&seed);
        expect_canonical(&a, &contract);
    }
}

Test(account_codec, an_account_without_code_and_storage_has_the_compact_form_alone)
{
    uint8_t buf[2 + 1 + 64] = {0x10 | 1, 0, 9};
    const struct account_contract none = account_no_contract();
    struct account account;
    struct account_contract contract;
    memcpy(buf + 3, &none, sizeof none);
    cr_expect_not(account_get(&account, &contract, bytes_of(buf, sizeof buf)));
    buf[sizeof buf - 1] ^= 1;
    cr_expect(account_get(&account, &contract, bytes_of(buf, sizeof buf)));
}

Test(account_codec, slots_round_trip_and_are_canonical)
{
    uint64_t seed = test_seed("account_codec_slots");
    for (int i = 0; i < 50000; i++) {
        uint8_t buf[SLOT_ENCODED_MAX + 1] = {0};
        u256 back, value = random_account(&seed).balance;
        value.w[0] |= 1;
        const size_t len = slot_put(buf, &value);
        cr_assert(slot_get(&back, bytes_of(buf, len)) && u256_equal(&back, &value));
        buf[len] = 0;
        cr_assert_not(slot_get(&back, bytes_of(buf, len + 1)));
    }
    u256 out;
    cr_expect_not(slot_get(&out, bytes_of(NULL, 0)));
    cr_expect_not(slot_get(&out, bytes_of("\0", 1)));
}
