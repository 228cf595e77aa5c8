#include "chain/block.h"

#include "base/rlp.h"

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
    struct bytes fields, ommers, withdrawals;
    struct rlp_item header;
    if (rlp_read_list(&in, &fields) != RLP_OK || rlp_done(in) != RLP_OK)
        return false;
    if (rlp_read(&fields, &header) != RLP_OK || rlp_read_list(&fields, &out->txs) != RLP_OK ||
        rlp_read_list(&fields, &ommers) != RLP_OK || rlp_read_list(&fields, &withdrawals) != RLP_OK)
        return false;
    out->header_rlp = header.whole;
    return ommers.len == 0 && withdrawals.len == 0 && rlp_done(fields) == RLP_OK &&
           header_decode(&out->header, header.whole);
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
