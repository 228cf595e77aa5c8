// Remainders of numbers of up to 512 bits. Division by a reciprocal of the divisor's top two words: N. Moeller, T.
// Granlund, "Improved division by invariant integers", IEEE Transactions on Computers 60 (2011), algorithms 2, 5 and 6.
#include "base/u256_math.h"

typedef unsigned __int128 u128;

static inline u128 join(uint64_t high, uint64_t low)
{
    return (u128)high << 64 | low;
}

// floor((2^128 - 1) / d) - 2^64 for a d whose top bit is set.
static uint64_t reciprocal_1(uint64_t d)
{
    uint64_t quotient, remainder;
    __asm__("divq %4" : "=a"(quotient), "=d"(remainder) : "a"(UINT64_MAX), "d"(~d), "r"(d) : "cc");
    return quotient;
}

static uint64_t reciprocal_2(uint64_t d1, uint64_t d0)
{
    uint64_t v = reciprocal_1(d1);
    uint64_t p = d1 * v + d0;
    if (p < d0) {
        v--;
        if (p >= d1) {
            v--;
            p -= d1;
        }
        p -= d1;
    }
    const u128 t = (u128)v * d0;
    p += (uint64_t)(t >> 64);
    if (p < (uint64_t)(t >> 64)) {
        v--;
        if (join(p, (uint64_t)t) >= join(d1, d0))
            v--;
    }
    return v;
}

// The quotient of three words by two, for (u2, u1) < d; the remainder goes to *rest.
static inline uint64_t divide_3_by_2(uint64_t u2, uint64_t u1, uint64_t u0, u128 d, uint64_t reciprocal, u128 *rest)
{
    const uint64_t d1 = (uint64_t)(d >> 64), d0 = (uint64_t)d;
    const u128 q = (u128)reciprocal * u2 + join(u2, u1);
    uint64_t digit = (uint64_t)(q >> 64);
    u128 r = join(u1 - digit * d1, u0) - (u128)d0 * digit - d;
    digit++;
    if ((uint64_t)(r >> 64) >= (uint64_t)q) {
        digit--;
        r += d;
    }
    if (__builtin_expect(r >= d, 0)) {
        digit++;
        r -= d;
    }
    *rest = r;
    return digit;
}

// u[0..n) -= digit * v; returns what is to be taken off the next word.
static inline uint64_t subtract_product(uint64_t *u, const uint64_t *v, int n, uint64_t digit)
{
    uint64_t carry = 0;
    for (int i = 0; i < n; i++) {
        const u128 product = (u128)digit * v[i] + carry;
        const uint64_t low = (uint64_t)product;
        carry = (uint64_t)(product >> 64) + (u[i] < low);
        u[i] -= low;
    }
    return carry;
}

// Takes a multiple of v (n words, 2 to 4) off u[0..n] so that less than v remains, for u[1..n] <= v.
static inline void reduce_digit(uint64_t *u, const uint64_t *v, int n, uint64_t reciprocal)
{
    const u128 d = join(v[n - 1], v[n - 2]);
    if (__builtin_expect(join(u[n], u[n - 1]) == d, 0)) {
        u[n] -= subtract_product(u, v, n, UINT64_MAX);
        return;
    }
    u128 rest;
    const uint64_t digit = divide_3_by_2(u[n], u[n - 1], u[n - 2], d, reciprocal, &rest);
    const uint64_t carry = subtract_product(u, v, n - 2, digit);
    const bool too_large = rest < carry;
    rest -= carry;
    u[n - 2] = (uint64_t)rest;
    u[n - 1] = (uint64_t)(rest >> 64);
    u[n] = 0;
    if (too_large) {
        u128 t = 0;
        for (int i = 0; i < n; i++) {
            t += (u128)u[i] + v[i];
            u[i] = (uint64_t)t;
            t >>= 64;
        }
    }
}

static uint64_t remainder_1(const uint64_t *u, int count, uint64_t d)
{
    uint64_t rest = 0, quotient;
    for (int i = count - 1; i >= 0; i--)
        __asm__("divq %4" : "=a"(quotient), "=d"(rest) : "a"(u[i]), "d"(rest), "r"(d) : "cc");
    return rest;
}

// in[0..count) mod m, for a count of 8 at most.
static u256 reduce(const uint64_t *in, int count, const u256 *m)
{
    int n = 4;
    while (n > 0 && m->w[n - 1] == 0)
        n--;
    while (count > 0 && in[count - 1] == 0)
        count--;
    if (n == 0)
        return U256_ZERO;
    if (n == 1)
        return u256_from_u64(remainder_1(in, count, m->w[0]));

    const int shift = __builtin_clzll(m->w[n - 1]);
    uint64_t u[9] = {0}, v[4] = {0};
    for (int i = n - 1; i >= 0; i--)
        v[i] = m->w[i] << shift | (i > 0 ? m->w[i - 1] >> 1 >> (63 - shift) : 0);
    for (int i = 0; i < count; i++) {
        u[i] |= in[i] << shift;
        u[i + 1] = in[i] >> 1 >> (63 - shift);
    }
    const uint64_t reciprocal = reciprocal_2(v[n - 1], v[n - 2]);
    for (int j = count - n; j >= 0; j--)
        reduce_digit(u + j, v, n, reciprocal);
    u256 out = U256_ZERO;
    for (int i = 0; i < n; i++)
        out.w[i] = u[i] >> shift | (i + 1 < n ? u[i + 1] << 1 << (63 - shift) : 0);
    return out;
}

u256 u256_add_mod(const u256 *a, const u256 *b, const u256 *m)
{
    u256 sum, rest;
    const bool carry = u256_add(&sum, a, b);
    // Mostly both are below the modulus, and one subtraction does.
    if (u256_less(a, m) && u256_less(b, m)) {
        const bool below = u256_sub(&rest, &sum, m);
        return carry || !below ? rest : sum;
    }
    const uint64_t wide[5] = {sum.w[0], sum.w[1], sum.w[2], sum.w[3], carry};
    return reduce(wide, 5, m);
}

u256 u256_mul_mod(const u256 *a, const u256 *b, const u256 *m)
{
    uint64_t product[8] = {0};
    for (int i = 0; i < 4; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < 4; j++) {
            const u128 t = (u128)a->w[i] * b->w[j] + product[i + j] + carry;
            product[i + j] = (uint64_t)t;
            carry = (uint64_t)(t >> 64);
        }
        product[i + 4] = carry;
    }
    return reduce(product, 8, m);
}
