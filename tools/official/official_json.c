#include "tools/official/official_json.h"

#include "base/hex.h"
#include "base/rlp.h"

#include <stdlib.h>

static bool read_u256(u256 *out, const json_t *text)
{
    return json_is_string(text) && u256_parse(out, json_string_value(text), json_string_length(text));
}

bool official_u256(u256 *out, const json_t *object, const char *key, const u256 *missing)
{
    const json_t *text = json_object_get(object, key);
    *out = *missing;
    return !text || read_u256(out, text);
}

bool official_u64(uint64_t *out, const json_t *object, const char *key, uint64_t missing)
{
    u256 wide;
    const u256 otherwise = u256_from_u64(missing);
    if (!official_u256(&wide, object, key, &otherwise) || !u256_fits_u64(&wide))
        return false;
    *out = wide.w[0];
    return true;
}

bool official_bytes(struct bytes *out, const json_t *text)
{
    *out = (struct bytes){0};
    if (!text)
        return true;
    const size_t len = json_string_length(text);
    if (!json_is_string(text) || len % 2 != 0)
        return false;
    if (len <= 2)
        return true;
    uint8_t *buf = malloc(len / 2);
    if (!buf)
        return false;
    *out = bytes_of(buf, len / 2 - 1);
    return hex_decode(buf, len / 2, json_string_value(text), len) == (ptrdiff_t)out->len;
}

bool official_fixed(void *out, size_t len, const json_t *text)
{
    return json_is_string(text) &&
           hex_decode(out, len, json_string_value(text), json_string_length(text)) == (ptrdiff_t)len;
}

static bool read_address(address *out, const char *text)
{
    return hex_decode(out->b, sizeof out->b, text, strlen(text)) == (ptrdiff_t)sizeof out->b;
}

static bool read_account(struct evm_world *world, const address *who, const json_t *account)
{
    uint64_t nonce;
    u256 balance;
    struct bytes code = {0};
    bool ok = official_u64(&nonce, account, "nonce", 0) && official_u256(&balance, account, "balance", &U256_ZERO) &&
              official_bytes(&code, json_object_get(account, "code"));
    if (ok)
        evm_world_put_account(world, who, nonce, &balance, code);
    free((void *)code.ptr);
    const char *key_text;
    json_t *value_text;
    json_object_foreach(json_object_get(account, "storage"), key_text, value_text)
    {
        u256 key, value;
        ok = ok && u256_parse(&key, key_text, strlen(key_text)) && read_u256(&value, value_text);
        if (ok)
            evm_world_put_slot(world, who, &key, &value);
    }
    return ok;
}

bool official_accounts(struct evm_world *world, const json_t *accounts)
{
    const char *text;
    json_t *account;
    json_object_foreach((json_t *)accounts, text, account)
    {
        address who;
        if (!read_address(&who, text) || !read_account(world, &who, account))
            return false;
    }
    return json_is_object(accounts);
}

bool official_env(struct evm_block *out, const struct evm_rules *rules, const json_t *env, uint64_t chain_id)
{
    const u256 default_base_fee = u256_from_u64(10);
    u256 gas_limit, randao;
    uint64_t excess;
    *out = (struct evm_block){.chain_id = chain_id};
    if (!official_u64(&out->number, env, "currentNumber", 1) ||
        !official_u64(&out->timestamp, env, "currentTimestamp", 1000) ||
        !official_u256(&gas_limit, env, "currentGasLimit", &U256_MAX) ||
        !official_fixed(out->coinbase.b, sizeof out->coinbase.b, json_object_get(env, "currentCoinbase")) ||
        !official_u256(&out->base_fee, env, "currentBaseFee", &default_base_fee) ||
        !official_u256(&randao, env, rules->fork >= EVM_PARIS ? "currentRandom" : "currentDifficulty", &U256_ZERO) ||
        !official_u64(&excess, env, "currentExcessBlobGas", 0))
        return false;
    out->gas_limit = u256_fits_u64(&gas_limit) ? gas_limit.w[0] : UINT64_MAX;
    u256_to_be(out->prevrandao.b, &randao);
    if (!rules->has_base_fee)
        out->base_fee = U256_ZERO;
    out->blob_base_fee = rules->has_blobs ? evm_blob_base_fee(rules, excess) : U256_ZERO;
    return true;
}

static size_t entry_payload(const json_t *entry)
{
    return 21 + rlp_size_list(33 * json_array_size(json_object_get(entry, "storageKeys")));
}

