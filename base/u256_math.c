#include "base/u256_math.h"

typedef unsigned __int128 u128;

u256 u256_sar(const u256 *a, uint64_t n)
{
    if (!u256_is_negative(a))
        return u256_shr(a, n);
    u256 inverted = {{~a->w[0], ~a->w[1], ~a->w[2], ~a->w[3]}};
    inverted = u256_shr(&inverted, n);
    return (u256){{~inverted.w[0], ~inverted.w[1], ~inverted.w[2], ~inverted.w[3]}};
}

static u256 negate(const u256 *a)
{
    u256 out;
    u256_sub(&out, &U256_ZERO, a);
    return out;
}

static u256 magnitude(const u256 *a)
{
    return u256_is_negative(a) ? negate(a) : *a;
}

u256 u256_signed_div(const u256 *a, const u256 *b)
{
    const u256 x = magnitude(a), y = magnitude(b);
    u256 quotient;
    u256_divmod(&quotient, NULL, &x, &y);
    return u256_is_negative(a) != u256_is_negative(b) ? negate(&quotient) : quotient;
}

u256 u256_signed_mod(const u256 *a, const u256 *b)
{
    const u256 x = magnitude(a), y = magnitude(b);
    u256 remainder;
    u256_divmod(NULL, &remainder, &x, &y);
    return u256_is_negative(a) ? negate(&remainder) : remainder;
}

u256 u256_pow(const u256 *base, const u256 *exponent)
{
    u256 result = u256_from_u64(1);
    for (unsigned i = u256_bits(exponent); i-- > 0;) {
        result = u256_mul_low(&result, &result);
        if (exponent->w[i / 64] >> i % 64 & 1)
            result = u256_mul_low(&result, base);
    }
    return result;
}

u256 u256_sign_extend(const u256 *a, const u256 *index)
{
    if (!u256_fits_u64(index) || index->w[0] >= 31)
        return *a;
    const uint64_t above = 248 - 8 * index->w[0];
    const u256 shifted = u256_shl(a, above);
    return u256_sar(&shifted, above);
}
