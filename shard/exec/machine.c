#include "shard/exec/machine.h"

#include "base/keccak.h"
#include "shard/evm/precompiles/precompiles.h"
#include "shard/exec/rules.h"

#include <assert.h>

#define NO_HOME PARTITION_COUNT
#define NO_RECORD UINT64_MAX
#define KEY_CACHE_SIZE 1024u // power of two

struct cached_key {
    address who;
    bytes32 key;
};

struct exec_machine {
    struct arena *arena;
    struct codes *codes;
    struct precompiles *precompiles;
    struct evm *evm;
    struct evm_host host;
    struct log_memory logs;
    struct cached_key *keys;
    bytes32 beacon_roots_key;

    struct exec_env env;
    struct state **states;
    const struct exec_tx *tx; // under way; NULL during the system call
    unsigned home;            // the partition that it is confined to
    // Of a confined transaction.
    const struct round_senders *round;
    u256 reserved; // what its sender seems to have
    u256 left;     // and has afterwards
};

// EIP-4788.
static const address BEACON_ROOTS = {{0x00, 0x0f, 0x3d, 0xf6, 0xd7, 0x32, 0x80, 0x7e, 0xf1, 0x31,
                                      0x9f, 0xb7, 0xb8, 0xbb, 0x85, 0x22, 0xd0, 0xbe, 0xac, 0x02}};

static const bytes32 *key_of(struct exec_machine *m, const address *who)
{
    if (m->tx && address_equal(who, m->tx->sender))
        return m->tx->sender_key;
    if (m->tx && address_equal(who, &m->tx->tx->to))
        return m->tx->target_key;
    if (address_equal(who, &m->env.coinbase))
        return &m->env.coinbase_key;
    struct cached_key *cached = &m->keys[(load_le64(who->b + 12) ^ load_le64(who->b)) % KEY_CACHE_SIZE];
    if (!address_equal(&cached->who, who))
        *cached = (struct cached_key){*who, keccak256(who->b, sizeof who->b)};
    return &cached->key;
}

// ---- the host

static bool is_foreign(const struct exec_machine *m, const bytes32 *key)
{
    return m->home != NO_HOME && partition_of_key(key) != m->home;
}

static bool is_reserved_sender(const struct exec_machine *m, const address *who)
{
    return m->round && address_equal(who, m->tx->sender);
}

static struct state *state_of(const struct exec_machine *m, const bytes32 *key)
{
    return m->states[partition_of_key(key)];
}

static uint64_t handle_of(const bytes32 *key, uint32_t id)
{
    return (uint64_t)partition_of_key(key) << 32 | id;
}

static struct evm_account_state from_state(const struct exec_machine *m, const bytes32 *key)
{
    const struct state *s = state_of(m, key);
    const uint32_t id = state_find(s, key);
    if (id == STATE_NONE)
        return (struct evm_account_state){.handle = NO_RECORD};
    const struct account account = state_get(s, id);
    return (struct evm_account_state){.exists = true,
                                      .has_storage = state_has_storage(s, id),
                                      .nonce = account.nonce,
                                      .balance = account.balance,
                                      .code_hash = state_code_hash(s, id),
                                      .handle = handle_of(key, id)};
}

// Balance and nonce are unknown, and asked for by nothing that stays.
static struct evm_account_state from_directory(const struct exec_machine *m, const bytes32 *key)
{
    const struct evm_code *code = codes_of_account(m->codes, key);
    return (struct evm_account_state){
        .exists = code->len > 0, .code_hash = code->len > 0 ? code->hash : KECCAK256_EMPTY, .handle = NO_RECORD};
}

static enum evm_answer ask_account(void *ctx, const address *who, struct evm_account_state *out)
{
    struct exec_machine *m = ctx;
    if (is_reserved_sender(m, who)) {
        *out = (struct evm_account_state){.exists = true,
                                          .nonce = m->tx->tx->nonce,
                                          .balance = m->reserved,
                                          .code_hash = KECCAK256_EMPTY,
                                          .handle = NO_RECORD};
        return EVM_NOW;
    }
    const bytes32 *key = key_of(m, who);
    *out = is_foreign(m, key) ? from_directory(m, key) : from_state(m, key);
    return EVM_NOW;
}

static enum evm_answer ask_code(void *ctx, uint64_t handle, const bytes32 *hash, const struct evm_code **out)
{
    const struct exec_machine *m = ctx;
    (void)handle;
    *out = codes_find(m->codes, hash);
    assert(*out);
    return EVM_NOW;
}

static enum evm_answer ask_slot(void *ctx, const address *who, uint64_t handle, const u256 *key, u256 *out)
{
    const struct exec_machine *m = ctx;
    (void)who;
    *out = U256_ZERO;
    if (handle != NO_RECORD)
        *out = state_slot_get(m->states[handle >> 32], (uint32_t)handle, key);
    return EVM_NOW;
}

