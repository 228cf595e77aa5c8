// Scalars as sums of odd signed digits: no digit is zero, so that lanes never differ in what they do.
//
//     k = sum over i of (2 e[i] - (2^w - 1)) 2^(w i),   e[i] in 0 .. 2^w - 1
//
// which for an odd k below 2^(w count) in magnitude are the digits, radix 2^w, of (k + 2^(w count) - 1) / 2. Negating k
// turns e[i] into 2^w - 1 - e[i]. Public data: not constant-time. Any thread.
#ifndef GANTRY_SIGVERIFY_LANES_DIGITS_H
#define GANTRY_SIGVERIFY_LANES_DIGITS_H

#include "base/u256.h"

// Of a multiple of R, in two halves by the endomorphism.
#define HALF_DIGIT_BITS 5
#define HALF_DIGITS 26
// Of a multiple of G, whose points come out of a table.
#define COMB_DIGIT_BITS 8
#define COMB_DIGITS 32

// The odd factor of digit e is 2 index + 1, or its negative.
static inline unsigned digit_index(unsigned e, unsigned bits)
{
    const unsigned half = 1u << (bits - 1);
    return e >= half ? e - half : half - 1 - e;
}

static inline bool digit_is_negative(unsigned e, unsigned bits)
{
    return e < 1u << (bits - 1);
}

// k mod n = first + second lambda; k is below n.
struct half_digits {
    uint8_t first[HALF_DIGITS], second[HALF_DIGITS];
};

void half_digits_of(struct half_digits *out, const u256 *k);

// Of -k mod n; k is below n and not zero.
struct comb_digits {
    uint8_t e[COMB_DIGITS];
};

void comb_digits_of_negative(struct comb_digits *out, const u256 *k);

#endif
