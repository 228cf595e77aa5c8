#include "tests/exec_support/contract_chain.h"

#include "base/keccak.h"
#include "base/rlp.h"
#include "shard/evm/evm.h"
#include "shard/evm/precompiles/precompiles.h"
#include "shard/evm/world.h"
#include "tests/exec_support/chain_node.h"
#include "tests/support/vectors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const unsigned SHARD_COUNTS[] = {1, 2, 4, 16};
enum { SHARDED = sizeof SHARD_COUNTS / sizeof *SHARD_COUNTS, ACCESS_LIST_MAX = 96 };

struct chain_account {
    address who;
    bytes32 key;
    struct account start;
    struct bytes code; // malloc'ed
    uint64_t next_nonce;
};

struct chain_tx {
    struct tx tx; // first: chain_send's pointer is one to this
    unsigned from;
    bytes32 target_key;
    uint8_t data[CHAIN_DATA_MAX];
    uint8_t access_list[ACCESS_LIST_MAX];
};

struct contract_chain {
    const char *what;
    bool started;
    struct exec_env env;
    struct exec_ancestors ancestors;
    struct chain_account accounts[CHAIN_ACCOUNTS_MAX];
    unsigned account_count;
    struct {
        unsigned account;
        uint64_t slot, value;
    } slots[4 * CHAIN_ACCOUNTS_MAX];
    size_t slot_count;
    struct chain_tx txs[CHAIN_TXS_MAX];
    size_t tx_count;
    struct chain_node *nodes[SHARDED];
    struct chain_node *serial;
    // The EVM alone.
    struct arena *arena;
    struct precompiles *precompiles;
    struct evm_world *world;
    struct evm *evm;
    struct exec_result results[CHAIN_TXS_MAX]; // of the first node
    struct chain_outcome outcome;
};

static void die(const struct contract_chain *c, const char *what, uint64_t number)
{
    fprintf(stderr, "%s: %s, %" PRIu64 "\n", c->what, what, number);
    abort();
}

// ---- accounts

// Addresses by partition, made once.
static const address *address_in(unsigned partition, unsigned number)
{
    static address pool[PARTITION_COUNT][CHAIN_ACCOUNTS_MAX];
    static unsigned counts[PARTITION_COUNT];
    static uint64_t next;
    for (; counts[partition] <= number; next++) {
        address a = {{0xa0}};
        store_le64(a.b + 4, next);
        const unsigned p = keccak256(a.b, sizeof a.b).b[0];
        if (counts[p] < CHAIN_ACCOUNTS_MAX)
            pool[p][counts[p]++] = a;
    }
    return &pool[partition][number];
}

unsigned chain_name(struct contract_chain *c, const address *who)
{
    if (c->account_count == CHAIN_ACCOUNTS_MAX)
        die(c, "too many accounts", c->account_count);
    struct chain_account *a = &c->accounts[c->account_count];
    *a = (struct chain_account){.who = *who, .key = keccak256(who->b, sizeof who->b)};
    return c->account_count++;
}

unsigned chain_add(struct contract_chain *c, unsigned partition, uint64_t balance, uint64_t nonce, struct bytes code)
{
    return chain_add_at(c, address_in(partition, c->account_count), balance, nonce, code);
}

unsigned chain_add_at(struct contract_chain *c, const address *who, uint64_t balance, uint64_t nonce, struct bytes code)
{
    const unsigned n = chain_name(c, who);
    struct chain_account *a = &c->accounts[n];
    uint8_t *copy = malloc(code.len + 1);
    if (code.len > 0)
        memcpy(copy, code.ptr, code.len);
    a->start = (struct account){.nonce = nonce, .balance = u256_from_u64(balance)};
    a->next_nonce = nonce;
    a->code = bytes_of(copy, code.len);
    return n;
}

