// What a transaction costs before its first instruction, and its logs as a receipt holds them.
#include "base/rlp.h"
#include "shard/evm/access_list.h"
#include "shard/evm/evm.h"

enum {
    GAS_TRANSACTION = 21000,
    GAS_CREATION = 32000,
    GAS_DATA_ZERO = 4,
    GAS_DATA_NONZERO = 16,
    GAS_INIT_WORD = 2,
    GAS_ACCESS_ADDRESS = 2400,
    GAS_ACCESS_KEY = 1900,
};

struct evm_tx evm_tx_of(const struct tx *tx, const address *sender)
{
    return (struct evm_tx){.type = tx->type,
                           .sender = *sender,
                           .is_create = tx->is_create,
                           .to = tx->to,
                           .nonce = tx->nonce,
                           .gas_limit = tx->gas_limit,
                           .max_fee = tx->max_fee,
                           .max_tip = tx->max_tip,
                           .value = tx->value,
                           .data = tx->data,
                           .access_list = tx->access_list};
}

static void add_access_gas(void *ctx, const address *who, const u256 *key)
{
    (void)who;
    *(uint64_t *)ctx += key ? GAS_ACCESS_KEY : GAS_ACCESS_ADDRESS;
}

static uint64_t count_zeros(struct bytes data)
{
    const uint64_t low_bits = 0x7f7f7f7f7f7f7f7f, ones = 0x0101010101010101;
    uint64_t zeros = 0;
    size_t i = 0;
    // Eight bytes at once: of each that isn't zero, the highest bit is set.
    for (; i + 8 <= data.len; i += 8) {
        const uint64_t bytes = load_le64(data.ptr + i);
        const uint64_t set = ((bytes & low_bits) + low_bits) | bytes;
        zeros += ((~set >> 7 & ones) * ones) >> 56;
    }
    for (; i < data.len; i++)
        zeros += data.ptr[i] == 0;
    return zeros;
}

uint64_t evm_intrinsic_gas(const struct evm_rules *rules, const struct evm_tx *tx)
{
    uint64_t access = 0;
    const uint64_t zeros = count_zeros(tx->data);
    uint64_t gas = GAS_TRANSACTION + zeros * GAS_DATA_ZERO + (tx->data.len - zeros) * GAS_DATA_NONZERO;
    if (tx->is_create)
        gas += GAS_CREATION + (rules->has_init_code_limit ? (tx->data.len + 31) / 32 * GAS_INIT_WORD : 0);
    return access_list_walk(tx->access_list, add_access_gas, &access) ? gas + access : UINT64_MAX;
}

static size_t topics_payload(const struct evm_log *log)
{
    return (size_t)log->topic_count * 33;
}

static size_t log_payload(const struct evm_log *log)
{
    return 21 + rlp_size_list(topics_payload(log)) + rlp_size_string(log->data);
}

static size_t logs_payload(const struct evm_log *logs, size_t count)
{
    size_t payload = 0;
    for (size_t i = 0; i < count; i++)
        payload += rlp_size_list(log_payload(&logs[i]));
    return payload;
}

size_t evm_logs_size(const struct evm_log *logs, size_t count)
{
    return rlp_size_list(logs_payload(logs, count));
}

uint8_t *evm_logs_put(uint8_t *p, const struct evm_log *logs, size_t count)
{
    p = rlp_put_list(p, logs_payload(logs, count));
    for (size_t i = 0; i < count; i++) {
        const struct evm_log *log = &logs[i];
        p = rlp_put_list(p, log_payload(log));
        p = rlp_put_string(p, bytes_of(log->who.b, sizeof log->who.b));
        p = rlp_put_list(p, topics_payload(log));
        for (size_t t = 0; t < log->topic_count; t++)
            p = rlp_put_string(p, bytes_of(log->topics[t].b, sizeof log->topics[t].b));
        p = rlp_put_string(p, log->data);
    }
    return p;
}
