#include "tests/shard/exec_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/vectors.h"

struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    w->env = (struct exec_env){.chain_id = 7, .number = 1, .gas_limit = 30000000, .base_fee = u256_from_u64(7)};
    w->coinbase = world_account(w, 200, 0, 0);
    return w;
}

void world_free(struct world *w)
{
    free(w);
}

unsigned world_account(struct world *w, unsigned partition, uint64_t balance, uint64_t nonce)
{
    cr_assert(w->account_count < WORLD_ACCOUNTS_MAX);
    unsigned n = w->account_count++;
    uint64_t random = n + 1;
    struct world_account *a = &w->accounts[n];
    for (size_t i = 0; i < sizeof a->addr.b; i++)
        a->addr.b[i] = (uint8_t)test_random(&random);
    for (size_t i = 0; i < sizeof a->key.b; i++)
        a->key.b[i] = (uint8_t)test_random(&random);
    a->key.b[0] = (uint8_t)partition;
    a->start = (struct account){.nonce = nonce, .balance = u256_from_u64(balance)};
    a->next_nonce = nonce;
    return n;
}

struct tx *world_send(struct world *w, unsigned from, unsigned to, uint64_t value)
{
    cr_assert(w->tx_count < WORLD_TXS_MAX);
    struct world_tx *t = &w->txs[w->tx_count++];
    t->from = from;
    t->to = to;
    t->tx = (struct tx){.type = TX_DYNAMIC_FEE,
                        .has_chain_id = true,
                        .chain_id = w->env.chain_id,
                        .nonce = w->accounts[from].next_nonce++,
                        .gas_limit = 21000,
                        .max_fee = u256_from_u64(10),
                        .max_tip = u256_from_u64(2),
                        .value = u256_from_u64(value),
                        .to = w->accounts[to].addr};
    return &t->tx;
}

u256 world_base_fee(const struct world *w, size_t block)
{
    u256 fee = u256_from_u64(block * w->base_fee_rise);
    u256_add(&fee, &fee, &w->env.base_fee);
    return fee;
}

// A node without threads: states, shards, and the transactions as execution sees them.
struct node {
    const struct world *w;
    struct arena *arena;
    struct codes *codes;
    struct exec_machine *machine, *global_machine;
    struct state *states[PARTITION_COUNT];
    unsigned shard_count;
    struct exec_shard *shards[SHARD_MAX];
    struct exec_tx txs[WORLD_TXS_MAX];
    struct exec_tx own[SHARD_MAX][WORLD_TXS_MAX];
    size_t own_count[SHARD_MAX];
    uint64_t random;
};

static struct node *node_new(const struct world *w, unsigned shard_count, uint64_t interleaving)
{
    struct node *n = calloc(1, sizeof *n);
    n->w = w;
    n->arena = arena_create();
    n->codes = codes_create(evm_rules_of(EVM_CANCUN));
    n->machine = exec_machine_create(n->arena, n->codes);
    n->global_machine = exec_machine_create(n->arena, n->codes);
    n->shard_count = shard_count;
    n->random = interleaving;
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        n->states[p] = state_create(n->arena);
        state_use_codes(n->states[p], n->codes);
        state_set_height(n->states[p], w->env.number - 1);
        state_load_begin(n->states[p], 4);
        for (unsigned i = 0; i < w->account_count; i++) {
            const struct world_account *a = &w->accounts[i];
            bool exists = a->start.nonce != 0 || !u256_is_zero(&a->start.balance);
            if (a->key.b[0] == p && exists)
                state_load(n->states[p], &a->key, &a->start);
        }
        state_load_end(n->states[p]);
    }
    for (unsigned s = 0; s < shard_count; s++)
        n->shards[s] = exec_create(n->arena, s, shard_count, n->states, n->machine);
    for (size_t i = 0; i < w->tx_count; i++) {
        const struct world_tx *t = &w->txs[i];
        n->txs[i] = (struct exec_tx){.tx = &t->tx,
                                     .sender = &w->accounts[t->from].addr,
                                     .sender_key = &w->accounts[t->from].key,
                                     .target_key = &w->accounts[t->to].key,
                                     .index = (uint32_t)i};
    }
    return n;
}

// Reads the end state, and asserts that no account exists that shouldn't.
static void node_read(struct node *n, struct account *accounts)
{
    size_t expected = 0, there = 0;
    for (unsigned i = 0; i < n->w->account_count; i++) {
        const bytes32 *key = &n->w->accounts[i].key;
        struct state *s = n->states[key->b[0]];
        uint32_t id = state_find(s, key);
        accounts[i] = (struct account){0};
        if (id != STATE_NONE)
            accounts[i] = state_get(s, id);
        expected += accounts[i].nonce != 0 || !u256_is_zero(&accounts[i].balance);
    }
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        there += state_count(n->states[p]);
    cr_assert_eq(there, expected, "%zu accounts exist, %zu should", there, expected);
}

