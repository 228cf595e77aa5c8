#include "engine/rpc/methods.h"

// Sorted by name (found by bisection).
const struct rpc_method RPC_METHODS[] = {
    {"debug_getRawBlock", 1, 1, RPC_DEVELOPER, debug_get_raw_block},
    {"debug_getRawHeader", 1, 1, RPC_DEVELOPER, debug_get_raw_header},
    {"debug_getRawReceipts", 1, 1, RPC_DEVELOPER, debug_get_raw_receipts},
    {"debug_getRawTransaction", 1, 1, RPC_DEVELOPER, debug_get_raw_transaction},
    {"debug_traceBlockByHash", 1, 2, RPC_DEVELOPER, debug_trace_block_by_hash},
    {"debug_traceBlockByNumber", 1, 2, RPC_DEVELOPER, debug_trace_block_by_number},
    {"debug_traceCall", 1, 3, RPC_DEVELOPER, debug_trace_call},
    {"debug_traceTransaction", 1, 2, RPC_DEVELOPER, debug_trace_transaction},
    {"eth_accounts", 0, 0, 0, eth_accounts},
    {"eth_blobBaseFee", 0, 0, 0, eth_blob_base_fee},
    {"eth_blockNumber", 0, 0, 0, eth_block_number},
    {"eth_call", 1, 4, 0, eth_call},
    {"eth_chainId", 0, 0, 0, eth_chain_id},
    {"eth_createAccessList", 1, 4, 0, eth_create_access_list},
    {"eth_estimateGas", 1, 4, 0, eth_estimate_gas},
    {"eth_feeHistory", 2, 3, 0, eth_fee_history},
    {"eth_gasPrice", 0, 0, 0, eth_gas_price},
    {"eth_getBalance", 1, 2, 0, eth_get_balance},
    {"eth_getBlockByHash", 2, 2, 0, eth_get_block_by_hash},
    {"eth_getBlockByNumber", 2, 2, 0, eth_get_block_by_number},
    {"eth_getBlockReceipts", 1, 1, 0, eth_get_block_receipts},
    {"eth_getBlockTransactionCountByHash", 1, 1, 0, eth_get_block_transaction_count_by_hash},
    {"eth_getBlockTransactionCountByNumber", 1, 1, 0, eth_get_block_transaction_count_by_number},
    {"eth_getCode", 1, 2, 0, eth_get_code},
    {"eth_getFilterChanges", 1, 1, 0, eth_get_filter_changes},
    {"eth_getFilterLogs", 1, 1, 0, eth_get_filter_logs},
    {"eth_getLogs", 1, 1, 0, eth_get_logs},
    {"eth_getProof", 2, 3, 0, eth_get_proof},
    {"eth_getStorageAt", 2, 3, 0, eth_get_storage_at},
    {"eth_getTransactionByBlockHashAndIndex", 2, 2, 0, eth_get_transaction_by_block_hash_and_index},
    {"eth_getTransactionByBlockNumberAndIndex", 2, 2, 0, eth_get_transaction_by_block_number_and_index},
    {"eth_getTransactionByHash", 1, 1, 0, eth_get_transaction_by_hash},
    {"eth_getTransactionCount", 1, 2, 0, eth_get_transaction_count},
    {"eth_getTransactionReceipt", 1, 1, 0, eth_get_transaction_receipt},
    {"eth_getUncleCountByBlockHash", 1, 1, 0, eth_get_uncle_count_by_block_hash},
    {"eth_getUncleCountByBlockNumber", 1, 1, 0, eth_get_uncle_count_by_block_number},
    {"eth_maxPriorityFeePerGas", 0, 0, 0, eth_max_priority_fee_per_gas},
    {"eth_newBlockFilter", 0, 0, 0, eth_new_block_filter},
    {"eth_newFilter", 1, 1, 0, eth_new_filter},
    {"eth_newPendingTransactionFilter", 0, 1, 0, eth_new_pending_transaction_filter},
    {"eth_sendRawTransaction", 1, 1, 0, eth_send_raw_transaction},
    {"eth_subscribe", 0, 2, RPC_OWN_COUNTS, eth_subscribe},
    {"eth_syncing", 0, 0, 0, eth_syncing},
    {"eth_uninstallFilter", 1, 1, 0, eth_uninstall_filter},
    {"eth_unsubscribe", 1, 1, 0, eth_unsubscribe},
    {"gantry_certificate", 1, 1, 0, gantry_certificate},
    {"gantry_consensus", 0, 0, 0, gantry_consensus},
    {"gantry_peers", 0, 0, 0, gantry_peers},
    {"gantry_status", 0, 0, 0, gantry_status},
    {"gantry_subscribe", 0, 1, RPC_OWN_COUNTS, gantry_subscribe},
    {"gantry_traceTransactionPath", 1, 1, 0, gantry_trace_transaction_path},
    {"gantry_transactionStatus", 1, 1, 0, gantry_transaction_status},
    {"gantry_unsubscribe", 1, 1, 0, gantry_unsubscribe},
    {"gantry_validators", 0, 0, 0, gantry_validators},
    {"net_listening", 0, 0, 0, net_listening},
    {"net_peerCount", 0, 0, 0, net_peer_count},
    {"net_version", 0, 0, 0, net_version},
    {"txpool_content", 0, 0, RPC_DEVELOPER, txpool_content},
    {"txpool_contentFrom", 1, 1, RPC_DEVELOPER, txpool_content_from},
    {"txpool_inspect", 0, 0, RPC_DEVELOPER, txpool_inspect},
    {"txpool_status", 0, 0, 0, txpool_status},
    {"web3_clientVersion", 0, 0, 0, web3_client_version},
    {"web3_sha3", 1, 1, 0, web3_sha3},
};
const size_t RPC_METHOD_COUNT = sizeof RPC_METHODS / sizeof *RPC_METHODS;

