// One transaction from its checks to its result (yellow paper, 6; EIP-1559, EIP-2930, EIP-3529, EIP-3607, EIP-3651,
// EIP-3860, EIP-4844).
#include "shard/evm/evm.h"

#include "shard/evm/access_list.h"
#include "shard/evm/internal.h"
#include "shard/evm/opcodes.h"

enum {
    FIRST_MEMORY = 1 << 16,
    KEPT_MEMORY = 1 << 24, // what is kept from one transaction for the next
    SYSTEM_CALL_GAS = 30000000,
    LEARNS_ALL_EVERY = 64, // transactions
};
#define NO_SLICE (INT64_MAX / 2)

struct evm *evm_create(struct arena *arena, const struct evm_rules *rules, struct precompiles *precompiles,
                       const struct evm_host *host)
{
    struct evm *x = arena_alloc_zero(arena, sizeof *x);
    x->arena = arena;
    x->rules = rules;
    x->host = host;
    x->precompiles = precompiles;
    x->slice = NO_SLICE;
    journal_init(&x->journal, arena);
    keccak_memo_init(&x->hashes);
    x->frames = arena_alloc(arena, (EVM_DEPTH_MAX + 1) * sizeof *x->frames);
    x->stack = arena_alloc(arena, (size_t)(EVM_DEPTH_MAX + 1) * EVM_STACK_MAX * sizeof *x->stack);
    x->memory_capacity = FIRST_MEMORY;
    x->memory = arena_alloc(arena, x->memory_capacity);
    return x;
}

// Forgets the transaction: its frames, if it was left in the middle, and its journal.
static void clear(struct evm *x)
{
    for (; x->frame; x->frame = x->frame == x->frames ? NULL : x->frame - 1)
        evm_code_free(x->frame->init_code);
    journal_reset(&x->journal);
    x->return_len = 0;
    if (x->memory_capacity > KEPT_MEMORY) {
        arena_free(x->arena, x->memory);
        x->memory_capacity = FIRST_MEMORY;
        x->memory = arena_alloc(x->arena, x->memory_capacity);
    }
}

void evm_free(struct evm *x)
{
    if (!x)
        return;
    clear(x);
    journal_free(&x->journal);
    foresight_free(x->foresight, x->arena);
    arena_free(x->arena, x->frames);
    arena_free(x->arena, x->stack);
    arena_free(x->arena, x->memory);
    arena_free(x->arena, x->return_data);
    arena_free(x->arena, x);
}

void evm_set_host(struct evm *x, const struct evm_host *host)
{
    clear(x);
    x->host = host;
}

void evm_set_block(struct evm *x, const struct evm_block *block)
{
    x->block = *block;
}

void evm_set_tracer(struct evm *x, const struct evm_tracer *tracer)
{
    x->tracer = tracer;
}

void evm_set_slice(struct evm *x, uint64_t gas)
{
    x->slice = gas == 0 || gas > NO_SLICE ? NO_SLICE : (int64_t)gas;
}

void evm_drop(struct evm *x)
{
    clear(x);
}

// The largest bill, in *out; false when it is beyond 256 bits.
static bool max_cost(const struct evm_tx *tx, u256 *out)
{
    u256 blob_cost;
    bool overflow = u256_mul_u64(out, &tx->max_fee, tx->gas_limit);
    overflow |= u256_mul_u64(&blob_cost, &tx->max_blob_fee, tx->blob_count * EVM_GAS_PER_BLOB);
    overflow |= u256_add(out, out, &blob_cost);
    return !(u256_add(out, out, &tx->value) || overflow);
}

static enum tx_status check_blobs(const struct evm *x, const struct evm_tx *tx)
{
    if (tx->type != TX_BLOB)
        return TX_OK;
    if (!x->rules->has_blobs)
        return TX_BLOB_UNSUPPORTED;
    if (tx->is_create)
        return TX_BLOB_CREATION;
    if (tx->blob_count == 0)
        return TX_BLOB_NONE;
    if (tx->blob_count > x->rules->blobs_max)
        return TX_BLOB_COUNT;
    for (size_t i = 0; i < tx->blob_count; i++) {
        if (tx->blob_hashes[i].b[0] != 0x01)
            return TX_BLOB_HASH_VERSION;
    }
    return u256_less(&tx->max_blob_fee, &x->block.blob_base_fee) ? TX_BLOB_FEE_CAP : TX_OK;
}

