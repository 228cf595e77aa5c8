// debug_trace* of transactions in blocks: the block is executed once more, from the state before it, in its own order.
#include "engine/rpc/call_env.h"
#include "engine/rpc/call_params.h"
#include "engine/rpc/methods.h"

#include "base/hex.h"
#include "base/keccak.h"

#include <stdlib.h>

// The block's transactions up to `last`; false when memory is short or the record lies.
static bool copy_txs(const struct record *r, uint32_t last, struct call_request *out)
{
    out->txs = calloc(last + 1u, sizeof *out->txs);
    if (!out->txs)
        return false;
    for (uint32_t i = 0; i <= last; i++) {
        struct call_tx *t = &out->txs[i];
        struct record_tx stored;
        struct tx tx;
        record_tx_at(r, i, &stored);
        out->tx_count = i + 1u;
        t->hash = stored.hash;
        t->memory = malloc(stored.raw.len);
        if (!t->memory)
            return false;
        memcpy(t->memory, stored.raw.ptr, stored.raw.len);
        if (tx_decode(&tx, bytes_of(t->memory, stored.raw.len), 0) != TX_OK)
            return false;
        t->tx = evm_tx_of(&tx, &stored.sender);
    }
    return true;
}

// Traces transactions first..last of the block; one without a list around it where `listed` is false.
static void trace(struct rpc_call *call, uint64_t height, uint32_t first, uint32_t last, bool listed)
{
    char error[PARAM_ERROR_MAX];
    struct call_request *r = call_request_new(CALL_TRACE, call->core->options.response_bytes_max);
    if (!r) {
        call_fail(call, RPC_INTERNAL_ERROR, "out of memory");
        return;
    }
    r->with_hashes = listed;
    r->first_traced = first;
    bool ok = param_trace(call_arg(call, 1), &r->trace, error) || call_invalid(call, 1, error);
    ok = ok && call_env_inside(call, height, r);
    const struct record *block = ok ? call_block(call, height) : NULL;
    if (block && !copy_txs(block, last, r)) {
        call_fail(call, RPC_INTERNAL_ERROR, "the block's transactions can't be read");
        block = NULL;
    }
    if (!block) {
        call_request_free(r);
        return;
    }
    const address *about = &r->txs[last].tx.to;
    const struct rpc_query q = {.kind = RPC_CALL, .key = keccak256(about->b, sizeof about->b), .call = r};
    call_ask(call, &q, call_answer_json);
}

void debug_trace_transaction(struct rpc_call *call)
{
    bytes32 hash;
    uint64_t height;
    uint32_t index;
    if (!arg_hash(call, 0, &hash))
        return;
    if (chain_reader_find_tx(call->core->reader, &hash, &height, &index))
        trace(call, height, index, index, false);
    else
        call_fail(call, RPC_SERVER_ERROR, "transaction not found");
}

static void trace_block(struct rpc_call *call, uint64_t height)
{
    if (height == 0) {
        call_fail(call, RPC_SERVER_ERROR, "genesis is not traceable");
        return;
    }
    const struct record *r = call_block(call, height);
    if (r && r->tx_count == 0)
        call_raw(call, "[]");
    else if (r)
        trace(call, height, 0, r->tx_count - 1, true);
}

void debug_trace_block_by_number(struct rpc_call *call)
{
    struct block_ref ref;
    uint64_t height;
    if (!arg_block_number(call, 0, &ref))
        return;
    if (chain_resolve(call->core, &ref, &height))
        trace_block(call, height);
    else
        call_fail(call, RPC_SERVER_ERROR, "block #%llu not found", (unsigned long long)ref.number);
}

void debug_trace_block_by_hash(struct rpc_call *call)
{
    struct block_ref ref = {.kind = BLOCK_REF_HASH};
    uint64_t height;
    char text[2 * sizeof ref.hash + 1];
    if (!arg_hash(call, 0, &ref.hash))
        return;
    hex_encode(text, ref.hash.b, sizeof ref.hash.b);
    text[sizeof text - 1] = 0;
    if (chain_resolve(call->core, &ref, &height))
        trace_block(call, height);
    else
        call_fail(call, RPC_SERVER_ERROR, "block 0x%s not found", text);
}
