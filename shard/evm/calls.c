// Calls and creations: frames that begin and end, and the precompiled contracts (yellow paper, 7 and 8; EIP-150,
// EIP-211, EIP-214, EIP-684, EIP-1014, EIP-3541, EIP-3860).
#include "shard/evm/internal.h"

#include "base/rlp.h"
#include "shard/evm/opcodes.h"

void evm_push_frame(struct evm *x, const struct call *call)
{
    struct frame *f = x->frame ? x->frame + 1 : x->frames;
    const struct frame *below = x->frame;
    *f = (struct frame){
        .code = call->code,
        .init_code = call->init_code,
        .stack = below ? below->sp : x->stack,
        .sp = below ? below->sp : x->stack,
        .gas = (int64_t)call->gas,
        .memory = below ? below->memory + below->memory_len : 0,
        .self = call->self,
        .caller = *call->caller,
        .value = *call->value,
        .input = call->input,
        .is_static = call->is_static,
        .is_create = call->init_code != NULL,
        .out_offset = call->out_offset,
        .out_len = call->out_len,
        .snapshot = call->snapshot,
    };
    x->frame = f;
    x->return_len = 0; // what the frame below was given isn't this one's
}

static void set_return_data(struct evm *x, struct bytes data)
{
    if (data.len > x->return_capacity) {
        x->return_capacity = 2 * data.len;
        arena_free(x->arena, x->return_data);
        x->return_data = arena_alloc(x->arena, x->return_capacity);
    }
    if (data.len > 0)
        memcpy(x->return_data, data.ptr, data.len);
    x->return_len = data.len;
}

static void push_word(struct frame *f, uint64_t value)
{
    *f->sp++ = u256_from_u64(value);
}

// Hands what a call gave to the frame that made it.
static void finish_call(struct evm *x, struct frame *caller, bool success, uint64_t gas, struct bytes output,
                        uint64_t out_offset, uint64_t out_len)
{
    caller->gas += (int64_t)gas;
    set_return_data(x, output);
    const size_t n = output.len < out_len ? output.len : out_len;
    if (n > 0)
        memcpy(evm_memory_at(x, caller, out_offset), x->return_data, n);
    push_word(caller, success);
}

// Makes the output of a creation the account's code; else says why not.
static const char *deposit_code(struct evm *x, struct frame *f, struct bytes code)
{
    if (code.len > EVM_CODE_MAX)
        return "max code size exceeded";
    if (code.len > 0 && code.ptr[0] == 0xef && x->rules->refuses_ef_code)
        return "invalid code: must not begin with 0xef";
    if ((f->gas -= (int64_t)(GAS_CODE_BYTE * code.len)) < 0)
        return "contract creation code storage out of gas";
    if (code.len > 0) {
        const bytes32 hash = keccak256(code.ptr, code.len);
        journal_set_code(&x->journal, f->self, evm_code_new(x->arena, x->rules, &hash, code));
    }
    return NULL;
}

// gas: before a creation's code was paid for.
static void trace_end(struct evm *x, const struct frame *f, enum frame_end how, int64_t gas, struct bytes output,
                      const char *error)
{
    const bool fails = how == FRAME_FAILS;
    if (fails && !error)
        error = evm_trace_failure(x, f);
    else if (how == FRAME_REVERTS)
        error = "execution reverted";
    if (fails)
        output = (struct bytes){0};
    evm_trace_exit(x, evm_depth(x) + 1, fails ? 0 : (uint64_t)f->gas, gas, output, how == FRAME_REVERTS, error);
}

