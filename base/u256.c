#include "base/u256.h"

#include "base/hex.h"

typedef unsigned __int128 u128;

bool u256_mul(u256 *out, const u256 *a, const u256 *b)
{
    uint64_t p[8] = {0};
    for (int i = 0; i < 4; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < 4; j++) {
            u128 t = (u128)a->w[i] * b->w[j] + p[i + j] + carry;
            p[i + j] = (uint64_t)t;
            carry = (uint64_t)(t >> 64);
        }
        p[i + 4] = carry;
    }
    memcpy(out->w, p, sizeof out->w);
    return (p[4] | p[5] | p[6] | p[7]) != 0;
}

bool u256_mul_u64(u256 *out, const u256 *a, uint64_t b)
{
    uint64_t carry = 0;
    for (int i = 0; i < 4; i++) {
        u128 t = (u128)a->w[i] * b + carry;
        out->w[i] = (uint64_t)t;
        carry = (uint64_t)(t >> 64);
    }
    return carry != 0;
}

// (high * 2^64 + low) / divisor, for high < divisor, so that the quotient is one word.
static uint64_t divide_word(uint64_t high, uint64_t low, uint64_t divisor, uint64_t *remainder)
{
    uint64_t quotient;
    __asm__("divq %4" : "=a"(quotient), "=d"(*remainder) : "a"(low), "d"(high), "r"(divisor) : "cc");
    return quotient;
}

// Divides in place; returns the remainder.
static uint64_t divide_by_word(uint64_t w[4], uint64_t divisor)
{
    uint64_t remainder = 0;
    int i = 3;
    while (i > 0 && w[i] == 0)
        i--;
    for (; i >= 0; i--)
        w[i] = divide_word(remainder, w[i], divisor, &remainder);
    return remainder;
}

// One quotient digit of the long division: the digit of u[0..n] / v[0..n-1], both normalized so that v's top bit is
// set; takes digit * v off u. Steps D3 to D6 of Knuth's algorithm D.
static uint64_t divide_digit(uint64_t *u, const uint64_t *v, int n)
{
    uint64_t digit;
    u128 rest;
    if (u[n] >= v[n - 1]) {
        digit = UINT64_MAX;
        rest = (u128)u[n - 1] + v[n - 1];
    } else {
        uint64_t r;
        digit = divide_word(u[n], u[n - 1], v[n - 1], &r);
        rest = r;
    }
    while (rest >> 64 == 0 && (u128)digit * v[n - 2] > (rest << 64 | u[n - 2])) {
        digit--;
        rest += v[n - 1];
    }

    uint64_t carry = 0, borrow = 0;
    for (int i = 0; i < n; i++) {
        u128 product = (u128)digit * v[i] + carry;
        carry = (uint64_t)(product >> 64);
        u128 t = (u128)u[i] - (uint64_t)product - borrow;
        u[i] = (uint64_t)t;
        borrow = (uint64_t)(t >> 64) & 1;
    }
    u128 top = (u128)u[n] - carry - borrow;
    u[n] = (uint64_t)top;
    if (top >> 64 == 0)
        return digit;

    // The estimate was one too large: add the divisor back.
    carry = 0;
    for (int i = 0; i < n; i++) {
        u128 t = (u128)u[i] + v[i] + carry;
        u[i] = (uint64_t)t;
        carry = (uint64_t)(t >> 64);
    }
    u[n] += carry;
    return digit - 1;
}

// Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D, with 64-bit digits; b has n >= 2 words.
static void divide_long(u256 *quotient, u256 *remainder, const u256 *a, const u256 *b, int n)
{
    int shift = __builtin_clzll(b->w[n - 1]);
    uint64_t u[5], v[4];
    u[4] = shift ? a->w[3] >> (64 - shift) : 0;
    for (int i = 3; i >= 0; i--) {
        u[i] = a->w[i] << shift | (shift && i > 0 ? a->w[i - 1] >> (64 - shift) : 0);
        v[i] = b->w[i] << shift | (shift && i > 0 ? b->w[i - 1] >> (64 - shift) : 0);
    }

    *quotient = U256_ZERO;
    for (int j = 4 - n; j >= 0; j--)
        quotient->w[j] = divide_digit(u + j, v, n);

    *remainder = U256_ZERO;
    for (int i = 0; i < n; i++)
        remainder->w[i] = u[i] >> shift | (shift ? u[i + 1] << (64 - shift) : 0);
}

