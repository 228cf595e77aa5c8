#include "tests/shard/storage_model.h"
#include "tests/shard/naive_trie.h"
#include "tests/support/vectors.h"

#include "base/keccak.h"
#include "base/rlp.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static bytes32 random_word(uint64_t *random)
{
    bytes32 word;
    for (int i = 0; i < 4; i++)
        store_le64(word.b + 8 * i, test_random(random));
    return word;
}

// Short and long ones, since short leaves are embedded in their parents.
static u256 random_value(uint64_t *random)
{
    const bytes32 word = random_word(random);
    const u256 wide = u256_from_be(word.b, sizeof word.b);
    return test_random(random) % 2 ? wide : u256_from_u64(1 + test_random(random) % 300);
}

struct model_world *model_world_new(uint64_t *random)
{
    struct model_world *w = calloc(1, sizeof *w);
    w->arena = arena_create();
    w->codes = codes_create(evm_rules_of(EVM_CANCUN));
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        w->states[p] = state_create(w->arena);
        state_use_codes(w->states[p], w->codes);
        w->tries[p] = account_trie_create(w->arena, w->states[p]);
    }
    for (unsigned i = 0; i < MODEL_ACCOUNTS; i++) {
        w->keys[i] = random_word(random);
        w->keys[i].b[0] = (uint8_t)(0x10 + i % 3);
    }
    for (unsigned i = 0; i < MODEL_SLOTS; i++) {
        const bytes32 word = random_word(random);
        w->slots[i] = i % 2 ? u256_from_be(word.b, sizeof word.b) : u256_from_u64(i / 2);
    }
    w->codes_by_number[0] = KECCAK256_EMPTY;
    for (uint8_t i = 1; i < MODEL_CODES; i++) {
        w->codes_by_number[i] = keccak256(&i, 1);
        codes_add(w->codes, &w->codes_by_number[i], bytes_of(&i, 1));
    }
    return w;
}

void model_world_free(struct model_world *w)
{
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        account_trie_free(w->tries[p]);
        state_free(w->states[p]);
    }
    codes_free(w->codes);
    cr_expect_eq(arena_bytes(w->arena), 0);
    arena_destroy(w->arena);
    free(w);
}

bool model_exists(const struct model_account *a)
{
    return a->account.nonce != 0 || !u256_is_zero(&a->account.balance) || a->code != 0;
}

bytes32 model_code_hash(const struct model_world *w, const struct model_account *a)
{
    return w->codes_by_number[a->code];
}

static void change(struct model_world *w, unsigned i, uint64_t *random)
{
    struct model_account *a = &w->now.accounts[i];
    struct state *s = w->states[partition_of_key(&w->keys[i])];
    const uint32_t id = state_find_or_add(s, &w->keys[i]);
    const unsigned what = test_random(random) % 100, slot = test_random(random) % MODEL_SLOTS;
    if (what < 50 && model_exists(a)) {
        a->slots[slot] = test_random(random) % 3 ? random_value(random) : U256_ZERO;
        state_slot_put(s, id, &w->slots[slot], &a->slots[slot]);
    } else if (what < 60 && model_exists(a)) { // and back again
        const u256 other = random_value(random);
        state_slot_put(s, id, &w->slots[slot], &other);
        state_slot_put(s, id, &w->slots[slot], &a->slots[slot]);
    } else if (what < 75) {
        a->account = (struct account){1 + test_random(random) % 9, random_value(random)};
        state_set(s, id, &a->account);
    } else if (what < 85) {
        a->code = test_random(random) % MODEL_CODES;
        state_set_code(s, id, &w->codes_by_number[a->code]);
    } else if (what < 90) {
        a->account = (struct account){0};
        state_set(s, id, &a->account);
    } else if (what < 95) {
        state_remove(s, id);
        *a = (struct model_account){0};
    }
    if (!model_exists(a))
        *a = (struct model_account){0}; // its storage goes with it
}

