// Words of 256 bits as instructions work on them where they lie: on the stack, in memory and in code. They are copied
// in pieces of 64 bits, because a wide read of what was just written in pieces waits for the store to finish. Inside of
// shard/evm. Any thread; outputs may be inputs.
#ifndef GANTRY_SHARD_EVM_WORDS_H
#define GANTRY_SHARD_EVM_WORDS_H

#include "base/u256.h"

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

static inline unsigned byte_count(const u256 *a)
{
    return (u256_bits(a) + 7) / 8;
}

#endif
