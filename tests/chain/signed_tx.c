#include "tests/chain/signed_tx.h"

#include <assert.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "chain/genesis.h"

size_t sign_fields(uint8_t *buf, size_t cap, const struct tx_fields *fields)
{
    const size_t len = tx_encode_unsigned(buf, cap, fields);
    assert(len > 0);
    const bytes32 hash = keccak256(buf, len);
    struct sv_signature signature;
    const bool ok = sv_sign(&signature, &hash, &DEV_ACCOUNTS[0].secret_key);
    assert(ok);
    (void)ok;
    return tx_encode_signed(buf, cap, fields, signature.v & 1, &signature.r, &signature.s);
}

struct sv_item item_of(const struct tx *tx)
{
    return (struct sv_item){
        .hash = tx_signing_hash(tx), .r = tx->r, .s = tx->s, .v = tx->y_parity, .require_low_s = true};
}

enum sv_status sender_of(address *out, const struct tx *tx)
{
    struct sv_verifier *verifier = sv_create();
    assert(verifier);
    const struct sv_item item = item_of(tx);
    struct sv_result result;
    sv_recover(verifier, &result, &item, 1);
    sv_free(verifier);
    *out = result.signer;
    return result.status;
}

struct tx_fields sample_fields(enum tx_type type)
{
    struct tx_fields fields = {
        .type = type,
        .chain_id = 1,
        .nonce = 7,
        .gas_limit = 21000,
        .max_fee = u256_from_u64(3000000000),
        .max_tip = u256_from_u64(type == TX_DYNAMIC_FEE ? 1000000000 : 3000000000),
        .value = u256_from_u64(123456789),
    };
    memset(fields.to.b, 0x35, sizeof fields.to.b);
    return fields;
}
