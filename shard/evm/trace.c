// What a tracer is told beside the instructions: calls, creations, logs, and in geth's words why something failed.
#include "shard/evm/internal.h"

#include "shard/evm/opcodes.h"

#include <stdio.h>

// No code has no instructions, not even the STOP that it is run as.
void evm_trace_step(struct evm *x, const struct frame *f)
{
    if (!x->tracer->step || f->code->len == 0)
        return;
    const struct evm_step step = {
        .depth = evm_depth(x) + 1,
        .pc = f->pc,
        .opcode = f->code->bytes[f->pc],
        .gas = f->gas,
        .refund = x->journal.refund,
        .stack = f->stack,
        .stack_count = (size_t)(f->sp - f->stack),
        .memory = bytes_of(evm_memory_at(x, f, 0), f->memory_len),
        .self = f->self->who,
    };
    x->tracer->step(x->tracer->ctx, &step);
}

void evm_trace_enter(struct evm *x, uint8_t opcode, const address *to, const struct call *call)
{
    if (!x->tracer->enter)
        return;
    const struct evm_enter enter = {
        .opcode = opcode,
        .depth = x->frame ? evm_depth(x) + 2 : 1,
        // A delegate call's caller is the contract that makes it, whatever its code may ask.
        .from = opcode == EVM_OP_DELEGATECALL ? call->self->who : *call->caller,
        .to = *to,
        .value = *call->value,
        .input = call->init_code ? bytes_of(call->init_code->bytes, call->init_code->len) : call->input,
        .gas = call->gas,
        .caller_gas = x->frame ? x->frame->gas : 0,
    };
    x->tracer->enter(x->tracer->ctx, &enter);
}

void evm_trace_exit(struct evm *x, unsigned depth, uint64_t gas_left, int64_t gas, struct bytes output, bool reverted,
                    const char *error)
{
    if (!x->tracer->exit)
        return;
    const struct evm_exit exit = {depth, output, gas_left, gas, error, reverted};
    x->tracer->exit(x->tracer->ctx, &exit);
}

void evm_trace_log(struct evm *x)
{
    if (!x->tracer->log)
        return;
    const struct journal *j = &x->journal;
    struct evm_log log = j->logs[j->log_count - 1];
    log.data.ptr = j->log_data ? j->log_data + (uintptr_t)log.data.ptr : NULL;
    x->tracer->log(x->tracer->ctx, &log);
}

// Words that an instruction takes off the stack, and leaves more than that.
struct arity {
    uint8_t takes;
    int8_t gives;
};

