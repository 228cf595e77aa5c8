#include "tests/exec_support/chain_node.h"

#include "base/keccak.h"
#include "tests/support/vectors.h"

#include <stdlib.h>

struct chain_node *chain_node_new(unsigned shard_count)
{
    struct chain_node *n = calloc(1, sizeof *n);
    n->shard_count = shard_count;
    n->arena = arena_create();
    n->codes = codes_create(evm_rules_of(EVM_CANCUN));
    n->subroots = calloc(PARTITION_COUNT, sizeof *n->subroots);
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        n->states[p] = state_create(n->arena);
        state_use_codes(n->states[p], n->codes);
        n->tries[p] = account_trie_create(n->arena, n->states[p]);
        state_load_begin(n->states[p], 4);
    }
    n->global_machine = exec_machine_create(n->arena, n->codes);
    n->machine = shard_count ? exec_machine_create(n->arena, n->codes) : NULL;
    for (unsigned s = 0; s < shard_count; s++)
        n->shards[s] = exec_create(n->arena, s, shard_count, n->states, n->machine);
    return n;
}

void chain_node_free(struct chain_node *n)
{
    for (unsigned s = 0; s < n->shard_count; s++)
        exec_free(n->shards[s]);
    exec_machine_free(n->machine);
    exec_machine_free(n->global_machine);
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        account_trie_free(n->tries[p]);
        state_free(n->states[p]);
    }
    codes_free(n->codes);
    if (arena_bytes(n->arena) != 0)
        abort(); // execution leaks
    arena_destroy(n->arena);
    free(n->subroots);
    free(n);
}

void chain_node_load(struct chain_node *n, const bytes32 *key, const struct account *account, struct bytes code)
{
    struct state *s = n->states[partition_of_key(key)];
    const bytes32 hash = keccak256(code.ptr, code.len);
    if (code.len == 0 && account->nonce == 0 && u256_is_zero(&account->balance))
        return;
    codes_add(n->codes, &hash, code);
    state_load_contract(s, key, account, &hash);
}

void chain_node_load_slot(struct chain_node *n, const bytes32 *key, uint64_t slot, uint64_t value)
{
    struct state *s = n->states[partition_of_key(key)];
    const u256 k = u256_from_u64(slot), v = u256_from_u64(value);
    state_load_slot(s, state_find(s, key), &k, &v);
}

void chain_node_loaded(struct chain_node *n)
{
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        state_load_end(n->states[p]);
        state_set_height(n->states[p], 0);
    }
    account_trie_rebuild(n->tries, PARTITION_COUNT);
}

// A pass in all shards, in any order; a parcel is taken at any moment after the pass of its source and of its
// destination.
static void run_pass(struct chain_node *n, enum exec_pass pass, unsigned round)
{
    unsigned order[16], waiting[256];
    size_t count = 0;
    for (unsigned s = 0; s < n->shard_count; s++) {
        const size_t at = test_random(&n->random) % (s + 1);
        order[s] = order[at];
        order[at] = s;
    }
    for (unsigned i = 0; i < n->shard_count; i++) {
        const unsigned s = order[i];
        if (pass == EXEC_SENDERS)
            exec_senders(n->shards[s], round);
        else
            exec_calls(n->shards[s]);
        exec_finish_logs(n->machine);
        for (unsigned j = 0; j <= i; j++) {
            waiting[count++] = s * 16 + order[j];
            if (i != j)
                waiting[count++] = order[j] * 16 + s;
        }
        while (count && (i + 1 == n->shard_count || test_random(&n->random) % 2)) {
            const size_t pick = test_random(&n->random) % count;
            const unsigned from = waiting[pick] / 16, to = waiting[pick] % 16;
            exec_take(n->shards[to], pass, exec_parcel(n->shards[from], pass, to));
            waiting[pick] = waiting[--count];
        }
    }
}

static enum exec_next run_round(struct chain_node *n, unsigned round)
{
    struct exec_progress sum = {0};
    run_pass(n, EXEC_SENDERS, round);
    const bool calls = exec_has_calls(n->shards[0]);
    for (unsigned s = 0; s < n->shard_count; s++) {
        if (exec_has_calls(n->shards[s]) != calls)
            abort(); // shards disagree
    }
    if (calls)
        run_pass(n, EXEC_CALLS, round);
    for (unsigned s = 0; s < n->shard_count; s++) {
        const struct exec_progress one = exec_progress(n->shards[s]);
        exec_progress_add(&sum, &one);
    }
    return exec_next(&sum, round);
}

static void run_global(struct chain_node *n, const struct exec_env *env, const u256 *fees)
{
    const struct exec_tx *all[CHAIN_TXS_MAX];
    size_t count = 0;
    for (unsigned s = 0; s < n->shard_count; s++) {
        const struct exec_tx **some;
        const size_t more = exec_left_over(n->shards[s], &some);
        for (size_t i = 0; i < more; i++)
            all[count++] = some[i];
    }
    exec_global(n->global_machine, n->states, env, fees, all, count, n->results);
    exec_finish_logs(n->global_machine);
}

static void run_sharded(struct chain_node *n, const struct exec_env *env, const struct exec_tx *txs, size_t count)
{
    struct exec_tx own[16][CHAIN_TXS_MAX];
    size_t own_count[16] = {0};
    for (size_t i = 0; i < count; i++) {
        const unsigned s = partition_owner(partition_of_key(txs[i].sender_key), n->shard_count);
        own[s][own_count[s]++] = txs[i];
    }
    for (unsigned s = 0; s < n->shard_count; s++)
        exec_begin(n->shards[s], env, own[s], own_count[s], n->results);
    enum exec_next next = EXEC_NEXT_ROUND;
    for (unsigned round = 0; next == EXEC_NEXT_ROUND; round++)
        next = run_round(n, round);
    u256 fees = U256_ZERO;
    for (unsigned s = 0; s < n->shard_count; s++) {
        const u256 some = exec_fees(n->shards[s]);
        u256_add(&fees, &fees, &some);
    }
    if (next == EXEC_NEXT_GLOBAL)
        run_global(n, env, &fees);
    else
        exec_pay_coinbase(n->states, env, &fees);
    for (unsigned s = 0; s < n->shard_count; s++)
        exec_end(n->shards[s]);
}

void chain_node_run(struct chain_node *n, const struct exec_env *env, const struct exec_tx *txs, size_t count)
{
    if (n->shard_count > 0) {
        run_sharded(n, env, txs, count);
    } else {
        const struct exec_tx *list[CHAIN_TXS_MAX];
        for (size_t i = 0; i < count; i++)
            list[i] = &txs[i];
        exec_serial(n->global_machine, n->states, env, list, count, n->results);
    }
    account_trie_update(n->tries, PARTITION_COUNT);
}

bytes32 chain_node_root(struct chain_node *n)
{
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        account_trie_subroot(n->tries[p], &n->subroots[p]);
    return state_root_join(n->subroots);
}