void u256_divmod(u256 *quotient, u256 *remainder, const u256 *a, const u256 *b)
{
    u256 q = U256_ZERO, r = U256_ZERO;
    int n = 4;
    if (u256_fits_u64(a) && u256_fits_u64(b) && b->w[0] != 0) {
        const uint64_t dividend = a->w[0], divisor = b->w[0];
        if (quotient)
            *quotient = u256_from_u64(dividend / divisor);
        if (remainder)
            *remainder = u256_from_u64(dividend % divisor);
        return;
    }
    while (n > 0 && b->w[n - 1] == 0)
        n--;
    if (n == 1) {
        q = *a;
        r = u256_from_u64(divide_by_word(q.w, b->w[0]));
    } else if (n > 1 && u256_cmp(a, b) < 0) {
        r = *a;
    } else if (n > 1) {
        divide_long(&q, &r, a, b, n);
    }
    if (quotient)
        *quotient = q;
    if (remainder)
        *remainder = r;
}

unsigned u256_bits(const u256 *a)
{
    for (int i = 3; i >= 0; i--) {
        if (a->w[i])
            return 64 * (unsigned)i + 64 - (unsigned)__builtin_clzll(a->w[i]);
    }
    return 0;
}

// Most numbers of transactions are short: the whole words, then the top one's bytes.
u256 u256_from_be(const uint8_t *in, size_t len)
{
    u256 out = U256_ZERO;
    unsigned word = 0;
    for (; len >= 8; len -= 8)
        out.w[word++] = __builtin_bswap64(load_le64(in + len - 8));
    for (size_t i = 0; i < len; i++)
        out.w[word] = out.w[word] << 8 | in[i];
    return out;
}

void u256_to_be(uint8_t out[32], const u256 *a)
{
    for (int i = 0; i < 4; i++)
        store_le64(out + 24 - 8 * i, __builtin_bswap64(a->w[i]));
}

static bool parse_hex(u256 *out, const char *digits, size_t len)
{
    while (len > 1 && digits[0] == '0') {
        digits++;
        len--;
    }
    if (len == 0 || len > 64)
        return false;
    char padded[64];
    memset(padded, '0', sizeof padded);
    memcpy(padded + 64 - len, digits, len);
    uint8_t be[32];
    // With 63 digits the padding's zero and an x would look like a prefix.
    if (digits[0] == 'x' || hex_decode(be, sizeof be, padded, sizeof padded) != 32)
        return false;
    *out = u256_from_be(be, 32);
    return true;
}

bool u256_parse(u256 *out, const char *text, size_t len)
{
    if (len >= 2 && text[0] == '0' && text[1] == 'x')
        return parse_hex(out, text + 2, len - 2);

    u256 value = U256_ZERO;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9)
            return false;
        u256 add = u256_from_u64(digit);
        if (u256_mul_u64(&value, &value, 10) || u256_add(&value, &value, &add))
            return false;
    }
    *out = value;
    return len > 0;
}

size_t u256_to_decimal(char out[80], const u256 *a)
{
    char digits[80];
    size_t n = 0;
    u256 rest = *a;
    do {
        uint64_t chunk = divide_by_word(rest.w, 10000000000000000000u);
        for (int i = 0; i < 19 && (chunk != 0 || !u256_is_zero(&rest)); i++) {
            digits[n++] = (char)('0' + chunk % 10);
            chunk /= 10;
        }
    } while (!u256_is_zero(&rest));
    if (n == 0)
        digits[n++] = '0';
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    out[n] = 0;
    return n;
}