enum step evm_end_frame(struct evm *x, enum frame_end how, struct bytes output)
{
    struct frame *f = x->frame;
    const int64_t gas = f->gas;
    const char *error = how == FRAME_RETURNS && f->is_create ? deposit_code(x, f, output) : NULL;
    if (error)
        how = FRAME_FAILS;
    if (UNLIKELY(x->tracer))
        trace_end(x, f, how, gas, output, error);
    if (how != FRAME_RETURNS)
        journal_undo(&x->journal, &f->snapshot);
    if (how == FRAME_FAILS) {
        f->gas = 0;
        output = (struct bytes){0};
    }
    evm_code_free(f->init_code);
    f->init_code = NULL;
    if (f == x->frames) {
        x->success = how == FRAME_RETURNS;
        x->reverted = how == FRAME_REVERTS;
        set_return_data(x, output);
        return STEP_END;
    }
    struct frame *caller = x->frame = f - 1;
    if (!f->is_create) {
        finish_call(x, caller, how == FRAME_RETURNS, (uint64_t)f->gas, output, f->out_offset, f->out_len);
        return STEP_GO;
    }
    caller->gas += f->gas;
    if (how == FRAME_RETURNS) {
        set_return_data(x, (struct bytes){0});
        *caller->sp++ = evm_word_of(&f->self->who);
    } else {
        set_return_data(x, output);
        push_word(caller, 0);
    }
    return STEP_GO;
}

static enum step run_precompile(struct evm *x, struct frame *f, unsigned number, const struct call *call)
{
    struct bytes output = {0};
    const uint64_t cost = precompile_gas(number, call->input);
    const bool success =
        cost <= call->gas && precompile_run(x->precompiles, &output, number, call->input) == PRECOMPILE_OK;
    if (!success)
        journal_undo(&x->journal, &call->snapshot);
    if (UNLIKELY(x->tracer))
        evm_trace_exit(x, evm_depth(x) + 2, success ? call->gas - cost : 0, (int64_t)(call->gas - cost), output, false,
                       success            ? NULL
                       : cost > call->gas ? "out of gas"
                                          : "precompile failed");
    finish_call(x, f, success, success ? call->gas - cost : 0, output, call->out_offset, call->out_len);
    return STEP_GO;
}

// Without code and value there is nothing to do, and no frame is made.
static enum step start_call(struct evm *x, struct frame *f, uint8_t opcode, struct evm_account *callee,
                            unsigned precompile, struct call *call)
{
    call->snapshot = journal_snapshot(&x->journal);
    if (opcode == EVM_OP_CALL)
        evm_transfer(x, f->self, callee, call->value);
    else if (opcode == EVM_OP_STATICCALL)
        journal_touch(&x->journal, callee);
    if (precompile)
        return run_precompile(x, f, precompile, call);
    if (call->code->len == 0) {
        if (UNLIKELY(x->tracer))
            evm_trace_exit(x, evm_depth(x) + 2, call->gas, (int64_t)call->gas, (struct bytes){0}, false, NULL);
        finish_call(x, f, true, call->gas, (struct bytes){0}, 0, 0);
        return STEP_GO;
    }
    evm_push_frame(x, call);
    return STEP_GO;
}

// What a call costs beside what it hands on; warms the callee.
static int64_t call_cost(struct evm *x, uint8_t opcode, struct evm_account *callee, bool is_precompile, bool has_value)
{
    int64_t cost = !is_precompile && journal_warm_account(&x->journal, callee) ? GAS_COLD_ACCOUNT : GAS_WARM;
    if (has_value)
        cost += GAS_CALL_VALUE;
    if (opcode == EVM_OP_CALL && has_value && evm_account_is_empty(callee))
        cost += GAS_NEW_ACCOUNT;
    return cost;
}

enum step evm_op_call(struct evm *x, struct frame *f, uint8_t opcode)
{
    const bool names_value = opcode == EVM_OP_CALL || opcode == EVM_OP_CALLCODE;
    const u256 *wanted_gas = f->sp - 1, *range = f->sp - (names_value ? 4 : 3);
    const address to = evm_address_of(f->sp - 2);
    const u256 value = names_value ? f->sp[-3] : U256_ZERO;
    const bool has_value = !u256_is_zero(&value);
    if (evm_escapes(x, opcode, &to, has_value))
        return STEP_STOP;