static int compare(struct bytes name, const char *method)
{
    size_t len = strlen(method);
    int order = memcmp(name.ptr, method, name.len < len ? name.len : len);
    return order ? order : (name.len > len) - (name.len < len);
}

size_t rpc_method_find(struct bytes name)
{
    size_t low = 0, high = RPC_METHOD_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(name, RPC_METHODS[middle].name);
        if (order == 0)
            return middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return RPC_METHOD_COUNT;
}

// Parameters

const struct jv *call_arg(const struct rpc_call *call, unsigned i)
{
    return jv_at(call->params, i);
}

bool call_has_arg(const struct rpc_call *call, unsigned i)
{
    return jv_kind(call_arg(call, i)) != JV_NULL;
}

bool arg_address(struct rpc_call *call, unsigned i, address *out)
{
    char error[PARAM_ERROR_MAX];
    return param_address(call_arg(call, i), NULL, out, error) || call_invalid(call, i, error);
}

bool arg_hash(struct rpc_call *call, unsigned i, bytes32 *out)
{
    char error[PARAM_ERROR_MAX];
    return param_hash(call_arg(call, i), NULL, out, error) || call_invalid(call, i, error);
}

bool arg_quantity(struct rpc_call *call, unsigned i, uint64_t *out)
{
    char error[PARAM_ERROR_MAX];
    return param_quantity(call_arg(call, i), NULL, out, error) || call_invalid(call, i, error);
}

bool arg_bool(struct rpc_call *call, unsigned i, bool *out)
{
    char error[PARAM_ERROR_MAX];
    return param_bool(call_arg(call, i), out, error) || call_invalid(call, i, error);
}

bool arg_block_number(struct rpc_call *call, unsigned i, struct block_ref *out)
{
    char error[PARAM_ERROR_MAX];
    return param_block_number(call_arg(call, i), out, error) || call_invalid(call, i, error);
}

bool arg_block(struct rpc_call *call, unsigned i, struct block_ref *out)
{
    char error[PARAM_ERROR_MAX];
    *out = (struct block_ref){.kind = BLOCK_REF_LATEST};
    return !call_has_arg(call, i) || param_block(call_arg(call, i), out, error) || call_invalid(call, i, error);
}

// The chain

bool chain_resolve(struct rpc_core *core, const struct block_ref *ref, uint64_t *height)
{
    uint64_t head = chain_reader_head(core->reader);
    switch (ref->kind) {
    case BLOCK_REF_NUMBER:
        *height = ref->number;
        return ref->number <= head;
    case BLOCK_REF_LATEST:
    case BLOCK_REF_PENDING:
        *height = head;
        return true;
    case BLOCK_REF_HASH:
        break;
    }
    return chain_reader_height_of(core->reader, &ref->hash, height);
}

const struct record *call_block(struct rpc_call *call, uint64_t height)
{
    struct chain_reader *reader = call->core->reader;
    bool damaged = false;
    const struct record *r = chain_reader_block(reader, height, &damaged);
    if (r)
        return r;
    if (damaged)
        call_fail(call, RPC_SERVER_ERROR, "block %llu is damaged on disk (see the node's log)",
                  (unsigned long long)height);
    else if (height <= chain_reader_head(reader))
        call_fail(call, RPC_PRUNED, "pruned history unavailable");
    else
        call_raw(call, "null");
    return NULL;
}