// What needs no state.
static enum tx_status check_static(const struct evm *x, const struct evm_tx *tx)
{
    if (tx->type > TX_BLOB)
        return TX_SET_CODE_UNSUPPORTED;
    if (tx->gas_limit > x->block.gas_limit || tx->gas_limit > INT64_MAX)
        return TX_GAS_LIMIT_EXCEEDED;
    if (tx->is_create && x->rules->has_init_code_limit && tx->data.len > EVM_INIT_CODE_MAX)
        return TX_INIT_CODE_TOO_LARGE;
    if (tx->gas_limit < x->intrinsic_gas)
        return TX_INTRINSIC_GAS;
    if (u256_less(&tx->max_fee, &tx->max_tip))
        return TX_TIP_ABOVE_FEE_CAP;
    return check_blobs(x, tx);
}

static enum tx_status check_sender(const struct evm *x, const struct evm_tx *tx)
{
    u256 cost;
    const struct evm_account *sender = x->sender;
    if (x->flags & EVM_NO_CHECKS)
        return u256_less(&sender->balance, &tx->value) ? TX_INSUFFICIENT_FUNDS : TX_OK;
    if (tx->nonce == UINT64_MAX)
        return TX_NONCE_MAX;
    if (tx->nonce != sender->nonce)
        return tx->nonce < sender->nonce ? TX_NONCE_TOO_LOW : TX_NONCE_TOO_HIGH;
    if (!bytes32_equal(&sender->code_hash, &KECCAK256_EMPTY))
        return TX_SENDER_HAS_CODE;
    if (u256_less(&tx->max_fee, &x->block.base_fee))
        return TX_FEE_CAP_BELOW_BASE_FEE;
    if (!max_cost(tx, &cost))
        return TX_COST_OVERFLOW;
    return u256_less(&sender->balance, &cost) ? TX_INSUFFICIENT_FUNDS : TX_OK;
}

static void set_prices(struct evm *x, const struct evm_tx *tx)
{
    const u256 *base_fee = &x->block.base_fee;
    if (u256_add(&x->gas_price, base_fee, &tx->max_tip) || u256_less(&tx->max_fee, &x->gas_price))
        x->gas_price = tx->max_fee;
    // Only unchecked calls may offer less than the base fee.
    if (u256_sub(&x->tip_price, &x->gas_price, base_fee))
        x->tip_price = U256_ZERO;
}

// Takes the price of all gas, and of the blobs, off the sender.
static void buy_gas(struct evm *x)
{
    const struct evm_tx *tx = x->tx;
    u256 cost, blob_cost, balance;
    u256_mul_u64(&cost, &x->gas_price, tx->gas_limit);
    u256_mul_u64(&blob_cost, &x->block.blob_base_fee, tx->blob_count * EVM_GAS_PER_BLOB);
    u256_add(&cost, &cost, &blob_cost);
    u256_sub(&balance, &x->sender->balance, &cost);
    journal_set_balance(&x->journal, x->sender, &balance);
}

static void warm_listed(void *ctx, const address *who, const u256 *key)
{
    struct journal *j = ctx;
    struct evm_account *a = journal_account(j, who);
    if (key)
        journal_warm_slot(j, journal_slot(j, a, key, SLOT_STORAGE));
    else
        journal_warm_account(j, a);
}

// EIP-2929's initial sets; precompiles are warm anyway.
static void warm_up(struct evm *x, struct evm_account *target)
{
    struct journal *j = &x->journal;
    journal_warm_account(j, x->sender);
    journal_warm_account(j, target);
    if (x->rules->warm_coinbase)
        journal_warm_account(j, x->coinbase);
    if (x->tx->access_list.len > 0)
        access_list_walk(x->tx->access_list, warm_listed, j);
}

static void start_frame(struct evm *x, struct evm_account *target)
{
    const struct evm_tx *tx = x->tx;
    struct journal *j = &x->journal;
    struct call call = {
        .self = target,
        .code = target->code,
        .caller = &tx->sender,
        .value = &tx->value,
        .input = tx->data,
        .gas = tx->gas_limit - x->intrinsic_gas,
        .snapshot = journal_snapshot(j),
    };
    if (tx->is_create) {
        call.code = call.init_code = evm_code_new(x->arena, x->rules, NULL, tx->data);
        call.input = (struct bytes){0};
        journal_mark_created(j, target);
        journal_set_nonce(j, target, 1);
    }
    evm_transfer(x, x->sender, target, &tx->value);
    if (x->tracer)
        evm_trace_enter(x, tx->is_create ? EVM_OP_CREATE : EVM_OP_CALL, &target->who, &call);
    evm_push_frame(x, &call);
}

