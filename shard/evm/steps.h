// What the instructions in evm_interpret are written in: tests of the stack and of gas, memory that an instruction
// reaches, the way to the next one. These are macros because they work on that function's locals: the frame f and its
// stack, stack_end, sp, instructions, pc, gas, memory and memory_len; pause_below, labels and step. They leave to its
// labels fail, pause and stepped. An instruction tests everything before it changes anything that stays. For
// interpreter.c alone.
#ifndef GANTRY_SHARD_EVM_STEPS_H
#define GANTRY_SHARD_EVM_STEPS_H

#include "shard/evm/internal.h"

// The stack holds at least n words; has room for one more; for n more.
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
// The same where the target was tested when the code was made.
#define JUMPS_TO_TESTED(at)                                                                                            \
    do {                                                                                                               \
        pc = instructions + (at);                                                                                      \
        if (UNLIKELY(gas < pause_below))                                                                               \
            goto pause;                                                                                                \
        COSTS(1);                                                                                                      \
        NEXT(1);                                                                                                       \
    } while (0)

#endif
