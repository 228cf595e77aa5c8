// Proofs at a height. The tries are those of the last ended block; for an older height what changed since is put back
// into the account trie and the account's storage trie, and after the proof is made taken in again. All other storage
// tries stay as they are, since the state remembers the roots that they had.
#include "base/keccak.h"
#include "base/rlp.h"
#include "shard/state/storage.h"
#include "shard/trie/account_trie_private.h"
#include "shard/trie/proof.h"

#include <stdlib.h>

// The leaves as they were.
struct past {
    const struct state *state;
    uint64_t height;
};

static const bytes32 *account_key(void *ctx, uint32_t leaf)
{
    return state_key(((const struct past *)ctx)->state, leaf);
}

static bool account_at(const struct past *past, const bytes32 *key, struct account *account,
                       struct account_contract *contract)
{
    const int found = state_get_at(past->state, key, past->height, account);
    return state_contract_at(past->state, key, past->height, contract) >= 0 && found > 0;
}

static size_t account_value(void *ctx, uint32_t leaf, uint8_t *out)
{
    struct account account = {0};
    struct account_contract contract = {0};
    (void)account_at(ctx, account_key(ctx, leaf), &account, &contract);
    return account_encode(out, &account, &contract);
}

static const bytes32 *slot_key(void *ctx, uint32_t leaf)
{
    return storage_slot_key(((const struct past *)ctx)->state, leaf);
}

static size_t slot_value(void *ctx, uint32_t leaf, uint8_t *out)
{
    const struct past *past = ctx;
    const u256 value = storage_slot_value_at(past->state, leaf, past->height);
    return (size_t)(rlp_put_u256(out, &value) - out);
}

static const struct trie_leaves past_accounts = {.key = account_key, .value = account_value};
static const struct trie_leaves past_slots = {.key = slot_key, .value = slot_value};

static void hash(struct arena *arena, struct trie *t)
{
    struct trie_hasher *hasher = trie_hasher_new(arena);
    trie_hasher_add(hasher, t);
    trie_hasher_finish(hasher);
}

// Brings what was written after block `since` to how it was after the past's block.
static void move_accounts(struct account_trie *t, const struct past *past, uint64_t since)
{
    for (size_t i = 0; i < state_written_count(past->state, since); i++) {
        const uint32_t id = state_written(past->state, since, i);
        struct account account;
        if (state_get_at(past->state, state_key(past->state, id), past->height, &account) > 0)
            trie_put(&t->trie, id);
        else
            trie_remove(&t->trie, id);
    }
    hash(t->arena, &t->trie);
}

static void move_slots(struct account_trie *t, struct trie *trie, uint32_t contract, const struct past *past,
                       uint64_t since)
{
    for (size_t i = 0; i < storage_written_count(past->state, since); i++) {
        const uint32_t slot = storage_written(past->state, since, i);
        const u256 value = storage_slot_value_at(past->state, slot, past->height);
        if (storage_slot_contract(past->state, slot) != contract)
            continue;
        if (u256_is_zero(&value))
            trie_remove(trie, slot);
        else
            trie_put(trie, slot);
    }
    hash(t->arena, trie);
}

static void prove_account(struct account_proof *out, struct account_trie *t, const bytes32 *key, struct past *past)
{
    const struct past now = {past->state, state_height(past->state)};
    struct trie saved = t->trie;
    t->trie.leaves = &past_accounts;
    t->trie.ctx = past;
    if (past->height != now.height)
        move_accounts(t, past, past->height);
    trie_prove(&out->account_nodes, &t->trie, key, false);
    if (past->height != now.height) {
        t->trie.ctx = (void *)&now;
        move_accounts(t, &now, past->height);
    }
    t->trie.leaves = saved.leaves;
    t->trie.ctx = saved.ctx;
}

static void prove_slots(struct account_proof *out, struct account_trie *t, uint32_t contract, struct past *past)
{
    struct trie *trie = (struct trie *)storage_tries_of(&t->storage, contract);
    const struct past now = {past->state, state_height(past->state)};
    if (!trie)
        return;
    const struct trie saved = *trie;
    trie->leaves = &past_slots;
    trie->ctx = past;
    if (past->height != now.height)
        move_slots(t, trie, contract, past, past->height);
    for (size_t i = 0; i < out->slot_count; i++) {
        uint8_t be[32];
        const uint32_t slot = storage_find(past->state, contract, &out->slots[i]);
        u256_to_be(be, &out->slots[i]);
        const bytes32 hashed = keccak256(be, sizeof be);
        trie_prove(&out->slot_nodes[i], trie, &hashed, true);
        if (slot != STATE_NONE)
            out->values[i] = storage_slot_value_at(past->state, slot, past->height);
    }
    if (past->height != now.height) {
        trie->ctx = (void *)&now;
        move_slots(t, trie, contract, &now, past->height);
    }
    trie->leaves = saved.leaves;
    trie->ctx = saved.ctx;
}

int account_trie_prove(struct account_proof *out, struct account_trie *t, const bytes32 *key, uint64_t height)
{
    struct past past = {t->state, height};
    const int found = state_get_at(t->state, key, height, &out->account);
    if (found < 0 || height < state_roots_since(t->state) ||
        state_written_count(t->state, height) + storage_written_count(t->state, height) > PROOF_CHANGES_MAX)
        return -1;
    if (state_contract_at(t->state, key, height, &out->contract) < 0)
        return -1;
    out->values = calloc(out->slot_count + 1, sizeof *out->values);
    out->slot_nodes = calloc(out->slot_count + 1, sizeof *out->slot_nodes);
    if (!out->values || !out->slot_nodes)
        abort();
    prove_account(out, t, key, &past);
    // Also found when the account doesn't exist at this height, or only ceased to in the open block.
    const uint32_t id = state_find_record(t->state, key);
    if (id != STATE_NONE && out->slot_count > 0)
        prove_slots(out, t, storage_contract(t->state, id), &past);
    return 0;
}