static bytes32 ask_block_hash(void *ctx, uint64_t number)
{
    const struct exec_machine *m = ctx;
    return m->env.ancestors->hash[number % 256];
}

static void ask_facts(void *ctx, const address *who, struct evm_facts *out)
{
    struct exec_machine *m = ctx;
    const bytes32 *key = key_of(m, who);
    out->own_partition = !is_foreign(m, key);
    out->has_code = codes_of_account(m->codes, key)->len > 0;
    const struct state *s = out->own_partition ? state_of(m, key) : NULL;
    const uint32_t id = s ? state_find(s, key) : STATE_NONE;
    if (id == STATE_NONE)
        return;
    const struct account account = state_get(s, id);
    const struct sender_entry *calls = round_senders_find(m->round, key);
    out->has_nonce = account.nonce > (calls ? calls->reserved : 0);
    out->has_balance = !u256_is_zero(&account.balance);
}

static void put_code(void *ctx, const bytes32 *hash, struct bytes code)
{
    const struct exec_machine *m = ctx;
    codes_add(m->codes, hash, code);
}

// Of foreign accounts a transaction that stays changes none but its sender. Code at the EIP-4788 address that isn't
// that EIP's might; it changes nobody else either way.
static void put_account(void *ctx, const address *who, uint64_t handle, const struct evm_account_state *state)
{
    struct exec_machine *m = ctx;
    if (is_reserved_sender(m, who)) {
        m->left = state->balance;
        return;
    }
    const bytes32 *key = key_of(m, who);
    if (is_foreign(m, key))
        return;
    struct state *s = state_of(m, key);
    const uint32_t id = handle == NO_RECORD ? state_find_or_add(s, key) : (uint32_t)handle;
    if (!state->exists) {
        state_remove(s, id);
        return;
    }
    state_set(s, id, &(struct account){.nonce = state->nonce, .balance = state->balance});
    const bytes32 hash = state_code_hash(s, id);
    if (!bytes32_equal(&hash, &state->code_hash))
        state_set_code(s, id, &state->code_hash);
}

static void put_slot(void *ctx, const address *who, uint64_t handle, const u256 *key, const u256 *value)
{
    struct exec_machine *m = ctx;
    const bytes32 *account = key_of(m, who);
    if (is_foreign(m, account))
        return;
    struct state *s = state_of(m, account);
    state_slot_put(s, handle == NO_RECORD ? state_find_or_add(s, account) : (uint32_t)handle, key, value);
}

// ---- blocks and transactions

struct exec_machine *exec_machine_create(struct arena *arena, struct codes *codes)
{
    struct precompiles *precompiles = precompiles_create();
    if (!precompiles)
        return NULL;
    struct exec_machine *m = arena_alloc_zero(arena, sizeof *m);
    m->arena = arena;
    m->codes = codes;
    m->precompiles = precompiles;
    m->host = (struct evm_host){m,         ask_account, ask_code,    ask_slot, ask_block_hash,
                                ask_facts, put_code,    put_account, put_slot};
    m->evm = evm_create(arena, evm_rules_of(EVM_CANCUN), precompiles, &m->host);
    m->keys = arena_alloc_zero(arena, KEY_CACHE_SIZE * sizeof *m->keys);
    m->keys[0].key = keccak256(m->keys[0].who.b, sizeof m->keys[0].who.b); // the only place that address 0 can be found
    m->beacon_roots_key = keccak256(BEACON_ROOTS.b, sizeof BEACON_ROOTS.b);
    log_memory_init(&m->logs, arena);
    return m;
}

void exec_machine_free(struct exec_machine *m)
{
    if (!m)
        return;
    evm_free(m->evm);
    precompiles_free(m->precompiles);
    log_memory_free(&m->logs);
    arena_free(m->arena, m->keys);
    arena_free(m->arena, m);
}

const struct codes *machine_codes(const struct exec_machine *m)
{
    return m->codes;
}

void machine_open(struct exec_machine *m, struct state **states, const struct exec_env *env)
{
    const struct evm_block block = {.chain_id = env->chain_id,
                                    .number = env->number,
                                    .timestamp = env->timestamp,
                                    .gas_limit = env->gas_limit,
                                    .coinbase = env->coinbase,
                                    .base_fee = env->base_fee,
                                    .blob_base_fee = u256_from_u64(1),
                                    .prevrandao = env->prevrandao};
    evm_set_block(m->evm, &block);
    log_memory_clear(&m->logs);
    m->env = *env;
    m->states = states;
}

void exec_finish_logs(struct exec_machine *m)
{
    log_memory_finish(&m->logs);
}

unsigned machine_system_partition(const struct exec_machine *m)
{
    return partition_of_key(&m->beacon_roots_key);
}

