// What the node says of itself, and fees.
#include "engine/rpc/methods.h"

#include "base/clock.h"
#include "base/keccak.h"

#include <stdio.h>
#include <stdlib.h>

// Blocks and percentiles that one eth_feeHistory covers (as geth), and the transactions that it reads at most: beyond,
// fewer blocks than asked for are answered, which the API allows.
#define HISTORY_BLOCKS_MAX 1024
#define HISTORY_PERCENTILES_MAX 100
#define HISTORY_TRANSACTIONS_MAX 100000

void web3_client_version(struct rpc_call *call)
{
    struct rpc_node_status status = {0};
    call->core->backend.status(call->core->backend.ctx, &status);
    jw_cstring(call_result(call), status.version ? status.version : "gantry");
    call_done(call);
}

void web3_sha3(struct rpc_call *call)
{
    char error[PARAM_ERROR_MAX];
    uint8_t *data;
    size_t len;
    if (!param_data(call_arg(call, 0), NULL, &data, &len, error)) {
        call_invalid(call, 0, error);
        return;
    }
    bytes32 hash = keccak256(data, len);
    free(data);
    jw_hash(call_result(call), &hash);
    call_done(call);
}

void net_version(struct rpc_call *call)
{
    jw_printf(call_result(call), "\"%llu\"", (unsigned long long)call->core->genesis->chain_id);
    call_done(call);
}

void net_listening(struct rpc_call *call)
{
    call_raw(call, "true");
}

void eth_chain_id(struct rpc_call *call)
{
    call_quantity(call, call->core->genesis->chain_id);
}

void eth_block_number(struct rpc_call *call)
{
    call_quantity(call, chain_reader_head(call->core->reader));
}

void eth_syncing(struct rpc_call *call)
{
    call_raw(call, "false");
}

void eth_accounts(struct rpc_call *call)
{
    call_raw(call, "[]");
}

// EIP-4844: the least there is, as no blob is ever taken.
void eth_blob_base_fee(struct rpc_call *call)
{
    call_raw(call, "\"0x1\"");
}

void eth_max_priority_fee_per_gas(struct rpc_call *call)
{
    u256 tip = fee_suggest_tip(&call->core->fees, call->core->reader);
    call_quantity256(call, &tip);
}

void eth_gas_price(struct rpc_call *call)
{
    struct rpc_core *core = call->core;
    u256 price = fee_suggest_tip(&core->fees, core->reader);
    const struct record *head = call_block(call, chain_reader_head(core->reader));
    if (!head)
        return;
    u256_add(&price, &price, &head->header.base_fee);
    call_quantity256(call, &price);
}

// eth_feeHistory

struct history {
    uint64_t newest, count; // blocks newest - count + 1 .. newest
    double percentiles[HISTORY_PERCENTILES_MAX];
    size_t percentile_count;
};

static bool read_percentiles(struct rpc_call *call, struct history *h)
{
    const struct jv *list = call_arg(call, 2);
    if (jv_kind(list) == JV_NULL)
        return true;
    if (jv_kind(list) != JV_ARRAY)
        return call_invalid(call, 2, "json: cannot unmarshal non-array into Go value of type []float64");
    h->percentile_count = jv_count(list);
    if (h->percentile_count > HISTORY_PERCENTILES_MAX) {
        call_fail(call, RPC_SERVER_ERROR, "invalid reward percentile: over the query limit %d",
                  HISTORY_PERCENTILES_MAX);
        return false;
    }
    for (size_t i = 0; i < h->percentile_count; i++) {
        double p = jv_number(jv_at(list, i));
        h->percentiles[i] = p;
        if (jv_kind(jv_at(list, i)) != JV_NUMBER)
            return call_invalid(call, 2, "json: cannot unmarshal non-number into Go value of type float64");
        if (p < 0 || p > 100) {
            call_fail(call, RPC_SERVER_ERROR, "invalid reward percentile: %f", p);
            return false;
        }
        if (i > 0 && p <= h->percentiles[i - 1]) {
            call_fail(call, RPC_SERVER_ERROR, "invalid reward percentile: #%zu:%f >= #%zu:%f", i - 1,
                      h->percentiles[i - 1], i, p);
            return false;
        }
    }
    return true;
}

