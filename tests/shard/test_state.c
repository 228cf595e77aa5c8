// The flat state of a partition against a plain list: records, existence, changed and dirty lists, checkpoints,
// loading.
#include "tests/support/vectors.h"

#include "shard/state/state.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static bytes32 random_key(uint64_t *rng)
{
    bytes32 key;
    for (int i = 0; i < 4; i++)
        store_le64(key.b + 8 * i, test_random(rng));
    return key;
}

static bool account_equal(const struct account *a, const struct account *b)
{
    return a->nonce == b->nonce && u256_equal(&a->balance, &b->balance);
}

static bool account_is_empty(const struct account *a)
{
    return a->nonce == 0 && u256_is_zero(&a->balance);
}

static struct account money(uint64_t amount)
{
    return (struct account){.balance = u256_from_u64(amount)};
}

static void set(struct state *s, const bytes32 *key, struct account value)
{
    state_set(s, state_find_or_add(s, key), &value);
}

struct box {
    struct arena *arena;
    struct state *s;
};

static struct box box_new(void)
{
    struct arena *arena = arena_create();
    return (struct box){arena, state_create(arena)};
}

static void box_free(struct box box)
{
    state_free(box.s);
    cr_expect_eq(arena_bytes(box.arena), 0);
    arena_destroy(box.arena);
}

Test(state, a_record_exists_while_nonce_or_balance_is_not_zero)
{
    struct box box = box_new();
    struct state *s = box.s;
    bytes32 key = {{1}};
    cr_expect_eq(state_find(s, &key), STATE_NONE);
    state_begin_block(s, 1);
    uint32_t id = state_find_or_add(s, &key);
    cr_expect_eq(state_find_or_add(s, &key), id);
    cr_expect_eq(state_find(s, &key), STATE_NONE);
    cr_expect_not(state_exists(s, id));
    state_set(s, id, &(struct account){.nonce = 1});
    cr_expect_eq(state_find(s, &key), id);
    cr_expect_eq(state_count(s), 1);
    state_set(s, id, &(struct account){.balance = {{0, 0, 0, 1}}});
    cr_expect(state_exists(s, id));
    cr_expect_eq(state_count(s), 1);
    state_set(s, id, &(struct account){0});
    cr_expect_not(state_exists(s, id));
    cr_expect_eq(state_find(s, &key), STATE_NONE);
    cr_expect_eq(state_count(s), 0);
    state_end_block(s);
    box_free(box);
}

Test(state, changed_lists_each_written_record_once_and_outlives_the_block)
{
    struct box box = box_new();
    struct state *s = box.s;
    bytes32 keys[3] = {{{1}}, {{2}}, {{3}}};
    state_begin_block(s, 1);
    cr_expect_eq(state_changed_count(s), 0);
    for (int i = 0; i < 3; i++) {
        set(s, &keys[0], money(1 + (uint64_t)i));
        set(s, &keys[1], money(1 + (uint64_t)i));
    }
    uint32_t only_found = state_find_or_add(s, &keys[2]);
    state_set(s, only_found, &(struct account){0}); // equal to what it was
    cr_expect_eq(state_changed_count(s), 2);
    state_end_block(s);
    cr_expect_eq(state_changed_count(s), 2);
    cr_expect_eq(state_changed(s, 0), state_find(s, &keys[0]));
    cr_expect_eq(state_changed(s, 1), state_find(s, &keys[1]));
    state_begin_block(s, 2);
    cr_expect_eq(state_changed_count(s), 0);
    set(s, &keys[1], money(9));
    state_end_block(s);
    cr_expect_eq(state_changed_count(s), 1);
    cr_expect_eq(state_changed(s, 0), state_find(s, &keys[1]));
    box_free(box);
}

Test(state, a_checkpoint_takes_what_was_written_since_the_last_one)
{
    struct box box = box_new();
    struct state *s = box.s;
    bytes32 keys[3] = {{{1}}, {{2}}, {{3}}};
    struct state_batch out = {0};
    state_load_begin(s, 1);
    state_load(s, &keys[2], &(struct account){.nonce = 5});
    state_load_end(s);
    cr_expect_eq(state_dirty_count(s), 0);
    state_begin_block(s, 1);
    set(s, &keys[0], money(1));
    set(s, &keys[1], money(2));
    set(s, &keys[1], (struct account){0});
    state_end_block(s);
    cr_expect_eq(state_dirty_count(s), 2);
    state_take_dirty(s, &out);
    state_take_dirty(s, &out);
    cr_assert_eq(out.account_count, 2);
    const struct state_dirty *a = out.accounts, *first = a[0].key.b[0] == 1 ? a : a + 1,
                             *second = first == a ? a + 1 : a;
    cr_expect(bytes32_equal(&first->key, &keys[0]) && first->exists && first->account.balance.w[0] == 1);
    cr_expect(bytes32_equal(&second->key, &keys[1]) && !second->exists);
    cr_expect_eq(state_dirty_count(s), 0);
    state_begin_block(s, 2);
    set(s, &keys[2], (struct account){.nonce = 6});
    state_end_block(s);
    state_take_dirty(s, &out);
    cr_assert_eq(out.account_count, 3);
    cr_expect_eq(out.accounts[2].account.nonce, 6);
    state_batch_free(&out);
    box_free(box);
}

