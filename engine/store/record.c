#include "engine/store/record.h"

#include <assert.h>

#include "base/keccak.h"
#include "base/rlp.h"

// Little-endian, one section after the other:
//
//   head     format u32 | tx_count u32 | dropped_count u32 | block_len u32 | logs_len u32 | 0 u32 | time_ms u64 |
//            counts of rounds 0..16, passes 1..3: 51 x u32
//   block    RLP of the block, block_len bytes
//   table    per transaction: offset of its raw bytes in the block u32 | their length u32 | cumulative gas u64 |
//            end of its logs in the logs section u32 | success u8, 0 x 3 | hash 32 | sender 20
//   logs     RLP lists, one after the other, logs_len bytes
//   dropped  per dropped transaction: hash 32 | reason u8
enum {
    FORMAT = 1,
    AT_TX_COUNT = 4,
    AT_DROPPED_COUNT = 8,
    AT_BLOCK_LEN = 12,
    AT_LOGS_LEN = 16,
    AT_ZERO = 20,
    AT_TIME = 24,
    AT_COUNTS = 32,
    ROUNDS = EXEC_ROUNDS_MAX + 1,
    PASSES = 3,
    HEAD_BYTES = AT_COUNTS + ROUNDS * PASSES * 4,
    ENTRY_RAW_LEN = 4,
    ENTRY_GAS = 8,
    ENTRY_LOGS_END = 16,
    ENTRY_SUCCESS = 20,
    ENTRY_HASH = 24,
    ENTRY_SENDER = 56,
    ENTRY_BYTES = 76,
    DROPPED_BYTES = 33,
    LOG_DEPTH = 3, // list of logs, log, topics
};

static size_t logs_size(const struct record_input *in)
{
    size_t size = 0;
    for (uint32_t i = 0; i < in->tx_count; i++)
        size += in->receipts[i].logs.len;
    return size;
}

size_t record_size(const struct record_input *in)
{
    return HEAD_BYTES + block_size(in->header, in->raw_txs, in->tx_count) + (size_t)in->tx_count * ENTRY_BYTES +
           logs_size(in) + (size_t)in->dropped_count * DROPPED_BYTES;
}

static void put_head(uint8_t *p, const struct record_input *in, size_t block_len, size_t logs_len)
{
    assert(block_len <= UINT32_MAX && logs_len <= UINT32_MAX);
    store_le32(p, FORMAT);
    store_le32(p + AT_TX_COUNT, in->tx_count);
    store_le32(p + AT_DROPPED_COUNT, in->dropped_count);
    store_le32(p + AT_BLOCK_LEN, (uint32_t)block_len);
    store_le32(p + AT_LOGS_LEN, (uint32_t)logs_len);
    store_le32(p + AT_ZERO, 0);
    store_le64(p + AT_TIME, in->time_ms);
    for (int round = 0; round < ROUNDS; round++) {
        for (int pass = 1; pass <= PASSES; pass++)
            store_le32(p + AT_COUNTS + 4 * (round * PASSES + pass - 1), in->counts->of[round][pass]);
    }
}

// The transactions are found in the block that was just written, so that there is one place that knows its layout.
static uint8_t *put_table(uint8_t *p, const struct record_input *in, struct bytes block)
{
    struct block_view view;
    uint64_t logs_end = 0;
    const bool decoded = block_decode(&view, block);
    assert(decoded);
    for (uint32_t i = 0; i < in->tx_count; i++, p += ENTRY_BYTES) {
        struct bytes raw = {0};
        const int next = block_next_tx(&view, &raw);
        assert(next == 1 && raw.len == in->raw_txs[i].len);
        (void)next;
        logs_end += in->receipts[i].logs.len;
        store_le32(p, (uint32_t)(raw.ptr - block.ptr));
        store_le32(p + ENTRY_RAW_LEN, (uint32_t)raw.len);
        store_le64(p + ENTRY_GAS, in->receipts[i].cumulative_gas);
        store_le32(p + ENTRY_LOGS_END, (uint32_t)logs_end);
        store_le32(p + ENTRY_SUCCESS, in->receipts[i].success);
        memcpy(p + ENTRY_HASH, in->tx_hashes[i].b, sizeof in->tx_hashes[i].b);
        memcpy(p + ENTRY_SENDER, in->senders[i].b, sizeof in->senders[i].b);
    }
    (void)decoded;
    return p;
}

uint8_t *record_put(uint8_t *p, const struct record_input *in)
{
    uint8_t *block = p + HEAD_BYTES;
    uint8_t *end = block_put(block, in->header, in->raw_txs, in->tx_count);
    const struct bytes block_rlp = bytes_of(block, (size_t)(end - block));
    put_head(p, in, block_rlp.len, logs_size(in));
    end = put_table(end, in, block_rlp);
    for (uint32_t i = 0; i < in->tx_count; i++) {
        const struct bytes logs = in->receipts[i].logs;
        if (logs.len > 0)
            memcpy(end, logs.ptr, logs.len);
        end += logs.len;
    }
    for (uint32_t i = 0; i < in->dropped_count; i++, end += DROPPED_BYTES) {
        memcpy(end, in->dropped_hashes[i].b, sizeof in->dropped_hashes[i].b);
        end[32] = in->dropped_reasons[i];
    }
    return end;
}

// The logs section follows the table.
static struct bytes logs_section(const struct record *r)
{
    return bytes_of(r->table + (size_t)r->tx_count * ENTRY_BYTES, load_le32(r->encoding.ptr + AT_LOGS_LEN));
}

static const uint8_t *entry_at(const struct record *r, uint32_t i)
{
    return r->table + (size_t)i * ENTRY_BYTES;
}

