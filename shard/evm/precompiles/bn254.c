#include "shard/evm/precompiles/bn254.h"

#include "shard/evm/precompiles/bn254_pairing.h"

// The first `size` bytes of an input that zeros follow without end.
static void read_padded(uint8_t *out, size_t size, struct bytes in)
{
    const size_t there = in.len < size ? in.len : size;
    if (there > 0)
        memcpy(out, in.ptr, there);
    memset(out + there, 0, size - there);
}

bool pc_bn_add(uint8_t out[64], struct bytes in)
{
    uint8_t padded[128];
    struct bn_g1 a, b;
    read_padded(padded, sizeof padded, in);
    if (!bn_g1_read(&a, padded) || !bn_g1_read(&b, padded + 64))
        return false;
    bn_g1_add(&a, &a, &b);
    bn_g1_write(out, &a);
    return true;
}

bool pc_bn_mul(uint8_t out[64], struct bytes in)
{
    uint8_t padded[96];
    struct bn_g1 a;
    read_padded(padded, sizeof padded, in);
    if (!bn_g1_read(&a, padded))
        return false;
    const u256 factor = u256_from_be(padded + 64, 32);
    bn_g1_mul(&a, &a, &factor);
    bn_g1_write(out, &a);
    return true;
}

static bool read_pair(struct bn_pair *out, const uint8_t in[PC_BN_PAIR_BYTES])
{
    return bn_g1_read(&out->p, in) && bn_g2_read(&out->q, in + 64) && bn_g2_in_group(&out->q);
}

bool pc_bn_pairing(uint8_t out[32], struct bytes in)
{
    if (in.len % PC_BN_PAIR_BYTES != 0)
        return false;
    fp12 product, part;
    fp12_one(&product);
    while (in.len > 0) {
        struct bn_pair pairs[BN_MILLER_MAX];
        size_t n = 0;
        for (; n < BN_MILLER_MAX && in.len > 0; n++) {
            if (!read_pair(&pairs[n], in.ptr))
                return false;
            in = bytes_of(in.ptr + PC_BN_PAIR_BYTES, in.len - PC_BN_PAIR_BYTES);
        }
        bn_miller_loop(&part, pairs, n);
        fp12_mul(&product, &product, &part);
    }
    bn_final_exponentiation(&product, &product);
    memset(out, 0, 32);
    out[31] = fp12_is_one(&product);
    return true;
}
