// Accounts: balances and nonces.
#include "engine/rpc/methods.h"

#include "base/keccak.h"

bool arg_state(struct rpc_call *call, unsigned arg, uint64_t *height, bool *pending)
{
    struct block_ref ref;
    if (!arg_block(call, arg, &ref))
        return false;
    *pending = ref.kind == BLOCK_REF_PENDING;
    if (chain_resolve(call->core, &ref, height))
        return true;
    call_fail(call, RPC_SERVER_ERROR, ref.kind == BLOCK_REF_HASH ? "header for hash not found" : "header not found");
    return false;
}

static void ask_account(struct rpc_call *call, const address *a, uint64_t height, bool pending,
                        void (*then)(struct rpc_call *call, struct rpc_query *q))
{
    struct rpc_query q = {
        .kind = RPC_ACCOUNT, .key = keccak256(a->b, sizeof a->b), .height = height, .pending = pending};
    call_ask(call, &q, then);
}

// The account of the answer, zero when there is none; false after having answered that it is too old to know.
static bool account_of(struct rpc_call *call, const struct rpc_query *q, struct account *out)
{
    *out = (struct account){0};
    if (q->found < 0) {
        call_fail(call, RPC_SERVER_ERROR, "historical state not available");
        return false;
    }
    if (q->found > 0 || q->pending)
        *out = q->account;
    return true;
}

static void answer_balance(struct rpc_call *call, struct rpc_query *q)
{
    struct account account;
    if (account_of(call, q, &account))
        call_quantity256(call, &account.balance);
}

static void answer_nonce(struct rpc_call *call, struct rpc_query *q)
{
    struct account account;
    if (account_of(call, q, &account))
        call_quantity(call, account.nonce);
}

void eth_get_balance(struct rpc_call *call)
{
    address a;
    uint64_t height;
    bool pending;
    if (arg_address(call, 0, &a) && arg_state(call, 1, &height, &pending))
        ask_account(call, &a, height, pending, answer_balance);
}

void eth_get_transaction_count(struct rpc_call *call)
{
    address a;
    uint64_t height;
    bool pending;
    if (arg_address(call, 0, &a) && arg_state(call, 1, &height, &pending))
        ask_account(call, &a, height, pending, answer_nonce);
}
