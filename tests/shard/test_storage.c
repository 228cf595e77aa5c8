// Code and storage in the state, the storage tries, older heights and checkpoints, on random chains against plain
// arrays and the naive trie.
#include "tests/shard/storage_model.h"
#include "tests/support/vectors.h"

#include "base/keccak.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define expect_hash(got, expected, ...)                                                                                \
    do {                                                                                                               \
        const bytes32 got_ = (got), expected_ = (expected);                                                            \
        cr_assert(bytes32_equal(&got_, &expected_), __VA_ARGS__);                                                      \
    } while (0)

Test(storage, every_block_has_the_root_of_the_naive_trie)
{
    uint64_t random = test_seed("storage/roots");
    for (int run = 0; run < 6; run++) {
        struct model_world *w = model_world_new(&random);
        for (int block = 0; block < 200; block++) {
            model_block(w, run % 2 ? 200 : 12, &random);
            model_update_tries(w);
            model_expect_states(w, w->states, "after a block");
            expect_hash(model_world_root(w), model_root(w), "run %d, block %d", run, block);
        }
        model_world_free(w);
    }
}

Test(storage, tries_built_anew_after_blocks_without_them_have_the_same_root_and_go_on)
{
    uint64_t random = test_seed("storage/rebuild");
    struct model_world *w = model_world_new(&random);
    for (int round = 0; round < 20; round++) {
        for (int block = 0; block < 1 + round % 5; block++)
            model_block(w, 60, &random);
        account_trie_rebuild(w->tries, PARTITION_COUNT);
        expect_hash(model_world_root(w), model_root(w), "built in round %d", round);
        cr_expect_eq(state_roots_since(w->states[0x10]), w->height);
        model_block(w, 60, &random);
        model_update_tries(w);
        expect_hash(model_world_root(w), model_root(w), "updated in round %d", round);
    }
    model_world_free(w);
}

Test(storage, the_directory_of_codes_follows_the_accounts)
{
    uint64_t random = test_seed("storage/directory");
    struct model_world *w = model_world_new(&random);
    for (int block = 0; block < 100; block++) {
        model_block(w, 30, &random);
        for (unsigned i = 0; i < MODEL_ACCOUNTS; i++) {
            const struct evm_code *code = codes_of_account(w->codes, &w->keys[i]);
            const unsigned number = w->now.accounts[i].code;
            cr_assert_eq(code, codes_find(w->codes, &w->codes_by_number[number]));
            cr_assert(number == 0 ? code == &EVM_NO_CODE : code->bytes[0] == number);
        }
    }
    cr_expect_eq(codes_count(w->codes), MODEL_CODES - 1);
    cr_expect_eq(codes_at(w->codes, 2)->bytes[0], 3);
    cr_expect_null(codes_find(w->codes, &w->keys[0]));
    model_world_free(w);
}

// ---- older heights

struct kept_height {
    struct model model;
    bytes32 roots[MODEL_ACCOUNTS];
};

static void expect_height(const struct model_world *w, const struct kept_height *k, uint64_t height)
{
    for (unsigned i = 0; i < MODEL_ACCOUNTS; i++) {
        const struct model_account *a = &k->model.accounts[i];
        const struct state *s = w->states[partition_of_key(&w->keys[i])];
        struct account account;
        struct account_contract contract;
        cr_assert_eq(state_get_at(s, &w->keys[i], height, &account), model_exists(a), "%u at %lu", i, height);
        cr_assert(account.nonce == a->account.nonce && u256_equal(&account.balance, &a->account.balance));
        cr_assert_geq(state_contract_at(s, &w->keys[i], height, &contract), 0);
        expect_hash(contract.code_hash, model_code_hash(w, a), "code of %u at %lu", i, height);
        expect_hash(contract.storage_root, k->roots[i], "storage root of %u at %lu", i, height);
        for (unsigned j = 0; j < MODEL_SLOTS; j++) {
            u256 value;
            cr_assert_eq(state_slot_at(s, &w->keys[i], &w->slots[j], height, &value), !u256_is_zero(&a->slots[j]));
            cr_assert(u256_equal(&value, &a->slots[j]), "slot %u of %u at %lu", j, i, height);
        }
    }
}

