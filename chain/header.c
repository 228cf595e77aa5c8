#include "chain/header.h"

#include <assert.h>

#include "base/keccak.h"
#include "base/rlp.h"

enum { EXTRA_DATA_MAX = 32 };

static uint8_t *put_hash(uint8_t *p, const bytes32 *hash)
{
    return rlp_put_string(p, bytes_of(hash->b, sizeof hash->b));
}

static uint8_t *put_fields(uint8_t *p, const struct header *h)
{
    p = put_hash(p, &h->parent_hash);
    p = put_hash(p, &h->ommers_hash);
    p = rlp_put_string(p, bytes_of(h->coinbase.b, sizeof h->coinbase.b));
    p = put_hash(p, &h->state_root);
    p = put_hash(p, &h->transactions_root);
    p = put_hash(p, &h->receipts_root);
    p = rlp_put_string(p, bytes_of(h->logs_bloom.b, sizeof h->logs_bloom.b));
    p = rlp_put_u256(p, &h->difficulty);
    p = rlp_put_u64(p, h->number);
    p = rlp_put_u64(p, h->gas_limit);
    p = rlp_put_u64(p, h->gas_used);
    p = rlp_put_u64(p, h->timestamp);
    p = rlp_put_string(p, h->extra_data);
    p = put_hash(p, &h->mix_hash);
    p = rlp_put_string(p, bytes_of(h->nonce, sizeof h->nonce));
    if (h->no_base_fee)
        return p;
    p = rlp_put_u256(p, &h->base_fee);
    if (h->optional_count >= 1)
        p = put_hash(p, &h->withdrawals_root);
    if (h->optional_count >= 2)
        p = rlp_put_u64(p, h->blob_gas_used);
    if (h->optional_count >= 3)
        p = rlp_put_u64(p, h->excess_blob_gas);
    if (h->optional_count >= 4)
        p = put_hash(p, &h->parent_beacon_block_root);
    return p;
}

size_t header_encode(uint8_t *buf, const struct header *h)
{
    assert(h->extra_data.len <= EXTRA_DATA_MAX && h->optional_count <= 4);
    uint8_t payload[HEADER_ENCODED_MAX];
    const size_t len = (size_t)(put_fields(payload, h) - payload);
    uint8_t *p = rlp_put_list(buf, len);
    memcpy(p, payload, len);
    return (size_t)(p - buf) + len;
}

bytes32 header_hash(const struct header *h)
{
    uint8_t buf[HEADER_ENCODED_MAX];
    return keccak256(buf, header_encode(buf, h));
}

static bool read_hash(struct bytes *in, bytes32 *out)
{
    return rlp_read_fixed(in, out->b, sizeof out->b) == RLP_OK;
}

static bool read_u64(struct bytes *in, uint64_t *out)
{
    return rlp_read_u64(in, out) == RLP_OK;
}

static bool read_until_nonce(struct bytes *in, struct header *h)
{
    return read_hash(in, &h->parent_hash) && read_hash(in, &h->ommers_hash) &&
           rlp_read_fixed(in, h->coinbase.b, sizeof h->coinbase.b) == RLP_OK && read_hash(in, &h->state_root) &&
           read_hash(in, &h->transactions_root) && read_hash(in, &h->receipts_root) &&
           rlp_read_fixed(in, h->logs_bloom.b, sizeof h->logs_bloom.b) == RLP_OK &&
           rlp_read_u256(in, &h->difficulty) == RLP_OK && read_u64(in, &h->number) && read_u64(in, &h->gas_limit) &&
           read_u64(in, &h->gas_used) && read_u64(in, &h->timestamp) && rlp_read_string(in, &h->extra_data) == RLP_OK &&
           h->extra_data.len <= EXTRA_DATA_MAX && read_hash(in, &h->mix_hash) &&
           rlp_read_fixed(in, h->nonce, sizeof h->nonce) == RLP_OK;
}

static bool read_optional(struct bytes *in, struct header *h, unsigned index)
{
    switch (index) {
    case 0:
        return read_hash(in, &h->withdrawals_root);
    case 1:
        return read_u64(in, &h->blob_gas_used);
    case 2:
        return read_u64(in, &h->excess_blob_gas);
    case 3:
        return read_hash(in, &h->parent_beacon_block_root);
    default:
        return false;
    }
}

bool header_decode(struct header *out, struct bytes in)
{
    struct bytes fields;
    *out = (struct header){0};
    if (rlp_read_list(&in, &fields) != RLP_OK || rlp_done(in) != RLP_OK || !read_until_nonce(&fields, out))
        return false;
    out->no_base_fee = fields.len == 0;
    if (!out->no_base_fee && rlp_read_u256(&fields, &out->base_fee) != RLP_OK)
        return false;
    for (; fields.len > 0; out->optional_count++) {
        if (!read_optional(&fields, out, out->optional_count))
            return false;
    }
    // Cancun brought its three fields together: there is no header with some of them.
    return out->optional_count != 2 && out->optional_count != 3;
}

// base_fee * |gas_used - target| / target / denominator
static u256 base_fee_delta(const u256 *base_fee, uint64_t distance, uint64_t target, uint64_t denominator)
{
    u256 delta, divisor = u256_from_u64(target);
    if (u256_mul_u64(&delta, base_fee, distance))
        delta = U256_MAX;
    u256_divmod(&delta, NULL, &delta, &divisor);
    divisor = u256_from_u64(denominator);
    u256_divmod(&delta, NULL, &delta, &divisor);
    return delta;
}

u256 header_next_base_fee(const struct fee_rules *rules, uint64_t gas_limit, uint64_t gas_used, const u256 *base_fee)
{
    const uint64_t target = gas_limit / rules->elasticity;
    u256 next = *base_fee;
    if (gas_used > target) {
        u256 delta = base_fee_delta(base_fee, gas_used - target, target, rules->denominator);
        if (u256_is_zero(&delta))
            delta = u256_from_u64(1);
        if (u256_add(&next, base_fee, &delta))
            next = U256_MAX;
    } else if (gas_used < target) {
        const u256 delta = base_fee_delta(base_fee, target - gas_used, target, rules->denominator);
        if (u256_sub(&next, base_fee, &delta))
            next = U256_ZERO;
    }
    return next;
}
