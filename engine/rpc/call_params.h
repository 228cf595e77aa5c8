// Reading what a client wants to be called: the transaction object of eth_call and its like, state and block overrides,
// and what a trace shall tell. geth's names and words, as in params.h; into a request (call_request.h) that keeps
// copies.
#ifndef GANTRY_ENGINE_RPC_CALL_PARAMS_H
#define GANTRY_ENGINE_RPC_CALL_PARAMS_H

#include "engine/calls/call_request.h"
#include "engine/rpc/params.h"

// The transaction object: the request's one transaction. gas_cap bounds its gas limit, and is it where none is named.
MUST_CHECK bool param_call(const struct jv *v, uint64_t gas_cap, struct call_request *out, char error[PARAM_ERROR_MAX]);
// {address: {nonce, balance, code, state, stateDiff}}
MUST_CHECK bool param_state_overrides(const struct jv *v, struct call_request *out, char error[PARAM_ERROR_MAX]);
// Over the request's block.
MUST_CHECK bool param_block_overrides(const struct jv *v, struct call_request *out, char error[PARAM_ERROR_MAX]);
// The options of debug_trace*; absent or null: geth's defaults.
MUST_CHECK bool param_trace(const struct jv *v, struct trace_options *out, char error[PARAM_ERROR_MAX]);

#endif
