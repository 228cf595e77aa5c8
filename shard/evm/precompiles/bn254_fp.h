// The base field of alt_bn128 (EIP-196): integers mod p, p = 36u^4 + 36u^3 + 24u^2 + 6u + 1 with u =
// 4965661367192848881.
//
// An fp holds a * 2^256 mod p (Montgomery's form), always below p. Outputs may be inputs. Nothing is constant-time.
// p has two spare bits in 256, on which the multiplication's missing last carry rests.
// Source: Koc, Acar, Kaliski, "Analyzing and Comparing Montgomery Multiplication Algorithms" (CIOS).
#ifndef GANTRY_SHARD_EVM_PRECOMPILES_BN254_FP_H
#define GANTRY_SHARD_EVM_PRECOMPILES_BN254_FP_H

#include "base/u256.h"

typedef struct {
    uint64_t w[4];
} fp;

// A product before its reduction: below p * 2^256.
typedef struct {
    uint64_t w[8];
} fp_wide;

static const u256 FP_P = {{0x3c208c16d87cfd47, 0x97816a916871ca8d, 0xb85045b68181585d, 0x30644e72e131a029}};
#define FP_NEGATED_INVERSE 0x87d20782e4866389 // -1/p mod 2^64

static const fp FP_ZERO = {{0, 0, 0, 0}};
static const fp FP_ONE = {{0xd35d438dc58f0d9d, 0x0a78eb28f5c70b3d, 0x666ea36f7879462c, 0x0e0a77c19a07df2f}};

// The chains of carries are in assembly: GCC moves them through registers and memory, at twice the time.

// out = a + b; a carry beyond four words is lost.
static inline void fp_words_add(uint64_t out[4], const uint64_t a[4], const uint64_t b[4])
{
    uint64_t s0 = a[0], s1 = a[1], s2 = a[2], s3 = a[3];
    __asm__("addq %4, %0\n\t"
            "adcq %5, %1\n\t"
            "adcq %6, %2\n\t"
            "adcq %7, %3"
            : "+&r"(s0), "+&r"(s1), "+&r"(s2), "+&r"(s3)
            : "rm"(b[0]), "rm"(b[1]), "rm"(b[2]), "rm"(b[3])
            : "cc");
    out[0] = s0;
    out[1] = s1;
    out[2] = s2;
    out[3] = s3;
}

// out = a - b - 1 if the mask borrow is set, else a - b. Returns the borrow as a mask: 0 or all ones.
static inline uint64_t fp_words_sub(uint64_t out[4], const uint64_t a[4], const uint64_t b[4], uint64_t borrow)
{
    uint64_t d0 = a[0], d1 = a[1], d2 = a[2], d3 = a[3];
    __asm__("negq %4\n\t"
            "sbbq %5, %0\n\t"
            "sbbq %6, %1\n\t"
            "sbbq %7, %2\n\t"
            "sbbq %8, %3\n\t"
            "sbbq %4, %4"
            : "+&r"(d0), "+&r"(d1), "+&r"(d2), "+&r"(d3), "+&r"(borrow)
            : "rm"(b[0]), "rm"(b[1]), "rm"(b[2]), "rm"(b[3])
            : "cc");
    out[0] = d0;
    out[1] = d1;
    out[2] = d2;
    out[3] = d3;
    return borrow;
}

// t += a * b; returns what goes beyond four words.
static inline uint64_t fp_multiply_add_row(uint64_t t[4], const uint64_t a[4], uint64_t b)
{
    uint64_t t0 = t[0], t1 = t[1], t2 = t[2], t3 = t[3], high;
    __asm__("movq %6, %%rax\n\t"
            "mulq %5\n\t"
            "addq %%rax, %0\n\t"
            "adcq $0, %%rdx\n\t"
            "movq %%rdx, %4\n\t"
            "movq %7, %%rax\n\t"
            "mulq %5\n\t"
            "addq %%rax, %1\n\t"
            "adcq $0, %%rdx\n\t"
            "addq %4, %1\n\t"
            "adcq $0, %%rdx\n\t"
            "movq %%rdx, %4\n\t"
            "movq %8, %%rax\n\t"
            "mulq %5\n\t"
            "addq %%rax, %2\n\t"
            "adcq $0, %%rdx\n\t"
            "addq %4, %2\n\t"
            "adcq $0, %%rdx\n\t"
            "movq %%rdx, %4\n\t"
            "movq %9, %%rax\n\t"
            "mulq %5\n\t"
            "addq %%rax, %3\n\t"
            "adcq $0, %%rdx\n\t"
            "addq %4, %3\n\t"
            "adcq $0, %%rdx\n\t"
            "movq %%rdx, %4"
            : "+&r"(t0), "+&r"(t1), "+&r"(t2), "+&r"(t3), "=&r"(high)
            : "r"(b), "m"(a[0]), "m"(a[1]), "m"(a[2]), "m"(a[3])
            : "rax", "rdx", "cc");
    t[0] = t0;
    t[1] = t1;
    t[2] = t2;
    t[3] = t3;
    return high;
}

