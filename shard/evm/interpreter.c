// The interpreter: one function for all frames, jumping from instruction to instruction. What an instruction needs of
// the stack and what it costs is tested in the instruction itself, against numbers that the compiler knows. The running
// frame's pc, stack, gas and memory are in local variables: SAVE before anything else looks at them, LOAD afterwards
// (steps.h). Sequences that run as one are in fused.inc.
#include "shard/evm/fused.h"
#include "shard/evm/opcodes.h"
#include "shard/evm/steps.h"
#include "shard/evm/words.h"

bool evm_interpret(struct evm *x)
{
#define LABEL(number, name, fork) [number] = &&op_##name,
#define FUSED_LABEL(number, name) [number] = &&fused_##name,
    // Numbers without an instruction were made INVALID by evm_code_new.
    // cppcheck-suppress assignBoolToPointer ; it takes the address of a label for a logical and
    static const void *const run_labels[256] = {EVM_OPCODES(LABEL) EVM_FUSED(FUSED_LABEL)};
    // cppcheck-suppress assignBoolToPointer
    static const void *const trace_labels[256] = {[0 ... 255] = &&trace};
    const void *const *const labels = x->tracer ? trace_labels : run_labels;
    enum step step;
    struct frame *f;
    const uint8_t *instructions, *pc;
    int64_t pause_below; // gas that is left when the slice is used up
    u256 *stack, *stack_end, *sp;
    int64_t gas;
    uint8_t *memory;
    uint64_t memory_len;

go:
    ENTER;
    NEXT(0);

stepped:
    switch (step) {
    case STEP_GO:
        goto go;
    case STEP_FAIL:
        goto fail;
    case STEP_END:
        goto end;
    case STEP_STOP:
        goto stop;
    }

trace:
    SAVE;
    evm_trace_step(x, f);
    goto *run_labels[x->rules->has_instruction[f->code->bytes[f->pc]] ? f->code->bytes[f->pc] : EVM_OP_INVALID];

op_STOP : {
    SAVE;
    LEAVE;
    step = evm_end_frame(x, FRAME_RETURNS, (struct bytes){0});
    goto stepped;
}

op_ADD:
    TAKES(2);
    COSTS(3);
    sp--;
    add_word(sp - 1, sp - 1, sp);
    NEXT(1);

op_MUL:
    TAKES(2);
    COSTS(5);
    sp--;
    sp[-1] = u256_mul_low(sp, sp - 1);
    NEXT(1);

op_SUB:
    TAKES(2);
    COSTS(3);
    sp--;
    sub_word(sp - 1, sp, sp - 1);
    NEXT(1);

op_DIV:
    TAKES(2);
    COSTS(5);
    sp--;
    u256_divmod(sp - 1, NULL, sp, sp - 1);
    NEXT(1);

op_SDIV:
    TAKES(2);
    COSTS(5);
    sp--;
    sp[-1] = u256_signed_div(sp, sp - 1);
    NEXT(1);

op_MOD:
    TAKES(2);
    COSTS(5);
    sp--;
    u256_divmod(NULL, sp - 1, sp, sp - 1);
    NEXT(1);

op_SMOD:
    TAKES(2);
    COSTS(5);
    sp--;
    sp[-1] = u256_signed_mod(sp, sp - 1);
    NEXT(1);

op_ADDMOD:
    TAKES(3);
    COSTS(8);
    sp -= 2;
    sp[-1] = u256_add_mod(sp + 1, sp, sp - 1);
    NEXT(1);

op_MULMOD:
    TAKES(3);
    COSTS(8);
    sp -= 2;
    sp[-1] = u256_mul_mod(sp + 1, sp, sp - 1);
    NEXT(1);

op_EXP:
    TAKES(2);
    sp--;
    COSTS(10 + 50 * byte_count(sp - 1));
    sp[-1] = u256_pow(sp, sp - 1);
    NEXT(1);

op_SIGNEXTEND:
    TAKES(2);
    COSTS(5);
    sp--;
    sp[-1] = u256_sign_extend(sp - 1, sp);
    NEXT(1);

op_LT:
    TAKES(2);
    COSTS(3);
    sp--;
    set_u64(sp - 1, word_less(sp, sp - 1));
    NEXT(1);

op_GT:
    TAKES(2);
    COSTS(3);
    sp--;
    set_u64(sp - 1, word_less(sp - 1, sp));
    NEXT(1);

op_SLT:
    TAKES(2);
    COSTS(3);
    sp--;
    set_u64(sp - 1, word_signed_less(sp, sp - 1));
    NEXT(1);

op_SGT:
    TAKES(2);
    COSTS(3);
    sp--;
    set_u64(sp - 1, word_signed_less(sp - 1, sp));
    NEXT(1);

op_EQ:
    TAKES(2);
    COSTS(3);
    sp--;
    set_u64(sp - 1, u256_equal(sp, sp - 1));
    NEXT(1);

op_ISZERO:
    TAKES(1);
    COSTS(3);
    set_u64(sp - 1, u256_is_zero(sp - 1));
    NEXT(1);

#define BITWISE(operator)                                                                                              \
    do {                                                                                                               \
        TAKES(2);                                                                                                      \
        COSTS(3);                                                                                                      \
        sp--;                                                                                                          \
        sp[-1].w[0] operator sp[0].w[0];                                                                               \
        sp[-1].w[1] operator sp[0].w[1];                                                                               \
        sp[-1].w[2] operator sp[0].w[2];                                                                               \
        sp[-1].w[3] operator sp[0].w[3];                                                                               \
        NEXT(1);                                                                                                       \
    } while (0)
op_AND:
    BITWISE(&=);
op_OR:
    BITWISE(|=);
op_XOR:
    BITWISE(^=);

op_NOT:
    TAKES(1);
    COSTS(3);
    sp[-1].w[0] = ~sp[-1].w[0];
    sp[-1].w[1] = ~sp[-1].w[1];
    sp[-1].w[2] = ~sp[-1].w[2];
    sp[-1].w[3] = ~sp[-1].w[3];
    NEXT(1);

op_BYTE : {
    TAKES(2);
    COSTS(3);
    sp--;
    const uint64_t i = shift_count(sp);
    set_u64(sp - 1, i < 32 ? sp[-1].w[3 - i / 8] >> (56 - i % 8 * 8) & 0xff : 0);
    NEXT(1);
}

op_SHL:
    TAKES(2);
    COSTS(3);
    sp--;
    sp[-1] = u256_shl(sp - 1, shift_count(sp));
    NEXT(1);

op_SHR:
    TAKES(2);
    COSTS(3);
    sp--;
    sp[-1] = u256_shr(sp - 1, shift_count(sp));
    NEXT(1);

op_SAR:
    TAKES(2);
    COSTS(3);
    sp--;
    sp[-1] = u256_sar(sp - 1, shift_count(sp));
    NEXT(1);

op_KECCAK256 : {
    TAKES(2);
    REACHES(sp - 1, sp - 2);
    COSTS(30 + GAS_KECCAK_WORD * evm_words(sp[-2].w[0]));
    const struct bytes in = evm_memory_view(x, f, sp - 1, sp - 2);
    const bytes32 hash = evm_hash(x, in);
    sp--;
    load_be(sp - 1, hash.b);
    NEXT(1);
}

op_ADDRESS:
    PUSH_WORD(evm_word_of(&f->self->who));
op_BALANCE:
    ELSEWHERE(1, evm_op_account(x, f, EVM_OP_BALANCE));
op_ORIGIN:
    PUSH_WORD(evm_word_of(&x->tx->sender));
op_CALLER:
    PUSH_WORD(evm_word_of(&f->caller));
op_CALLVALUE:
    PUSH_WORD(f->value);

op_CALLDATALOAD : {
    TAKES(1);
    COSTS(3);
    const uint64_t at = evm_saturate(sp - 1);
    if (at < f->input.len && f->input.len - at >= 32) {
        load_be(sp - 1, f->input.ptr + at);
    } else {
        uint8_t word[32];
        evm_copy_padded(word, sizeof word, f->input, at);
        load_be(sp - 1, word);
    }
    NEXT(1);
}

op_CALLDATASIZE:
    PUSH_U64(f->input.len);

#define COPIES_FROM(source)                                                                                            \
    do {                                                                                                               \
        TAKES(3);                                                                                                      \
        COSTS(3);                                                                                                      \
        REACHES(sp - 1, sp - 3);                                                                                       \
        COSTS(COPY_COST(sp - 3));                                                                                      \
        if (sp[-3].w[0] > 0)                                                                                           \
            evm_copy_padded(memory + sp[-1].w[0], sp[-3].w[0], source, evm_saturate(sp - 2));                          \
        sp -= 3;                                                                                                       \
        NEXT(1);                                                                                                       \
    } while (0)
op_CALLDATACOPY:
    COPIES_FROM(f->input);
op_CODESIZE:
    PUSH_U64(f->code->len);
op_CODECOPY:
    COPIES_FROM(bytes_of(f->code->bytes, f->code->len));
op_GASPRICE:
    PUSH_WORD(x->gas_price);
op_EXTCODESIZE:
    ELSEWHERE(1, evm_op_account(x, f, EVM_OP_EXTCODESIZE));
op_EXTCODECOPY:
    ELSEWHERE(4, evm_op_extcodecopy(x, f));
op_RETURNDATASIZE:
    PUSH_U64(x->return_len);

op_RETURNDATACOPY : {
    TAKES(3);
    COSTS(3);
    const uint64_t from = evm_saturate(sp - 2), len = evm_saturate(sp - 3);
    if (UNLIKELY(from > x->return_len || len > x->return_len - from))
        goto fail;
    REACHES(sp - 1, sp - 3);
    COSTS(COPY_COST(sp - 3));
    if (len > 0)
        memcpy(memory + sp[-1].w[0], x->return_data + from, len);
    sp -= 3;
    NEXT(1);
}

op_EXTCODEHASH:
    ELSEWHERE(1, evm_op_account(x, f, EVM_OP_EXTCODEHASH));
op_BLOCKHASH:
    ELSEWHERE(1, evm_op_blockhash(x, f));
op_COINBASE:
    PUSH_WORD(evm_word_of(&x->block.coinbase));
op_TIMESTAMP:
    PUSH_U64(x->block.timestamp);
op_NUMBER:
    PUSH_U64(x->block.number);
op_PREVRANDAO:
    PUSH_WORD(u256_from_be(x->block.prevrandao.b, 32));
op_GASLIMIT:
    PUSH_U64(x->block.gas_limit);
op_CHAINID:
    PUSH_U64(x->block.chain_id);

op_SELFBALANCE:
    GIVES_ONE;
    COSTS(5);
    *sp++ = f->self->balance;
    NEXT(1);

op_BASEFEE:
    PUSH_WORD(x->block.base_fee);

op_BLOBHASH : {
    TAKES(1);
    COSTS(3);
    const uint64_t i = evm_saturate(sp - 1);
    sp[-1] = i < x->tx->blob_count ? u256_from_be(x->tx->blob_hashes[i].b, 32) : U256_ZERO;
    NEXT(1);
}

op_BLOBBASEFEE:
    PUSH_WORD(x->block.blob_base_fee);

op_POP:
    TAKES(1);
    COSTS(2);
    sp--;
    NEXT(1);

op_MLOAD:
    TAKES(1);
    COSTS(3);
    REACHES_WORD(sp - 1, 32);
    load_be(sp - 1, memory + sp[-1].w[0]);
    NEXT(1);

op_MSTORE:
    TAKES(2);
    COSTS(3);
    REACHES_WORD(sp - 1, 32);
    store_be(memory + sp[-1].w[0], sp - 2);
    sp -= 2;
    NEXT(1);

op_MSTORE8:
    TAKES(2);
    COSTS(3);
    REACHES_WORD(sp - 1, 1);
    memory[sp[-1].w[0]] = (uint8_t)sp[-2].w[0];
    sp -= 2;
    NEXT(1);

op_SLOAD:
    ELSEWHERE(1, evm_op_sload(x, f));
op_SSTORE:
    ELSEWHERE(2, evm_op_sstore(x, f));

op_JUMP : {
    TAKES(1);
    COSTS(8);
    sp--;
    const uint64_t at = evm_saturate(sp);
    JUMPS_TO(at);
}

op_JUMPI : {
    TAKES(2);
    COSTS(10);
    sp -= 2;
    if (u256_is_zero(sp))
        NEXT(1);
    const uint64_t at = evm_saturate(sp + 1);
    JUMPS_TO(at);
}

op_PC:
    PUSH_U64((uint64_t)(pc - instructions));
op_MSIZE:
    PUSH_U64(memory_len);

op_GAS:
    GIVES_ONE;
    COSTS(2);
    set_u64(sp++, (uint64_t)gas);
    NEXT(1);

op_JUMPDEST:
    COSTS(1);
    NEXT(1);

op_TLOAD:
    ELSEWHERE(1, evm_op_tload(x, f));
op_TSTORE:
    ELSEWHERE(2, evm_op_tstore(x, f));

op_MCOPY : {
    TAKES(3);
    COSTS(3);
    REACHES(u256_less(sp - 1, sp - 2) ? sp - 2 : sp - 1, sp - 3);
    COSTS(COPY_COST(sp - 3));
    if (sp[-3].w[0] > 0)
        memmove(memory + sp[-1].w[0], memory + sp[-2].w[0], sp[-3].w[0]);
    sp -= 3;
    NEXT(1);
}

op_PUSH0:
    PUSH_U64(0);

#define PUSH(number, name, fork)                                                                                       \
    op_##name : GIVES_ONE;                                                                                             \
    COSTS(3);                                                                                                          \
    push_bytes(sp++, pc + 1, (number)-EVM_OP_PUSH1 + 1);                                                               \
    NEXT((number)-EVM_OP_PUSH1 + 2);
    EVM_PUSHES(PUSH)

#define DUP(number, name, fork)                                                                                        \
    op_##name : HOLDS((number)-EVM_OP_DUP1 + 1);                                                                       \
    COSTS(3);                                                                                                          \
    set_word(sp, sp - ((number)-EVM_OP_DUP1 + 1));                                                                     \
    sp++;                                                                                                              \
    NEXT(1);
    EVM_DUPS(DUP)

#define SWAP(number, name, fork)                                                                                       \
    op_##name : TAKES((number)-EVM_OP_SWAP1 + 2);                                                                      \
    COSTS(3);                                                                                                          \
    {                                                                                                                  \
        swap_words(sp - 1, sp - ((number)-EVM_OP_SWAP1 + 2));                                                          \
    }                                                                                                                  \
    NEXT(1);
    EVM_SWAPS(SWAP)

#include "shard/evm/fused.inc"

op_LOG0:
    ELSEWHERE(2, evm_op_log(x, f, 0));
op_LOG1:
    ELSEWHERE(3, evm_op_log(x, f, 1));
op_LOG2:
    ELSEWHERE(4, evm_op_log(x, f, 2));
op_LOG3:
    ELSEWHERE(5, evm_op_log(x, f, 3));
op_LOG4:
    ELSEWHERE(6, evm_op_log(x, f, 4));

op_CREATE:
    ANOTHER_FRAME(3, evm_op_create(x, f, EVM_OP_CREATE));
op_CALL:
    ANOTHER_FRAME(7, evm_op_call(x, f, EVM_OP_CALL));
op_CALLCODE:
    ANOTHER_FRAME(7, evm_op_call(x, f, EVM_OP_CALLCODE));
op_DELEGATECALL:
    ANOTHER_FRAME(6, evm_op_call(x, f, EVM_OP_DELEGATECALL));
op_CREATE2:
    ANOTHER_FRAME(4, evm_op_create(x, f, EVM_OP_CREATE2));
op_STATICCALL:
    ANOTHER_FRAME(6, evm_op_call(x, f, EVM_OP_STATICCALL));

#define ENDS(how)                                                                                                      \
    do {                                                                                                               \
        TAKES(2);                                                                                                      \
        REACHES(sp - 1, sp - 2);                                                                                       \
        SAVE;                                                                                                          \
        LEAVE;                                                                                                         \
        step = evm_end_frame(x, how, evm_memory_view(x, f, sp - 1, sp - 2));                                           \
        goto stepped;                                                                                                  \
    } while (0)
op_RETURN:
    ENDS(FRAME_RETURNS);
op_REVERT:
    ENDS(FRAME_REVERTS);
op_SELFDESTRUCT:
    ANOTHER_FRAME(1, evm_op_selfdestruct(x, f));

op_INVALID:
fail : {
    f->gas = gas;
    LEAVE;
    step = evm_end_frame(x, FRAME_FAILS, (struct bytes){0});
    goto stepped;
}

pause:
    SAVE;
    x->outcome = EVM_PAUSED;
stop:
    return false;

end:
    return true;
}
