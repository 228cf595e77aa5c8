// Every method's run function (see call.h), as the table in methods.c lists them.
#ifndef GANTRY_ENGINE_RPC_METHODS_H
#define GANTRY_ENGINE_RPC_METHODS_H

#include "engine/rpc/call.h"

void debug_get_raw_block(struct rpc_call *call);
void debug_get_raw_header(struct rpc_call *call);
void debug_get_raw_receipts(struct rpc_call *call);
void debug_get_raw_transaction(struct rpc_call *call);
void debug_trace_block_by_hash(struct rpc_call *call);
void debug_trace_block_by_number(struct rpc_call *call);
void debug_trace_call(struct rpc_call *call);
void debug_trace_transaction(struct rpc_call *call);
void eth_accounts(struct rpc_call *call);
void eth_blob_base_fee(struct rpc_call *call);
void eth_block_number(struct rpc_call *call);
void eth_call(struct rpc_call *call);
void eth_chain_id(struct rpc_call *call);
void eth_create_access_list(struct rpc_call *call);
void eth_estimate_gas(struct rpc_call *call);
void eth_fee_history(struct rpc_call *call);
void eth_gas_price(struct rpc_call *call);
void eth_get_balance(struct rpc_call *call);
void eth_get_block_by_hash(struct rpc_call *call);
void eth_get_block_by_number(struct rpc_call *call);
void eth_get_block_receipts(struct rpc_call *call);
void eth_get_block_transaction_count_by_hash(struct rpc_call *call);
void eth_get_block_transaction_count_by_number(struct rpc_call *call);
void eth_get_code(struct rpc_call *call);
void eth_get_filter_changes(struct rpc_call *call);
void eth_get_filter_logs(struct rpc_call *call);
void eth_get_logs(struct rpc_call *call);
void eth_get_proof(struct rpc_call *call);
void eth_get_storage_at(struct rpc_call *call);
void eth_get_transaction_by_block_hash_and_index(struct rpc_call *call);
void eth_get_transaction_by_block_number_and_index(struct rpc_call *call);
void eth_get_transaction_by_hash(struct rpc_call *call);
void eth_get_transaction_count(struct rpc_call *call);
void eth_get_transaction_receipt(struct rpc_call *call);
void eth_get_uncle_count_by_block_hash(struct rpc_call *call);
void eth_get_uncle_count_by_block_number(struct rpc_call *call);
void eth_max_priority_fee_per_gas(struct rpc_call *call);
void eth_new_block_filter(struct rpc_call *call);
void eth_new_filter(struct rpc_call *call);
void eth_new_pending_transaction_filter(struct rpc_call *call);
void eth_send_raw_transaction(struct rpc_call *call);
void eth_subscribe(struct rpc_call *call);
void eth_syncing(struct rpc_call *call);
void eth_uninstall_filter(struct rpc_call *call);
void eth_unsubscribe(struct rpc_call *call);
void gantry_certificate(struct rpc_call *call);
void gantry_consensus(struct rpc_call *call);
void gantry_peers(struct rpc_call *call);
void gantry_status(struct rpc_call *call);
void gantry_subscribe(struct rpc_call *call);
void gantry_trace_transaction_path(struct rpc_call *call);
void gantry_transaction_status(struct rpc_call *call);
void gantry_unsubscribe(struct rpc_call *call);
void gantry_validators(struct rpc_call *call);
void net_listening(struct rpc_call *call);
void net_peer_count(struct rpc_call *call);
void net_version(struct rpc_call *call);
void txpool_content(struct rpc_call *call);
void txpool_content_from(struct rpc_call *call);
void txpool_inspect(struct rpc_call *call);
void txpool_status(struct rpc_call *call);
void web3_client_version(struct rpc_call *call);
void web3_sha3(struct rpc_call *call);

#endif