static bool logs_well_formed(struct bytes logs)
{
    return logs.len == 0 || (logs.ptr[0] >= 0xc0 && rlp_validate(logs, LOG_DEPTH) == RLP_OK);
}

// The table must say exactly what the block's RLP says, and its running sums must not fall.
static bool check_table(const struct record *r, struct block_view *view)
{
    const struct bytes logs = logs_section(r);
    uint64_t gas = 0;
    uint32_t logs_end = 0;
    for (uint32_t i = 0; i < r->tx_count; i++) {
        const uint8_t *e = entry_at(r, i);
        struct bytes raw;
        if (block_next_tx(view, &raw) != 1)
            return false;
        const uint32_t end = load_le32(e + ENTRY_LOGS_END);
        if (load_le32(e) != (size_t)(raw.ptr - r->block_rlp.ptr) || load_le32(e + ENTRY_RAW_LEN) != raw.len ||
            load_le64(e + ENTRY_GAS) < gas || end < logs_end || end > logs.len || load_le32(e + ENTRY_SUCCESS) > 1 ||
            !logs_well_formed(bytes_of(logs.ptr + logs_end, end - logs_end)))
            return false;
        gas = load_le64(e + ENTRY_GAS);
        logs_end = end;
    }
    return view->txs.len == 0 && logs_end == logs.len;
}

static bool check_dropped(const struct record *r)
{
    for (uint32_t i = 0; i < r->dropped_count; i++) {
        const uint8_t reason = r->dropped[(size_t)i * DROPPED_BYTES + 32];
        if (reason == TX_OK || reason >= TX_STATUS_COUNT)
            return false;
    }
    return true;
}

bool record_decode(struct record *out, struct bytes encoding)
{
    struct block_view view;
    const uint8_t *p = encoding.ptr;
    if (encoding.len < HEAD_BYTES || load_le32(p) != FORMAT || load_le32(p + AT_ZERO) != 0)
        return false;
    const size_t block_len = load_le32(p + AT_BLOCK_LEN), logs_len = load_le32(p + AT_LOGS_LEN);
    *out = (struct record){.encoding = encoding, .block_rlp = bytes_of(p + HEAD_BYTES, block_len)};
    out->tx_count = load_le32(p + AT_TX_COUNT);
    out->dropped_count = load_le32(p + AT_DROPPED_COUNT);
    out->time_ms = load_le64(p + AT_TIME);
    // Each term is below 2^39, so the sum cannot wrap.
    const uint64_t table_len = (uint64_t)out->tx_count * ENTRY_BYTES;
    if (HEAD_BYTES + block_len + table_len + logs_len + (uint64_t)out->dropped_count * DROPPED_BYTES != encoding.len)
        return false;
    for (int round = 0; round < ROUNDS; round++) {
        for (int pass = 1; pass <= PASSES; pass++)
            out->counts.of[round][pass] = load_le32(p + AT_COUNTS + 4 * (round * PASSES + pass - 1));
    }
    out->table = out->block_rlp.ptr + block_len;
    out->dropped = out->table + table_len + logs_len;
    if (!block_decode(&view, out->block_rlp) || !check_table(out, &view) || !check_dropped(out))
        return false;
    out->header = view.header;
    out->block_hash = keccak256(view.header_rlp.ptr, view.header_rlp.len);
    return true;
}

bool record_start_header(struct header *out, bytes32 *hash, struct bytes start)
{
    if (start.len < HEAD_BYTES + 9u || start.ptr[HEAD_BYTES] < 0xc0)
        return false;
    // The block's list goes on behind what is here; only its header's length counts.
    const uint8_t first = start.ptr[HEAD_BYTES];
    const size_t skip = HEAD_BYTES + 1u + (first > 0xf7 ? first - 0xf7u : 0);
    struct bytes in = bytes_of(start.ptr + skip, start.len - skip), payload;
    const uint8_t *header = in.ptr;
    if (rlp_read_list(&in, &payload) != RLP_OK)
        return false;
    const size_t len = (size_t)(in.ptr - header);
    *hash = keccak256(header, len);
    return header_decode(out, bytes_of(header, len));
}

void record_tx_at(const struct record *r, uint32_t i, struct record_tx *out)
{
    assert(i < r->tx_count);
    const uint8_t *e = entry_at(r, i);
    const uint64_t gas_before = i == 0 ? 0 : load_le64(e - ENTRY_BYTES + ENTRY_GAS);
    const uint32_t logs_start = i == 0 ? 0 : load_le32(e - ENTRY_BYTES + ENTRY_LOGS_END);
    out->raw = bytes_of(r->block_rlp.ptr + load_le32(e), load_le32(e + ENTRY_RAW_LEN));
    memcpy(out->hash.b, e + ENTRY_HASH, sizeof out->hash.b);
    memcpy(out->sender.b, e + ENTRY_SENDER, sizeof out->sender.b);
    out->success = load_le32(e + ENTRY_SUCCESS) != 0;
    out->cumulative_gas = load_le64(e + ENTRY_GAS);
    out->gas_used = out->cumulative_gas - gas_before;
    out->logs = bytes_of(logs_section(r).ptr + logs_start, load_le32(e + ENTRY_LOGS_END) - logs_start);
}

void record_dropped_at(const struct record *r, uint32_t i, bytes32 *hash, enum tx_status *reason)
{
    assert(i < r->dropped_count);
    const uint8_t *d = r->dropped + (size_t)i * DROPPED_BYTES;
    memcpy(hash->b, d, sizeof hash->b);
    *reason = (enum tx_status)d[32];
}