void chain_put_slot(struct contract_chain *c, unsigned account, uint64_t slot, uint64_t value)
{
    if (value == 0)
        return;
    c->slots[c->slot_count].account = account;
    c->slots[c->slot_count].slot = slot;
    c->slots[c->slot_count++].value = value;
}

const address *chain_address(const struct contract_chain *c, unsigned account)
{
    return &c->accounts[account].who;
}

struct exec_env *chain_env(struct contract_chain *c)
{
    return &c->env;
}

void chain_set_coinbase(struct contract_chain *c, unsigned account)
{
    c->env.coinbase = c->accounts[account].who;
    c->env.coinbase_key = c->accounts[account].key;
}

struct contract_chain *contract_chain_new(const char *what)
{
    struct contract_chain *c = calloc(1, sizeof *c);
    c->what = what;
    c->env = (struct exec_env){.chain_id = 7,
                               .number = 1,
                               .timestamp = 1000,
                               .gas_limit = 30000000,
                               .base_fee = u256_from_u64(7),
                               .parent_beacon_block_root = {{9}},
                               .ancestors = &c->ancestors};
    chain_set_coinbase(c, chain_add(c, 200, 0, 0, (struct bytes){0}));
    return c;
}

void contract_chain_free(struct contract_chain *c)
{
    for (size_t i = 0; c->started && i < SHARDED; i++)
        chain_node_free(c->nodes[i]);
    if (c->started) {
        chain_node_free(c->serial);
        evm_free(c->evm);
        evm_world_free(c->world);
        precompiles_free(c->precompiles);
        arena_destroy(c->arena);
    }
    for (unsigned i = 0; i < c->account_count; i++)
        free((void *)c->accounts[i].code.ptr);
    free(c);
}

static struct chain_node *load_node(const struct contract_chain *c, unsigned shard_count)
{
    struct chain_node *n = chain_node_new(shard_count);
    for (unsigned i = 0; i < c->account_count; i++)
        chain_node_load(n, &c->accounts[i].key, &c->accounts[i].start, c->accounts[i].code);
    for (size_t i = 0; i < c->slot_count; i++)
        chain_node_load_slot(n, &c->accounts[c->slots[i].account].key, c->slots[i].slot, c->slots[i].value);
    chain_node_loaded(n);
    return n;
}

static void load_world(struct contract_chain *c)
{
    const struct evm_rules *rules = evm_rules_of(EVM_CANCUN);
    c->arena = arena_create();
    c->precompiles = precompiles_create();
    c->world = evm_world_create(c->arena, rules);
    c->evm = evm_create(c->arena, rules, c->precompiles, evm_world_host(c->world));
    for (unsigned i = 0; i < c->account_count; i++) {
        const struct chain_account *a = &c->accounts[i];
        if (a->code.len > 0 || a->start.nonce > 0 || !u256_is_zero(&a->start.balance))
            evm_world_put_account(c->world, &a->who, a->start.nonce, &a->start.balance, a->code);
    }
    for (size_t i = 0; i < c->slot_count; i++) {
        const u256 slot = u256_from_u64(c->slots[i].slot), value = u256_from_u64(c->slots[i].value);
        evm_world_put_slot(c->world, &c->accounts[c->slots[i].account].who, &slot, &value);
    }
}

static void start(struct contract_chain *c)
{
    c->started = true;
    for (size_t i = 0; i < SHARDED; i++)
        c->nodes[i] = load_node(c, SHARD_COUNTS[i]);
    c->serial = load_node(c, 0);
    load_world(c);
    c->ancestors.hash[0] = keccak256("genesis", 7);
    evm_world_set_block_hash(c->world, 0, &c->ancestors.hash[0]);
}

// ---- transactions

static struct chain_tx *add_tx(struct contract_chain *c, unsigned from, uint64_t value)
{
    if (c->tx_count == CHAIN_TXS_MAX)
        die(c, "too many transactions", c->tx_count);
    struct chain_tx *t = &c->txs[c->tx_count++];
    t->from = from;
    t->tx = (struct tx){.type = TX_DYNAMIC_FEE,
                        .has_chain_id = true,
                        .chain_id = c->env.chain_id,
                        .nonce = c->accounts[from].next_nonce++,
                        .gas_limit = 200000,
                        .max_fee = u256_from_u64(10),
                        .max_tip = u256_from_u64(2),
                        .value = u256_from_u64(value)};
    return t;
}