    struct evm_account *callee = journal_account(&x->journal, &to);
    const unsigned precompile = evm_precompile_at(x, &to);
    if (!evm_load(x, callee) || (!precompile && !evm_load_code(x, callee)))
        return STEP_STOP;
    if (opcode == EVM_OP_CALL && has_value && f->is_static)
        return STEP_FAIL;
    if (!evm_memory_for(x, f, range, range - 1) || !evm_memory_for(x, f, range - 2, range - 3) ||
        (f->gas -= call_cost(x, opcode, callee, precompile != 0, has_value)) < 0)
        return STEP_FAIL;

    const uint64_t most = (uint64_t)(f->gas - f->gas / 64);
    const uint64_t handed = u256_fits_u64(wanted_gas) && wanted_gas->w[0] < most ? wanted_gas->w[0] : most;
    f->gas -= (int64_t)handed;
    const bool is_delegate = opcode == EVM_OP_DELEGATECALL;
    struct call call = {
        .self = opcode == EVM_OP_CALL || opcode == EVM_OP_STATICCALL ? callee : f->self,
        .code = callee->code,
        .caller = is_delegate ? &f->caller : &f->self->who,
        .value = is_delegate ? &f->value : &value,
        .input = evm_memory_view(x, f, range, range - 1),
        .gas = handed + (has_value ? GAS_CALL_STIPEND : 0),
        .is_static = f->is_static || opcode == EVM_OP_STATICCALL,
        .out_offset = range[-2].w[0],
        .out_len = range[-3].w[0],
    };
    f->sp -= names_value ? 7 : 6;
    f->pc++;
    if (UNLIKELY(x->tracer))
        evm_trace_enter(x, opcode, &to, &call);
    const bool too_deep = evm_depth(x) >= EVM_DEPTH_MAX;
    if (too_deep || (has_value && u256_less(&f->self->balance, &value))) {
        if (UNLIKELY(x->tracer))
            evm_trace_exit(x, evm_depth(x) + 2, call.gas, (int64_t)call.gas, (struct bytes){0}, false,
                           too_deep ? "max call depth exceeded" : "insufficient balance for transfer");
        finish_call(x, f, false, call.gas, (struct bytes){0}, 0, 0);
        return STEP_GO;
    }
    return start_call(x, f, opcode, callee, precompile, &call);
}

address evm_create_address(const address *creator, uint64_t nonce)
{
    uint8_t buf[40];
    const struct bytes who = bytes_of(creator->b, sizeof creator->b);
    uint8_t *p = rlp_put_list(buf, rlp_size_string(who) + rlp_size_u64(nonce));
    p = rlp_put_u64(rlp_put_string(p, who), nonce);
    const bytes32 hash = keccak256(buf, (size_t)(p - buf));
    address out;
    memcpy(out.b, hash.b + 12, sizeof out.b);
    return out;
}

address evm_create2_address(const address *creator, const u256 *salt, const bytes32 *init_code_hash)
{
    uint8_t buf[85] = {0xff};
    memcpy(buf + 1, creator->b, 20);
    u256_to_be(buf + 21, salt);
    memcpy(buf + 53, init_code_hash->b, 32);
    const bytes32 hash = keccak256(buf, sizeof buf);
    address out;
    memcpy(out.b, hash.b + 12, sizeof out.b);
    return out;
}

static address create2_address(const address *creator, const u256 *salt, struct bytes init_code)
{
    const bytes32 hash = keccak256(init_code.ptr, init_code.len);
    return evm_create2_address(creator, salt, &hash);
}

// Gas for a creation, its memory and init code, before any is handed on.
static bool pay_create(struct evm *x, struct frame *f, uint8_t opcode, const u256 *offset, const u256 *len)
{
    if (x->rules->has_init_code_limit && (!u256_fits_u64(len) || len->w[0] > EVM_INIT_CODE_MAX))
        return false;
    if (!evm_memory_for(x, f, offset, len))
        return false;
    const uint64_t words = evm_words(len->w[0]);
    uint64_t cost = GAS_CREATE + (x->rules->has_init_code_limit ? GAS_INIT_CODE_WORD * words : 0);
    if (opcode == EVM_OP_CREATE2)
        cost += GAS_KECCAK_WORD * words;
    return (f->gas -= (int64_t)cost) >= 0;
}

