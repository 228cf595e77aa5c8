// Random transactions of every form: what is encoded is what is decoded.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "base/rlp.h"
#include "tests/chain/signed_tx.h"
#include "tests/support/vectors.h"

static u256 random_u256(uint64_t *state)
{
    u256 out = U256_ZERO;
    const uint64_t words = test_random(state) % 4;
    for (uint64_t i = 0; i < words; i++)
        out.w[i] = test_random(state);
    return out;
}

static void random_bytes(uint64_t *state, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)test_random(state);
}

static struct tx_fields random_fields(uint64_t *state, uint8_t *data)
{
    struct tx_fields f = {
        .type = (enum tx_type)(test_random(state) % 3),
        .is_create = test_random(state) % 4 == 0,
        .chain_id = test_random(state) >> (2 + test_random(state) % 60),
        .nonce = test_random(state) >> test_random(state) % 64,
        .gas_limit = test_random(state) >> test_random(state) % 64,
        .value = random_u256(state),
        .max_fee = random_u256(state),
    };
    f.max_tip = f.type == TX_DYNAMIC_FEE ? random_u256(state) : f.max_fee;
    if (!f.is_create)
        random_bytes(state, f.to.b, sizeof f.to.b);
    f.data = bytes_of(data, test_random(state) % 300);
    random_bytes(state, data, f.data.len);
    return f;
}

Test(tx_round_trip, random_fields_come_back)
{
    uint64_t state = test_seed("tx_round_trip");
    for (int i = 0; i < 2000; i++) {
        uint8_t data[300], raw[SIGNED_MAX], message[SIGNED_MAX], again[SIGNED_MAX];
        const struct tx_fields f = random_fields(&state, data);
        const size_t len = sign_fields(raw, sizeof raw, &f);
        struct tx tx;
        const enum tx_status status = tx_decode(&tx, bytes_of(raw, len), f.chain_id);
        cr_assert(status == TX_OK, "%s", tx_status_text(status));
        cr_expect(tx.type == f.type && tx.is_create == f.is_create && tx.chain_id == f.chain_id);
        cr_expect(tx.nonce == f.nonce && tx.gas_limit == f.gas_limit && u256_equal(&tx.value, &f.value));
        cr_expect(u256_equal(&tx.max_fee, &f.max_fee) && u256_equal(&tx.max_tip, &f.max_tip));
        cr_expect(address_equal(&tx.to, &f.to) && bytes_equal(tx.data, f.data));
        const size_t message_len = tx_encode_unsigned(message, sizeof message, &f);
        const size_t again_len = tx_signing_message(again, &tx);
        cr_expect(again_len <= TX_SIGNING_MAX(len));
        cr_expect(bytes_equal(bytes_of(message, message_len), bytes_of(again, again_len)));
        const bytes32 hash = keccak256(message, message_len), signing_hash = tx_signing_hash(&tx);
        cr_expect(bytes32_equal(&hash, &signing_hash));
        for (size_t cap = 0; cap < len; cap += 1 + len / 10)
            cr_expect(tx_encode_signed(again, cap, &f, tx.y_parity, &tx.r, &tx.s) == 0);
    }
}

// One byte changed: refused, or decoded to something that encodes to exactly the changed bytes.
Test(tx_round_trip, no_two_wire_forms_decode_alike)
{
    uint64_t state = test_seed("tx_mutation");
    for (enum tx_type type = TX_LEGACY; type <= TX_DYNAMIC_FEE; type++) {
        uint8_t raw[SIGNED_MAX], again[SIGNED_MAX];
        const struct tx_fields sample = sample_fields(type);
        const size_t len = sign_fields(raw, sizeof raw, &sample);
        for (size_t i = 0; i < 200 * len; i++) {
            const size_t at = i % len;
            const uint8_t before = raw[at];
            raw[at] = (uint8_t)test_random(&state);
            struct tx tx;
            if (tx_decode(&tx, bytes_of(raw, len), 0) == TX_OK) {
                const struct tx_fields f = {tx.type,    tx.is_create, tx.chain_id, tx.nonce, tx.gas_limit,  tx.max_fee,
                                            tx.max_tip, tx.value,     tx.to,       tx.data,  tx.access_list};
                const size_t again_len = tx_encode_signed(again, sizeof again, &f, tx.y_parity, &tx.r, &tx.s);
                cr_assert(bytes_equal(bytes_of(again, again_len), bytes_of(raw, len)), "byte %zu", at);
            }
            raw[at] = before;
        }
    }
}
