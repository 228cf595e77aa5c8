// The EVM's arithmetic on 256-bit words (yellow paper, appendix H): what base/u256.h doesn't have. Signed numbers are
// in two's complement. Division and modulo by zero give zero. Any thread; nothing allocates. Outputs may be inputs.
#ifndef GANTRY_BASE_U256_MATH_H
#define GANTRY_BASE_U256_MATH_H

#include "base/u256.h"

// a * b mod 2^256, without asking whether it fits.
static inline u256 u256_mul_low(const u256 *a, const u256 *b)
{
    typedef unsigned __int128 u128;
    const uint64_t a0 = a->w[0], a1 = a->w[1], a2 = a->w[2], a3 = a->w[3];
    const uint64_t b0 = b->w[0], b1 = b->w[1], b2 = b->w[2], b3 = b->w[3];
    const u128 p = (u128)a0 * b0;
    const u128 t = (u128)a0 * b1 + (uint64_t)(p >> 64);
    const u128 s = (u128)a1 * b0 + (uint64_t)t;
    // From here on what passes 2^256 is lost.
    const u128 high = (u128)a0 * b2 + (u128)a1 * b1 + (u128)a2 * b0 + (uint64_t)(t >> 64) + (uint64_t)(s >> 64);
    const uint64_t top = (uint64_t)(high >> 64) + a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0;
    return (u256){{(uint64_t)p, (uint64_t)s, (uint64_t)high, top}};
}

// a * 2^n mod 2^256, and a / 2^n; zero from n = 256 on. Whole words first.
static inline u256 u256_shl(const u256 *a, uint64_t n)
{
    uint64_t w0 = a->w[0], w1 = a->w[1], w2 = a->w[2], w3 = a->w[3];
    const unsigned bits = n % 64, rest = 63 - bits;
    if (n > 255)
        return U256_ZERO;
    if (n & 64) {
        w3 = w2;
        w2 = w1;
        w1 = w0;
        w0 = 0;
    }
    if (n & 128) {
        w3 = w1;
        w2 = w0;
        w1 = w0 = 0;
    }
    return (u256){
        {w0 << bits, w1 << bits | w0 >> 1 >> rest, w2 << bits | w1 >> 1 >> rest, w3 << bits | w2 >> 1 >> rest}};
}

static inline u256 u256_shr(const u256 *a, uint64_t n)
{
    uint64_t w0 = a->w[0], w1 = a->w[1], w2 = a->w[2], w3 = a->w[3];
    const unsigned bits = n % 64, rest = 63 - bits;
    if (n > 255)
        return U256_ZERO;
    if (n & 64) {
        w0 = w1;
        w1 = w2;
        w2 = w3;
        w3 = 0;
    }
    if (n & 128) {
        w0 = w2;
        w1 = w3;
        w2 = w3 = 0;
    }
    return (u256){
        {w0 >> bits | w1 << 1 << rest, w1 >> bits | w2 << 1 << rest, w2 >> bits | w3 << 1 << rest, w3 >> bits}};
}

static inline bool u256_is_negative(const u256 *a)
{
    return a->w[3] >> 63;
}

// Is a < b, unsigned and signed?
static inline bool u256_less(const u256 *a, const u256 *b)
{
    u256 unused;
    return u256_sub(&unused, a, b);
}

static inline bool u256_signed_less(const u256 *a, const u256 *b)
{
    return u256_is_negative(a) != u256_is_negative(b) ? u256_is_negative(a) : u256_less(a, b);
}

// Shifts the sign in; zero or -1 from n = 256 on.
u256 u256_sar(const u256 *a, uint64_t n);
// Truncating division; -2^255 / -1 is -2^255. The remainder has a's sign.
u256 u256_signed_div(const u256 *a, const u256 *b);
u256 u256_signed_mod(const u256 *a, const u256 *b);
// (a + b) mod m and (a * b) mod m, the sum and product in full width.
u256 u256_add_mod(const u256 *a, const u256 *b, const u256 *m);
u256 u256_mul_mod(const u256 *a, const u256 *b, const u256 *m);
// base^exponent mod 2^256.
u256 u256_pow(const u256 *base, const u256 *exponent);
// Takes byte `index`, counted from the least significant one, as the sign's; all of a from index 31 on.
u256 u256_sign_extend(const u256 *a, const u256 *index);

#endif