static void run_target_precompile(struct evm *x, unsigned number)
{
    struct bytes output = {0};
    const uint64_t cost = precompile_gas(number, x->tx->data);
    const bool ok = cost <= (uint64_t)x->frame->gas &&
                    precompile_run(x->precompiles, &output, number, x->tx->data) == PRECOMPILE_OK;
    if (ok)
        x->frame->gas -= (int64_t)cost;
    evm_end_frame(x, ok ? FRAME_RETURNS : FRAME_FAILS, output);
}

// Unused gas goes back, with at most a share of what was used as a refund, and the coinbase gets its tips.
static void settle(struct evm *x, struct evm_result *out)
{
    struct journal *j = &x->journal;
    const uint64_t gas_limit = x->tx->gas_limit;
    const uint64_t spent = gas_limit - (uint64_t)x->frames->gas, most = spent / x->rules->refund_quotient;
    out->gas_used = spent - (j->refund < most ? j->refund : most);
    u256_mul_u64(&out->fee, &x->tip_price, out->gas_used);
    if (x->flags & EVM_NO_CHECKS)
        return;
    u256 amount;
    u256_mul_u64(&amount, &x->gas_price, gas_limit - out->gas_used);
    u256_add(&amount, &amount, &x->sender->balance);
    journal_set_balance(j, x->sender, &amount);
    if (x->flags & EVM_DEFER_FEE)
        return;
    u256_add(&amount, &out->fee, &x->coinbase->balance);
    journal_set_balance(j, x->coinbase, &amount);
}

static void give_result(struct evm *x, struct evm_result *out)
{
    struct journal *j = &x->journal;
    settle(x, out);
    out->success = x->success;
    out->reverted = x->reverted;
    out->output = bytes_of(x->return_data, x->return_len);
    if (x->tx->is_create && x->success)
        out->created = x->frames->self->who;
    for (size_t i = 0; i < j->log_count; i++)
        j->logs[i].data.ptr = j->log_data ? j->log_data + (uintptr_t)j->logs[i].data.ptr : NULL;
    out->logs = j->logs;
    out->log_count = j->log_count;
    x->frame = NULL;
}

static enum evm_outcome run(struct evm *x, struct evm_result *out)
{
    if (!evm_interpret(x)) {
        out->escape = x->escape;
        if (x->outcome == EVM_ESCAPED)
            clear(x);
        return x->outcome;
    }
    give_result(x, out);
    return EVM_DONE;
}

static enum evm_outcome refuse(struct evm *x, struct evm_result *out, enum tx_status status)
{
    out->status = status;
    clear(x);
    return EVM_INVALID;
}

// The transaction is valid: from here on it is executed.
static enum evm_outcome execute(struct evm *x, struct evm_account *target, struct evm_result *out)
{
    const struct evm_tx *tx = x->tx;
    warm_up(x, target);
    if (!(x->flags & EVM_NO_CHECKS))
        buy_gas(x);
    journal_set_nonce(&x->journal, x->sender, x->sender->nonce + 1);
    const bool taken = tx->is_create && evm_address_is_taken(target);
    start_frame(x, target);
    const unsigned precompile = tx->is_create ? 0 : evm_precompile_at(x, &tx->to);
    if (taken)
        evm_end_frame(x, FRAME_FAILS, (struct bytes){0});
    else if (precompile)
        run_target_precompile(x, precompile);
    else
        return run(x, out);
    give_result(x, out);
    return EVM_DONE;
}

enum evm_outcome evm_transact(struct evm *x, const struct evm_tx *tx, unsigned flags, struct evm_result *out)
{
    struct journal *j = &x->journal;
    clear(x);
    *out = (struct evm_result){0};
    x->tx = tx;
    x->flags = flags;
    x->escape = EVM_STAYS;
    x->intrinsic_gas = evm_intrinsic_gas(x->rules, tx);
    const enum tx_status status = flags & EVM_CHECKED ? TX_OK : check_static(x, tx);
    if (status != TX_OK)
        return refuse(x, out, status);

    x->sender = journal_account(j, &tx->sender);
    x->coinbase = journal_account(j, &x->block.coinbase);
    if (!evm_load(x, x->sender) || (!(flags & EVM_DEFER_FEE) && !evm_load(x, x->coinbase)))
        return x->outcome;
    const enum tx_status sender_status = flags & EVM_CHECKED ? TX_OK : check_sender(x, tx);
    if (sender_status != TX_OK)
        return refuse(x, out, sender_status);

