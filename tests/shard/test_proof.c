// Proofs of accounts and slots, there or not, at the tries' height and at older ones, against a checker that knows only
// the definition.
#include "tests/shard/proof_check.h"
#include "tests/shard/storage_model.h"
#include "tests/support/vectors.h"

#include "base/keccak.h"
#include "base/rlp.h"
#include "shard/trie/proof.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define HEIGHTS 40

// What is known of a height.
struct past {
    struct model model;
    bytes32 root;
    struct subroot subroots[PARTITION_COUNT];
};

static enum proof_says check(const struct proof *p, const bytes32 *root, const bytes32 *key, struct bytes *value)
{
    struct bytes nodes[66];
    for (unsigned i = 0; i < p->count; i++)
        nodes[i] = proof_node(p, i);
    return proof_check(root, key, nodes, p->count, value);
}

static void expect_slots(const struct model_world *w, const struct account_proof *p, const struct model_account *a)
{
    const bytes32 root = model_storage_root(w, a);
    cr_assert(bytes32_equal(&root, &p->contract.storage_root));
    for (unsigned i = 0; i < MODEL_SLOTS; i++) {
        uint8_t be[32], encoded[40];
        struct bytes value;
        u256_to_be(be, &w->slots[i]);
        const bytes32 key = keccak256(be, sizeof be);
        const bool there = !u256_is_zero(&a->slots[i]);
        cr_assert_eq(check(&p->slot_nodes[i], &root, &key, &value), there ? PROOF_OF_VALUE : PROOF_OF_ABSENCE);
        cr_assert(u256_equal(&p->values[i], &a->slots[i]));
        const size_t len = (size_t)(rlp_put_u256(encoded, &a->slots[i]) - encoded);
        cr_assert(!there || bytes_equal(value, bytes_of(encoded, len)));
    }
}

static void expect_proof(struct model_world *w, const struct past *past, uint64_t height, const bytes32 *key,
                         const struct model_account *a)
{
    struct account_proof p = {.slots = w->slots, .slot_count = MODEL_SLOTS};
    struct proof nodes = {0};
    struct bytes value;
    uint8_t encoded[120];
    cr_assert_eq(account_trie_prove(&p, w->tries[partition_of_key(key)], key, height), 0);
    if (state_root_prove(&nodes, past->subroots, key))
        proof_append(&nodes, &p.account_nodes);
    const bool there = a && model_exists(a);
    cr_assert_eq(check(&nodes, &past->root, key, &value), there ? PROOF_OF_VALUE : PROOF_OF_ABSENCE, "at %lu", height);
    if (there) {
        const struct account_contract contract = {model_storage_root(w, a), model_code_hash(w, a)};
        const size_t len = account_encode(encoded, &a->account, &contract);
        cr_assert(bytes_equal(value, bytes_of(encoded, len)), "at %lu", height);
    }
    if (a)
        expect_slots(w, &p, a);
    proof_free(&nodes);
    account_proof_free(&p);
}

static void expect_proofs(struct model_world *w, const struct past *past, uint64_t height, uint64_t *random)
{
    bytes32 nobody = w->keys[test_random(random) % MODEL_ACCOUNTS];
    nobody.b[test_random(random) % 32] ^= (uint8_t)(1u << test_random(random) % 8);
    expect_proof(w, past, height, &nobody, NULL);
    for (unsigned i = 0; i < MODEL_ACCOUNTS; i++)
        expect_proof(w, past, height, &w->keys[i], &past->model.accounts[i]);
}

static void remember(const struct model_world *w, struct past *past)
{
    past->model = w->now;
    past->root = model_root(w);
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        account_trie_subroot(w->tries[p], &past->subroots[p]);
}

Test(proof, random_chains_prove_every_account_and_slot_at_every_height)
{
    uint64_t random = test_seed("proof/heights");
    struct past *past = calloc(HEIGHTS + 1, sizeof *past);
    for (int run = 0; run < 3; run++) {
        struct model_world *w = model_world_new(&random);
        remember(w, &past[0]);
        for (uint64_t h = 1; h <= HEIGHTS; h++) {
            model_block(w, run == 0 ? 4 : 60, &random);
            model_update_tries(w);
            remember(w, &past[h]);
            expect_proofs(w, &past[h], h, &random);
        }
        for (uint64_t h = 0; h <= HEIGHTS; h += 1 + (uint64_t)run)
            expect_proofs(w, &past[h], h, &random);
        const bytes32 root = model_world_root(w);
        cr_expect(bytes32_equal(&root, &past[HEIGHTS].root), "the tries are as they were");
        model_block(w, 60, &random);
        model_update_tries(w);
        const bytes32 next = model_world_root(w), expected = model_root(w);
        cr_expect(bytes32_equal(&next, &expected), "and go on");
        model_world_free(w);
    }
    free(past);
}

Test(proof, an_open_block_is_not_seen)
{
    uint64_t random = test_seed("proof/open");
    struct past *past = calloc(HEIGHTS + 1, sizeof *past);
    struct model_world *w = model_world_new(&random);
    for (uint64_t h = 1; h <= 5; h++) {
        model_block(w, 60, &random);
        model_update_tries(w);
        remember(w, &past[h]);
    }
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_begin_block(w->states[p], 6);
    for (unsigned i = 0; i < MODEL_ACCOUNTS; i++) {
        struct state *s = w->states[partition_of_key(&w->keys[i])];
        const uint32_t id = state_find_or_add(s, &w->keys[i]);
        if (i % 3 == 0) {
            state_remove(s, id);
            continue;
        }
        state_set(s, id, &(struct account){.nonce = 77});
        state_slot_put(s, id, &w->slots[i], &w->slots[5]);
    }
    for (uint64_t h = 1; h <= 5; h++)
        expect_proofs(w, &past[h], h, &random);
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_end_block(w->states[p]);
    model_update_tries(w);
    model_world_free(w);
    free(past);
}

Test(proof, a_height_that_is_not_kept_is_refused)
{
    uint64_t random = test_seed("proof/kept");
    struct model_world *w = model_world_new(&random);
    struct account_proof p = {0};
    model_block(w, 60, &random);
    model_block(w, 60, &random); // no tries: storage roots of the first are not known
    account_trie_rebuild(w->tries, PARTITION_COUNT);
    for (uint64_t h = 0; h <= 3; h++)
        cr_expect_eq(account_trie_prove(&p, w->tries[0x10], &w->keys[0], h), h == 2 ? 0 : -1);
    account_proof_free(&p);
    model_world_free(w);
}
