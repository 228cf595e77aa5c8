// The interpreter: one function for all frames, jumping from instruction to instruction. What an instruction needs of
// the stack and what it costs is tested in the instruction itself, against numbers that the compiler knows. The running
// frame's pc, stack, gas and memory are in local variables: SAVE before anything else looks at them, LOAD afterwards.
#include "shard/evm/internal.h"

#include "base/u256_math.h"
#include "shard/evm/fused.h"
#include "shard/evm/opcodes.h"

// Wide copies of words that were just written in pieces would wait for the store to finish; these don't.
static inline void set_word(u256 *to, const u256 *from)
{
    const uint64_t a = from->w[0], b = from->w[1], c = from->w[2], d = from->w[3];
    to->w[0] = a;
    to->w[1] = b;
    to->w[2] = c;
    to->w[3] = d;
}

// By halves, for which the registers suffice.
static inline void swap_words(u256 *a, u256 *b)
{
    for (int i = 0; i < 4; i += 2) {
        const uint64_t a0 = a->w[i], a1 = a->w[i + 1], b0 = b->w[i], b1 = b->w[i + 1];
        a->w[i] = b0;
        a->w[i + 1] = b1;
        b->w[i] = a0;
        b->w[i + 1] = a1;
    }
}

static inline void set_u64(u256 *to, uint64_t value)
{
    to->w[0] = value;
    to->w[1] = to->w[2] = to->w[3] = 0;
}

static inline void add_word(u256 *to, const u256 *a, const u256 *b)
{
    uint64_t r0 = a->w[0], r1 = a->w[1], r2 = a->w[2], r3 = a->w[3];
    __asm__("addq %4, %0\n\tadcq %5, %1\n\tadcq %6, %2\n\tadcq %7, %3"
            : "+&r"(r0), "+&r"(r1), "+&r"(r2), "+&r"(r3)
            : "m"(b->w[0]), "m"(b->w[1]), "m"(b->w[2]), "m"(b->w[3])
            : "cc");
    to->w[0] = r0;
    to->w[1] = r1;
    to->w[2] = r2;
    to->w[3] = r3;
}

static inline void sub_word(u256 *to, const u256 *a, const u256 *b)
{
    uint64_t r0 = a->w[0], r1 = a->w[1], r2 = a->w[2], r3 = a->w[3];
    __asm__("subq %4, %0\n\tsbbq %5, %1\n\tsbbq %6, %2\n\tsbbq %7, %3"
            : "+&r"(r0), "+&r"(r1), "+&r"(r2), "+&r"(r3)
            : "m"(b->w[0]), "m"(b->w[1]), "m"(b->w[2]), "m"(b->w[3])
            : "cc");
    to->w[0] = r0;
    to->w[1] = r1;
    to->w[2] = r2;
    to->w[3] = r3;
}

static inline bool word_less(const u256 *a, const u256 *b)
{
    uint64_t r0 = a->w[0], r1 = a->w[1], r2 = a->w[2], r3 = a->w[3];
    bool less;
    __asm__("cmpq %5, %0\n\tsbbq %6, %1\n\tsbbq %7, %2\n\tsbbq %8, %3"
            : "+&r"(r0), "+&r"(r1), "+&r"(r2), "+&r"(r3), "=@ccb"(less)
            : "m"(b->w[0]), "m"(b->w[1]), "m"(b->w[2]), "m"(b->w[3])
            : "cc");
    return less;
}

static inline bool word_signed_less(const u256 *a, const u256 *b)
{
    uint64_t r0 = a->w[0], r1 = a->w[1], r2 = a->w[2], r3 = a->w[3];
    bool less;
    __asm__("cmpq %5, %0\n\tsbbq %6, %1\n\tsbbq %7, %2\n\tsbbq %8, %3"
            : "+&r"(r0), "+&r"(r1), "+&r"(r2), "+&r"(r3), "=@ccl"(less)
            : "m"(b->w[0]), "m"(b->w[1]), "m"(b->w[2]), "m"(b->w[3])
            : "cc");
    return less;
}