static struct arity arity_of(uint8_t op)
{
    static const struct arity table[256] = {
        [EVM_OP_ADD... EVM_OP_SMOD] = {2, 1},
        [EVM_OP_ADDMOD... EVM_OP_MULMOD] = {3, 1},
        [EVM_OP_EXP... EVM_OP_SIGNEXTEND] = {2, 1},
        [EVM_OP_LT... EVM_OP_EQ] = {2, 1},
        [EVM_OP_ISZERO] = {1, 1},
        [EVM_OP_AND... EVM_OP_XOR] = {2, 1},
        [EVM_OP_NOT] = {1, 1},
        [EVM_OP_BYTE... EVM_OP_SAR] = {2, 1},
        [EVM_OP_KECCAK256] = {2, 1},
        [EVM_OP_ADDRESS] = {0, 1},
        [EVM_OP_BALANCE] = {1, 1},
        [EVM_OP_ORIGIN... EVM_OP_CALLVALUE] = {0, 1},
        [EVM_OP_CALLDATALOAD] = {1, 1},
        [EVM_OP_CALLDATASIZE] = {0, 1},
        [EVM_OP_CALLDATACOPY] = {3, 0},
        [EVM_OP_CODESIZE] = {0, 1},
        [EVM_OP_CODECOPY] = {3, 0},
        [EVM_OP_GASPRICE] = {0, 1},
        [EVM_OP_EXTCODESIZE] = {1, 1},
        [EVM_OP_EXTCODECOPY] = {4, 0},
        [EVM_OP_RETURNDATASIZE] = {0, 1},
        [EVM_OP_RETURNDATACOPY] = {3, 0},
        [EVM_OP_EXTCODEHASH... EVM_OP_BLOCKHASH] = {1, 1},
        [EVM_OP_COINBASE... EVM_OP_BASEFEE] = {0, 1},
        [EVM_OP_BLOBHASH] = {1, 1},
        [EVM_OP_BLOBBASEFEE] = {0, 1},
        [EVM_OP_POP] = {1, 0},
        [EVM_OP_MLOAD] = {1, 1},
        [EVM_OP_MSTORE... EVM_OP_MSTORE8] = {2, 0},
        [EVM_OP_SLOAD] = {1, 1},
        [EVM_OP_SSTORE] = {2, 0},
        [EVM_OP_JUMP] = {1, 0},
        [EVM_OP_JUMPI] = {2, 0},
        [EVM_OP_PC... EVM_OP_GAS] = {0, 1},
        [EVM_OP_TLOAD] = {1, 1},
        [EVM_OP_TSTORE] = {2, 0},
        [EVM_OP_MCOPY] = {3, 0},
        [EVM_OP_PUSH0... EVM_OP_PUSH32] = {0, 1},
        [EVM_OP_CREATE] = {3, 1},
        [EVM_OP_CALL... EVM_OP_CALLCODE] = {7, 1},
        [EVM_OP_RETURN] = {2, 0},
        [EVM_OP_DELEGATECALL] = {6, 1},
        [EVM_OP_CREATE2] = {4, 1},
        [EVM_OP_STATICCALL] = {6, 1},
        [EVM_OP_REVERT] = {2, 0},
        [EVM_OP_SELFDESTRUCT] = {1, 0},
    };
    if (op >= EVM_OP_DUP1 && op < EVM_OP_DUP1 + 16)
        return (struct arity){(uint8_t)(op - EVM_OP_DUP1 + 1), (int8_t)(op - EVM_OP_DUP1 + 2)};
    if (op >= EVM_OP_SWAP1 && op < EVM_OP_SWAP1 + 16)
        return (struct arity){(uint8_t)(op - EVM_OP_SWAP1 + 2), (int8_t)(op - EVM_OP_SWAP1 + 2)};
    if (op >= EVM_OP_LOG0 && op <= EVM_OP_LOG4)
        return (struct arity){(uint8_t)(op - EVM_OP_LOG0 + 2), 0};
    return table[op];
}

static bool writes(uint8_t op, const struct frame *f)
{
    return op == EVM_OP_SSTORE || op == EVM_OP_TSTORE || op == EVM_OP_CREATE || op == EVM_OP_CREATE2 ||
           op == EVM_OP_SELFDESTRUCT || (op >= EVM_OP_LOG0 && op <= EVM_OP_LOG4) ||
           (op == EVM_OP_CALL && !u256_is_zero(&f->sp[-3]));
}

static bool reads_beyond_return_data(const struct evm *x, const struct frame *f)
{
    const uint64_t offset = evm_saturate(f->sp - 2);
    return offset > x->return_len || evm_saturate(f->sp - 3) > x->return_len - offset;
}

// Why an instruction fails that has its operands and its place on the stack.
static const char *failure_of(const struct evm *x, const struct frame *f, uint8_t op)
{
    static const char out_of_gas[] = "out of gas";
    if (f->gas < 0)
        return out_of_gas;
    if (f->is_static && writes(op, f))
        return "write protection";
    if (op == EVM_OP_JUMP || op == EVM_OP_JUMPI)
        return "invalid jump destination";
    if (op == EVM_OP_RETURNDATACOPY && reads_beyond_return_data(x, f))
        return "return data out of bounds";
    if ((op == EVM_OP_CREATE || op == EVM_OP_CREATE2) && x->rules->has_init_code_limit &&
        evm_saturate(f->sp - 3) > EVM_INIT_CODE_MAX)
        return "max initcode size exceeded";
    return out_of_gas;
}

// While there is a tracer each instruction saves its frame before it begins, so that pc and stack are as it found them.
const char *evm_trace_failure(struct evm *x, const struct frame *f)
{
    const uint8_t op = f->code->bytes[f->pc];
    const struct arity a = arity_of(op);
    const int held = (int)(f->sp - f->stack);
    if (op == EVM_OP_INVALID)
        return "invalid opcode: INVALID";
    if (!x->rules->has_instruction[op])
        snprintf(x->failure, sizeof x->failure, "invalid opcode: opcode 0x%x not defined", op);
    else if (held < a.takes)
        snprintf(x->failure, sizeof x->failure, "stack underflow (%d <=> %d)", held, a.takes);
    else if (held - a.takes + a.gives > EVM_STACK_MAX)
        snprintf(x->failure, sizeof x->failure, "stack limit reached %d (%d)", held, EVM_STACK_MAX - a.gives + a.takes);
    else
        return failure_of(x, f, op);
    return x->failure;
}