void machine_system_call(struct exec_machine *m)
{
    if (codes_of_account(m->codes, &m->beacon_roots_key)->len == 0)
        return;
    m->tx = NULL;
    m->round = NULL;
    m->home = machine_system_partition(m);
    const bytes32 *root = &m->env.parent_beacon_block_root;
    // That it fails changes nothing, and is nobody's fault in the block.
    evm_system_call(m->evm, &BEACON_ROOTS, bytes_of(root->b, sizeof root->b));
}

struct execution machine_plain(struct exec_machine *m, const struct tx *tx)
{
    const uint64_t intrinsic = tx_intrinsic_gas(tx);
    const unsigned precompile = precompile_at(&tx->to);
    if (precompile == PRECOMPILE_NONE)
        return (struct execution){.success = true, .gas_used = intrinsic};
    struct bytes output;
    const uint64_t cost = precompile_gas(precompile, tx->data);
    if (cost > tx->gas_limit - intrinsic ||
        precompile_run(m->precompiles, &output, precompile, tx->data) != PRECOMPILE_OK)
        return (struct execution){.gas_used = tx->gas_limit};
    return (struct execution){.success = true, .gas_used = intrinsic + cost};
}

// Whose slots calls will read; id is STATE_NONE when it isn't there or may not be looked at.
struct contract_ahead {
    const struct state *state;
    uint32_t id;
};

static struct contract_ahead find_contract(struct exec_machine *m, const address *who, unsigned home)
{
    const bytes32 *key = key_of(m, who);
    if (home != NO_HOME && partition_of_key(key) != home)
        return (struct contract_ahead){.id = STATE_NONE};
    const struct state *s = state_of(m, key);
    return (struct contract_ahead){s, state_find(s, key)};
}

void machine_foresee(struct exec_machine *m, const struct exec_call *calls, size_t count, bool confined)
{
    struct evm_ahead ahead[EVM_AHEAD_MAX];
    struct evm_slot_ahead slots[EVM_AHEAD_SLOTS_MAX];
    struct contract_ahead contracts[EVM_AHEAD_SLOTS_MAX];
    m->tx = NULL;
    for (size_t i = 0; i < count; i++)
        ahead[i] = (struct evm_ahead){calls[i].tx->sender, &calls[i].tx->tx->to, calls[i].tx->tx->data};
    const size_t slot_count = evm_foresee(m->evm, ahead, count, slots);
    // In two steps, so that the waiting for the ways to all slots overlaps.
    for (size_t i = 0; i < slot_count; i++) {
        const bool again =
            i > 0 && slots[i].call == slots[i - 1].call && address_equal(&slots[i].contract, &slots[i - 1].contract);
        const unsigned home = confined ? calls[slots[i].call].partition : NO_HOME;
        contracts[i] = again ? contracts[i - 1] : find_contract(m, &slots[i].contract, home);
        if (contracts[i].id != STATE_NONE)
            state_slot_prefetch_way(contracts[i].state, contracts[i].id, &slots[i].slot);
    }
    for (size_t i = 0; i < slot_count; i++) {
        if (contracts[i].id != STATE_NONE)
            state_slot_prefetch(contracts[i].state, contracts[i].id, &slots[i].slot);
    }
}

static struct execution take_result(struct exec_machine *m, const struct evm_result *result)
{
    return (struct execution){.success = result->success,
                              .gas_used = result->gas_used,
                              .logs = log_memory_keep(&m->logs, result->logs, result->log_count)};
}

enum evm_escape machine_confined(struct exec_machine *m, const struct exec_tx *t, unsigned home,
                                 const struct round_senders *round, struct execution *out, u256 *received)
{
    struct evm_result result;
    m->tx = t;
    m->home = home;
    m->round = round;
    bool overflow = tx_max_cost(&m->reserved, t->tx);
    assert(!overflow);
    const struct evm_tx tx = evm_tx_of(t->tx, t->sender);
    const enum evm_outcome outcome = evm_transact(m->evm, &tx, EVM_CONFINED | EVM_DEFER_FEE | EVM_CHECKED, &result);
    if (outcome == EVM_ESCAPED)
        return result.escape;
    assert(outcome == EVM_DONE);
    *out = take_result(m, &result);
    evm_commit(m->evm);
    // What it has left beyond what it would have without receiving anything.
    u256_sub(received, &m->left, &m->reserved);
    const u256 paid = rules_debit(t->tx, &m->env, out->gas_used);
    u256_add(received, received, &paid);
    if (out->success)
        u256_add(received, received, &t->tx->value);
    return EVM_STAYS;
}

struct execution machine_transact(struct exec_machine *m, const struct exec_tx *t)
{
    struct evm_result result;
    m->tx = t;
    m->home = NO_HOME;
    m->round = NULL;
    const struct evm_tx tx = evm_tx_of(t->tx, t->sender);
    const enum evm_outcome outcome = evm_transact(m->evm, &tx, EVM_CHECKED, &result);
    assert(outcome == EVM_DONE);
    const struct execution done = take_result(m, &result);
    evm_commit(m->evm);
    return done;
}