static enum step fail_create(struct evm *x, struct frame *f)
{
    x->return_len = 0;
    push_word(f, 0);
    return STEP_GO;
}

// A creation that ends before there is a frame for it.
static void trace_no_create(struct evm *x, uint8_t opcode, const address *at, const struct call *call,
                            uint64_t gas_left, const char *error)
{
    if (!UNLIKELY(x->tracer))
        return;
    evm_trace_enter(x, opcode, at, call);
    evm_trace_exit(x, evm_depth(x) + 2, gas_left, (int64_t)gas_left, (struct bytes){0}, false, error);
}

// Too deep, too poor, or out of nonces: the gas stays.
static enum step refuse_create(struct evm *x, struct frame *f, uint8_t opcode, const address *at, const u256 *value,
                               struct bytes init_code)
{
    const uint64_t handed = (uint64_t)(f->gas - f->gas / 64);
    const struct call call = {.caller = &f->self->who, .value = value, .input = init_code, .gas = handed};
    trace_no_create(x, opcode, at, &call, handed,
                    evm_depth(x) >= EVM_DEPTH_MAX         ? "max call depth exceeded"
                    : u256_less(&f->self->balance, value) ? "insufficient balance for transfer"
                                                          : "nonce uint64 overflow");
    return fail_create(x, f);
}

static enum step start_create(struct evm *x, struct frame *f, uint8_t opcode, struct evm_account *created,
                              const u256 *value, struct bytes init_code)
{
    struct journal *j = &x->journal;
    journal_warm_account(j, created);
    journal_set_nonce(j, f->self, f->self->nonce + 1);
    const uint64_t handed = (uint64_t)(f->gas - f->gas / 64);
    f->gas -= (int64_t)handed;
    struct call call = {
        .self = created, .caller = &f->self->who, .value = value, .gas = handed, .snapshot = journal_snapshot(j)};
    if (evm_address_is_taken(created)) {
        call.input = init_code;
        trace_no_create(x, opcode, &created->who, &call, 0, "contract address collision");
        return fail_create(x, f);
    }

    x->return_len = 0;
    call.code = call.init_code = evm_code_new(x->arena, x->rules, NULL, init_code);
    if (UNLIKELY(x->tracer))
        evm_trace_enter(x, opcode, &created->who, &call);
    journal_mark_created(j, created);
    journal_set_nonce(j, created, 1);
    evm_transfer(x, f->self, created, value);
    evm_push_frame(x, &call);
    return STEP_GO;
}

enum step evm_op_create(struct evm *x, struct frame *f, uint8_t opcode)
{
    const u256 value = f->sp[-1], *offset = f->sp - 2, *len = f->sp - 3, *salt = f->sp - 4;
    if (evm_escapes(x, opcode, NULL, false))
        return STEP_STOP;
    if (f->is_static)
        return STEP_FAIL;
    const int64_t gas_before = f->gas;
    const uint64_t memory_before = f->memory_len;
    if (!pay_create(x, f, opcode, offset, len))
        return STEP_FAIL;

    const struct bytes init_code = evm_memory_view(x, f, offset, len);
    const bool possible =
        evm_depth(x) < EVM_DEPTH_MAX && !u256_less(&f->self->balance, &value) && f->self->nonce != UINT64_MAX;
    struct evm_account *created = NULL;
    address at = {{0}};
    if (possible || x->tracer)
        at = opcode == EVM_OP_CREATE ? evm_create_address(&f->self->who, f->self->nonce)
                                     : create2_address(&f->self->who, salt, init_code);
    if (possible) {
        created = journal_account(&x->journal, &at);
        if (!evm_load(x, created)) {
            // Done once more later: memory that shrinks is zeroed again when it grows.
            f->gas = gas_before;
            f->memory_len = memory_before;
            return STEP_STOP;
        }
    }
    f->sp -= opcode == EVM_OP_CREATE ? 3 : 4;
    f->pc++;
    return possible ? start_create(x, f, opcode, created, &value, init_code)
                    : refuse_create(x, f, opcode, &at, &value, init_code);
}
