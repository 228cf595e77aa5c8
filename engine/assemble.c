#include "engine/assemble.h"

#include "base/keccak.h"
#include "chain/ordered_trie.h"
#include "mempool/pooled_tx.h"

#include <stdlib.h>

// The longest encoding of a receipt beside its logs: type, list header, status, cumulative gas, bloom, empty list.
#define RECEIPT_PLAIN_MAX 288
// Transactions ahead of the one at hand whose memory is asked for.
#define PREFETCH_AHEAD 8

struct assembly {
    size_t cap;
    uint32_t *order; // positions in txs, in B's order
    size_t count;
    struct exec_counts counts;
    struct bytes *raw;
    bytes32 *hashes;
    address *senders;
    struct receipt *receipts;
    struct bytes *receipt_bytes;
    uint8_t *receipt_mem;
    size_t receipt_cap;
    bytes32 *dropped;
    uint8_t *dropped_reasons;
    uint32_t dropped_count;
    struct ordered_trie_scratch scratch;
};

struct assembly *assembly_create(void)
{
    struct assembly *a = calloc(1, sizeof *a);
    if (!a)
        abort();
    return a;
}

static void *grow(void *p, size_t size)
{
    void *grown = realloc(p, size);
    if (!grown)
        abort();
    return grown;
}

static void reserve(struct assembly *a, size_t count)
{
    if (count <= a->cap)
        return;
    size_t cap = count + count / 2 + 64;
    a->order = grow(a->order, cap * sizeof *a->order);
    a->raw = grow(a->raw, cap * sizeof *a->raw);
    a->hashes = grow(a->hashes, cap * sizeof *a->hashes);
    a->senders = grow(a->senders, cap * sizeof *a->senders);
    a->receipts = grow(a->receipts, cap * sizeof *a->receipts);
    a->receipt_bytes = grow(a->receipt_bytes, cap * sizeof *a->receipt_bytes);
    a->dropped = grow(a->dropped, cap * sizeof *a->dropped);
    a->dropped_reasons = grow(a->dropped_reasons, cap);
    a->cap = cap;
}

void assembly_free(struct assembly *a)
{
    if (!a)
        return;
    free(a->order);
    free(a->raw);
    free(a->hashes);
    free(a->senders);
    free(a->receipts);
    free(a->receipt_bytes);
    free(a->receipt_mem);
    free(a->dropped);
    free(a->dropped_reasons);
    ordered_trie_scratch_free(&a->scratch);
    free(a);
}

void assembly_open(struct header *out, const struct assembly_parent *parent, const struct ordered *ordered)
{
    const struct header *p = parent->header;
    uint64_t seconds = ordered->time_ms / 1000;
    *out = (struct header){
        .parent_hash = parent->hash,
        .ommers_hash = KECCAK256_EMPTY_LIST,
        .coinbase = ordered->coinbase,
        .number = p->number + 1,
        .gas_limit = p->gas_limit,
        .timestamp = seconds > p->timestamp ? seconds : p->timestamp,
        .mix_hash = keccak256(ordered->digest.b, 32),
        .base_fee = header_next_base_fee(parent->fees, p->gas_limit, p->gas_used, &p->base_fee),
        .optional_count = 4,
        .withdrawals_root = KECCAK256_EMPTY_RLP,
        .parent_beacon_block_root = ordered->digest,
    };
}

struct exec_env assembly_env(uint64_t chain_id, const struct header *header, const struct exec_ancestors *ancestors)
{
    return (struct exec_env){.chain_id = chain_id,
                             .number = header->number,
                             .timestamp = header->timestamp,
                             .gas_limit = header->gas_limit,
                             .base_fee = header->base_fee,
                             .coinbase = header->coinbase,
                             .coinbase_key = keccak256(header->coinbase.b, sizeof header->coinbase.b),
                             .prevrandao = header->mix_hash,
                             .parent_beacon_block_root = header->parent_beacon_block_root,
                             .ancestors = ancestors};
}

