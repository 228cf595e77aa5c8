#include "engine/admin/unwind.h"

#include <pthread.h>

// How far above the stack pointer a library's return address is looked for, and how large a stack may be.
enum { LOOK_WORDS = 32 };
#define STACK_BYTES_MAX (1ull << 30)

extern const char __executable_start[], etext[];

static bool own_text(uint64_t place)
{
    return place > (uintptr_t)__executable_start + 8 && place < (uintptr_t)etext;
}

// Does this address of the own text follow a call?
static bool follows_call(uint64_t place)
{
    const uint8_t *p = (const uint8_t *)(uintptr_t)place;
    return p[-5] == 0xe8 || (p[-6] == 0xff && p[-5] == 0x15) || (p[-2] == 0xff && (p[-1] & 0x38) == 0x10) ||
           (p[-3] == 0xff && (p[-2] & 0x38) == 0x10);
}

// Words of a stack are read that no object of the program is at.
__attribute__((no_sanitize_address)) static uint64_t word_at(uint64_t place)
{
    return *(const volatile uint64_t *)(uintptr_t)place;
}

// The top of this thread's stack: glibc keeps the thread's structure there. 0 for the main thread, whose is elsewhere.
static uint64_t stack_top(uint64_t sp)
{
    const uint64_t self = (uint64_t)pthread_self();
    return self > sp && self - sp < STACK_BYTES_MAX ? self : 0;
}

static uint64_t caller_of_library(uint64_t sp, uint64_t top)
{
    for (uint64_t at = sp; at + 8 <= top && at < sp + LOOK_WORDS * 8u; at += 8) {
        const uint64_t word = word_at(at);
        if (own_text(word) && follows_call(word))
            return word;
    }
    return 0;
}

size_t unwind(const ucontext_t *at, uint64_t *out, size_t max, bool *in_kernel)
{
    const greg_t *r = at->uc_mcontext.gregs;
    const uint64_t ip = (uint64_t)r[REG_RIP], sp = (uint64_t)r[REG_RSP] & ~7ull, top = stack_top(sp);
    uint64_t fp = (uint64_t)r[REG_RBP];
    size_t n = 0;
    const uint8_t *code = (const uint8_t *)(uintptr_t)ip;
    *in_kernel = code[-2] == 0x0f && code[-1] == 0x05; // the instruction before was a system call
    out[n++] = ip;
    uint64_t last = sp;
    if (!own_text(ip)) {
        const uint64_t caller = caller_of_library(sp, top);
        if (caller && n < max)
            out[n++] = caller;
    }
    while (n < max && fp >= last && fp % 8 == 0 && fp < top && top - fp >= 16) {
        const uint64_t caller = word_at(fp + 8);
        if (caller < 4096)
            break;
        if (caller != out[n - 1])
            out[n++] = caller;
        last = fp + 16;
        fp = word_at(fp);
    }
    return n;
}