// Lowers count to what is kept and, with rewards, to what may be read at once.
static void bound_history(struct rpc_core *core, struct history *h)
{
    uint64_t count = 0, transactions = 0;
    while (count < h->count && count <= h->newest) {
        bool damaged = false;
        const struct record *r = chain_reader_block(core->reader, h->newest - count, &damaged);
        if (!r)
            break;
        transactions += r->tx_count;
        if (h->percentile_count > 0 && count > 0 && transactions > HISTORY_TRANSACTIONS_MAX)
            break;
        count++;
    }
    h->count = count;
}

static bool write_rewards(struct json_writer *w, struct rpc_core *core, const struct history *h)
{
    jw_raw(w, ",\"reward\":[");
    for (uint64_t i = 0; i < h->count; i++) {
        u256 rewards[HISTORY_PERCENTILES_MAX];
        bool damaged = false;
        const struct record *r = chain_reader_block(core->reader, h->newest - h->count + 1 + i, &damaged);
        if (!r || !fee_rewards(r, h->percentiles, h->percentile_count, rewards))
            return false;
        jw_raw(w, i > 0 ? ",[" : "[");
        for (size_t p = 0; p < h->percentile_count; p++) {
            jw_raw(w, p > 0 ? "," : "");
            jw_quantity256(w, &rewards[p]);
        }
        jw_raw(w, "]");
    }
    jw_raw(w, "]");
    return true;
}

static bool write_history(struct json_writer *w, struct rpc_core *core, const struct history *h)
{
    jw_raw(w, "{\"oldestBlock\":");
    jw_quantity(w, h->newest - h->count + 1);
    if (h->percentile_count > 0 && !write_rewards(w, core, h))
        return false;
    u256 next = U256_ZERO;
    double used[HISTORY_BLOCKS_MAX];
    jw_raw(w, ",\"baseFeePerGas\":[");
    for (uint64_t i = 0; i < h->count; i++) {
        bool damaged = false;
        const struct record *r = chain_reader_block(core->reader, h->newest - h->count + 1 + i, &damaged);
        if (!r)
            return false;
        jw_quantity256(w, &r->header.base_fee);
        jw_raw(w, ",");
        next = fee_next_base(core->genesis, &r->header);
        used[i] = (double)r->header.gas_used / (double)r->header.gas_limit;
    }
    jw_quantity256(w, &next);
    jw_raw(w, "],\"gasUsedRatio\":[");
    for (uint64_t i = 0; i < h->count; i++) {
        jw_raw(w, i > 0 ? "," : "");
        jw_double(w, used[i]);
    }
    jw_raw(w, "],\"baseFeePerBlobGas\":[");
    for (uint64_t i = 0; i <= h->count; i++)
        jw_raw(w, i > 0 ? ",\"0x1\"" : "\"0x1\"");
    jw_raw(w, "],\"blobGasUsedRatio\":[");
    for (uint64_t i = 0; i < h->count; i++)
        jw_raw(w, i > 0 ? ",0" : "0");
    jw_raw(w, "]}");
    return true;
}

void eth_fee_history(struct rpc_call *call)
{
    struct rpc_core *core = call->core;
    char error[PARAM_ERROR_MAX];
    struct history h = {0};
    struct block_ref newest;
    if (!param_count(call_arg(call, 0), &h.count, error)) {
        call_invalid(call, 0, error);
        return;
    }
    if (!arg_block_number(call, 1, &newest) || !read_percentiles(call, &h))
        return;
    if (!chain_resolve(core, &newest, &h.newest)) {
        call_fail(call, RPC_SERVER_ERROR, "request beyond head block: requested %llu, head %llu",
                  (unsigned long long)newest.number, (unsigned long long)chain_reader_head(core->reader));
        return;
    }
    if (h.count > HISTORY_BLOCKS_MAX)
        h.count = HISTORY_BLOCKS_MAX;
    bound_history(core, &h);
    if (h.count == 0)
        call_raw(call, "{\"oldestBlock\":\"0x0\",\"gasUsedRatio\":null}");
    else if (write_history(call_result(call), core, &h))
        call_done(call);
    else
        call_fail(call, RPC_INTERNAL_ERROR, "a block of the range can't be read");
}