static void list_dropped(struct assembly *a, const struct exec_tx *txs, const struct exec_result *results, size_t count)
{
    a->dropped_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (results[i].drop == TX_OK || results[i].again)
            continue;
        a->dropped[a->dropped_count] = ((const struct pooled_tx *)txs[i].tx)->hash;
        a->dropped_reasons[a->dropped_count++] = results[i].drop;
    }
}

static void reserve_receipts(struct assembly *a, const struct exec_result *results)
{
    size_t need = a->count * RECEIPT_PLAIN_MAX;
    for (size_t i = 0; i < a->count; i++) {
        const struct exec_logs *logs = results[a->order[i]].logs;
        need += logs ? logs->rlp.len : 0;
    }
    if (need > a->receipt_cap) {
        a->receipt_cap = need + need / 2;
        a->receipt_mem = grow(a->receipt_mem, a->receipt_cap);
    }
}

static struct receipt receipt_of(const struct tx *tx, const struct exec_result *r, uint64_t cumulative_gas)
{
    struct receipt receipt = {.tx_type = (uint8_t)tx->type, .success = r->success, .cumulative_gas = cumulative_gas};
    if (r->logs) {
        receipt.logs = r->logs->rlp;
        receipt.logs_bloom = r->logs->bloom;
    }
    return receipt;
}

static void list_included(struct assembly *a, struct header *header, const struct exec_tx *txs,
                          const struct exec_result *results)
{
    uint64_t gas = 0;
    reserve_receipts(a, results);
    uint8_t *p = a->receipt_mem;
    for (size_t i = 0; i < a->count; i++) {
        if (i + PREFETCH_AHEAD < a->count)
            pooled_tx_prefetch((const struct pooled_tx *)txs[a->order[i + PREFETCH_AHEAD]].tx);
        const struct pooled_tx *t = (const struct pooled_tx *)txs[a->order[i]].tx;
        const struct exec_result *r = &results[a->order[i]];
        gas += r->gas_used;
        a->raw[i] = t->tx.raw;
        a->hashes[i] = t->hash;
        a->senders[i] = t->sender;
        a->receipts[i] = receipt_of(&t->tx, r, gas);
        if (r->logs)
            bloom_or(&header->logs_bloom, &r->logs->bloom);
        uint8_t *end = receipt_put(p, &a->receipts[i]);
        a->receipt_bytes[i] = bytes_of(p, (size_t)(end - p));
        p = end;
    }
}

void assembly_body(struct assembly *a, struct header *header, const struct exec_tx *txs,
                   const struct exec_result *results, size_t count)
{
    reserve(a, count);
    a->count = exec_order(a->order, &a->counts, results, count);
    list_dropped(a, txs, results, count);
    list_included(a, header, txs, results);
    header->gas_used = a->count ? a->receipts[a->count - 1].cumulative_gas : 0;
    header->transactions_root = ordered_trie_root(&a->scratch, a->raw, a->count);
    header->receipts_root = ordered_trie_root(&a->scratch, a->receipt_bytes, a->count);
}

uint8_t *assembly_seal(struct assembly *a, const struct header *header, uint64_t time_ms, size_t *len, bytes32 *hash)
{
    struct record_input in = {
        .header = header,
        .time_ms = time_ms,
        .tx_count = (uint32_t)a->count,
        .raw_txs = a->raw,
        .tx_hashes = a->hashes,
        .senders = a->senders,
        .receipts = a->receipts,
        .counts = &a->counts,
        .dropped_count = a->dropped_count,
        .dropped_hashes = a->dropped,
        .dropped_reasons = a->dropped_reasons,
    };
    *len = record_size(&in);
    uint8_t *record = malloc(*len);
    if (!record)
        abort();
    record_put(record, &in);
    *hash = header_hash(header);
    return record;
}

size_t assembly_tx_count(const struct assembly *a)
{
    return a->count;
}

struct bytes assembly_dropped(const struct assembly *a)
{
    return bytes_of(a->dropped_reasons, a->dropped_count);
}
