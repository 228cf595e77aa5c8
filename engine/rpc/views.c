#include "engine/rpc/views.h"

#include "base/hex.h"
#include "base/keccak.h"
#include "base/rlp.h"
#include "chain/logs.h"
#include "shard/evm/evm.h"

#include <ctype.h>

// Where a transaction stands in the chain; NULL for one in the pool.
struct place {
    const struct record *block;
    uint32_t index;
};

// ,"name":
static void key(struct json_writer *w, const char *name)
{
    size_t len = strlen(name);
    char *p = jw_room(w, len + 4);
    if (!p)
        return;
    memcpy(p, ",\"", 2);
    memcpy(p + 2, name, len);
    memcpy(p + 2 + len, "\":", 2);
    w->len += len + 4;
}

static void field_hash(struct json_writer *w, const char *name, const bytes32 *v)
{
    key(w, name);
    jw_hash(w, v);
}

static void field_data(struct json_writer *w, const char *name, const void *v, size_t len)
{
    key(w, name);
    jw_data(w, v, len);
}

static void field_quantity(struct json_writer *w, const char *name, uint64_t v)
{
    key(w, name);
    jw_quantity(w, v);
}

static void field_quantity256(struct json_writer *w, const char *name, const u256 *v)
{
    key(w, name);
    jw_quantity256(w, v);
}

// r and s are numbers, although they are kept as bytes.
static void field_number(struct json_writer *w, const char *name, const bytes32 *v)
{
    u256 number = u256_from_be(v->b, sizeof v->b);
    field_quantity256(w, name, &number);
}

// All but the opening and closing brace's neighbours: what a block and a head of newHeads share.
static void header_fields(struct json_writer *w, const struct record *r)
{
    const struct header *h = &r->header;
    jw_raw(w, "\"number\":");
    jw_quantity(w, h->number);
    field_hash(w, "hash", &r->block_hash);
    field_hash(w, "parentHash", &h->parent_hash);
    field_data(w, "nonce", h->nonce, sizeof h->nonce);
    field_hash(w, "mixHash", &h->mix_hash);
    field_hash(w, "sha3Uncles", &h->ommers_hash);
    field_data(w, "logsBloom", h->logs_bloom.b, sizeof h->logs_bloom.b);
    field_hash(w, "stateRoot", &h->state_root);
    field_data(w, "miner", h->coinbase.b, sizeof h->coinbase.b);
    field_quantity256(w, "difficulty", &h->difficulty);
    field_data(w, "extraData", h->extra_data.ptr, h->extra_data.len);
    field_quantity(w, "gasLimit", h->gas_limit);
    field_quantity(w, "gasUsed", h->gas_used);
    field_quantity(w, "timestamp", h->timestamp);
    field_hash(w, "transactionsRoot", &h->transactions_root);
    field_hash(w, "receiptsRoot", &h->receipts_root);
    if (!h->no_base_fee)
        field_quantity256(w, "baseFeePerGas", &h->base_fee);
    if (h->optional_count >= 1)
        field_hash(w, "withdrawalsRoot", &h->withdrawals_root);
    if (h->optional_count >= 3) {
        field_quantity(w, "blobGasUsed", h->blob_gas_used);
        field_quantity(w, "excessBlobGas", h->excess_blob_gas);
    }
    if (h->optional_count >= 4)
        field_hash(w, "parentBeaconBlockRoot", &h->parent_beacon_block_root);
    field_quantity(w, "size", r->block_rlp.len);
}

void view_header(struct json_writer *w, const struct record *r)
{
    jw_raw(w, "{");
    header_fields(w, r);
    jw_raw(w, "}");
}

void view_block(struct json_writer *w, const struct record *r, bool full_transactions)
{
    jw_raw(w, "{");
    header_fields(w, r);
    jw_raw(w, ",\"transactions\":[");
    for (uint32_t i = 0; i < r->tx_count && !w->overflow; i++) {
        if (i > 0)
            jw_bytes(w, ",", 1);
        if (full_transactions) {
            view_transaction(w, r, i);
        } else {
            struct record_tx t;
            record_tx_at(r, i, &t);
            jw_hash(w, &t.hash);
        }
    }
    jw_raw(w, "],\"uncles\":[]");
    if (r->header.optional_count >= 1)
        jw_raw(w, ",\"withdrawals\":[]");
    jw_raw(w, "}");
}

