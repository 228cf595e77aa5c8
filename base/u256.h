// 256-bit unsigned integers: four 64-bit words, least significant first. Plain values; any thread.
#ifndef GANTRY_BASE_U256_H
#define GANTRY_BASE_U256_H

#include "base/bytes.h"

typedef struct {
    uint64_t w[4];
} u256;

#define U256_ZERO ((u256){{0, 0, 0, 0}})
#define U256_MAX ((u256){{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}})

static inline u256 u256_from_u64(uint64_t v)
{
    return (u256){{v, 0, 0, 0}};
}

static inline bool u256_is_zero(const u256 *a)
{
    return (a->w[0] | a->w[1] | a->w[2] | a->w[3]) == 0;
}

static inline bool u256_fits_u64(const u256 *a)
{
    return (a->w[1] | a->w[2] | a->w[3]) == 0;
}

static inline bool u256_equal(const u256 *a, const u256 *b)
{
    return ((a->w[0] ^ b->w[0]) | (a->w[1] ^ b->w[1]) | (a->w[2] ^ b->w[2]) | (a->w[3] ^ b->w[3])) == 0;
}

// -1, 0 or 1 as a is below, equal to or above b.
static inline int u256_cmp(const u256 *a, const u256 *b)
{
    for (int i = 3; i >= 0; i--) {
        if (a->w[i] != b->w[i])
            return a->w[i] < b->w[i] ? -1 : 1;
    }
    return 0;
}

// out = a + b mod 2^256; returns the carry. out may be a or b.
static inline bool u256_add(u256 *out, const u256 *a, const u256 *b)
{
    unsigned __int128 t = 0;
    for (int i = 0; i < 4; i++) {
        t += (unsigned __int128)a->w[i] + b->w[i];
        out->w[i] = (uint64_t)t;
        t >>= 64;
    }
    return t != 0;
}

// out = a - b mod 2^256; returns the borrow. out may be a or b.
static inline bool u256_sub(u256 *out, const u256 *a, const u256 *b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        unsigned __int128 t = (unsigned __int128)a->w[i] - b->w[i] - borrow;
        out->w[i] = (uint64_t)t;
        borrow = (uint64_t)(t >> 64) & 1;
    }
    return borrow != 0;
}

// out = a * b mod 2^256; returns true if the product does not fit. out may be a or b.
bool u256_mul(u256 *out, const u256 *a, const u256 *b);

// out = a * b mod 2^256; returns true if the product does not fit. out may be a.
bool u256_mul_u64(u256 *out, const u256 *a, uint64_t b);

// quotient = a / b, remainder = a % b; both 0 when b is 0 (as the EVM defines it). Outputs may be NULL or a or b.
void u256_divmod(u256 *quotient, u256 *remainder, const u256 *a, const u256 *b);

// Number of significant bits, 0..256.
unsigned u256_bits(const u256 *a);

// Big-endian conversions. from_be takes 0..32 bytes.
u256 u256_from_be(const uint8_t *in, size_t len);
void u256_to_be(uint8_t out[32], const u256 *a);

// Decimal or 0x-hexadecimal text of exactly len characters; false when malformed, empty or too large.
MUST_CHECK bool u256_parse(u256 *out, const char *text, size_t len);

// Decimal text with a final NUL; at most 79 bytes are written. Returns the length without the NUL.
size_t u256_to_decimal(char out[80], const u256 *a);

#endif