// Keeps the lowest n < 256 bits.
static inline void keep_bits(u256 *to, const u256 *from, unsigned n)
{
    const uint64_t part = ((uint64_t)1 << n % 64) - 1;
    for (unsigned i = 0; i < 4; i++) {
        const uint64_t mask = i < n / 64 ? UINT64_MAX : i == n / 64 ? part : 0;
        to->w[i] = from->w[i] & mask;
    }
}

// n bytes, big-endian, as a word. There are at least 32 readable bytes.
static inline __attribute__((always_inline)) void push_bytes(u256 *to, const uint8_t *in, unsigned n)
{
    const unsigned whole = n / 8, rest = n % 8;
    for (unsigned i = 0; i < 4; i++) {
        if (i < whole)
            to->w[i] = __builtin_bswap64(load_le64(in + n - 8 * (i + 1)));
        else if (i == whole && rest)
            to->w[i] = __builtin_bswap64(load_le64(in)) >> (64 - 8 * rest);
        else
            to->w[i] = 0;
    }
}

static inline uint64_t load_be16(const uint8_t *in)
{
    uint16_t v;
    memcpy(&v, in, sizeof v);
    return __builtin_bswap16(v);
}

static inline uint32_t load_be32(const uint8_t *in)
{
    return __builtin_bswap32(load_le32(in));
}

static inline void load_be(u256 *to, const uint8_t *in)
{
    push_bytes(to, in, 32);
}

static inline void store_be(uint8_t *out, const u256 *from)
{
    const uint64_t a = from->w[0], b = from->w[1], c = from->w[2], d = from->w[3];
    store_le64(out, __builtin_bswap64(d));
    store_le64(out + 8, __builtin_bswap64(c));
    store_le64(out + 16, __builtin_bswap64(b));
    store_le64(out + 24, __builtin_bswap64(a));
}

static inline uint64_t shift_count(const u256 *n)
{
    return u256_fits_u64(n) ? n->w[0] : 256;
}

static unsigned byte_count(const u256 *a)
{
    return (u256_bits(a) + 7) / 8;
}

// No code has no instructions, not even the STOP that it is run as.
static void trace_step(struct evm *x, const struct frame *f)
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

#define TAKES(n)                                                                                                       \
    do {                                                                                                               \
        if (UNLIKELY(sp - (n) < stack))                                                                                \
            goto fail;                                                                                                 \
    } while (0)
#define GIVES_ONE                                                                                                      \
    do {                                                                                                               \
        if (UNLIKELY(sp == stack_end))                                                                                 \
            goto fail;                                                                                                 \
    } while (0)
#define GIVES(n)                                                                                                       \
    do {                                                                                                               \
        if (UNLIKELY(sp + (n) > stack_end))                                                                            \
            goto fail;                                                                                                 \
    } while (0)
// The stack holds at least n words and has room for one more, in one comparison.
#define HOLDS(n)                                                                                                       \
    do {                                                                                                               \
        const size_t held = (size_t)((const char *)sp - (const char *)stack);                                          \
        if (UNLIKELY(held - (size_t)(n) * sizeof(u256) >= (size_t)(EVM_STACK_MAX - (n)) * sizeof(u256)))               \
            goto fail;                                                                                                 \
    } while (0)
#define COSTS(n)                                                                                                       \
    do {                                                                                                               \
        if (UNLIKELY((gas -= (int64_t)(n)) < 0))                                                                       \
            goto fail;                                                                                                 \
    } while (0)
#define NEXT(n)                                                                                                        \
    do {                                                                                                               \
        pc += (n);                                                                                                     \
        goto *labels[*pc];                                                                                             \
    } while (0)