static void node_free(struct node *n)
{
    for (unsigned s = 0; s < n->shard_count; s++)
        exec_free(n->shards[s]);
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_free(n->states[p]);
    exec_machine_free(n->machine);
    exec_machine_free(n->global_machine);
    codes_free(n->codes);
    cr_assert_eq(arena_bytes(n->arena), 0, "execution leaks");
    arena_destroy(n->arena);
    free(n);
}

static void shuffle(unsigned *list, size_t count, uint64_t *random)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = test_random(random) % i;
        unsigned t = list[i - 1];
        list[i - 1] = list[j];
        list[j] = t;
    }
}

// One round: shards run in any order, and a list is applied at any moment after the round of its source and of its
// destination.
static struct exec_progress node_round(struct node *n, unsigned round)
{
    static unsigned lists[SHARD_MAX * SHARD_MAX]; // source, destination pairs that may be applied
    unsigned shards[SHARD_MAX];
    size_t list_count = 0;
    for (unsigned s = 0; s < n->shard_count; s++)
        shards[s] = s;
    shuffle(shards, n->shard_count, &n->random);

    struct exec_progress sum = {0};
    for (unsigned i = 0; i < n->shard_count; i++) {
        unsigned s = shards[i];
        exec_senders(n->shards[s], round);
        for (unsigned j = 0; j <= i; j++) {
            lists[list_count++] = s * SHARD_MAX + shards[j];
            if (i != j)
                lists[list_count++] = shards[j] * SHARD_MAX + s;
        }
        bool last = i + 1 == n->shard_count;
        while (list_count && (last || test_random(&n->random) % 2)) {
            size_t pick = test_random(&n->random) % list_count;
            unsigned source = lists[pick] / SHARD_MAX, destination = lists[pick] % SHARD_MAX;
            exec_take(n->shards[destination], EXEC_SENDERS, exec_parcel(n->shards[source], EXEC_SENDERS, destination));
            lists[pick] = lists[--list_count];
        }
    }
    for (unsigned s = 0; s < n->shard_count; s++) {
        const struct exec_progress one = exec_progress(n->shards[s]);
        cr_assert(!exec_has_calls(n->shards[s]));
        exec_progress_add(&sum, &one);
    }
    cr_assert_eq(sum.changed, sum.executed + sum.dropped != 0);
    cr_assert_eq(sum.global, 0);
    return sum;
}

// Runs the block that holds transactions from to to-1 of O.
static void node_block(struct node *n, size_t from, size_t to, struct outcome *out)
{
    struct exec_env env = n->w->env;
    env.number += out->block_count;
    env.base_fee = world_base_fee(n->w, out->block_count);
    env.coinbase = n->w->accounts[n->w->coinbase].addr;
    env.coinbase_key = n->w->accounts[n->w->coinbase].key;

    memset(n->own_count, 0, sizeof n->own_count);
    size_t waiting_before = 0;
    for (size_t i = from; i < to; i++) {
        if (n->txs[i].tx->gas_limit > env.gas_limit)
            continue;
        unsigned s = partition_owner(partition_of_key(n->txs[i].sender_key), n->shard_count);
        n->own[s][n->own_count[s]++] = n->txs[i];
        waiting_before++;
    }
    for (unsigned s = 0; s < n->shard_count; s++)
        exec_begin(n->shards[s], &env, n->own[s], n->own_count[s], out->results);

    for (unsigned round = 0; round < EXEC_ROUNDS_MAX && waiting_before; round++) {
        struct exec_progress p = node_round(n, round);
        cr_assert_eq(p.executed + p.dropped + p.waiting, waiting_before);
        waiting_before = p.waiting;
        if (!p.changed)
            break;
    }

    const struct exec_tx *global[WORLD_TXS_MAX];
    size_t global_count = 0;
    u256 fees = U256_ZERO;
    for (unsigned s = 0; s < n->shard_count; s++) {
        const struct exec_tx **waiting;
        size_t count = exec_left_over(n->shards[s], &waiting);
        for (size_t i = 0; i < count; i++)
            global[global_count++] = waiting[i];
        u256 some = exec_fees(n->shards[s]);
        u256_add(&fees, &fees, &some);
    }
    cr_assert_eq(global_count, waiting_before);
    exec_global(n->global_machine, n->states, &env, &fees, global, global_count, out->results);
    exec_finish_logs(n->global_machine);
    for (unsigned s = 0; s < n->shard_count; s++)
        exec_end(n->shards[s]);
}

