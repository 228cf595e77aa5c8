// The block that a call runs in. Inside engine/rpc only.
#ifndef GANTRY_ENGINE_RPC_CALL_ENV_H
#define GANTRY_ENGINE_RPC_CALL_ENV_H

#include "engine/rpc/call.h"

// Fills in the request's height, block and hashes: for a call on the state after block `height`, which sees that block
// as its own (as geth has it), or for block `height`'s own transactions, on the state before it. false after having
// answered.
bool call_env_after(struct rpc_call *call, uint64_t height, struct call_request *out);
bool call_env_inside(struct rpc_call *call, uint64_t height, struct call_request *out);

// Answers with the request's JSON, or its error.
void call_answer_json(struct rpc_call *call, struct rpc_query *q);

#endif