#define SAVE                                                                                                           \
    do {                                                                                                               \
        f->pc = (uint64_t)(pc - instructions);                                                                         \
        f->sp = sp;                                                                                                    \
        f->gas = gas;                                                                                                  \
    } while (0)
#define LOAD                                                                                                           \
    do {                                                                                                               \
        pc = instructions + f->pc;                                                                                     \
        sp = f->sp;                                                                                                    \
        gas = f->gas;                                                                                                  \
        memory = evm_memory_at(x, f, 0);                                                                               \
        memory_len = f->memory_len;                                                                                    \
    } while (0)
// Of another frame, or of this one after another.
#define LEAVE                                                                                                          \
    do {                                                                                                               \
        x->slice -= x->slice_mark - f->gas;                                                                            \
        x->slice_mark = f->gas;                                                                                        \
    } while (0)
#define ENTER                                                                                                          \
    do {                                                                                                               \
        f = x->frame;                                                                                                  \
        stack = f->stack;                                                                                              \
        stack_end = stack + EVM_STACK_MAX;                                                                             \
        instructions = f->code->instructions;                                                                          \
        LOAD;                                                                                                          \
        x->slice_mark = gas;                                                                                           \
        pause_below = gas - x->slice;                                                                                  \
    } while (0)
// Makes sure of a memory range that is on the stack.
#define REACHES(offset, len)                                                                                           \
    do {                                                                                                               \
        SAVE;                                                                                                          \
        if (UNLIKELY(!evm_memory_for(x, f, offset, len)))                                                              \
            goto fail;                                                                                                 \
        LOAD;                                                                                                          \
    } while (0)
// The same for `size` bytes, a constant, at an offset of 64 bits; mostly they are there.
#define REACHES_AT(offset, size)                                                                                       \
    do {                                                                                                               \
        if (UNLIKELY((offset) >= memory_len || memory_len - (offset) < (size))) {                                      \
            SAVE;                                                                                                      \
            if (UNLIKELY((offset) > EVM_MEMORY_MAX || !evm_memory_to(x, f, (offset) + (size))))                        \
                goto fail;                                                                                             \
            LOAD;                                                                                                      \
        }                                                                                                              \
    } while (0)
#define REACHES_WORD(offset, size)                                                                                     \
    do {                                                                                                               \
        if (UNLIKELY(!u256_fits_u64(offset)))                                                                          \
            goto fail;                                                                                                 \
        REACHES_AT((offset)->w[0], size);                                                                              \
    } while (0)
#define PUSH_U64(value)                                                                                                \
    do {                                                                                                               \
        GIVES_ONE;                                                                                                     \
        COSTS(2);                                                                                                      \
        set_u64(sp++, value);                                                                                          \
        NEXT(1);                                                                                                       \
    } while (0)
#define PUSH_WORD(value)                                                                                               \
    do {                                                                                                               \
        GIVES_ONE;                                                                                                     \
        COSTS(2);                                                                                                      \
        *sp++ = (value);                                                                                               \
        NEXT(1);                                                                                                       \
    } while (0)
// An instruction of which the function `call` does everything but moving on.
#define ELSEWHERE(n, call)                                                                                             \
    do {                                                                                                               \
        TAKES(n);                                                                                                      \
        SAVE;                                                                                                          \
        step = (call);                                                                                                 \
        if (UNLIKELY(step != STEP_GO))                                                                                 \
            goto stepped;                                                                                              \
        LOAD;                                                                                                          \
        NEXT(1);                                                                                                       \
    } while (0)
// One that may leave another frame running.
#define ANOTHER_FRAME(n, call)                                                                                         \
    do {                                                                                                               \
        TAKES(n);                                                                                                      \
        SAVE;                                                                                                          \
        LEAVE;                                                                                                         \
        step = (call);                                                                                                 \
        if (UNLIKELY(step != STEP_GO))                                                                                 \
            goto stepped;                                                                                              \
        ENTER;                                                                                                         \
        NEXT(0);                                                                                                       \
    } while (0)