Test(state, a_checkpoint_reports_an_emptied_account_however_late_it_comes)
{
    struct box box = box_new();
    struct state *s = box.s;
    bytes32 keys[2] = {{{1}}, {{2}}};
    for (uint64_t h = 1; h <= 3 * STATE_HISTORY_BLOCKS; h++) {
        state_begin_block(s, h);
        if (h <= 2)
            set(s, &keys[0], money(2 - h));
        set(s, &keys[1], money(h));
        state_end_block(s);
    }
    struct state_batch out = {0};
    state_take_dirty(s, &out);
    cr_assert_eq(out.account_count, 2);
    const struct state_dirty *emptied = &out.accounts[out.accounts[0].key.b[0] != 1];
    cr_expect(bytes32_equal(&emptied->key, &keys[0]) && !emptied->exists);
    state_batch_free(&out);
    box_free(box);
}

Test(state, records_that_nobody_needs_any_more_are_used_again)
{
    struct box box = box_new();
    struct state *s = box.s;
    uint64_t rng = test_seed("state/reuse");
    uint64_t height = 0, bytes_before = 0;
    // Blocks that look up accounts that stay empty, and that create accounts and empty them again.
    for (int round = 0; round < 3000; round++) {
        state_begin_block(s, ++height);
        bytes32 kept[20];
        for (int i = 0; i < 20; i++) {
            bytes32 looked_up = random_key(&rng);
            cr_assert_not(state_exists(s, state_find_or_add(s, &looked_up)));
            kept[i] = random_key(&rng);
            set(s, &kept[i], money(1));
        }
        state_end_block(s);
        state_begin_block(s, ++height);
        for (int i = 0; i < 20; i++)
            set(s, &kept[i], (struct account){0});
        state_end_block(s);
        // Readers' needs end after the checkpoint's, or (rarer checkpoints) before.
        struct state_batch out = {0};
        if (round < 1000 || round % 200 == 0)
            state_take_dirty(s, &out);
        state_batch_free(&out);
        cr_assert_eq(state_count(s), 0);
        if (round == 1400)
            bytes_before = arena_bytes(box.arena);
    }
    cr_expect_leq(arena_bytes(box.arena), bytes_before + 65536);
    box_free(box);
}

struct model_entry {
    bytes32 key;
    struct account value;
    bool dirty;
};

static bool count_and_check(void *ctx, uint32_t id)
{
    (void)id;
    ++*(size_t *)ctx;
    return true;
}

static bool stop_at_once(void *ctx, uint32_t id)
{
    (void)id;
    ++*(size_t *)ctx;
    return false;
}

static void check_against_model(const struct state *s, const struct model_entry *model, size_t count)
{
    size_t existing = 0, dirty = 0, visited = 0;
    for (size_t i = 0; i < count; i++) {
        bool exists = !account_is_empty(&model[i].value);
        existing += exists;
        dirty += model[i].dirty;
        state_prefetch(s, &model[i].key);
        uint32_t id = state_find(s, &model[i].key);
        cr_assert_eq(id != STATE_NONE, exists);
        if (exists) {
            struct account got = state_get(s, id);
            cr_assert(account_equal(&got, &model[i].value));
            cr_assert(bytes32_equal(state_key(s, id), &model[i].key));
        }
    }
    cr_assert_eq(state_count(s), existing);
    cr_assert_eq(state_dirty_count(s), dirty);
    state_visit(s, count_and_check, &visited);
    cr_assert_eq(visited, existing);
    visited = 0;
    state_visit(s, stop_at_once, &visited);
    cr_assert_eq(visited, existing > 0);
}

static void take_checkpoint(struct state *s, struct model_entry *model, size_t count)
{
    struct state_batch out = {0};
    state_take_dirty(s, &out);
    for (size_t i = 0; i < out.account_count; i++) {
        const struct state_dirty *d = &out.accounts[i];
        size_t at = 0;
        while (at < count && !bytes32_equal(&model[at].key, &d->key))
            at++;
        cr_assert_lt(at, count);
        cr_assert(model[at].dirty, "taken twice, or never written");
        cr_assert(account_equal(&model[at].value, &d->account));
        cr_assert_eq(d->exists, !account_is_empty(&d->account));
        model[at].dirty = false;
    }
    state_batch_free(&out);
}

Test(state, random_blocks_and_checkpoints_agree_with_a_plain_list)
{
    uint64_t rng = test_seed("state/random");
    for (int run = 0; run < 8; run++) {
        struct box box = box_new();
        struct state *s = box.s;
        size_t count = run % 2 ? 30 : 1500;
        struct model_entry *model = calloc(count, sizeof *model);
        for (size_t i = 0; i < count; i++)
            model[i].key = random_key(&rng);
        uint64_t height = test_random(&rng) >> 1;
        state_load_begin(s, test_random(&rng) % 2 ? count : 0);
        for (size_t i = 0; i < count / 3; i++) {
            model[i].value = money(test_random(&rng) | 1);
            state_load(s, &model[i].key, &model[i].value);
        }
        state_load_end(s);
        state_set_height(s, height);
        for (int block = 0; block < 400; block++) {
            state_begin_block(s, ++height);
            size_t writes = test_random(&rng) % 20;
            for (size_t i = 0; i < writes; i++) {
                struct model_entry *e = &model[test_random(&rng) % count];
                struct account value = test_random(&rng) % 2 ? (struct account){0} : money(test_random(&rng) % 3);
                value.nonce = test_random(&rng) % 4 == 0;
                e->dirty |= !account_equal(&e->value, &value);
                e->value = value;
                set(s, &e->key, value);
            }
            state_end_block(s);
            cr_assert_eq(state_height(s), height);
            if (test_random(&rng) % 10 == 0)
                take_checkpoint(s, model, count);
            if (block % 20 == 0)
                check_against_model(s, model, count);
        }
        free(model);
        box_free(box);
    }
}
