// What the parts of the EVM share: the machine and its frames. Inside of shard/evm.
#ifndef GANTRY_SHARD_EVM_INTERNAL_H
#define GANTRY_SHARD_EVM_INTERNAL_H

#include "base/keccak.h"
#include "base/u256_math.h"
#include "shard/evm/foresight.h"
#include "shard/evm/journal.h"
#include "shard/evm/precompiles/precompiles.h"

#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

enum {
    GAS_WARM = 100,
    GAS_COLD_ACCOUNT = 2600,
    GAS_COLD_SLOT = 2100,
    GAS_CALL_VALUE = 9000,
    GAS_CALL_STIPEND = 2300,
    GAS_NEW_ACCOUNT = 25000,
    GAS_CREATE = 32000,
    GAS_CODE_BYTE = 200,
    GAS_INIT_CODE_WORD = 2,
    GAS_KECCAK_WORD = 6,
    GAS_SELFDESTRUCT = 5000,
    GAS_SSTORE_SET = 20000,
    GAS_SSTORE_RESET = 5000 - GAS_COLD_SLOT,
};

// A call or creation that runs. Its stack begins where its caller's ends, and so does its memory.
struct frame {
    const struct evm_code *code;
    struct evm_code *init_code; // owned by this frame; NULL for calls
    uint64_t pc;
    u256 *stack, *sp; // sp: above the top word
    int64_t gas;
    size_t memory; // where it begins in evm.memory
    uint64_t memory_len;
    struct evm_account *self; // whose storage and balance it works on
    address caller;
    u256 value;
    struct bytes input;
    bool is_static, is_create;
    uint64_t out_offset, out_len; // where its caller wants the output
    struct snapshot snapshot;
};

struct evm {
    struct arena *arena;
    const struct evm_rules *rules;
    const struct evm_host *host;
    struct precompiles *precompiles;
    struct evm_block block;
    const struct evm_tracer *tracer;
    struct journal journal;
    struct keccak_memo hashes;
    struct foresight *foresight; // NULL: not asked for yet

    // The transaction
    const struct evm_tx *tx;
    unsigned flags;
    uint64_t intrinsic_gas;
    u256 gas_price, tip_price;
    struct evm_account *sender, *coinbase;
    enum evm_outcome outcome; // why the interpreter stopped, when it says STEP_STOP
    enum evm_escape escape;
    bool success, reverted; // of the first frame
    char failure[64];       // for the tracer: why the last frame failed

    // Frames
    struct frame *frame; // the one that runs
    struct frame *frames;
    u256 *stack;
    uint8_t *memory;
    size_t memory_capacity;
    uint8_t *return_data; // of the last call
    size_t return_len, return_capacity;

    // Slices: how much gas may still be spent, and what the running frame had when it was last entered.
    int64_t slice, slice_mark;
};

// What comes after an instruction that the interpreter left to a function.
enum step {
    STEP_GO,   // on with x->frame, as it stands
    STEP_FAIL, // the running frame fails
    STEP_END,  // the first frame has ended
    STEP_STOP, // x->outcome says why
};

// Runs the frames until the first one has ended (true) or x->outcome says why not (false).
bool evm_interpret(struct evm *x);

// Instructions whose operands were counted, on the saved frame. They take their operands and leave results but don't
// move pc, except for the calls and creations: after STEP_GO there may be another frame.
enum step evm_op_call(struct evm *x, struct frame *f, uint8_t opcode);
enum step evm_op_create(struct evm *x, struct frame *f, uint8_t opcode);
enum step evm_op_selfdestruct(struct evm *x, struct frame *f);
enum step evm_op_sload(struct evm *x, struct frame *f);
enum step evm_op_sstore(struct evm *x, struct frame *f);
enum step evm_op_tload(struct evm *x, struct frame *f);
enum step evm_op_tstore(struct evm *x, struct frame *f);
enum step evm_op_account(struct evm *x, struct frame *f, uint8_t opcode); // BALANCE, EXTCODESIZE, EXTCODEHASH
enum step evm_op_extcodecopy(struct evm *x, struct frame *f);
enum step evm_op_blockhash(struct evm *x, struct frame *f);
enum step evm_op_log(struct evm *x, struct frame *f, unsigned topic_count);

enum frame_end { FRAME_RETURNS, FRAME_REVERTS, FRAME_FAILS };
// Ends the running frame and hands output to its caller.
enum step evm_end_frame(struct evm *x, enum frame_end how, struct bytes output);

