// Signed digits of a factor or exponent, for doubling (squaring) and adding with few additions.
#ifndef GANTRY_SHARD_EVM_PRECOMPILES_BN254_DIGITS_H
#define GANTRY_SHARD_EVM_PRECOMPILES_BN254_DIGITS_H

#include <stdint.h>

// u, of which the curve's constants are polynomials.
#define BN_U 0x44e992b44a6909f1

#define BN_DIGITS_MAX 129

// Writes the width-w non-adjacent form of n, least significant digit first: each digit is 0 or odd and below
// 2^(width - 1) in size, and of `width` neighbours at most one is not 0. n is below 2^127; width is 2..7. Returns the
// number of digits.
static inline unsigned bn_digits(int8_t digits[BN_DIGITS_MAX], unsigned __int128 n, unsigned width)
{
    unsigned count = 0;
    for (; n != 0; n >>= 1) {
        int digit = 0;
        if (n & 1) {
            digit = (int)(n & ((1u << width) - 1));
            if (digit >> (width - 1))
                digit -= 1 << width;
            n -= (unsigned __int128)(__int128)digit;
        }
        digits[count++] = (int8_t)digit;
    }
    return count;
}

#endif