static void expect_not_kept(const struct model_world *w, uint64_t height)
{
    struct account account;
    struct account_contract contract;
    u256 value;
    const struct state *s = w->states[partition_of_key(&w->keys[0])];
    cr_expect_eq(state_get_at(s, &w->keys[0], height, &account), -1);
    cr_expect_eq(state_contract_at(s, &w->keys[0], height, &contract), -1);
    cr_expect_eq(state_slot_at(s, &w->keys[0], &w->slots[0], height, &value), -1);
}

Test(storage, the_last_128_heights_are_answered_as_they_were)
{
    enum { BLOCKS = 300 };
    uint64_t random = test_seed("storage/history");
    struct kept_height *kept = calloc(BLOCKS + 1, sizeof *kept);
    for (int run = 0; run < 2; run++) {
        struct model_world *w = model_world_new(&random);
        for (uint64_t h = 0; h <= BLOCKS; h++) {
            if (h > 0) {
                model_block(w, run ? 60 : 6, &random);
                model_update_tries(w);
            }
            kept[h].model = w->now;
            for (unsigned i = 0; i < MODEL_ACCOUNTS; i++)
                kept[h].roots[i] = model_storage_root(w, &w->now.accounts[i]);
            if (h % 37 != 0 && h != BLOCKS)
                continue;
            const uint64_t oldest = h < STATE_HISTORY_BLOCKS ? 0 : h - STATE_HISTORY_BLOCKS + 1;
            for (uint64_t at = oldest; at <= h; at++)
                expect_height(w, &kept[at], at);
            if (oldest > 0)
                expect_not_kept(w, oldest - 1);
            expect_not_kept(w, h + 1);
            // Checkpoints give back what no reader needs, and nothing else.
            struct state_batch taken = {0};
            for (unsigned p = 0; p < PARTITION_COUNT && run; p++)
                state_take_dirty(w->states[p], &taken);
            state_batch_free(&taken);
        }
        model_world_free(w);
    }
    free(kept);
}

// ---- checkpoints

// What a disk would hold, as a list that later records replace.
struct disk {
    struct state_batch kept;
};

static void store_account(struct disk *disk, const struct state_batch *b, size_t i)
{
    const struct state_dirty *d = &b->accounts[i];
    const struct account_contract contract = state_batch_contract(b, i);
    for (size_t j = 0; j < disk->kept.account_count; j++) {
        if (bytes32_equal(&disk->kept.accounts[j].key, &d->key))
            disk->kept.accounts[j].exists = false;
    }
    if (d->exists)
        state_batch_add(&disk->kept, &d->key, true, &d->account, &contract);
}

static void store_slot(struct disk *disk, const struct state_dirty_slot *d)
{
    for (size_t j = 0; j < disk->kept.slot_count; j++) {
        struct state_dirty_slot *k = &disk->kept.slots[j];
        if (bytes32_equal(&k->key, &d->key) && bytes32_equal(&k->slot, &d->slot))
            k->value = U256_ZERO;
    }
    if (!u256_is_zero(&d->value))
        state_batch_add_slot(&disk->kept, &d->key, &d->slot, &d->value);
}

static void checkpoint_to(struct disk *disk, struct model_world *w)
{
    struct state_batch b = {0};
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        state_take_dirty(w->states[p], &b);
        cr_assert_eq(state_dirty_count(w->states[p]), 0);
    }
    for (size_t i = 0; i < b.account_count; i++) {
        const struct state *s = w->states[partition_of_key(&b.accounts[i].key)];
        const uint32_t id = state_find(s, &b.accounts[i].key);
        const struct account_contract contract = state_batch_contract(&b, i);
        cr_assert_eq(b.accounts[i].exists, id != STATE_NONE);
        if (id != STATE_NONE)
            expect_hash(contract.storage_root, state_storage_root(s, id), "a root in the batch");
        store_account(disk, &b, i);
    }
    for (size_t i = 0; i < b.slot_count; i++)
        store_slot(disk, &b.slots[i]);
    state_batch_free(&b);
}