struct call {
    struct evm_account *self;
    const struct evm_code *code;
    struct evm_code *init_code;
    const address *caller;
    const u256 *value;
    struct bytes input;
    uint64_t gas;
    bool is_static;
    uint64_t out_offset, out_len;
    struct snapshot snapshot;
};
// Makes a frame the running one. There is room for it.
void evm_push_frame(struct evm *x, const struct call *call);
static inline unsigned evm_depth(const struct evm *x)
{
    return (unsigned)(x->frame - x->frames);
}

// For the tracer, only called while there is one. call is complete; to: what was called.
void evm_trace_step(struct evm *x, const struct frame *f);
void evm_trace_enter(struct evm *x, uint8_t opcode, const address *to, const struct call *call);
void evm_trace_exit(struct evm *x, unsigned depth, uint64_t gas_left, int64_t gas, struct bytes output, bool reverted,
                    const char *error);
void evm_trace_log(struct evm *x);
// Why the running frame fails at its instruction.
const char *evm_trace_failure(struct evm *x, const struct frame *f);

// Keccak-256 for the running frame.
bytes32 evm_hash(struct evm *x, struct bytes in);

// The one way to an account's record, its code and its slots. False: x->outcome is EVM_WAITING.
MUST_CHECK bool evm_load(struct evm *x, struct evm_account *a);
MUST_CHECK bool evm_load_code(struct evm *x, struct evm_account *a);
MUST_CHECK bool evm_load_slot(struct evm *x, struct evm_slot *s);
// Confined and not allowed? Then x->outcome is EVM_ESCAPED. Comes before everything else that an instruction does.
MUST_CHECK bool evm_escapes(struct evm *x, uint8_t opcode, const address *other, bool has_value);
// What is known of an account for confinement.
struct evm_facts evm_facts_of(struct evm *x, const address *who);

bool evm_account_is_empty(const struct evm_account *a);
// Touches both accounts. from has the money.
void evm_transfer(struct evm *x, struct evm_account *from, struct evm_account *to, const u256 *amount);
// The number of a precompile of this fork at an address; 0 for none.
unsigned evm_precompile_at(const struct evm *x, const address *a);
// A collision with what is there (EIP-684, EIP-7610)?
bool evm_address_is_taken(const struct evm_account *a);

// Gas for making the frame's memory end at `end` bytes, and doing it. False when the gas is short.
MUST_CHECK bool evm_memory_to(struct evm *x, struct frame *f, uint64_t end);
// The same for a range on the stack; nothing happens for a length of zero.
MUST_CHECK bool evm_memory_for(struct evm *x, struct frame *f, const u256 *offset, const u256 *len);

static inline uint8_t *evm_memory_at(const struct evm *x, const struct frame *f, uint64_t offset)
{
    return x->memory + f->memory + offset;
}

// A range that evm_memory_for was asked for: the offset of an empty one may be anything.
static inline struct bytes evm_memory_view(const struct evm *x, const struct frame *f, const u256 *offset,
                                           const u256 *len)
{
    return len->w[0] ? bytes_of(evm_memory_at(x, f, offset->w[0]), len->w[0]) : (struct bytes){0};
}

static inline address evm_address_of(const u256 *word)
{
    address out;
    const uint32_t high = __builtin_bswap32((uint32_t)word->w[2]);
    const uint64_t middle = __builtin_bswap64(word->w[1]), low = __builtin_bswap64(word->w[0]);
    memcpy(out.b, &high, 4);
    memcpy(out.b + 4, &middle, 8);
    memcpy(out.b + 12, &low, 8);
    return out;
}

static inline u256 evm_word_of(const address *a)
{
    uint32_t high;
    uint64_t middle, low;
    memcpy(&high, a->b, 4);
    memcpy(&middle, a->b + 4, 8);
    memcpy(&low, a->b + 12, 8);
    return (u256){{__builtin_bswap64(low), __builtin_bswap64(middle), __builtin_bswap32(high), 0}};
}

static inline uint64_t evm_words(uint64_t bytes)
{
    return (bytes + 31) / 32;
}

// A data offset beyond any data is as good as its end.
static inline uint64_t evm_saturate(const u256 *word)
{
    return u256_fits_u64(word) ? word->w[0] : UINT64_MAX;
}

// Copies from[offset..] to `to`, zeros behind its end.
static inline void evm_copy_padded(uint8_t *to, size_t len, struct bytes from, uint64_t offset)
{
    const size_t there = offset < from.len ? from.len - offset : 0;
    const size_t n = there < len ? there : len;
    if (n > 0)
        memcpy(to, from.ptr + offset, n);
    memset(to + n, 0, len - n);
}

#endif