#define COPY_COST(len) (3 * evm_words((len)->w[0]))

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
    trace_step(x, f);
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

// A jump runs the JUMPDEST that it comes to at once, except under a tracer, who wants to see it.
#define JUMPS_TO(at)                                                                                                   \
    do {                                                                                                               \
        if (UNLIKELY(!evm_code_is_jumpdest(f->code, at)))                                                              \
            goto fail;                                                                                                 \
        pc = instructions + (at);                                                                                      \
        if (UNLIKELY(gas < pause_below))                                                                               \
            goto pause;                                                                                                \
        if (UNLIKELY(labels == trace_labels))                                                                          \
            NEXT(0);                                                                                                   \
        COSTS(1);                                                                                                      \
        NEXT(1);                                                                                                       \
    } while (0)
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

    // Sequences (fused.h).

fused_PUSH1_ADD : {
    HOLDS(1);
    COSTS(6);
    const u256 word = {{pc[1], 0, 0, 0}};
    add_word(sp - 1, sp - 1, &word);
    NEXT(3);
}
fused_PUSH1_SHL:
    HOLDS(1);
    COSTS(6);
    sp[-1] = u256_shl(sp - 1, pc[1]);
    NEXT(3);
fused_PUSH1_SHR:
    HOLDS(1);
    COSTS(6);
    sp[-1] = u256_shr(sp - 1, pc[1]);
    NEXT(3);

#define LOADS_FROM(offset, size)                                                                                       \
    do {                                                                                                               \
        const uint64_t at = (offset);                                                                                  \
        GIVES_ONE;                                                                                                     \
        COSTS(6);                                                                                                      \
        REACHES_AT(at, 32);                                                                                            \
        load_be(sp++, memory + at);                                                                                    \
        NEXT(size);                                                                                                    \
    } while (0)
#define STORES_AT(offset, size)                                                                                        \
    do {                                                                                                               \
        const uint64_t at = (offset);                                                                                  \
        HOLDS(1);                                                                                                      \
        COSTS(6);                                                                                                      \
        REACHES_AT(at, 32);                                                                                            \
        store_be(memory + at, --sp);                                                                                   \
        NEXT(size);                                                                                                    \
    } while (0)
fused_PUSH1_MLOAD:
    LOADS_FROM(pc[1], 3);
fused_PUSH1_MSTORE:
    STORES_AT(pc[1], 3);
fused_PUSH2_MLOAD:
    LOADS_FROM(load_be16(pc + 1), 4);
fused_PUSH2_MSTORE:
    STORES_AT(load_be16(pc + 1), 4);

fused_PUSH1_DUP2:
    HOLDS(1);
    GIVES(2);
    COSTS(6);
    set_u64(sp, pc[1]);
    set_word(sp + 1, sp - 1);
    sp += 2;
    NEXT(3);

fused_MASK:
    GIVES(3);
    COSTS(15);
    keep_bits(sp++, &U256_MAX, pc[5]);
    NEXT(8);
fused_MASK_AND:
    TAKES(1);
    GIVES(3);
    COSTS(18);
    keep_bits(sp - 1, sp - 1, pc[5]);
    NEXT(9);
fused_MASK_DUP_AND:
    TAKES(pc[8]);
    GIVES(3);
    COSTS(21);
    keep_bits(sp, sp - pc[8], pc[5]);
    sp++;
    NEXT(10);

// Runs the JUMPDEST, too.
#define JUMPS_TO_TESTED(at)                                                                                            \
    do {                                                                                                               \
        pc = instructions + (at);                                                                                      \
        if (UNLIKELY(gas < pause_below))                                                                               \
            goto pause;                                                                                                \
        COSTS(1);                                                                                                      \
        NEXT(1);                                                                                                       \
    } while (0)
fused_PUSH2_JUMP:
    GIVES_ONE;
    COSTS(11);
    JUMPS_TO_TESTED(load_be16(pc + 1));
