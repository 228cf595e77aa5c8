// Instructions that read or write the state, and the one way to it (EIP-1153, EIP-2200, EIP-2929, EIP-3529, EIP-6780).
#include "shard/evm/internal.h"

#include "shard/evm/opcodes.h"

bool evm_load(struct evm *x, struct evm_account *a)
{
    if (a->loaded)
        return true;
    if (x->host->account(x->host->ctx, &a->who, &a->before) == EVM_LATER) {
        x->outcome = EVM_WAITING;
        return false;
    }
    if (!a->before.exists)
        a->before = (struct evm_account_state){.code_hash = KECCAK256_EMPTY, .handle = a->before.handle};
    a->nonce = a->before.nonce;
    a->balance = a->before.balance;
    a->code_hash = a->before.code_hash;
    a->loaded = true;
    return true;
}

bool evm_load_code(struct evm *x, struct evm_account *a)
{
    if (a->code)
        return true;
    if (bytes32_equal(&a->code_hash, &KECCAK256_EMPTY)) {
        a->code = &EVM_NO_CODE;
        return true;
    }
    if (x->host->code(x->host->ctx, a->before.handle, &a->code_hash, &a->code) == EVM_NOW)
        return true;
    a->code = NULL;
    x->outcome = EVM_WAITING;
    return false;
}

bool evm_load_slot(struct evm *x, struct evm_slot *s)
{
    if (s->loaded)
        return true;
    struct evm_account *a = s->account;
    if (a->created)
        s->before = U256_ZERO;
    else if (x->host->slot(x->host->ctx, &a->who, a->before.handle, &s->key, &s->before) == EVM_LATER) {
        x->outcome = EVM_WAITING;
        return false;
    }
    s->value = s->before;
    s->loaded = true;
    return true;
}

struct evm_facts evm_facts_of(struct evm *x, const address *who)
{
    struct evm_facts facts = {0};
    x->host->facts(x->host->ctx, who, &facts);
    facts.is_precompile = evm_precompile_at(x, who) != 0;
    facts.is_coinbase = address_equal(who, &x->block.coinbase);
    const struct evm_account *a = journal_account(&x->journal, who);
    const bool has_balance = a->loaded ? !u256_is_zero(&a->balance) : facts.has_balance;
    facts.known_non_empty =
        address_equal(who, &x->tx->sender) || (facts.own_partition && (facts.has_nonce || has_balance));
    return facts;
}

bool evm_escapes(struct evm *x, uint8_t opcode, const address *other, bool has_value)
{
    if (!(x->flags & EVM_CONFINED))
        return false;
    const struct evm_facts facts = other ? evm_facts_of(x, other) : (struct evm_facts){0};
    const bool self_is_coinbase = address_equal(&x->frame->self->who, &x->block.coinbase);
    x->escape = evm_confine(opcode, has_value, self_is_coinbase, &facts);
    if (x->escape != EVM_STAYS)
        x->outcome = EVM_ESCAPED;
    return x->escape != EVM_STAYS;
}

bool evm_account_is_empty(const struct evm_account *a)
{
    return a->nonce == 0 && u256_is_zero(&a->balance) && bytes32_equal(&a->code_hash, &KECCAK256_EMPTY);
}

bool evm_address_is_taken(const struct evm_account *a)
{
    return a->nonce != 0 || !bytes32_equal(&a->code_hash, &KECCAK256_EMPTY) || a->before.has_storage;
}

unsigned evm_precompile_at(const struct evm *x, const address *a)
{
    const unsigned number = precompile_at(a);
    return number <= x->rules->precompile_count ? number : 0;
}

void evm_transfer(struct evm *x, struct evm_account *from, struct evm_account *to, const u256 *amount)
{
    if (u256_is_zero(amount)) {
        journal_touch(&x->journal, to);
        return;
    }
    u256 balance;
    u256_sub(&balance, &from->balance, amount);
    journal_set_balance(&x->journal, from, &balance);
    u256_add(&balance, &to->balance, amount);
    journal_set_balance(&x->journal, to, &balance);
}

