// Accounts: balances and nonces, and what calls and estimates come to on a chain without code.
#include "engine/rpc/methods.h"

#include "base/keccak.h"
#include "engine/rpc/views.h"

#define TRANSFER_GAS 21000
#define ACCESS_ADDRESS_GAS 2400 // EIP-2930
#define ACCESS_KEY_GAS 1900
// Gas that eth_call has unless it says otherwise (geth's --rpc.gascap).
#define CALL_GAS 50000000

// Which block a read of state is about; false after having answered.
static bool arg_state(struct rpc_call *call, unsigned arg, uint64_t *height, bool *pending)
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

// No account of this chain has code or storage, at any height.

void eth_get_code(struct rpc_call *call)
{
    address a;
    uint64_t height;
    bool pending;
    if (arg_address(call, 0, &a) && arg_state(call, 1, &height, &pending))
        call_raw(call, "\"0x\"");
}

void eth_get_storage_at(struct rpc_call *call)
{
    address a;
    bytes32 slot, zero = {{0}};
    uint64_t height;
    bool pending;
    char error[PARAM_ERROR_MAX];
    if (!arg_address(call, 0, &a))
        return;
    struct bytes text;
    if (!param_text(call_arg(call, 1), &text, error)) {
        call_invalid(call, 1, error);
        return;
    }
    if (!param_slot(call_arg(call, 1), &slot, error)) {
        call_fail(call, RPC_INVALID_PARAMS, "%s", error);
        return;
    }
    if (!arg_state(call, 2, &height, &pending))
        return;
    jw_hash(call_result(call), &zero);
    call_done(call);
}

// Calls and estimates. What would need contracts is refused; the rest is a transfer, whose cost is known.

static bool needs_contracts(const struct call_args *args)
{
    static const uint8_t zeros[19];
    bool precompile = memcmp(args->to.b, zeros, sizeof zeros) == 0 && args->to.b[19] >= 1 && args->to.b[19] <= 0x0a;
    return !args->has_to || args->data_len > 0 || precompile;
}

static bool has_overrides(struct rpc_call *call)
{
    return call_has_arg(call, 2) || call_has_arg(call, 3);
}

// Reads the arguments that eth_call and eth_estimateGas share; false after having answered.
static bool read_call(struct rpc_call *call, uint64_t *height)
{
    struct call_args *args = &call->state.args;
    char error[PARAM_ERROR_MAX];
    bool pending;
    if (!param_call_args(call_arg(call, 0), args, error))
        return call_invalid(call, 0, error);
    if (!arg_state(call, 1, height, &pending))
        return false;
    if (has_overrides(call))
        call_fail(call, RPC_INVALID_PARAMS, "state and block overrides are not supported");
    else
        return true;
    return false;
}

static uint64_t intrinsic_gas(const struct call_args *args)
{
    return TRANSFER_GAS + ACCESS_ADDRESS_GAS * args->access_address_count + ACCESS_KEY_GAS * args->access_key_count;
}

// What stands against executing the transfer with this gas limit, in geth's words and order; empty when nothing does.
static void obstacle(char text[384], const struct call_args *args, uint64_t gas, const u256 *balance,
                     const u256 *base_fee)
{
    char sender[CHECKSUM_ADDRESS_MAX], have[80], want[80];
    u256 cost;
    text[0] = 0;
    view_checksum_address(sender, &args->from);
    if (args->has_price && u256_cmp(&args->price, base_fee) < 0) {
        u256_to_decimal(have, &args->price);
        u256_to_decimal(want, base_fee);
        snprintf(text, 384, "max fee per gas less than block base fee: address %s, maxFeePerGas: %s, baseFee: %s",
                 sender, have, want);
        return;
    }
    bool overflow = u256_mul_u64(&cost, &args->price, gas);
    overflow = u256_add(&cost, &cost, &args->value) || overflow;
    if (overflow) {
        snprintf(text, 384, "insufficient funds for gas * price + value: address %s required balance exceeds 256 bits",
                 sender);
    } else if (u256_cmp(balance, &cost) < 0) {
        u256_to_decimal(have, balance);
        u256_to_decimal(want, &cost);
        snprintf(text, 384, "insufficient funds for gas * price + value: address %s have %s want %s", sender, have,
                 want);
    }
}

