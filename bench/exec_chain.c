#include "bench/exec_chain.h"

#include "base/clock.h"
#include "base/keccak.h"
#include "shard/trie/account_trie.h"

#include <assert.h>
#include <stdlib.h>

#define CHAIN_ID 31337

struct exec_chain {
    struct arena *arena;
    struct codes *codes;
    struct state *states[PARTITION_COUNT];
    struct account_trie *tries[PARTITION_COUNT];
    struct exec_machine *machine, *global_machine;
    struct exec_shard *shard;
    struct exec_ancestors ancestors;
    struct exec_env env;
};

struct exec_chain *exec_chain_create(void)
{
    static const address coinbase = {{0xc0, 0x1b, 0xba, 0x5e}};
    struct exec_chain *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->arena = arena_create();
    c->codes = codes_create(evm_rules_of(EVM_CANCUN));
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        c->states[p] = state_create(c->arena);
        state_use_codes(c->states[p], c->codes);
        c->tries[p] = account_trie_create(c->arena, c->states[p]);
        state_load_begin(c->states[p], 64);
    }
    c->machine = exec_machine_create(c->arena, c->codes);
    c->global_machine = exec_machine_create(c->arena, c->codes);
    c->shard = exec_create(c->arena, 0, 1, c->states, c->machine);
    c->env = (struct exec_env){.chain_id = CHAIN_ID,
                               .timestamp = 1700000000,
                               .gas_limit = (uint64_t)1 << 50,
                               .base_fee = u256_from_u64(7),
                               .coinbase = coinbase,
                               .coinbase_key = keccak256(coinbase.b, sizeof coinbase.b),
                               .ancestors = &c->ancestors};
    return c;
}

void exec_chain_free(struct exec_chain *c)
{
    exec_free(c->shard);
    exec_machine_free(c->machine);
    exec_machine_free(c->global_machine);
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        account_trie_free(c->tries[p]);
        state_free(c->states[p]);
    }
    codes_free(c->codes);
    arena_destroy(c->arena);
    free(c);
}

void exec_chain_load(struct exec_chain *c, const address *who, const struct account *account, struct bytes code)
{
    const bytes32 key = keccak256(who->b, sizeof who->b), hash = keccak256(code.ptr, code.len);
    codes_add(c->codes, &hash, code);
    state_load_contract(c->states[partition_of_key(&key)], &key, account, &hash);
}

void exec_chain_load_slot(struct exec_chain *c, const address *who, const bytes32 *slot, const u256 *value)
{
    const bytes32 key = keccak256(who->b, sizeof who->b);
    const u256 number = u256_from_be(slot->b, sizeof slot->b);
    struct state *s = c->states[partition_of_key(&key)];
    state_load_slot(s, state_find(s, &key), &number, value);
}

void exec_chain_loaded(struct exec_chain *c)
{
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        state_load_end(c->states[p]);
        state_set_height(c->states[p], 0);
    }
    account_trie_rebuild(c->tries, PARTITION_COUNT);
}

struct exec_block exec_block_create(size_t capacity)
{
    struct exec_block b = {.capacity = capacity};
    b.txs = calloc(capacity, sizeof *b.txs);
    b.items = calloc(capacity, sizeof *b.items);
    b.senders = calloc(capacity, sizeof *b.senders);
    b.keys = calloc(2 * capacity, sizeof *b.keys);
    b.data = calloc(capacity, sizeof *b.data);
    b.results = calloc(capacity, sizeof *b.results);
    if (!b.txs || !b.items || !b.senders || !b.keys || !b.data || !b.results)
        abort();
    return b;
}

void exec_block_free(struct exec_block *b)
{
    free(b->txs);
    free(b->items);
    free(b->senders);
    free(b->keys);
    free(b->data);
    free(b->results);
}

void exec_block_add(struct exec_block *b, const address *sender, const struct tx_fields *fields)
{
    assert(b->count < b->capacity);
    const size_t i = b->count++;
    struct tx *tx = &b->txs[i];
    *tx = (struct tx){.type = TX_DYNAMIC_FEE,
                      .is_create = fields->is_create,
                      .has_chain_id = true,
                      .chain_id = CHAIN_ID,
                      .nonce = fields->nonce,
                      .gas_limit = fields->gas_limit,
                      .max_fee = u256_from_u64(10),
                      .max_tip = u256_from_u64(2),
                      .value = fields->value,
                      .to = fields->to,
                      .data = fields->data};
    if (tx->data.len > 0 && tx->data.len <= sizeof b->data[i]) {
        memcpy(b->data[i], fields->data.ptr, fields->data.len);
        tx->data.ptr = b->data[i];
    }
    for (size_t at = 0; at < tx->data.len; at++)
        tx->data_zero_count += tx->data.ptr[at] == 0;
    b->senders[i] = *sender;
    b->keys[2 * i] = keccak256(sender->b, sizeof sender->b);
    b->keys[2 * i + 1] = keccak256(tx->to.b, sizeof tx->to.b);
    b->items[i] = (struct exec_tx){tx, &b->senders[i], &b->keys[2 * i], &b->keys[2 * i + 1], (uint32_t)i};
}

static void run_global(struct exec_chain *c, const u256 *fees, struct exec_result *results)
{
    const struct exec_tx **left;
    const size_t count = exec_left_over(c->shard, &left);
    exec_global(c->global_machine, c->states, &c->env, fees, left, count, results);
}

static void run_pass(struct exec_chain *c, enum exec_pass pass, unsigned round)
{
    if (pass == EXEC_SENDERS)
        exec_senders(c->shard, round);
    else
        exec_calls(c->shard);
    exec_take(c->shard, pass, exec_parcel(c->shard, pass, 0));
}

static void execute(struct exec_chain *c, struct exec_block *b)
{
    exec_begin(c->shard, &c->env, b->items, b->count, b->results);
    enum exec_next next = EXEC_NEXT_ROUND;
    for (unsigned round = 0; next == EXEC_NEXT_ROUND; round++) {
        run_pass(c, EXEC_SENDERS, round);
        if (exec_has_calls(c->shard))
            run_pass(c, EXEC_CALLS, round);
        const struct exec_progress progress = exec_progress(c->shard);
        next = exec_next(&progress, round);
    }
    const u256 fees = exec_fees(c->shard);
    if (next == EXEC_NEXT_GLOBAL)
        run_global(c, &fees, b->results);
    else
        exec_pay_coinbase(c->states, &c->env, &fees);
    exec_end(c->shard);
}

uint64_t exec_chain_run(struct exec_chain *c, struct exec_block *b)
{
    c->env.number++;
    c->env.timestamp++;
    const uint64_t start = clock_thread_cpu_ns();
    execute(c, b);
    const uint64_t spent = clock_thread_cpu_ns() - start;
    exec_finish_logs(c->machine);
    exec_finish_logs(c->global_machine);
    account_trie_update(c->tries, PARTITION_COUNT);
    return spent;
}