// out = a - p if that is not negative, else a; a is below 2p.
static inline void fp_reduce_once(fp *out, const uint64_t a[4])
{
    uint64_t d0 = a[0], d1 = a[1], d2 = a[2], d3 = a[3];
    __asm__("subq %4, %0\n\t"
            "sbbq %5, %1\n\t"
            "sbbq %6, %2\n\t"
            "sbbq %7, %3\n\t"
            "cmovcq %8, %0\n\t"
            "cmovcq %9, %1\n\t"
            "cmovcq %10, %2\n\t"
            "cmovcq %11, %3"
            : "+&r"(d0), "+&r"(d1), "+&r"(d2), "+&r"(d3)
            : "m"(FP_P.w[0]), "m"(FP_P.w[1]), "m"(FP_P.w[2]), "m"(FP_P.w[3]), "rm"(a[0]), "rm"(a[1]), "rm"(a[2]),
              "rm"(a[3])
            : "cc");
    *out = (fp){{d0, d1, d2, d3}};
}

static inline void fp_add(fp *out, const fp *a, const fp *b)
{
    uint64_t sum[4];
    fp_words_add(sum, a->w, b->w);
    fp_reduce_once(out, sum);
}

static inline void fp_double(fp *out, const fp *a)
{
    fp_add(out, a, a);
}

// out += p where the mask is set.
static inline void fp_add_p_masked(uint64_t out[4], uint64_t mask)
{
    const uint64_t p[4] = {FP_P.w[0] & mask, FP_P.w[1] & mask, FP_P.w[2] & mask, FP_P.w[3] & mask};
    fp_words_add(out, out, p);
}

static inline void fp_sub(fp *out, const fp *a, const fp *b)
{
    uint64_t d[4];
    const uint64_t borrow = fp_words_sub(d, a->w, b->w, 0);
    fp_add_p_masked(d, borrow);
    *out = (fp){{d[0], d[1], d[2], d[3]}};
}

static inline bool fp_is_zero(const fp *a)
{
    return (a->w[0] | a->w[1] | a->w[2] | a->w[3]) == 0;
}

static inline bool fp_equal(const fp *a, const fp *b)
{
    return ((a->w[0] ^ b->w[0]) | (a->w[1] ^ b->w[1]) | (a->w[2] ^ b->w[2]) | (a->w[3] ^ b->w[3])) == 0;
}

static inline void fp_neg(fp *out, const fp *a)
{
    fp_sub(out, &FP_ZERO, a);
}

// One word of Montgomery's reduction of t + top * 2^256: adds a multiple of p that makes t[0] zero, and drops t[0].
static inline void fp_reduce_word(uint64_t t[4], uint64_t top)
{
    top += fp_multiply_add_row(t, FP_P.w, t[0] * FP_NEGATED_INVERSE);
    t[0] = t[1];
    t[1] = t[2];
    t[2] = t[3];
    t[3] = top;
}

static inline void fp_mul(fp *out, const fp *a, const fp *b)
{
    uint64_t t[4] = {0};
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        fp_reduce_word(t, fp_multiply_add_row(t, a->w, b->w[i]));
    fp_reduce_once(out, t);
}

static inline void fp_sqr(fp *out, const fp *a)
{
    fp_mul(out, a, a);
}

// The whole product of any two numbers.
static inline void fp_mul_wide(fp_wide *out, const uint64_t a[4], const uint64_t b[4])
{
    uint64_t t[8] = {0};
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        t[i + 4] = fp_multiply_add_row(t + i, a, b[i]);
    memcpy(out->w, t, sizeof t);
}

// out = a - b as numbers; a is at least b.
static inline void fp_wide_sub(fp_wide *out, const fp_wide *a, const fp_wide *b)
{
    const uint64_t borrow = fp_words_sub(out->w, a->w, b->w, 0);
    fp_words_sub(out->w + 4, a->w + 4, b->w + 4, borrow);
}

// out = a - b, plus p * 2^256 if that is negative.
static inline void fp_wide_sub_mod(fp_wide *out, const fp_wide *a, const fp_wide *b)
{
    uint64_t borrow = fp_words_sub(out->w, a->w, b->w, 0);
    borrow = fp_words_sub(out->w + 4, a->w + 4, b->w + 4, borrow);
    fp_add_p_masked(out->w + 4, borrow);
}

// out = a / 2^256 mod p; a is below p * 2^256.
static inline void fp_reduce_wide(fp *out, const fp_wide *a)
{
    uint64_t t[4] = {a->w[0], a->w[1], a->w[2], a->w[3]};
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        fp_reduce_word(t, 0);
    fp_words_add(t, t, a->w + 4);
    fp_reduce_once(out, t);
}

// Of an element that is not zero.
void fp_inverse(fp *out, const fp *a);

// 32 bytes, big-endian. false when the number is not below p.
MUST_CHECK bool fp_from_be(fp *out, const uint8_t in[32]);
void fp_to_be(uint8_t out[32], const fp *a);

#endif
