// The rules of a single transaction, shared by the passes: is it valid for this sender at this moment, what does it
// cost, how does money reach an account. Internal to shard/exec.
#ifndef GANTRY_SHARD_EXEC_RULES_H
#define GANTRY_SHARD_EXEC_RULES_H

#include "shard/exec/exec.h"

// A sender as the state has it at the transaction's turn. id is STATE_NONE, and the account all zero, when there is
// none.
struct sender {
    struct state *state;
    uint32_t id;
    bool has_code;
    struct account account;
};

struct sender sender_find(struct state *state, const bytes32 *key);

// Everything that a serial client checks at the transaction's turn, final reasons first, then those that time can mend:
// TX_FEE_CAP_BELOW_BASE_FEE, TX_NONCE_TOO_HIGH and, last, TX_INSUFFICIENT_FUNDS.
MUST_CHECK enum tx_status rules_check(const struct tx *tx, const struct exec_env *env, const struct sender *sender);

// May a later block include a transaction that this one dropped for `reason`?
bool rules_reason_can_pass(enum tx_status reason);

// What a valid transaction's gas costs.
struct charge {
    u256 debit; // gas used at the effective price
    u256 tip;   // the part of it that goes to the coinbase; the rest is burned (EIP-1559)
};
struct charge rules_charge(const struct tx *tx, const struct exec_env *env, uint64_t gas_used);
// The debit alone: gas at the effective price.
u256 rules_debit(const struct tx *tx, const struct exec_env *env, uint64_t gas);

// What is taken when a call is sent to another partition: the gas limit at the effective price, and the value.
u256 rules_reservation(const struct tx *tx, const struct exec_env *env);

// Takes the debit and raises the nonce. The balance covers it: rules_check said TX_OK.
void sender_pay(struct sender *sender, const bytes32 *key, const u256 *debit);

// Adds money to an account, which comes into being if need be; nothing at all happens for zero (EIP-161).
void credit_account(struct state *state, const bytes32 *key, const u256 *amount);

static inline bool target_has_code(const struct codes *codes, const struct exec_tx *t)
{
    return !t->tx->is_create && codes_of_account(codes, t->target_key)->len > 0;
}

#endif