// The list was checked when the transaction was decoded; an error here would end the output early, never overrun.
static void access_list(struct json_writer *w, struct bytes list)
{
    struct bytes tuples = {0}, tuple, keys;
    bool first = true;
    jw_raw(w, ",\"accessList\":[");
    if (list.len > 0 && rlp_read_list(&list, &tuples) != RLP_OK)
        tuples = (struct bytes){0};
    while (tuples.len > 0 && rlp_read_list(&tuples, &tuple) == RLP_OK) {
        address addr;
        bytes32 slot;
        if (rlp_read_fixed(&tuple, addr.b, sizeof addr.b) != RLP_OK || rlp_read_list(&tuple, &keys) != RLP_OK)
            break;
        jw_raw(w, first ? "{\"address\":" : ",{\"address\":");
        jw_address(w, &addr);
        jw_raw(w, ",\"storageKeys\":[");
        for (bool first_key = true; keys.len > 0 && rlp_read_fixed(&keys, slot.b, sizeof slot.b) == RLP_OK;
             first_key = false) {
            if (!first_key)
                jw_raw(w, ",");
            jw_hash(w, &slot);
        }
        jw_raw(w, "]}");
        first = false;
    }
    jw_raw(w, "]");
}

static void transaction_place(struct json_writer *w, const struct place *at)
{
    if (!at) {
        jw_raw(w, "{\"blockHash\":null,\"blockNumber\":null,\"blockTimestamp\":null");
        return;
    }
    jw_raw(w, "{\"blockHash\":");
    jw_hash(w, &at->block->block_hash);
    field_quantity(w, "blockNumber", at->block->header.number);
    field_quantity(w, "blockTimestamp", at->block->header.timestamp);
}

static void transaction_fees(struct json_writer *w, const struct tx *tx, const struct place *at)
{
    u256 price = tx->max_fee;
    if (tx->type == TX_DYNAMIC_FEE && at)
        price = tx_effective_price(tx, &at->block->header.base_fee);
    field_quantity256(w, "gasPrice", &price);
    if (tx->type == TX_DYNAMIC_FEE) {
        field_quantity256(w, "maxFeePerGas", &tx->max_fee);
        field_quantity256(w, "maxPriorityFeePerGas", &tx->max_tip);
    }
}

static void transaction_signature(struct json_writer *w, const struct tx *tx)
{
    if (tx->type != TX_LEGACY) {
        access_list(w, tx->access_list);
        field_quantity(w, "chainId", tx->chain_id);
    } else if (tx->has_chain_id) {
        field_quantity(w, "chainId", tx->chain_id);
    }
    field_quantity(w, "v", tx->type == TX_LEGACY ? tx->legacy_v : tx->y_parity);
    field_number(w, "r", &tx->r);
    field_number(w, "s", &tx->s);
    if (tx->type != TX_LEGACY)
        field_quantity(w, "yParity", tx->y_parity);
}

static void field_target(struct json_writer *w, const struct tx *tx)
{
    key(w, "to");
    if (tx->is_create)
        jw_raw(w, "null");
    else
        jw_address(w, &tx->to);
}

static void transaction(struct json_writer *w, const struct tx *tx, const bytes32 *hash, const address *sender,
                        const struct place *at)
{
    transaction_place(w, at);
    field_data(w, "from", sender->b, sizeof sender->b);
    field_quantity(w, "gas", tx->gas_limit);
    transaction_fees(w, tx, at);
    field_hash(w, "hash", hash);
    field_data(w, "input", tx->data.ptr, tx->data.len);
    field_quantity(w, "nonce", tx->nonce);
    field_target(w, tx);
    key(w, "transactionIndex");
    if (at)
        jw_quantity(w, at->index);
    else
        jw_raw(w, "null");
    field_quantity256(w, "value", &tx->value);
    field_quantity(w, "type", tx->type);
    transaction_signature(w, tx);
    jw_raw(w, "}");
}

// What a block holds was decoded before it was executed; should the record lie, the answer says null here.
void view_transaction(struct json_writer *w, const struct record *r, uint32_t i)
{
    struct record_tx t;
    struct tx tx;
    record_tx_at(r, i, &t);
    if (tx_decode(&tx, t.raw, 0) != TX_OK)
        jw_raw(w, "null");
    else
        transaction(w, &tx, &t.hash, &t.sender, &(struct place){r, i});
}

bool view_pooled(struct json_writer *w, struct bytes raw, const bytes32 *hash, const address *sender)
{
    struct tx tx;
    if (tx_decode(&tx, raw, 0) != TX_OK)
        return false;
    transaction(w, &tx, hash, sender, NULL);
    return true;
}