static bool base_fee_at(struct rpc_call *call, uint64_t height, u256 *base_fee, uint64_t *gas_limit)
{
    const struct record *r = call_block(call, height);
    if (!r)
        return false;
    *base_fee = r->header.base_fee;
    *gas_limit = r->header.gas_limit;
    return true;
}

// The highest gas limit that the sender can pay; false after having answered that even the value is too much.
static bool allowance(struct rpc_call *call, const struct call_args *args, const u256 *balance, uint64_t *gas)
{
    if (!args->has_price)
        return true;
    if (u256_cmp(&args->value, balance) >= 0) {
        call_fail(call, RPC_SERVER_ERROR, "insufficient funds for transfer");
        return false;
    }
    u256 available;
    u256_sub(&available, balance, &args->value);
    u256_divmod(&available, NULL, &available, &args->price);
    if (u256_fits_u64(&available) && available.w[0] < *gas)
        *gas = available.w[0];
    return true;
}

static void answer_estimate(struct rpc_call *call, struct rpc_query *q)
{
    const struct call_args *args = &call->state.args;
    struct account account;
    u256 base_fee;
    uint64_t gas, need = intrinsic_gas(args);
    char text[384];
    if (!account_of(call, q, &account) || !base_fee_at(call, q->height, &base_fee, &gas))
        return;
    if (args->has_gas && args->gas >= TRANSFER_GAS)
        gas = args->gas;
    if (!allowance(call, args, &account.balance, &gas))
        return;
    obstacle(text, args, gas < need ? gas : need, &account.balance, &base_fee);
    if (text[0])
        call_fail(call, RPC_SERVER_ERROR, "failed with %llu gas: %s", (unsigned long long)gas, text);
    else if (gas < need)
        call_fail(call, RPC_SERVER_ERROR, "gas required exceeds allowance (%llu)", (unsigned long long)gas);
    else
        call_quantity(call, need);
}

void eth_estimate_gas(struct rpc_call *call)
{
    const struct call_args *args = &call->state.args;
    uint64_t height;
    if (!read_call(call, &height))
        return;
    if (needs_contracts(args))
        call_fail(call, RPC_SERVER_ERROR, "%s", tx_status_text(TX_NOT_SUPPORTED));
    else
        ask_account(call, &args->from, height, false, answer_estimate);
}

static void answer_call(struct rpc_call *call, struct rpc_query *q)
{
    const struct call_args *args = &call->state.args;
    struct account account;
    u256 base_fee;
    uint64_t block_gas, gas = args->has_gas && args->gas < CALL_GAS ? args->gas : CALL_GAS, need = intrinsic_gas(args);
    char text[384];
    if (!account_of(call, q, &account) || !base_fee_at(call, q->height, &base_fee, &block_gas))
        return;
    obstacle(text, args, gas, &account.balance, &base_fee);
    if (!text[0] && gas < need)
        snprintf(text, sizeof text, "intrinsic gas too low: have %llu, want %llu", (unsigned long long)gas,
                 (unsigned long long)need);
    if (text[0])
        call_fail(call, RPC_SERVER_ERROR, "err: %s (supplied gas %llu)", text, (unsigned long long)gas);
    else
        call_raw(call, "\"0x\"");
}

// A call with data to an account without code succeeds and returns nothing; creations and precompiles would compute.
void eth_call(struct rpc_call *call)
{
    struct call_args *args = &call->state.args;
    uint64_t height;
    if (!read_call(call, &height))
        return;
    args->data_len = args->has_to ? 0 : args->data_len;
    if (needs_contracts(args))
        call_fail(call, RPC_SERVER_ERROR, "%s", tx_status_text(TX_NOT_SUPPORTED));
    else
        ask_account(call, &args->from, height, false, answer_call);
}
