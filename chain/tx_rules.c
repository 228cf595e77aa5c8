// What a decoded transaction costs and when it is invalid whatever the state.
#include "chain/tx.h"

enum {
    GAS_TRANSACTION = 21000,
    GAS_CREATE = 32000,
    GAS_DATA_ZERO = 4,
    GAS_DATA_NONZERO = 16,
    GAS_INIT_CODE_WORD = 2,
    GAS_ACCESS_ADDRESS = 2400,
    GAS_ACCESS_KEY = 1900,
};

uint64_t tx_intrinsic_gas(const struct tx *tx)
{
    const uint64_t zeros = tx->data_zero_count;
    uint64_t gas = GAS_TRANSACTION + zeros * GAS_DATA_ZERO + (tx->data.len - zeros) * GAS_DATA_NONZERO;
    if (tx->is_create)
        gas += GAS_CREATE + (tx->data.len + 31) / 32 * GAS_INIT_CODE_WORD;
    return gas + (uint64_t)tx->access_address_count * GAS_ACCESS_ADDRESS +
           (uint64_t)tx->access_key_count * GAS_ACCESS_KEY;
}

enum tx_status tx_check_static(const struct tx *tx, uint64_t block_gas_limit)
{
    u256 cost;
    if (tx->is_create && tx->data.len > TX_INIT_CODE_MAX)
        return TX_INIT_CODE_TOO_LARGE;
    if (tx->gas_limit > block_gas_limit)
        return TX_GAS_LIMIT_EXCEEDED;
    if (u256_cmp(&tx->max_tip, &tx->max_fee) > 0)
        return TX_TIP_ABOVE_FEE_CAP;
    if (tx->nonce == UINT64_MAX)
        return TX_NONCE_MAX;
    if (tx->gas_limit < tx_intrinsic_gas(tx))
        return TX_INTRINSIC_GAS;
    return tx_max_cost(&cost, tx) ? TX_COST_OVERFLOW : TX_OK;
}

bool tx_max_cost(u256 *out, const struct tx *tx)
{
    u256 gas_cost;
    const bool overflow = u256_mul_u64(&gas_cost, &tx->max_fee, tx->gas_limit);
    return u256_add(out, &gas_cost, &tx->value) || overflow;
}

u256 tx_effective_price(const struct tx *tx, const u256 *base_fee)
{
    u256 price;
    if (u256_add(&price, base_fee, &tx->max_tip) || u256_cmp(&price, &tx->max_fee) > 0)
        return tx->max_fee;
    return price;
}