enum step evm_op_sload(struct evm *x, struct frame *f)
{
    u256 *top = f->sp - 1;
    struct evm_slot *s = journal_slot(&x->journal, f->self, top, SLOT_STORAGE);
    if (!evm_load_slot(x, s))
        return STEP_STOP;
    f->gas -= journal_warm_slot(&x->journal, s) ? GAS_COLD_SLOT : GAS_WARM;
    *top = s->value;
    return f->gas < 0 ? STEP_FAIL : STEP_GO;
}

// EIP-2200 as EIP-2929 and EIP-3529 have changed it.
static int64_t store_cost(struct evm *x, struct evm_slot *s, const u256 *value)
{
    int64_t cost = journal_warm_slot(&x->journal, s) ? GAS_COLD_SLOT : 0;
    if (u256_equal(&s->value, value))
        return cost + GAS_WARM;
    const bool was_zero = u256_is_zero(&s->before);
    uint64_t *refund = &x->journal.refund;
    if (u256_equal(&s->before, &s->value)) {
        if (was_zero)
            return cost + GAS_SSTORE_SET;
        if (u256_is_zero(value))
            *refund += x->rules->clear_refund;
        return cost + GAS_SSTORE_RESET;
    }
    if (!was_zero) {
        if (u256_is_zero(&s->value))
            *refund -= x->rules->clear_refund;
        else if (u256_is_zero(value))
            *refund += x->rules->clear_refund;
    }
    if (u256_equal(&s->before, value))
        *refund += (was_zero ? GAS_SSTORE_SET : GAS_SSTORE_RESET) - GAS_WARM;
    return cost + GAS_WARM;
}

enum step evm_op_sstore(struct evm *x, struct frame *f)
{
    if (f->is_static || f->gas <= GAS_CALL_STIPEND)
        return STEP_FAIL;
    const u256 *value = f->sp - 2;
    struct evm_slot *s = journal_slot(&x->journal, f->self, f->sp - 1, SLOT_STORAGE);
    if (!evm_load_slot(x, s))
        return STEP_STOP;
    if ((f->gas -= store_cost(x, s, value)) < 0)
        return STEP_FAIL;
    if (!u256_equal(&s->value, value))
        journal_set_slot(&x->journal, s, value);
    f->sp -= 2;
    return STEP_GO;
}

enum step evm_op_tload(struct evm *x, struct frame *f)
{
    if ((f->gas -= GAS_WARM) < 0)
        return STEP_FAIL;
    u256 *top = f->sp - 1;
    *top = journal_slot(&x->journal, f->self, top, SLOT_TRANSIENT)->value;
    return STEP_GO;
}

enum step evm_op_tstore(struct evm *x, struct frame *f)
{
    if (f->is_static || (f->gas -= GAS_WARM) < 0)
        return STEP_FAIL;
    journal_set_slot(&x->journal, journal_slot(&x->journal, f->self, f->sp - 1, SLOT_TRANSIENT), f->sp - 2);
    f->sp -= 2;
    return STEP_GO;
}

// Precompiles are always warm.
static int64_t access_cost(struct evm *x, struct evm_account *a)
{
    return !a->warm && !evm_precompile_at(x, &a->who) && journal_warm_account(&x->journal, a) ? GAS_COLD_ACCOUNT
                                                                                              : GAS_WARM;
}

enum step evm_op_account(struct evm *x, struct frame *f, uint8_t opcode)
{
    u256 *top = f->sp - 1;
    const address who = evm_address_of(top);
    if (evm_escapes(x, opcode, &who, false))
        return STEP_STOP;
    struct evm_account *a = journal_account(&x->journal, &who);
    if (!evm_load(x, a) || (opcode == EVM_OP_EXTCODESIZE && !evm_load_code(x, a)))
        return STEP_STOP;
    if ((f->gas -= access_cost(x, a)) < 0)
        return STEP_FAIL;
    if (opcode == EVM_OP_BALANCE)
        *top = a->balance;
    else if (opcode == EVM_OP_EXTCODESIZE)
        *top = u256_from_u64(a->code->len);
    else
        *top = evm_account_is_empty(a) ? U256_ZERO : u256_from_be(a->code_hash.b, 32);
    return STEP_GO;
}

