#include "shard/evm/precompiles/bn254_fp.h"

#include <gmp.h>

_Static_assert(sizeof(mp_limb_t) == sizeof(uint64_t), "GMP's limbs are the field's words");

// 2^512 and 2^768 mod p.
static const fp R_SQUARED = {{0xf32cfc5b538afa89, 0xb5e71911d44501fb, 0x47ab1eff0a417ff6, 0x06d89f71cab8351f}};
static const fp R_CUBED = {{0xb1cd6dafda1530df, 0x62f210e6a7283db6, 0xef7f0b0c0ada0afb, 0x20fd6e902d592544}};

void fp_inverse(fp *out, const fp *a)
{
    // GMP destroys its operands and wants the first to be at least the second: a + p and p.
    mp_limb_t u[4], v[4], gcd[5], factor[5] = {0};
    mp_size_t words;
    memcpy(v, FP_P.w, sizeof v);
    mpn_add_n(u, a->w, v, 4);
    mpn_gcdext(gcd, factor, &words, u, 4, v, 4);
    fp magnitude = FP_ZERO;
    for (mp_size_t i = 0; i < (words < 0 ? -words : words); i++)
        magnitude.w[i] = factor[i];
    // a stands for x * 2^256, so this is 1/x * 2^-256; times 2^512 is what stands for 1/x.
    fp_mul(out, &magnitude, &R_CUBED);
    if (words < 0)
        fp_neg(out, out);
}

bool fp_from_be(fp *out, const uint8_t in[32])
{
    const u256 number = u256_from_be(in, 32);
    if (u256_cmp(&number, &FP_P) >= 0)
        return false;
    const fp plain = {{number.w[0], number.w[1], number.w[2], number.w[3]}};
    fp_mul(out, &plain, &R_SQUARED);
    return true;
}

void fp_to_be(uint8_t out[32], const fp *a)
{
    const fp_wide wide = {{a->w[0], a->w[1], a->w[2], a->w[3]}};
    fp plain;
    fp_reduce_wide(&plain, &wide);
    const u256 number = {{plain.w[0], plain.w[1], plain.w[2], plain.w[3]}};
    u256_to_be(out, &number);
}