void chain_repeat_nonce(struct contract_chain *c, unsigned from)
{
    c->accounts[from].next_nonce--;
}

struct tx *chain_send(struct contract_chain *c, unsigned from, unsigned to, uint64_t value)
{
    struct chain_tx *t = add_tx(c, from, value);
    t->tx.to = c->accounts[to].who;
    t->target_key = c->accounts[to].key;
    return &t->tx;
}

void chain_set_data(struct contract_chain *c, struct tx *t, struct bytes data)
{
    struct chain_tx *x = (struct chain_tx *)t;
    if (data.len > sizeof x->data)
        die(c, "too much data", data.len);
    if (data.len > 0)
        memcpy(x->data, data.ptr, data.len);
    t->data = bytes_of(x->data, data.len);
    t->data_zero_count = 0;
    for (size_t i = 0; i < data.len; i++)
        t->data_zero_count += x->data[i] == 0;
}

struct tx *chain_create(struct contract_chain *c, unsigned from, uint64_t value, struct bytes init)
{
    struct chain_tx *t = add_tx(c, from, value);
    t->tx.is_create = true;
    t->target_key = keccak256(t->tx.to.b, sizeof t->tx.to.b);
    chain_set_data(c, &t->tx, init);
    return &t->tx;
}

void chain_set_access_list(struct contract_chain *c, struct tx *t, unsigned account, uint64_t slot)
{
    struct chain_tx *x = (struct chain_tx *)t;
    const struct bytes who = bytes_of(c->accounts[account].who.b, 20);
    uint8_t key[32] = {0};
    for (int i = 0; i < 8; i++)
        key[31 - i] = (uint8_t)(slot >> 8 * i);
    const size_t keys = rlp_size_string(bytes_of(key, 32)), tuple = rlp_size_string(who) + rlp_size_list(keys);
    uint8_t *p = rlp_put_list(x->access_list, rlp_size_list(tuple));
    p = rlp_put_string(rlp_put_list(p, tuple), who);
    p = rlp_put_string(rlp_put_list(p, keys), bytes_of(key, 32));
    t->access_list = bytes_of(x->access_list, (size_t)(p - x->access_list));
    t->access_address_count = t->access_key_count = 1;
}

// ---- comparing

static bool same_logs(const struct exec_logs *a, const struct exec_logs *b)
{
    if (!a || !b)
        return a == b;
    return bytes_equal(a->rlp, b->rlp) && memcmp(&a->bloom, &b->bloom, sizeof a->bloom) == 0;
}

static bool same_execution(const struct exec_result *a, const struct exec_result *b)
{
    return a->drop == b->drop && a->success == b->success && a->gas_used == b->gas_used && same_logs(a->logs, b->logs);
}

static void compare_results(const struct contract_chain *c, size_t node, const struct exec_result *a,
                            const struct exec_result *b, uint64_t i)
{
    if (same_execution(a, b) && a->again == b->again && a->round == b->round && a->pass == b->pass &&
        a->global_reason == b->global_reason)
        return;
    fprintf(stderr,
            "1 shard and %u: drop %u %u round %u %u pass %u %u reason %u %u success %d %d gas %" PRIu64 " %" PRIu64
            "\n",
            SHARD_COUNTS[node], a->drop, b->drop, a->round, b->round, a->pass, b->pass, a->global_reason,
            b->global_reason, a->success, b->success, a->gas_used, b->gas_used);
    die(c, "shards disagree about a transaction", i);
}