void model_block(struct model_world *w, unsigned changes, uint64_t *random)
{
    w->height++;
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_begin_block(w->states[p], w->height);
    for (unsigned n = test_random(random) % (changes + 1); n > 0; n--)
        change(w, test_random(random) % MODEL_ACCOUNTS, random);
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_end_block(w->states[p]);
}

void model_update_tries(struct model_world *w)
{
    account_trie_update(w->tries, PARTITION_COUNT);
}

bytes32 model_storage_root(const struct model_world *w, const struct model_account *a)
{
    bytes32 keys[MODEL_SLOTS];
    uint8_t values[MODEL_SLOTS][40];
    struct naive_item items[MODEL_SLOTS];
    size_t n = 0;
    for (unsigned i = 0; i < MODEL_SLOTS; i++) {
        uint8_t be[32];
        if (u256_is_zero(&a->slots[i]))
            continue;
        u256_to_be(be, &w->slots[i]);
        keys[n] = keccak256(be, sizeof be);
        const size_t len = (size_t)(rlp_put_u256(values[n], &a->slots[i]) - values[n]);
        items[n] = (struct naive_item){bytes_of(keys[n].b, 32), bytes_of(values[n], len)};
        n++;
    }
    return naive_trie_root(items, n);
}

bytes32 model_root(const struct model_world *w)
{
    uint8_t encoded[MODEL_ACCOUNTS][120];
    struct naive_item items[MODEL_ACCOUNTS];
    size_t n = 0;
    for (unsigned i = 0; i < MODEL_ACCOUNTS; i++) {
        const struct model_account *a = &w->now.accounts[i];
        if (!model_exists(a))
            continue;
        const struct account_contract contract = {model_storage_root(w, a), model_code_hash(w, a)};
        const size_t len = account_encode(encoded[n], &a->account, &contract);
        items[n] = (struct naive_item){bytes_of(w->keys[i].b, 32), bytes_of(encoded[n], len)};
        n++;
    }
    return naive_trie_root(items, n);
}

bytes32 model_world_root(const struct model_world *w)
{
    struct subroot *subroots = calloc(PARTITION_COUNT, sizeof *subroots);
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        account_trie_subroot(w->tries[p], &subroots[p]);
    const bytes32 root = state_root_join(subroots);
    free(subroots);
    return root;
}

void model_expect_states(const struct model_world *w, struct state **states, const char *when)
{
    size_t accounts = 0, slots = 0, seen_accounts = 0, seen_slots = 0;
    for (unsigned i = 0; i < MODEL_ACCOUNTS; i++) {
        const struct model_account *a = &w->now.accounts[i];
        const struct state *s = states[partition_of_key(&w->keys[i])];
        const uint32_t id = state_find(s, &w->keys[i]);
        cr_assert_eq(id != STATE_NONE, model_exists(a), "%s: existence of %u", when, i);
        if (id == STATE_NONE)
            continue;
        const struct account got = state_get(s, id);
        const bytes32 code = state_code_hash(s, id), expected = model_code_hash(w, a);
        size_t own = 0;
        accounts++;
        cr_assert(got.nonce == a->account.nonce && u256_equal(&got.balance, &a->account.balance), "%s: %u", when, i);
        cr_assert(bytes32_equal(&code, &expected), "%s: code of %u", when, i);
        cr_assert_eq(state_has_code(s, id), a->code != 0);
        for (unsigned j = 0; j < MODEL_SLOTS; j++) {
            const u256 value = state_slot_get(s, id, &w->slots[j]);
            cr_assert(u256_equal(&value, &a->slots[j]), "%s: slot %u of %u", when, j, i);
            own += !u256_is_zero(&value);
        }
        cr_assert_eq(state_has_storage(s, id), own > 0);
        slots += own;
    }
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        seen_accounts += state_count(states[p]);
        seen_slots += state_slot_count(states[p]);
    }
    cr_assert_eq(seen_accounts, accounts, "%s", when);
    cr_assert_eq(seen_slots, slots, "%s", when);
}