// Writes the RLP of [{address, storageKeys}].
static bool put_access_list(struct official_tx *out, const json_t *list)
{
    size_t payload = 0, i, k;
    const json_t *entry, *key;
    json_array_foreach(list, i, entry)
    {
        payload += rlp_size_list(entry_payload(entry));
    }
    uint8_t *p = out->access_list = malloc(rlp_size_list(payload));
    if (!p)
        return false;
    p = rlp_put_list(p, payload);
    json_array_foreach(list, i, entry)
    {
        const json_t *keys = json_object_get(entry, "storageKeys");
        address who;
        if (!official_fixed(who.b, sizeof who.b, json_object_get(entry, "address")))
            return false;
        p = rlp_put_string(rlp_put_list(p, entry_payload(entry)), bytes_of(who.b, sizeof who.b));
        p = rlp_put_list(p, 33 * json_array_size(keys));
        json_array_foreach(keys, k, key)
        {
            u256 word;
            bytes32 raw;
            if (!read_u256(&word, key))
                return false;
            u256_to_be(raw.b, &word);
            p = rlp_put_string(p, bytes_of(raw.b, sizeof raw.b));
        }
    }
    out->tx.access_list = bytes_of(out->access_list, (size_t)(p - out->access_list));
    return true;
}

static bool read_blobs(struct official_tx *out, const json_t *hashes)
{
    const size_t count = json_array_size(hashes);
    out->blob_hashes = calloc(count + 1, sizeof *out->blob_hashes);
    if (!out->blob_hashes)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!official_fixed(out->blob_hashes[i].b, 32, json_array_get(hashes, i)))
            return false;
    }
    out->tx.blob_hashes = out->blob_hashes;
    out->tx.blob_count = count;
    return true;
}

static enum tx_type type_of(const json_t *t)
{
    if (json_object_get(t, "authorizationList"))
        return TX_SET_CODE;
    if (json_object_get(t, "blobVersionedHashes") || json_object_get(t, "maxFeePerBlobGas"))
        return TX_BLOB;
    if (json_object_get(t, "maxFeePerGas"))
        return TX_DYNAMIC_FEE;
    return json_object_get(t, "accessLists") ? TX_ACCESS_LIST : TX_LEGACY;
}

static bool read_fees(struct evm_tx *tx, const json_t *t)
{
    if (json_object_get(t, "maxFeePerGas"))
        return official_u256(&tx->max_fee, t, "maxFeePerGas", &U256_ZERO) &&
               official_u256(&tx->max_tip, t, "maxPriorityFeePerGas", &U256_ZERO) &&
               official_u256(&tx->max_blob_fee, t, "maxFeePerBlobGas", &U256_ZERO);
    const bool ok = official_u256(&tx->max_fee, t, "gasPrice", &U256_ZERO);
    tx->max_tip = tx->max_fee;
    return ok;
}

bool official_tx(struct official_tx *out, const json_t *transaction, size_t data, size_t gas, size_t value)
{
    *out = (struct official_tx){.tx.type = type_of(transaction)};
    struct evm_tx *tx = &out->tx;
    const json_t *to = json_object_get(transaction, "to");
    const json_t *list = json_array_get(json_object_get(transaction, "accessLists"), data);
    u256 gas_limit;
    tx->is_create = !json_is_string(to) || json_string_length(to) == 0;
    if (!read_fees(tx, transaction) || !official_u64(&tx->nonce, transaction, "nonce", 0) ||
        !official_fixed(tx->sender.b, sizeof tx->sender.b, json_object_get(transaction, "sender")) ||
        (!tx->is_create && !official_fixed(tx->to.b, sizeof tx->to.b, to)) ||
        !read_u256(&gas_limit, json_array_get(json_object_get(transaction, "gasLimit"), gas)) ||
        !read_u256(&tx->value, json_array_get(json_object_get(transaction, "value"), value)))
        return false;
    tx->gas_limit = u256_fits_u64(&gas_limit) ? gas_limit.w[0] : UINT64_MAX;
    const bool has_data = official_bytes(&tx->data, json_array_get(json_object_get(transaction, "data"), data));
    out->data = (uint8_t *)tx->data.ptr;
    return has_data && (!json_is_array(list) || put_access_list(out, list)) &&
           (tx->type != TX_BLOB || read_blobs(out, json_object_get(transaction, "blobVersionedHashes")));
}

void official_tx_free(struct official_tx *tx)
{
    free(tx->data);
    free(tx->access_list);
    free(tx->blob_hashes);
}
