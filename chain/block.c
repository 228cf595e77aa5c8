#include "chain/block.h"

#include "base/rlp.h"

// Transactions ahead of the one at hand whose memory is asked for.
#define PREFETCH_AHEAD 8

// Legacy transactions are lists already; typed ones travel as strings (EIP-2718).
static bool is_typed(struct bytes raw)
{
    return raw.len > 0 && raw.ptr[0] < 0x80;
}

static size_t txs_payload_size(const struct bytes *raw_txs, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += is_typed(raw_txs[i]) ? rlp_size_string(raw_txs[i]) : raw_txs[i].len;
    return size;
}

size_t block_size(const struct header *h, const struct bytes *raw_txs, size_t count)
{
    uint8_t buf[HEADER_ENCODED_MAX];
    const size_t header_len = header_encode(buf, h);
    return rlp_size_list(header_len + rlp_size_list(txs_payload_size(raw_txs, count)) + 2);
}

uint8_t *block_put(uint8_t *p, const struct header *h, const struct bytes *raw_txs, size_t count)
{
    uint8_t buf[HEADER_ENCODED_MAX];
    const size_t header_len = header_encode(buf, h);
    const size_t txs_payload = txs_payload_size(raw_txs, count);
    p = rlp_put_list(p, header_len + rlp_size_list(txs_payload) + 2);
    memcpy(p, buf, header_len);
    p = rlp_put_list(p + header_len, txs_payload);
    for (size_t i = 0; i < count; i++) {
        if (i + PREFETCH_AHEAD < count)
            __builtin_prefetch(raw_txs[i + PREFETCH_AHEAD].ptr);
        if (is_typed(raw_txs[i])) {
            p = rlp_put_string(p, raw_txs[i]);
        } else {
            memcpy(p, raw_txs[i].ptr, raw_txs[i].len);
            p += raw_txs[i].len;
        }
    }
    p = rlp_put_list(p, 0);
    return rlp_put_list(p, 0);
}

bool block_decode(struct block_view *out, struct bytes in)
{
    static const uint8_t empty_list[] = {0xc0};
    return block_decode_foreign(out, in) && bytes_equal(out->ommers_rlp, bytes_of(empty_list, 1)) &&
           out->has_withdrawals && out->withdrawals.len == 0;
}

bool block_decode_foreign(struct block_view *out, struct bytes in)
{
    struct bytes fields;
    struct rlp_item header, ommers;
    *out = (struct block_view){0};
    if (rlp_read_list(&in, &fields) != RLP_OK || rlp_done(in) != RLP_OK)
        return false;
    if (rlp_read(&fields, &header) != RLP_OK || rlp_read_list(&fields, &out->txs) != RLP_OK ||
        rlp_read(&fields, &ommers) != RLP_OK || !ommers.is_list)
        return false;
    out->header_rlp = header.whole;
    out->ommers_rlp = ommers.whole;
    out->has_withdrawals = fields.len > 0;
    if (out->has_withdrawals && rlp_read_list(&fields, &out->withdrawals) != RLP_OK)
        return false;
    return rlp_done(fields) == RLP_OK && header_decode(&out->header, header.whole);
}

int block_next_tx(struct block_view *v, struct bytes *raw)
{
    struct rlp_item item;
    if (v->txs.len == 0)
        return 0;
    if (rlp_read(&v->txs, &item) != RLP_OK)
        return -1;
    *raw = item.is_list ? item.whole : item.payload;
    return item.is_list || is_typed(item.payload) ? 1 : -1;
}

int block_next_withdrawal(struct block_view *v, struct withdrawal *out)
{
    struct rlp_item item;
    if (v->withdrawals.len == 0)
        return 0;
    if (rlp_read(&v->withdrawals, &item) != RLP_OK || !item.is_list)
        return -1;
    struct bytes fields = item.payload;
    out->rlp = item.whole;
    const bool ok = rlp_read_u64(&fields, &out->index) == RLP_OK && rlp_read_u64(&fields, &out->validator) == RLP_OK &&
                    rlp_read_fixed(&fields, out->to.b, sizeof out->to.b) == RLP_OK &&
                    rlp_read_u64(&fields, &out->amount_gwei) == RLP_OK && rlp_done(fields) == RLP_OK;
    return ok ? 1 : -1;
}