static void expect_restart(const struct model_world *w, const struct disk *disk)
{
    struct model_world *back = calloc(1, sizeof *back);
    struct arena *arena = arena_create();
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        back->states[p] = state_create(arena);
        state_use_codes(back->states[p], w->codes);
        back->tries[p] = account_trie_create(arena, back->states[p]);
        state_load_begin(back->states[p], 10);
    }
    for (size_t i = 0; i < disk->kept.account_count; i++) {
        const struct state_dirty *d = &disk->kept.accounts[i];
        const struct account_contract contract = state_batch_contract(&disk->kept, i);
        if (d->exists)
            state_load_contract(back->states[partition_of_key(&d->key)], &d->key, &d->account, &contract.code_hash);
    }
    for (size_t i = 0; i < disk->kept.slot_count; i++) {
        const struct state_dirty_slot *d = &disk->kept.slots[i];
        struct state *s = back->states[partition_of_key(&d->key)];
        const u256 slot = u256_from_be(d->slot.b, 32);
        if (!u256_is_zero(&d->value))
            state_load_slot(s, state_find(s, &d->key), &slot, &d->value);
    }
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        state_load_end(back->states[p]);
        cr_assert_eq(state_dirty_count(back->states[p]), 0);
    }
    model_expect_states(w, back->states, "after a restart");
    account_trie_rebuild(back->tries, PARTITION_COUNT);
    expect_hash(model_world_root(back), model_root(w), "after a restart");
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        account_trie_free(back->tries[p]);
        state_free(back->states[p]);
    }
    cr_expect_eq(arena_bytes(arena), 0);
    arena_destroy(arena);
    free(back);
}

Test(storage, what_checkpoints_take_makes_the_same_state_again)
{
    uint64_t random = test_seed("storage/checkpoints");
    for (int run = 0; run < 3; run++) {
        struct model_world *w = model_world_new(&random);
        struct disk disk = {0};
        for (int round = 0; round < 40; round++) {
            for (uint64_t blocks = 1 + test_random(&random) % (run == 2 ? 40 : 4); blocks > 0; blocks--) {
                model_block(w, 20, &random);
                model_update_tries(w);
            }
            checkpoint_to(&disk, w);
            expect_restart(w, &disk);
        }
        state_batch_free(&disk.kept);
        model_world_free(w);
    }
}

// ---- single rules

struct box {
    struct arena *arena;
    struct state *s;
    struct account_trie *trie;
    bytes32 key;
    uint32_t id;
};

static struct box box_new(void)
{
    struct box b = {.arena = arena_create(), .key = {{7, 7}}};
    b.s = state_create(b.arena);
    b.trie = account_trie_create(b.arena, b.s);
    state_begin_block(b.s, 1);
    b.id = state_find_or_add(b.s, &b.key);
    state_set(b.s, b.id, &(struct account){.nonce = 1});
    return b;
}

static void box_free(struct box b)
{
    account_trie_free(b.trie);
    state_free(b.s);
    cr_expect_eq(arena_bytes(b.arena), 0);
    arena_destroy(b.arena);
}

static void next_block(struct box *b)
{
    state_end_block(b->s);
    account_trie_update(&b->trie, 1);
    state_begin_block(b->s, state_height(b->s) + 1);
}

static void put(struct box *b, uint64_t slot, uint64_t value)
{
    const u256 number = u256_from_u64(slot), v = u256_from_u64(value);
    state_slot_put(b->s, b->id, &number, &v);
}

static uint64_t get(const struct box *b, uint64_t slot)
{
    const u256 number = u256_from_u64(slot);
    return state_slot_get(b->s, b->id, &number).w[0];
}

