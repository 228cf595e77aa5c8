// Blocks, their transactions and receipts: all from the chain reader (a transaction may still be in the pool).
#include "engine/rpc/methods.h"

#include "engine/rpc/views.h"

// Argument 0 as a block number, tag or hash, as the method's name says; false after having answered.
static bool arg_by_number(struct rpc_call *call, struct block_ref *ref)
{
    return arg_block_number(call, 0, ref);
}

static bool arg_by_hash(struct rpc_call *call, struct block_ref *ref)
{
    *ref = (struct block_ref){.kind = BLOCK_REF_HASH};
    return arg_hash(call, 0, &ref->hash);
}

// NULL after having answered (null when unknown).
static const struct record *find_block(struct rpc_call *call, const struct block_ref *ref)
{
    uint64_t height;
    if (chain_resolve(call->core, ref, &height))
        return call_block(call, height);
    call_raw(call, "null");
    return NULL;
}

static void answer_block(struct rpc_call *call, bool (*read)(struct rpc_call *, struct block_ref *))
{
    struct block_ref ref;
    bool full;
    if (!read(call, &ref) || !arg_bool(call, 1, &full))
        return;
    const struct record *r = find_block(call, &ref);
    if (!r)
        return;
    view_block(call_result(call), r, full);
    call_done(call);
}

void eth_get_block_by_number(struct rpc_call *call)
{
    answer_block(call, arg_by_number);
}

void eth_get_block_by_hash(struct rpc_call *call)
{
    answer_block(call, arg_by_hash);
}

static void answer_count(struct rpc_call *call, bool (*read)(struct rpc_call *, struct block_ref *), bool uncles)
{
    struct block_ref ref;
    if (!read(call, &ref))
        return;
    const struct record *r = find_block(call, &ref);
    if (r)
        call_quantity(call, uncles ? 0 : r->tx_count);
}

void eth_get_block_transaction_count_by_number(struct rpc_call *call)
{
    answer_count(call, arg_by_number, false);
}

void eth_get_block_transaction_count_by_hash(struct rpc_call *call)
{
    answer_count(call, arg_by_hash, false);
}

void eth_get_uncle_count_by_block_number(struct rpc_call *call)
{
    answer_count(call, arg_by_number, true);
}

void eth_get_uncle_count_by_block_hash(struct rpc_call *call)
{
    answer_count(call, arg_by_hash, true);
}

void eth_get_block_receipts(struct rpc_call *call)
{
    struct block_ref ref;
    if (!arg_block(call, 0, &ref))
        return;
    const struct record *r = find_block(call, &ref);
    if (!r)
        return;
    view_receipts(call_result(call), r);
    call_done(call);
}

static void answer_transaction_at(struct rpc_call *call, bool (*read)(struct rpc_call *, struct block_ref *))
{
    struct block_ref ref;
    uint64_t index;
    if (!read(call, &ref) || !arg_quantity(call, 1, &index))
        return;
    const struct record *r = find_block(call, &ref);
    if (!r)
        return;
    if (index >= r->tx_count) {
        call_raw(call, "null");
        return;
    }
    view_transaction(call_result(call), r, (uint32_t)index);
    call_done(call);
}

void eth_get_transaction_by_block_number_and_index(struct rpc_call *call)
{
    answer_transaction_at(call, arg_by_number);
}

void eth_get_transaction_by_block_hash_and_index(struct rpc_call *call)
{
    answer_transaction_at(call, arg_by_hash);
}

// Answers with an included transaction; false (nothing answered) when the chain does not hold it.
static bool answer_included(struct rpc_call *call, const bytes32 *hash,
                            void (*view)(struct json_writer *w, const struct record *r, uint32_t i))
{
    uint64_t height;
    uint32_t index;
    if (!chain_reader_find_tx(call->core->reader, hash, &height, &index))
        return false;
    const struct record *r = call_block(call, height);
    if (!r)
        return true;
    view(call_result(call), r, index);
    call_done(call);
    return true;
}

// It may have left the pool for a block between the two look-ups: the chain is asked once more.
static void answer_pooled(struct rpc_call *call, struct rpc_query *q)
{
    if (q->found > 0) {
        struct json_writer *w = call_result(call);
        if (!view_pooled(w, bytes_of(q->raw, q->raw_len), &q->hash, &q->sender))
            jw_raw(w, "null");
        call_done(call);
    } else if (!answer_included(call, &q->hash, view_transaction)) {
        call_raw(call, "null");
    }
}

void eth_get_transaction_by_hash(struct rpc_call *call)
{
    struct rpc_query q = {.kind = RPC_POOL_FIND};
    if (arg_hash(call, 0, &q.hash) && !answer_included(call, &q.hash, view_transaction))
        call_ask(call, &q, answer_pooled);
}

void eth_get_transaction_receipt(struct rpc_call *call)
{
    bytes32 hash;
    if (arg_hash(call, 0, &hash) && !answer_included(call, &hash, view_receipt))
        call_raw(call, "null");
}

// gantry_transactionStatus

static void view_included(struct json_writer *w, const struct record *r, uint32_t i)
{
    jw_raw(w, "{\"status\":\"included\",\"reason\":\"\"");
    view_place(w, r, i);
    jw_raw(w, "}");
}

static void answer_status(struct rpc_call *call, struct rpc_query *q)
{
    if (q->found == 0 && answer_included(call, &q->hash, view_included))
        return;
    const char *status = q->found == 1        ? "pending"
                         : q->found == 2      ? "queued"
                         : q->status != TX_OK ? "dropped"
                                              : "unknown";
    struct json_writer *w = call_result(call);
    jw_printf(w, "{\"status\":\"%s\",\"reason\":", status);
    jw_cstring(w, q->found == 0 && q->status != TX_OK ? tx_status_text(q->status) : "");
    jw_raw(w, "}");
    call_done(call);
}

void gantry_transaction_status(struct rpc_call *call)
{
    struct rpc_query q = {.kind = RPC_POOL_FIND};
    if (arg_hash(call, 0, &q.hash) && !answer_included(call, &q.hash, view_included))
        call_ask(call, &q, answer_status);
}