// The EVM's own way, without anything of a shard.
static void run_alone(struct contract_chain *c, const struct exec_env *env, const struct exec_tx *txs, size_t count,
                      const struct exec_result *results, const bytes32 *root)
{
    static const address beacon_roots = {{0x00, 0x0f, 0x3d, 0xf6, 0xd7, 0x32, 0x80, 0x7e, 0xf1, 0x31,
                                          0x9f, 0xb7, 0xb8, 0xbb, 0x85, 0x22, 0xd0, 0xbe, 0xac, 0x02}};
    const struct evm_block block = {.chain_id = env->chain_id,
                                    .number = env->number,
                                    .timestamp = env->timestamp,
                                    .gas_limit = env->gas_limit,
                                    .coinbase = env->coinbase,
                                    .base_fee = env->base_fee,
                                    .blob_base_fee = u256_from_u64(1),
                                    .prevrandao = env->prevrandao};
    evm_set_block(c->evm, &block);
    evm_system_call(c->evm, &beacon_roots, bytes_of(env->parent_beacon_block_root.b, 32));
    uint64_t gas = 0;
    for (size_t i = 0; i < count; i++) {
        const struct exec_result *r = &results[txs[i].index];
        struct evm_result result;
        const struct evm_tx tx = evm_tx_of(txs[i].tx, txs[i].sender);
        if (gas + tx.gas_limit > env->gas_limit)
            die(c, "the block's gas is spent at a transaction's serial turn", txs[i].index);
        if (evm_transact(c->evm, &tx, 0, &result) != EVM_DONE)
            die(c, tx_status_text(result.status), txs[i].index);
        const size_t size = result.log_count ? evm_logs_size(result.logs, result.log_count) : 0;
        uint8_t *rlp = malloc(size + 1);
        if (size > 0)
            evm_logs_put(rlp, result.logs, result.log_count);
        if (result.success != r->success || result.gas_used != r->gas_used ||
            !bytes_equal(bytes_of(rlp, size), r->logs ? r->logs->rlp : (struct bytes){0}))
            die(c, "a transaction's serial execution differs", txs[i].index);
        free(rlp);
        gas += result.gas_used;
        evm_commit(c->evm);
    }
    const bytes32 alone = evm_world_root(c->world);
    if (!bytes32_equal(&alone, root))
        die(c, "the state is not that of serial execution in block", env->number);
}

static void check_blooms(const struct contract_chain *c, const struct exec_result *r)
{
    bloom expected = {{0}};
    struct bytes in = r->logs ? r->logs->rlp : (struct bytes){0}, logs = in, log, item, topics;
    if (!r->logs)
        return;
    bool good = rlp_read_list(&in, &logs) == RLP_OK;
    while (good && logs.len > 0) {
        good = rlp_read_list(&logs, &log) == RLP_OK && rlp_read_string(&log, &item) == RLP_OK &&
               rlp_read_list(&log, &topics) == RLP_OK;
        bloom_add(&expected, item);
        while (good && topics.len > 0 && (good = rlp_read_string(&topics, &item) == RLP_OK))
            bloom_add(&expected, item);
    }
    if (!good || memcmp(&expected, &r->logs->bloom, sizeof expected) != 0)
        die(c, "a bloom is wrong", c->env.number);
}

// ---- running