Test(storage, an_account_with_code_alone_exists_and_one_with_storage_alone_does_not)
{
    struct box b = box_new();
    put(&b, 1, 5);
    state_set_code(b.s, b.id, &b.key);
    state_set(b.s, b.id, &(struct account){0});
    cr_expect(state_exists(b.s, b.id) && state_has_code(b.s, b.id));
    cr_expect_eq(get(&b, 1), 5);
    state_set_code(b.s, b.id, &KECCAK256_EMPTY);
    cr_expect_not(state_exists(b.s, b.id));
    cr_expect_not(state_has_storage(b.s, b.id));
    cr_expect_eq(get(&b, 1), 0);
    state_end_block(b.s);
    cr_expect_eq(state_count(b.s) + state_slot_count(b.s), 0);
    account_trie_update(&b.trie, 1);
    box_free(b);
}

Test(storage, an_account_made_again_finds_nothing_of_its_old_storage)
{
    struct box b = box_new();
    for (uint64_t i = 0; i < 100; i++)
        put(&b, i, i + 1);
    state_set_code(b.s, b.id, &b.key);
    next_block(&b);
    const bytes32 full = state_storage_root(b.s, b.id);
    state_remove(b.s, b.id);
    state_set(b.s, b.id, &(struct account){.nonce = 1});
    cr_expect_not(state_has_storage(b.s, b.id));
    cr_expect_not(state_has_code(b.s, b.id));
    put(&b, 7, 70);
    cr_expect_eq(get(&b, 7), 70);
    cr_expect_eq(get(&b, 8), 0);
    next_block(&b);
    const bytes32 one = state_storage_root(b.s, b.id);
    cr_expect_not(bytes32_equal(&one, &full));
    put(&b, 7, 0);
    next_block(&b);
    expect_hash(state_storage_root(b.s, b.id), KECCAK256_EMPTY_RLP, "empty again");
    u256 value, seven = u256_from_u64(7), eight = u256_from_u64(8);
    cr_expect_eq(state_slot_at(b.s, &b.key, &seven, 1, &value), 1);
    cr_expect_eq(value.w[0], 8);
    cr_expect_eq(state_slot_at(b.s, &b.key, &eight, 2, &value), 0);
    state_end_block(b.s);
    box_free(b);
}

Test(storage, a_write_of_what_is_there_changes_nothing)
{
    struct box b = box_new();
    put(&b, 1, 5);
    next_block(&b);
    struct state_batch taken = {0};
    put(&b, 1, 5);
    put(&b, 2, 0);
    cr_expect_eq(state_changed_count(b.s), 0);
    put(&b, 2, 1);
    cr_expect_eq(state_changed_count(b.s), 1, "its account");
    state_end_block(b.s);
    account_trie_update(&b.trie, 1);
    state_take_dirty(b.s, &taken);
    cr_expect_eq(taken.account_count, 1);
    cr_expect_eq(taken.slot_count, 2);
    state_batch_free(&taken);
    box_free(b);
}

Test(storage, memory_of_slots_and_contracts_that_nobody_needs_is_used_again)
{
    struct box b = box_new();
    uint64_t random = test_seed("storage/reuse"), bytes_before = 0;
    for (int round = 0; round < 1500; round++) {
        uint32_t ids[10];
        for (int i = 0; i < 10; i++) {
            bytes32 key;
            for (int j = 0; j < 4; j++)
                store_le64(key.b + 8 * j, test_random(&random));
            ids[i] = b.id = state_find_or_add(b.s, &key);
            state_set(b.s, b.id, &(struct account){.nonce = 1});
            for (uint64_t slot = 0; slot < 20; slot++)
                put(&b, test_random(&random), 1);
        }
        next_block(&b);
        for (int i = 0; i < 10; i++)
            state_remove(b.s, ids[i]);
        next_block(&b);
        struct state_batch taken = {0};
        state_end_block(b.s);
        account_trie_update(&b.trie, 1);
        state_take_dirty(b.s, &taken);
        state_batch_free(&taken);
        state_begin_block(b.s, state_height(b.s) + 1);
        if (round == 700)
            bytes_before = arena_bytes(b.arena);
    }
    cr_expect_leq(arena_bytes(b.arena), bytes_before + 65536);
    state_end_block(b.s);
    account_trie_update(&b.trie, 1);
    box_free(b);
}