void world_run(const struct world *w, unsigned shard_count, uint64_t interleaving, struct outcome *out)
{
    struct node *n = node_new(w, shard_count, interleaving);
    *out = (struct outcome){0};
    memset(out->results, 0xee, sizeof out->results);
    for (size_t from = 0; from < w->tx_count;) {
        size_t count = exec_cut(n->txs, w->tx_count, from, w->env.gas_limit, out->results);
        cr_assert(count > 0 && count <= w->tx_count - from);
        node_block(n, from, from + count, out);

        struct exec_counts counts;
        uint32_t *order = out->order + out->included;
        size_t included = exec_order(order, &counts, out->results + from, count);
        size_t counted = 0;
        for (unsigned round = 0; round <= EXEC_ROUNDS_MAX; round++) {
            for (unsigned pass = 0; pass < 4; pass++)
                counted += counts.of[round][pass];
        }
        cr_assert_eq(counted, included);
        for (size_t i = 0; i < included; i++)
            order[i] += (uint32_t)from;
        out->included += included;
        out->block_end[out->block_count++] = out->included;
        from += count;
    }
    node_read(n, out->accounts);
    node_free(n);
}

void world_serial(const struct world *w, const struct outcome *out, const char *what)
{
    struct node *n = node_new(w, 1, 0);
    struct outcome *serial = calloc(1, sizeof *serial);
    const struct exec_tx *list[WORLD_TXS_MAX];
    struct exec_env env = w->env;
    env.coinbase_key = w->accounts[w->coinbase].key;
    for (size_t i = 0, b = 0; b < out->block_count; b++, env.number++) {
        env.base_fee = world_base_fee(w, b);
        size_t first = i;
        for (; i < out->block_end[b]; i++) {
            n->own[0][i] = n->txs[out->order[i]];
            n->own[0][i].index = (uint32_t)i;
            list[i] = &n->own[0][i];
        }
        exec_serial(n->global_machine, n->states, &env, list + first, i - first, serial->results);
    }
    for (size_t i = 0; i < out->included; i++) {
        cr_assert_eq(serial->results[i].drop, TX_OK, "%s: transaction %u of O fails serially: %s", what, out->order[i],
                     tx_status_text(serial->results[i].drop));
        cr_assert_eq(serial->results[i].gas_used, out->results[out->order[i]].gas_used);
    }
    node_read(n, serial->accounts);
    for (unsigned i = 0; i < w->account_count; i++) {
        cr_assert_eq(serial->accounts[i].nonce, out->accounts[i].nonce, "%s: nonce of account %u", what, i);
        cr_assert(u256_equal(&serial->accounts[i].balance, &out->accounts[i].balance), "%s: balance of %u", what, i);
    }
    free(serial);
    node_free(n);
}

void outcome_same(const struct world *w, const struct outcome *a, const struct outcome *b, const char *what)
{
    for (size_t i = 0; i < w->tx_count; i++) {
        const struct exec_result *x = &a->results[i], *y = &b->results[i];
        cr_assert(x->drop == y->drop && x->again == y->again && x->round == y->round && x->pass == y->pass &&
                      x->success == y->success && x->gas_used == y->gas_used,
                  "%s: transaction %zu: drop %u/%u again %u/%u round %u/%u pass %u/%u gas %lu/%lu", what, i, x->drop,
                  y->drop, x->again, y->again, x->round, y->round, x->pass, y->pass, x->gas_used, y->gas_used);
    }
    cr_assert_eq(a->included, b->included, "%s", what);
    cr_assert_arr_eq(a->order, b->order, a->included * sizeof *a->order, "%s: order of B", what);
    cr_assert_eq(a->block_count, b->block_count, "%s", what);
    cr_assert_arr_eq(a->block_end, b->block_end, a->block_count * sizeof *a->block_end, "%s", what);
    for (unsigned i = 0; i < w->account_count; i++) {
        cr_assert_eq(a->accounts[i].nonce, b->accounts[i].nonce, "%s: nonce of account %u", what, i);
        cr_assert(u256_equal(&a->accounts[i].balance, &b->accounts[i].balance), "%s: balance of account %u", what, i);
    }
}

void world_run_everywhere(const struct world *w, uint64_t seed, struct outcome *out)
{
    static const unsigned shard_counts[] = {1, 2, 3, 16, 256};
    static struct outcome other;
    char what[64];
    model_run(w, out);
    snprintf(what, sizeof what, "serial, seed %lu", seed);
    serial_check(w, out, what);
    for (unsigned i = 0; i < 2 * sizeof shard_counts / sizeof *shard_counts; i++) {
        unsigned n = shard_counts[i / 2];
        snprintf(what, sizeof what, "%u shards, seed %lu", n, seed);
        world_run(w, n, test_random(&seed), &other);
        outcome_same(w, &other, out, what);
    }
    world_serial(w, out, "exec_serial");
}