static void run_block(struct contract_chain *c, const struct exec_tx *txs, size_t count, uint64_t *seed)
{
    struct chain_outcome *o = &c->outcome;
    for (size_t n = 0; n < SHARDED; n++) {
        struct chain_node *node = c->nodes[n];
        node->random = test_random(seed);
        chain_node_run(node, &c->env, txs, count);
        const bytes32 root = chain_node_root(node);
        if (n == 0)
            o->root = root;
        else if (!bytes32_equal(&root, &o->root))
            die(c, "the state depends on the number of shards, in block", c->env.number);
        for (size_t i = 0; n > 0 && i < count; i++)
            compare_results(c, n, &c->nodes[0]->results[txs[i].index], &node->results[txs[i].index], i);
    }
    struct exec_result in_block[CHAIN_TXS_MAX];
    for (size_t i = 0; i < count; i++) {
        c->results[txs[i].index] = in_block[i] = c->nodes[0]->results[txs[i].index];
        check_blooms(c, &in_block[i]);
    }
    struct exec_counts counts;
    uint32_t *order = o->order + o->included;
    const size_t included = exec_order(order, &counts, in_block, count);
    struct exec_tx list[CHAIN_TXS_MAX];
    for (size_t i = 0; i < included; i++) {
        list[i] = txs[order[i]];
        list[i].index = (uint32_t)i;
        in_block[i] = c->results[txs[order[i]].index];
        order[i] = txs[order[i]].index;
    }
    o->included += included;

    chain_node_run(c->serial, &c->env, list, included);
    for (size_t i = 0; i < included; i++) {
        if (!same_execution(&c->serial->results[i], &in_block[i]))
            die(c, "exec_serial differs at a transaction of O", o->order[o->included - included + i]);
    }
    const bytes32 root = chain_node_root(c->serial);
    if (!bytes32_equal(&root, &o->root))
        die(c, "exec_serial comes to another state in block", c->env.number);
    run_alone(c, &c->env, list, included, in_block, &root);
    const bytes32 hash = keccak256(root.b, sizeof root.b);
    c->ancestors.hash[c->env.number % 256] = hash;
    evm_world_set_block_hash(c->world, c->env.number, &hash);
    c->env.number++;
    c->env.timestamp++;
}

const struct chain_outcome *chain_run(struct contract_chain *c, uint64_t seed)
{
    struct exec_tx txs[CHAIN_TXS_MAX];
    struct chain_outcome *o = &c->outcome;
    if (!c->started)
        start(c);
    memset(c->results, 0, sizeof c->results);
    *o = (struct chain_outcome){.count = c->tx_count, .results = c->results};
    for (size_t i = 0; i < c->tx_count; i++) {
        const struct chain_tx *t = &c->txs[i];
        const struct chain_account *from = &c->accounts[t->from];
        txs[i] = (struct exec_tx){&t->tx, &from->who, &from->key, &t->target_key, (uint32_t)i};
    }
    size_t at = 0;
    do {
        const size_t count = exec_cut(txs, c->tx_count, at, c->env.gas_limit, c->results);
        struct exec_tx block[CHAIN_TXS_MAX];
        size_t n = 0;
        for (size_t i = at; i < at + count; i++) {
            if (txs[i].tx->gas_limit <= c->env.gas_limit)
                block[n++] = txs[i];
        }
        for (size_t i = 0; i < SHARDED; i++)
            memset(c->nodes[i]->results, 0, sizeof c->nodes[i]->results);
        memset(c->serial->results, 0, sizeof c->serial->results);
        run_block(c, block, n, &seed);
        at += count;
    } while (at < c->tx_count);
    c->tx_count = 0;
    for (unsigned i = 0; i < c->account_count; i++)
        c->accounts[i].next_nonce = chain_account(c, i).nonce;
    return o;
}

struct account chain_account(const struct contract_chain *c, unsigned account)
{
    const bytes32 *key = &c->accounts[account].key;
    const struct state *s = c->serial->states[partition_of_key(key)];
    const uint32_t id = state_find(s, key);
    return id == STATE_NONE ? (struct account){0} : state_get(s, id);
}

bool chain_has_code(const struct contract_chain *c, unsigned account)
{
    return codes_of_account(c->serial->codes, &c->accounts[account].key)->len > 0;
}

u256 chain_slot(const struct contract_chain *c, unsigned account, uint64_t slot)
{
    const bytes32 *key = &c->accounts[account].key;
    const struct state *s = c->serial->states[partition_of_key(key)];
    const uint32_t id = state_find(s, key);
    const u256 k = u256_from_u64(slot);
    return id == STATE_NONE ? U256_ZERO : state_slot_get(s, id, &k);
}
