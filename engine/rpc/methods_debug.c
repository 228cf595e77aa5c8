// Blocks in their encoded forms.
#include "engine/rpc/methods.h"

#include "chain/logs.h"

#include <stdlib.h>

// geth answers unknown blocks with an error here, not with null.
static const struct record *raw_block(struct rpc_call *call)
{
    struct block_ref ref;
    uint64_t height;
    if (!arg_block(call, 0, &ref))
        return NULL;
    if (chain_resolve(call->core, &ref, &height))
        return call_block(call, height);
    if (ref.kind == BLOCK_REF_NUMBER)
        call_fail(call, RPC_SERVER_ERROR, "block #%llu not found", (unsigned long long)ref.number);
    else
        call_fail(call, RPC_SERVER_ERROR, "block not found");
    return NULL;
}

void debug_get_raw_block(struct rpc_call *call)
{
    const struct record *r = raw_block(call);
    if (!r)
        return;
    jw_data(call_result(call), r->block_rlp.ptr, r->block_rlp.len);
    call_done(call);
}

void debug_get_raw_header(struct rpc_call *call)
{
    uint8_t encoded[HEADER_ENCODED_MAX];
    const struct record *r = raw_block(call);
    if (!r)
        return;
    size_t len = header_encode(encoded, &r->header);
    jw_data(call_result(call), encoded, len);
    call_done(call);
}

static bool write_raw_receipt(struct json_writer *w, const struct record *r, uint32_t i)
{
    struct record_tx t;
    struct tx tx;
    record_tx_at(r, i, &t);
    if (tx_decode(&tx, t.raw, 0) != TX_OK)
        return false;
    struct receipt receipt = {.tx_type = (uint8_t)tx.type,
                              .success = t.success,
                              .cumulative_gas = t.cumulative_gas,
                              .logs_bloom = logs_bloom(t.logs),
                              .logs = t.logs};
    uint8_t *encoded = malloc(receipt_size(&receipt));
    if (!encoded)
        return false;
    uint8_t *end = receipt_put(encoded, &receipt);
    jw_raw(w, i > 0 ? "," : "");
    jw_data(w, encoded, (size_t)(end - encoded));
    free(encoded);
    return true;
}

void debug_get_raw_receipts(struct rpc_call *call)
{
    const struct record *r = raw_block(call);
    if (!r)
        return;
    struct json_writer *w = call_result(call);
    jw_raw(w, "[");
    for (uint32_t i = 0; i < r->tx_count; i++) {
        if (!write_raw_receipt(w, r, i)) {
            call_fail(call, RPC_INTERNAL_ERROR, "transaction %u of the block can't be read", i);
            return;
        }
    }
    jw_raw(w, "]");
    call_done(call);
}

static void view_raw(struct json_writer *w, const struct record *r, uint32_t i)
{
    struct record_tx t;
    record_tx_at(r, i, &t);
    jw_data(w, t.raw.ptr, t.raw.len);
}

static void answer_raw_pooled(struct rpc_call *call, struct rpc_query *q)
{
    jw_data(call_result(call), q->raw, q->found > 0 ? q->raw_len : 0);
    call_done(call);
}

void debug_get_raw_transaction(struct rpc_call *call)
{
    struct rpc_query q = {.kind = RPC_POOL_FIND};
    uint64_t height;
    uint32_t index;
    if (!arg_hash(call, 0, &q.hash))
        return;
    if (!chain_reader_find_tx(call->core->reader, &q.hash, &height, &index)) {
        call_ask(call, &q, answer_raw_pooled);
        return;
    }
    const struct record *r = call_block(call, height);
    if (!r)
        return;
    view_raw(call_result(call), r, index);
    call_done(call);
}
