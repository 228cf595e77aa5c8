#include "chain/header.h"

#include "base/keccak.h"
#include "base/rlp.h"

static size_t payload_size(const struct receipt *r)
{
    const size_t logs = r->logs.len > 0 ? r->logs.len : 1;
    return 1 + rlp_size_u64(r->cumulative_gas) + rlp_size_string(bytes_of(r->logs_bloom.b, sizeof r->logs_bloom.b)) +
           logs;
}

size_t receipt_size(const struct receipt *r)
{
    return (r->tx_type != 0) + rlp_size_list(payload_size(r));
}

uint8_t *receipt_put(uint8_t *p, const struct receipt *r)
{
    if (r->tx_type != 0)
        *p++ = r->tx_type;
    p = rlp_put_list(p, payload_size(r));
    p = rlp_put_u64(p, r->success);
    p = rlp_put_u64(p, r->cumulative_gas);
    p = rlp_put_string(p, bytes_of(r->logs_bloom.b, sizeof r->logs_bloom.b));
    if (r->logs.len == 0)
        return rlp_put_list(p, 0);
    memcpy(p, r->logs.ptr, r->logs.len);
    return p + r->logs.len;
}

void bloom_add(bloom *b, struct bytes item)
{
    const bytes32 hash = keccak256(item.ptr, item.len);
    bloom_add_hash(b, &hash);
}

void bloom_add_hash(bloom *b, const bytes32 *hash)
{
    for (int i = 0; i < 6; i += 2) {
        const unsigned bit = ((unsigned)hash->b[i] << 8 | hash->b[i + 1]) & 2047;
        b->b[255 - bit / 8] |= (uint8_t)(1u << bit % 8);
    }
}

bool bloom_is_zero(const bloom *b)
{
    static const bloom none;
    return memcmp(b, &none, sizeof none) == 0;
}

void bloom_or(bloom *into, const bloom *from)
{
    for (size_t i = 0; i < sizeof into->b; i++)
        into->b[i] |= from->b[i];
}