void view_log(struct json_writer *w, const struct log_place *at, const struct log_view *log)
{
    jw_raw(w, "{\"address\":");
    jw_address(w, &log->who);
    jw_raw(w, ",\"topics\":[");
    for (unsigned i = 0; i < log->topic_count; i++) {
        jw_raw(w, i > 0 ? "," : "");
        jw_hash(w, &log->topics[i]);
    }
    jw_raw(w, "]");
    field_data(w, "data", log->data.ptr, log->data.len);
    field_quantity(w, "blockNumber", at->block->header.number);
    field_hash(w, "transactionHash", at->tx_hash);
    field_quantity(w, "transactionIndex", at->tx_index);
    field_hash(w, "blockHash", &at->block->block_hash);
    field_quantity(w, "blockTimestamp", at->block->header.timestamp);
    field_quantity(w, "logIndex", at->log_index);
    jw_raw(w, ",\"removed\":false}");
}

static void receipt_logs(struct json_writer *w, const struct record *r, uint32_t i, const struct record_tx *t,
                         uint32_t *log_index)
{
    struct bytes rest = logs_begin(t->logs);
    struct log_view log;
    jw_raw(w, ",\"logs\":[");
    for (bool first = true; !w->overflow && log_next(&rest, &log); first = false) {
        const struct log_place at = {r, &t->hash, i, (*log_index)++};
        jw_raw(w, first ? "" : ",");
        view_log(w, &at, &log);
    }
    jw_raw(w, "]");
    const bloom filter = logs_bloom(t->logs);
    field_data(w, "logsBloom", filter.b, sizeof filter.b);
}

static void field_created(struct json_writer *w, const struct tx *tx, const address *sender)
{
    if (!tx->is_create) {
        jw_raw(w, ",\"contractAddress\":null");
        return;
    }
    const address created = evm_create_address(sender, tx->nonce);
    field_data(w, "contractAddress", created.b, sizeof created.b);
}

// log_index: of the transaction's first log in the block, then of the next transaction's.
static void receipt(struct json_writer *w, const struct record *r, uint32_t i, uint32_t *log_index)
{
    struct record_tx t;
    struct tx tx;
    record_tx_at(r, i, &t);
    if (tx_decode(&tx, t.raw, 0) != TX_OK) {
        jw_raw(w, "null");
        return;
    }
    u256 price = tx_effective_price(&tx, &r->header.base_fee);
    jw_raw(w, "{\"blockHash\":");
    jw_hash(w, &r->block_hash);
    field_quantity(w, "blockNumber", r->header.number);
    field_created(w, &tx, &t.sender);
    field_quantity(w, "cumulativeGasUsed", t.cumulative_gas);
    field_quantity256(w, "effectiveGasPrice", &price);
    field_data(w, "from", t.sender.b, sizeof t.sender.b);
    field_quantity(w, "gasUsed", t.gas_used);
    receipt_logs(w, r, i, &t, log_index);
    field_quantity(w, "status", t.success);
    field_target(w, &tx);
    field_hash(w, "transactionHash", &t.hash);
    field_quantity(w, "transactionIndex", i);
    field_quantity(w, "type", tx.type);
    jw_raw(w, "}");
}

void view_receipt(struct json_writer *w, const struct record *r, uint32_t i)
{
    uint32_t log_index = 0;
    for (uint32_t before = 0; before < i; before++) {
        struct record_tx t;
        record_tx_at(r, before, &t);
        log_index += (uint32_t)logs_count(t.logs);
    }
    receipt(w, r, i, &log_index);
}

void view_receipts(struct json_writer *w, const struct record *r)
{
    uint32_t log_index = 0;
    jw_raw(w, "[");
    for (uint32_t i = 0; i < r->tx_count && !w->overflow; i++) {
        if (i > 0)
            jw_bytes(w, ",", 1);
        receipt(w, r, i, &log_index);
    }
    jw_raw(w, "]");
}

void view_checksum_address(char out[CHECKSUM_ADDRESS_MAX], const address *a)
{
    memcpy(out, "0x", 2);
    hex_encode(out + 2, a->b, sizeof a->b);
    out[42] = 0;
    bytes32 hash = keccak256(out + 2, 40);
    for (int i = 0; i < 40; i++) {
        int nibble = hash.b[i / 2] >> (i % 2 ? 0 : 4) & 15;
        if (nibble >= 8)
            out[2 + i] = (char)toupper((unsigned char)out[2 + i]);
    }
}

void view_place(struct json_writer *w, const struct record *r, uint32_t i)
{
    struct record_tx t;
    record_tx_at(r, i, &t);
    jw_raw(w, ",\"blockHash\":");
    jw_hash(w, &r->block_hash);
    jw_raw(w, ",\"blockNumber\":");
    jw_quantity(w, r->header.number);
    jw_raw(w, ",\"transactionIndex\":");
    jw_quantity(w, i);
    jw_printf(w, ",\"success\":%s", t.success ? "true" : "false");
}
