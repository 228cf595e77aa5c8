// eth_estimateGas: the least gas limit with which the call succeeds, found by halving (geth's gas estimator, but
// exact).
#include "engine/calls/job_private.h"

#include "base/u256_math.h"
#include "engine/rpc/views.h"

#include <stdio.h>

enum { TRANSFER_GAS = 21000, CALL_STIPEND = 2300 };

const char *job_invalid(struct call_job *j)
{
    if (j->result.status != TX_INTRINSIC_GAS)
        return tx_status_text(j->result.status);
    snprintf(j->why, sizeof j->why, "intrinsic gas too low: have %llu, want %llu", (unsigned long long)j->tx.gas_limit,
             (unsigned long long)evm_intrinsic_gas(j->rules, &j->tx));
    return j->why;
}

static const char *fee_below_base(struct call_job *j, const char *sender)
{
    char have[80], want[80];
    u256_to_decimal(have, &j->tx.max_fee);
    u256_to_decimal(want, &j->request->block.base_fee);
    snprintf(j->why, sizeof j->why,
             "max fee per gas less than block base fee: address %s, maxFeePerGas: %s, baseFee: %s", sender, have, want);
    return j->why;
}

const char *job_obstacle(struct call_job *j, const struct evm_account_state *sender, uint64_t gas)
{
    char who[CHECKSUM_ADDRESS_MAX], have[80], want[80];
    u256 cost;
    view_checksum_address(who, &j->tx.sender);
    if (j->request->names_price && u256_less(&j->tx.max_fee, &j->request->block.base_fee))
        return fee_below_base(j, who);
    bool overflow = u256_mul_u64(&cost, &j->tx.max_fee, j->request->names_price ? gas : 0);
    overflow = u256_add(&cost, &cost, &j->tx.value) || overflow;
    if (overflow) {
        snprintf(j->why, sizeof j->why,
                 "insufficient funds for gas * price + value: address %s required balance exceeds 256 bits", who);
        return j->why;
    }
    if (!u256_less(&sender->balance, &cost))
        return NULL;
    u256_to_decimal(have, &sender->balance);
    u256_to_decimal(want, &cost);
    snprintf(j->why, sizeof j->why, "insufficient funds for gas * price + value: address %s have %s want %s", who, have,
             want);
    return j->why;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// The highest gas limit that is tried; false after an error.
static bool allowance(struct call_job *j, const struct evm_account_state *sender)
{
    struct call_request *r = j->request;
    j->high = r->names_gas && j->tx.gas_limit >= TRANSFER_GAS ? j->tx.gas_limit : r->block.gas_limit;
    j->high = least(least(j->high, r->gas_cap), r->block.gas_limit);
    if (!r->names_price)
        return true;
    u256 available;
    if (!u256_less(&j->tx.value, &sender->balance)) {
        call_fails(r, CALL_FAILED, "insufficient funds for transfer");
        return false;
    }
    u256_sub(&available, &sender->balance, &j->tx.value);
    u256_divmod(&available, NULL, &available, &j->tx.max_fee);
    if (u256_fits_u64(&available))
        j->high = least(j->high, available.w[0]);
    return true;
}

enum { FIRST_LOOK, PLAIN_TRANSFER, WHOLE_ALLOWANCE, EXPLAIN, HALVING };

static enum job_outcome first_look(struct call_job *j)
{
    struct call_request *r = j->request;
    struct evm_account_state sender, target;
    const struct evm_code *code = NULL;
    if (call_state_account(j->state, &j->tx.sender, &sender, NULL) == EVM_LATER)
        return JOB_WAITING;
    if (!j->tx.is_create && call_state_account(j->state, &j->tx.to, &target, &code) == EVM_LATER)
        return JOB_WAITING;
    if (!allowance(j, &sender))
        return JOB_DONE;
    const char *obstacle = job_obstacle(j, &sender, j->high);
    if (obstacle) {
        call_fails(r, CALL_FAILED, "failed with %llu gas: %s", (unsigned long long)j->high, obstacle);
        return JOB_DONE;
    }
    const bool plain = j->tx.data.len == 0 && code == &EVM_NO_CODE && j->high >= TRANSFER_GAS;
    j->phase = plain ? PLAIN_TRANSFER : WHOLE_ALLOWANCE;
    j->tx.gas_limit = plain ? TRANSFER_GAS : j->high;
    return JOB_PAUSED;
}

static bool succeeded(const struct call_job *j)
{
    return j->evm_outcome == EVM_DONE && j->result.success;
}

// What the first whole run says: where to search, or that no gas is enough.
static enum job_outcome judge_whole(struct call_job *j)
{
    struct call_request *r = j->request;
    if (j->evm_outcome == EVM_INVALID && j->result.status != TX_INTRINSIC_GAS) {
        call_fails(r, CALL_FAILED, "failed with %llu gas: %s", (unsigned long long)j->high, job_invalid(j));
        return JOB_DONE;
    }
    if (j->evm_outcome == EVM_INVALID) {
        call_fails(r, CALL_FAILED, "gas required exceeds allowance (%llu)", (unsigned long long)j->high);
        return JOB_DONE;
    }
    if (!j->result.success) {
        if (j->result.reverted) {
            job_reverted(j);
            return JOB_DONE;
        }
        j->phase = EXPLAIN;
        return JOB_PAUSED;
    }
    // A call that keeps a part for after its own calls may need more than it uses.
    j->low = j->result.gas_used - 1;
    j->phase = HALVING;
    j->tx.gas_limit = least(j->high - 1, (j->result.gas_used + CALL_STIPEND) * 64 / 63);
    return JOB_PAUSED;
}

static enum job_outcome explain(struct call_job *j)
{
    const enum job_outcome out = job_explain(j);
    if (out != JOB_DONE)
        return out;
    evm_drop(j->evm);
    if (strcmp(j->why, "out of gas") == 0)
        call_fails(j->request, CALL_FAILED, "gas required exceeds allowance (%llu)", (unsigned long long)j->high);
    else
        call_fails(j->request, CALL_FAILED, "%s", j->why);
    return JOB_DONE;
}

static enum job_outcome halve(struct call_job *j)
{
    if (succeeded(j))
        j->high = j->tx.gas_limit;
    else
        j->low = j->tx.gas_limit;
    if (j->low + 1 >= j->high) {
        j->request->gas = j->high;
        return JOB_DONE;
    }
    // Most calls need little more than they use: no jumps upwards.
    const uint64_t middle = j->low + (j->high - j->low) / 2;
    j->tx.gas_limit = least(middle, 2 * j->low);
    return JOB_PAUSED;
}

enum job_outcome job_estimate(struct call_job *j)
{
    if (j->phase == FIRST_LOOK)
        return first_look(j);
    if (j->phase == EXPLAIN)
        return explain(j);
    if (j->phase == HALVING && j->low + 1 >= j->high) {
        j->request->gas = j->high;
        return JOB_DONE;
    }
    enum job_outcome out = job_transact(j, &j->tx, NULL);
    if (out != JOB_DONE)
        return out;
    switch (j->phase) {
    case PLAIN_TRANSFER:
        j->request->gas = TRANSFER_GAS;
        if (!succeeded(j)) {
            j->phase = WHOLE_ALLOWANCE;
            j->tx.gas_limit = j->high;
            out = JOB_PAUSED;
        }
        break;
    case WHOLE_ALLOWANCE:
        out = judge_whole(j);
        break;
    default:
        out = halve(j);
    }
    evm_drop(j->evm);
    return out;
}
