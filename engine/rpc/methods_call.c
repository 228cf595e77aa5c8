// What a transaction would do: eth_call, eth_estimateGas, eth_createAccessList and debug_traceCall, executed by a shard
// on the state of a height.
#include "engine/rpc/call_env.h"
#include "engine/rpc/call_params.h"
#include "engine/rpc/methods.h"

#include "base/keccak.h"

// Hands the request over; takes it.
static void start(struct rpc_call *call, struct call_request *request,
                  void (*then)(struct rpc_call *, struct rpc_query *))
{
    const struct evm_tx *tx = &request->txs[0].tx;
    const address *about = tx->is_create ? &tx->sender : &tx->to;
    const struct rpc_query q = {.kind = RPC_CALL, .key = keccak256(about->b, sizeof about->b), .call = request};
    call_ask(call, &q, then);
}

// True after having answered that the call has failed.
static bool failed(struct rpc_call *call, const struct call_request *r)
{
    if (r->error_code == CALL_REVERTED)
        call_fail_data(call, r->error_code, r->error, bytes_of(r->output, r->output_len));
    else if (r->error_code != 0)
        call_fail(call, r->error_code, "%s", r->error);
    return r->error_code != 0;
}

static void answer_output(struct rpc_call *call, struct rpc_query *q)
{
    if (failed(call, q->call))
        return;
    jw_data(call_result(call), q->call->output, q->call->output_len);
    call_done(call);
}

static void answer_gas(struct rpc_call *call, struct rpc_query *q)
{
    if (!failed(call, q->call))
        call_quantity(call, q->call->gas);
}

void call_answer_json(struct rpc_call *call, struct rpc_query *q)
{
    if (failed(call, q->call))
        return;
    struct json_writer *w = call_result(call);
    w->overflow |= q->call->json.overflow;
    jw_bytes(w, jw_text(&q->call->json), q->call->json.len);
    call_done(call);
}

// The call of argument 0 at the block of argument 1, with overrides; false after having answered.
static bool read_call(struct rpc_call *call, struct call_request *r, const struct jv *state, const struct jv *block)
{
    char error[PARAM_ERROR_MAX];
    uint64_t height;
    bool pending;
    if (!param_call(call_arg(call, 0), call->core->options.gas_cap, r, error))
        return call_invalid(call, 0, error);
    if (!arg_state(call, 1, &height, &pending) || !call_env_after(call, height, r))
        return false;
    if (!param_state_overrides(state, r, error))
        return call_invalid(call, 2, error);
    if (!param_block_overrides(block, r, error))
        return call_invalid(call, 3, error);
    // No transaction has more gas than its block.
    if (r->txs[0].tx.gas_limit > r->block.gas_limit)
        r->txs[0].tx.gas_limit = r->block.gas_limit;
    return true;
}

static void run(struct rpc_call *call, enum call_kind kind, void (*then)(struct rpc_call *, struct rpc_query *))
{
    struct call_request *r = call_request_new(kind, call->core->options.response_bytes_max);
    if (!r)
        call_fail(call, RPC_INTERNAL_ERROR, "out of memory");
    else if (read_call(call, r, call_arg(call, 2), call_arg(call, 3)))
        start(call, r, then);
    else
        call_request_free(r);
}

void eth_call(struct rpc_call *call)
{
    run(call, CALL_RUN, answer_output);
}

void eth_estimate_gas(struct rpc_call *call)
{
    run(call, CALL_ESTIMATE, answer_gas);
}

void eth_create_access_list(struct rpc_call *call)
{
    run(call, CALL_ACCESS_LIST, call_answer_json);
}

void debug_trace_call(struct rpc_call *call)
{
    const struct jv *config = call_arg(call, 2);
    char error[PARAM_ERROR_MAX];
    struct call_request *r = call_request_new(CALL_TRACE, call->core->options.response_bytes_max);
    if (!r) {
        call_fail(call, RPC_INTERNAL_ERROR, "out of memory");
        return;
    }
    if (!param_trace(config, &r->trace, error))
        call_invalid(call, 2, error);
    else if (read_call(call, r, jv_get(config, "stateOverrides"), jv_get(config, "blockOverrides"))) {
        start(call, r, call_answer_json);
        return;
    }
    call_request_free(r);
}
