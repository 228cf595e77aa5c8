#include "shard/exec/rules.h"

#include <assert.h>

struct sender sender_find(struct state *state, const bytes32 *key)
{
    struct sender sender = {.state = state, .id = state_find(state, key)};
    if (sender.id != STATE_NONE) {
        sender.account = state_get(state, sender.id);
        sender.has_code = state_has_code(state, sender.id);
    }
    return sender;
}

enum tx_status rules_check(const struct tx *tx, const struct exec_env *env, const struct sender *sender)
{
    enum tx_status status = tx_check_static(tx, env->gas_limit);
    if (status != TX_OK)
        return status;
    if (tx->has_chain_id && tx->chain_id != env->chain_id)
        return TX_WRONG_CHAIN_ID;
    if (sender->has_code)
        return TX_SENDER_HAS_CODE;
    if (tx->nonce < sender->account.nonce)
        return TX_NONCE_TOO_LOW;
    if (u256_cmp(&tx->max_fee, &env->base_fee) < 0)
        return TX_FEE_CAP_BELOW_BASE_FEE;
    if (tx->nonce > sender->account.nonce)
        return TX_NONCE_TOO_HIGH;
    u256 cost;
    bool overflow = tx_max_cost(&cost, tx);
    assert(!overflow); // tx_check_static refused it
    return u256_cmp(&sender->account.balance, &cost) < 0 ? TX_INSUFFICIENT_FUNDS : TX_OK;
}

bool rules_reason_can_pass(enum tx_status reason)
{
    return reason == TX_FEE_CAP_BELOW_BASE_FEE || reason == TX_NONCE_TOO_HIGH || reason == TX_INSUFFICIENT_FUNDS;
}

// Nothing overflows here: gas used is at most the gas limit, the price at most the fee cap, and their product with the
// value added fits (TX_COST_OVERFLOW).
struct charge rules_charge(const struct tx *tx, const struct exec_env *env, uint64_t gas_used)
{
    struct charge charge;
    u256 price = tx_effective_price(tx, &env->base_fee), tip_price;
    u256_sub(&tip_price, &price, &env->base_fee);
    u256_mul_u64(&charge.tip, &tip_price, gas_used);
    u256_mul_u64(&charge.debit, &price, gas_used);
    return charge;
}

u256 rules_debit(const struct tx *tx, const struct exec_env *env, uint64_t gas)
{
    u256 debit = tx_effective_price(tx, &env->base_fee);
    u256_mul_u64(&debit, &debit, gas);
    return debit;
}

u256 rules_reservation(const struct tx *tx, const struct exec_env *env)
{
    u256 amount = rules_debit(tx, env, tx->gas_limit);
    u256_add(&amount, &amount, &tx->value);
    return amount;
}

void sender_pay(struct sender *sender, const bytes32 *key, const u256 *debit)
{
    // Only a transaction that costs nothing comes from an account that does not exist.
    if (sender->id == STATE_NONE)
        sender->id = state_find_or_add(sender->state, key);
    bool short_of_money = u256_sub(&sender->account.balance, &sender->account.balance, debit);
    assert(!short_of_money);
    sender->account.nonce++;
    state_set(sender->state, sender->id, &sender->account);
}

void credit_account(struct state *state, const bytes32 *key, const u256 *amount)
{
    if (u256_is_zero(amount))
        return;
    uint32_t id = state_find_or_add(state, key);
    struct account account = state_get(state, id);
    // All the money there is fits 256 bits from genesis on, and no block makes any.
    bool overflow = u256_add(&account.balance, &account.balance, amount);
    assert(!overflow);
    state_set(state, id, &account);
}