    const address to = tx->is_create ? evm_create_address(&tx->sender, x->sender->nonce) : tx->to;
    struct evm_account *target = journal_account(j, &to);
    if (flags & EVM_CONFINED && (tx->is_create || address_equal(&to, &x->block.coinbase))) {
        const struct evm_facts facts = evm_facts_of(x, &to);
        out->escape = tx->is_create ? EVM_ESCAPE_CREATE : evm_confine_target(&facts);
        if (out->escape != EVM_STAYS) {
            clear(x);
            return EVM_ESCAPED;
        }
    }
    if (!evm_load(x, target) || !evm_load_code(x, target))
        return x->outcome;
    set_prices(x, tx);
    return execute(x, target, out);
}

enum evm_outcome evm_resume(struct evm *x, struct evm_result *out)
{
    // Nothing of a transaction that waits for its first accounts has happened.
    return x->frame ? run(x, out) : evm_transact(x, x->tx, x->flags, out);
}

bytes32 evm_hash(struct evm *x, struct bytes in)
{
    if (in.len != KECCAK_MEMO_INPUT)
        return keccak256(in.ptr, in.len);
    const bytes32 *remembered = keccak_memo_find(&x->hashes, in.ptr);
    const bytes32 hash = remembered ? *remembered : keccak256(in.ptr, in.len);
    if (!remembered)
        keccak_memo_put(&x->hashes, in.ptr, &hash);
    // One hash may name slots of several contracts, and only the first one has to make it.
    const bool learns = !remembered || x->journal.transaction % LEARNS_ALL_EVERY == 0;
    if (x->foresight && learns)
        foresight_learn(x->foresight, x->tx, &x->frame->self->who, in.ptr, &x->hashes);
    return hash;
}

size_t evm_foresee(struct evm *x, const struct evm_ahead *calls, size_t count, struct evm_slot_ahead *out)
{
    if (!x->foresight)
        x->foresight = foresight_create(x->arena);
    return foresight_use(x->foresight, &x->hashes, calls, count, out);
}

bool evm_system_call(struct evm *x, const address *to, struct bytes data)
{
    static const address system = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe}};
    const struct evm_tx tx = {.sender = system, .to = *to, .gas_limit = SYSTEM_CALL_GAS, .data = data};
    clear(x);
    // cppcheck-suppress autoVariables ; it is over when this function returns
    x->tx = &tx;
    x->flags = 0;
    x->gas_price = U256_ZERO;
    struct evm_account *target = journal_account(&x->journal, to);
    if (!evm_load(x, target) || !evm_load_code(x, target))
        return false;
    if (target->code->len > 0) {
        const struct call call = {.self = target,
                                  .code = target->code,
                                  .caller = &system,
                                  .value = &U256_ZERO,
                                  .input = data,
                                  .gas = SYSTEM_CALL_GAS,
                                  .snapshot = journal_snapshot(&x->journal)};
        evm_push_frame(x, &call);
        if (!evm_interpret(x))
            return false;
        x->frame = NULL;
    }
    const bool success = target->code->len == 0 || x->success;
    evm_commit(x);
    return success;
}

static void commit_account(struct evm *x, const struct evm_account *a)
{
    const struct evm_account_state *before = &a->before;
    struct evm_account_state now = {.exists = !a->destroyed && !(a->touched && evm_account_is_empty(a)),
                                    .has_storage = before->has_storage,
                                    .nonce = a->nonce,
                                    .balance = a->balance,
                                    .code_hash = a->code_hash,
                                    .handle = before->handle};
    if (!now.exists && before->exists) {
        now = (struct evm_account_state){.code_hash = KECCAK256_EMPTY, .handle = before->handle};
        x->host->put_account(x->host->ctx, &a->who, before->handle, &now);
    } else if (now.exists && (a->nonce != before->nonce || !u256_equal(&a->balance, &before->balance) ||
                              !bytes32_equal(&a->code_hash, &before->code_hash))) {
        x->host->put_account(x->host->ctx, &a->who, before->handle, &now);
    }
}

void evm_commit(struct evm *x)
{
    const struct journal *j = &x->journal;
    for (size_t i = 0; i < j->account_count; i++) {
        const struct evm_account *a = journal_account_at(j, i);
        if (a->loaded && a->code_changed && !a->destroyed)
            x->host->put_code(x->host->ctx, &a->code_hash, bytes_of(a->code->bytes, a->code->len));
    }
    for (size_t i = 0; i < j->account_count; i++) {
        const struct evm_account *a = journal_account_at(j, i);
        if (a->loaded)
            commit_account(x, a);
    }
    for (size_t i = 0; i < j->slot_count; i++) {
        const struct evm_slot *s = journal_slot_at(j, i);
        if (s->space == SLOT_STORAGE && s->loaded && !s->account->destroyed && !u256_equal(&s->value, &s->before))
            x->host->put_slot(x->host->ctx, &s->account->who, s->account->before.handle, &s->key, &s->value);
    }
    clear(x);
}