enum step evm_op_extcodecopy(struct evm *x, struct frame *f)
{
    const address who = evm_address_of(f->sp - 1);
    const u256 *to = f->sp - 2, *from = f->sp - 3, *len = f->sp - 4;
    struct evm_account *a = journal_account(&x->journal, &who);
    if (!evm_load(x, a) || !evm_load_code(x, a))
        return STEP_STOP;
    if (!evm_memory_for(x, f, to, len) || (f->gas -= access_cost(x, a) + 3 * (int64_t)evm_words(len->w[0])) < 0)
        return STEP_FAIL;
    if (len->w[0] > 0)
        evm_copy_padded(evm_memory_at(x, f, to->w[0]), len->w[0], bytes_of(a->code->bytes, a->code->len),
                        evm_saturate(from));
    f->sp -= 4;
    return STEP_GO;
}

enum step evm_op_blockhash(struct evm *x, struct frame *f)
{
    if ((f->gas -= 20) < 0)
        return STEP_FAIL;
    u256 *top = f->sp - 1;
    const uint64_t number = evm_saturate(top), now = x->block.number;
    u256 hash = U256_ZERO;
    if (number < now && now - number <= 256) {
        const bytes32 h = x->host->block_hash(x->host->ctx, number);
        hash = u256_from_be(h.b, sizeof h.b);
    }
    *top = hash;
    return STEP_GO;
}

enum step evm_op_log(struct evm *x, struct frame *f, unsigned topic_count)
{
    const u256 *offset = f->sp - 1, *len = f->sp - 2;
    if (f->is_static || !evm_memory_for(x, f, offset, len) ||
        (f->gas -= 375 + 375 * (int64_t)topic_count + 8 * (int64_t)len->w[0]) < 0)
        return STEP_FAIL;
    const struct bytes data = evm_memory_view(x, f, offset, len);
    journal_log(&x->journal, &f->self->who, f->sp - 3, topic_count, data);
    if (UNLIKELY(x->tracer))
        evm_trace_log(x);
    f->sp -= 2 + topic_count;
    return STEP_GO;
}

enum step evm_op_selfdestruct(struct evm *x, struct frame *f)
{
    const address to = evm_address_of(f->sp - 1);
    if (evm_escapes(x, EVM_OP_SELFDESTRUCT, &to, false))
        return STEP_STOP;
    struct evm_account *self = f->self, *heir = journal_account(&x->journal, &to);
    if (!evm_load(x, heir))
        return STEP_STOP;
    if (f->is_static)
        return STEP_FAIL;
    const bool has_balance = !u256_is_zero(&self->balance);
    int64_t cost = GAS_SELFDESTRUCT;
    if (!evm_precompile_at(x, &to) && journal_warm_account(&x->journal, heir))
        cost += GAS_COLD_ACCOUNT;
    if (has_balance && evm_account_is_empty(heir))
        cost += GAS_NEW_ACCOUNT;
    if ((f->gas -= cost) < 0)
        return STEP_FAIL;

    if (UNLIKELY(x->tracer)) {
        const struct call call = {.caller = &self->who, .value = &self->balance};
        evm_trace_enter(x, EVM_OP_SELFDESTRUCT, &to, &call);
        evm_trace_exit(x, evm_depth(x) + 2, 0, 0, (struct bytes){0}, false, NULL);
    }
    const bool ends = !x->rules->selfdestructs_only_new || self->created;
    if (heir != self) {
        const u256 all = self->balance;
        evm_transfer(x, self, heir, &all);
    } else if (ends) {
        journal_set_balance(&x->journal, self, &U256_ZERO);
    }
    if (ends) {
        if (!self->destroyed)
            x->journal.refund += x->rules->selfdestruct_refund;
        journal_mark_destroyed(&x->journal, self);
    }
    return evm_end_frame(x, FRAME_RETURNS, (struct bytes){0});
}