// gantry_status

static void write_head(struct json_writer *w, struct rpc_core *core)
{
    bool damaged = false;
    const struct record *head = chain_reader_block(core->reader, chain_reader_head(core->reader), &damaged);
    if (!head) {
        jw_raw(w, "null");
        return;
    }
    jw_printf(w, "{\"number\":%llu,\"hash\":", (unsigned long long)head->header.number);
    jw_hash(w, &head->block_hash);
    jw_printf(w, ",\"timestamp\":%llu,\"transactions\":%u,\"gasUsed\":%llu,\"gasLimit\":%llu}",
              (unsigned long long)head->header.timestamp, head->tx_count, (unsigned long long)head->header.gas_used,
              (unsigned long long)head->header.gas_limit);
}

static void write_node(struct json_writer *w, const struct rpc_node_status *s, struct rpc_core *core)
{
    uint64_t now = clock_wall_ms();
    jw_printf(w, ",\"shards\":%u,\"uptimeMs\":%llu", s->shard_count,
              (unsigned long long)(now > s->start_wall_ms ? now - s->start_wall_ms : 0));
    jw_raw(w, ",\"baseFee\":");
    jw_quantity256(w, &s->base_fee);
    jw_printf(w, ",\"pool\":{\"pending\":%llu,\"queued\":%llu}", (unsigned long long)s->pool_pending,
              (unsigned long long)s->pool_queued);
    jw_printf(w, ",\"store\":{\"firstBlock\":%llu,\"checkpoint\":%llu,\"logBytes\":%llu,\"checkpointBytes\":%llu,",
              (unsigned long long)chain_reader_first(core->reader), (unsigned long long)s->checkpoint_height,
              (unsigned long long)s->log_bytes, (unsigned long long)s->checkpoint_bytes);
    jw_printf(w, "\"indexBytes\":%llu}", (unsigned long long)chain_reader_index_bytes(core->reader));
    jw_printf(w, ",\"rpc\":{\"subscriptions\":%u,\"filters\":%u}", core->feed.subscription_count,
              core->feed.filter_count);
}

void node_status_write(struct json_writer *w, struct rpc_core *core)
{
    struct rpc_node_status status = {0};
    core->backend.status(core->backend.ctx, &status);
    bool damaged = false;
    const struct record *genesis = chain_reader_block(core->reader, 0, &damaged);
    jw_raw(w, "{\"version\":");
    jw_cstring(w, status.version ? status.version : "gantry");
    jw_printf(w, ",\"chainId\":%llu,\"genesis\":", (unsigned long long)core->genesis->chain_id);
    if (genesis)
        jw_hash(w, &genesis->block_hash);
    else
        jw_raw(w, "null");
    jw_raw(w, ",\"head\":");
    write_head(w, core);
    write_node(w, &status, core);
    jw_printf(w, ",\"healthy\":%s,\"reason\":", status.healthy ? "true" : "false");
    jw_cstring(w, status.reason);
    jw_raw(w, "}");
}

void gantry_status(struct rpc_call *call)
{
    node_status_write(call_result(call), call->core);
    call_done(call);
}

bool core_health(struct rpc_core *core, struct json_writer *w)
{
    struct rpc_node_status status = {0};
    core->backend.status(core->backend.ctx, &status);
    jw_printf(w, "{\"healthy\":%s,\"reason\":", status.healthy ? "true" : "false");
    jw_cstring(w, status.healthy && !status.reason[0] ? "ok" : status.reason);
    jw_printf(w, ",\"head\":%llu}\n", (unsigned long long)chain_reader_head(core->reader));
    return status.healthy;
}