fused_PUSH2_JUMPI:
    HOLDS(1);
    COSTS(13);
    sp--;
    if (u256_is_zero(sp))
        NEXT(4);
    JUMPS_TO_TESTED(load_be16(pc + 1));
// One function of those that a contract has: where its selector is the one that was called.
#define SELECTS(condition)                                                                                             \
    do {                                                                                                               \
        const u256 selector = {{load_be32(pc + 2), 0, 0, 0}};                                                          \
        HOLDS(1);                                                                                                      \
        GIVES(2);                                                                                                      \
        COSTS(22);                                                                                                     \
        if (!(condition))                                                                                              \
            NEXT(11);                                                                                                  \
        JUMPS_TO_TESTED(load_be16(pc + 8));                                                                            \
    } while (0)
fused_SELECTOR_EQ:
    SELECTS(u256_equal(&selector, sp - 1));
fused_SELECTOR_GT:
    SELECTS(word_less(sp - 1, &selector));
fused_ISZERO_PUSH2_JUMPI:
    HOLDS(1);
    COSTS(16);
    sp--;
    if (!u256_is_zero(sp))
        NEXT(5);
    JUMPS_TO_TESTED(load_be16(pc + 2));

fused_SWAP1_POP:
    TAKES(2);
    COSTS(5);
    sp--;
    set_word(sp - 1, sp);
    NEXT(2);
fused_SWAP2_POP : {
    // The top goes where the third was, which goes away.
    TAKES(3);
    COSTS(5);
    sp--;
    set_word(sp - 2, sp);
    NEXT(2);
}
fused_POP_POP:
    TAKES(2);
    COSTS(4);
    sp -= 2;
    NEXT(2);

// A copy from any depth that the next instruction takes at once.
#define DUP_FROM(cost)                                                                                                 \
    const size_t depth = pc[1];                                                                                        \
    HOLDS(depth);                                                                                                      \
    COSTS(3 + (cost));                                                                                                 \
    const u256 *const from = sp - depth
#define DUP_BITWISE(operator)                                                                                          \
    DUP_FROM(3);                                                                                                       \
    sp[-1].w[0] operator from->w[0];                                                                                   \
    sp[-1].w[1] operator from->w[1];                                                                                   \
    sp[-1].w[2] operator from->w[2];                                                                                   \
    sp[-1].w[3] operator from->w[3];                                                                                   \
    NEXT(2)
fused_DUP_ADD : {
    DUP_FROM(3);
    add_word(sp - 1, sp - 1, from);
    NEXT(2);
}
fused_DUP_SUB : {
    DUP_FROM(3);
    sub_word(sp - 1, from, sp - 1);
    NEXT(2);
}
fused_DUP_MUL : {
    DUP_FROM(5);
    sp[-1] = u256_mul_low(from, sp - 1);
    NEXT(2);
}
fused_DUP_AND : {
    DUP_BITWISE(&=);
}
fused_DUP_OR : {
    DUP_BITWISE(|=);
}
fused_DUP_XOR : {
    DUP_BITWISE(^=);
}
fused_DUP_LT : {
    DUP_FROM(3);
    set_u64(sp - 1, word_less(from, sp - 1));
    NEXT(2);
}
fused_DUP_GT : {
    DUP_FROM(3);
    set_u64(sp - 1, word_less(sp - 1, from));
    NEXT(2);
}
fused_DUP_EQ : {
    DUP_FROM(3);
    set_u64(sp - 1, u256_equal(sp - 1, from));
    NEXT(2);
}
fused_DUP_SHR : {
    DUP_FROM(3);
    sp[-1] = u256_shr(sp - 1, shift_count(from));
    NEXT(2);
}
fused_DUP_MSTORE : {
    DUP_FROM(3);
    REACHES_WORD(from, 32);
    store_be(memory + from->w[0], --sp);
    NEXT(2);
}

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
