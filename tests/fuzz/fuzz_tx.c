// Whatever the bytes are: decoding stays inside them, everything it gives lies inside them, and what it takes is the
// one wire form of its fields, that is, encoding the fields again gives the same bytes.
#include "chain/tx.h"

#include "base/keccak.h"
#include "base/rlp.h"

#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct bytes part, struct bytes whole)
{
    CHECK(part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static struct tx_fields fields_of(const struct tx *tx)
{
    return (struct tx_fields){
        .type = tx->type,
        .is_create = tx->is_create,
        .chain_id = tx->chain_id,
        .nonce = tx->nonce,
        .gas_limit = tx->gas_limit,
        .max_fee = tx->max_fee,
        .max_tip = tx->max_tip,
        .value = tx->value,
        .to = tx->to,
        .data = tx->data,
        .access_list = tx->access_list,
    };
}

static void check_encoding(const struct tx *tx)
{
    const struct tx_fields fields = fields_of(tx);
    const size_t cap = TX_SIGNING_MAX(tx->raw.len);
    uint8_t *buf = malloc(cap), *message = malloc(cap);
    CHECK(buf && message);
    const size_t len = tx_encode_signed(buf, cap, &fields, tx->y_parity, &tx->r, &tx->s);
    CHECK(bytes_equal(bytes_of(buf, len), tx->raw));
    const size_t message_len = tx_signing_message(message, tx);
    const size_t unsigned_len = tx_encode_unsigned(buf, cap, &fields);
    CHECK(message_len <= cap && bytes_equal(bytes_of(buf, unsigned_len), bytes_of(message, message_len)));
    const bytes32 hash = keccak256(message, message_len), signing_hash = tx_signing_hash(tx);
    CHECK(bytes32_equal(&hash, &signing_hash));
    free(buf);
    free(message);
}

// What the counts say, found in another way.
static void check_counts(const struct tx *tx)
{
    size_t zeros = 0, addresses = 0, keys = 0;
    for (size_t i = 0; i < tx->data.len; i++)
        zeros += tx->data.ptr[i] == 0;
    struct bytes in = tx->access_list, list, entry, entry_keys;
    if (in.len > 0) {
        address addr;
        CHECK(rlp_read_list(&in, &list) == RLP_OK && in.len == 0);
        for (; list.len > 0; addresses++) {
            CHECK(rlp_read_list(&list, &entry) == RLP_OK && rlp_read_fixed(&entry, addr.b, 20) == RLP_OK);
            CHECK(rlp_read_list(&entry, &entry_keys) == RLP_OK && entry.len == 0 && entry_keys.len % 33 == 0);
            keys += entry_keys.len / 33;
        }
    }
    CHECK(zeros == tx->data_zero_count && addresses == tx->access_address_count && keys == tx->access_key_count);
    CHECK(tx_intrinsic_gas(tx) >= 21000);
}

// As a part of a block from elsewhere: the same, and blob transactions too.
static void check_foreign(struct bytes raw, enum tx_status own)
{
    struct tx tx;
    const enum tx_status status = tx_decode_foreign(&tx, raw, 0);
    if (own != TX_BLOB_UNSUPPORTED && own != TX_TOO_LARGE) {
        CHECK(status == own);
        return;
    }
    if (status != TX_OK || tx.type != TX_BLOB)
        return;
    check_inside(tx.blob_hashes, raw);
    check_inside(tx.signed_fields, raw);
    CHECK(tx.blob_hashes.len == 33 * (size_t)tx.blob_count && !tx.is_create);
    for (uint32_t i = 0; i < tx.blob_count; i++)
        (void)tx_blob_hash(&tx, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes raw = bytes_of(data, size);
    struct tx tx, same_chain;
    const enum tx_status status = tx_decode(&tx, raw, 0);
    CHECK(status < TX_STATUS_COUNT && tx_status_text(status));
    check_foreign(raw, status);
    if (status != TX_OK) {
        CHECK(tx_decode(&same_chain, raw, 1) != TX_OK);
        return 0;
    }
    check_inside(tx.data, raw);
    check_inside(tx.access_list, raw);
    check_inside(tx.signed_fields, raw);
    check_encoding(&tx);
    check_counts(&tx);
    CHECK(tx_decode(&same_chain, raw, 1) == (!tx.has_chain_id || tx.chain_id == 1 ? TX_OK : TX_WRONG_CHAIN_ID));
    if (tx_check_static(&tx, 30000000) == TX_OK)
        CHECK(tx.gas_limit >= 21000 && tx.gas_limit <= 30000000 && u256_cmp(&tx.max_tip, &tx.max_fee) <= 0);
    return 0;
}
