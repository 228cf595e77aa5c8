// Transactions that ethers.js made and signed: fields, signing message, signature, wire form, sender.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/keccak.h"
#include "base/rlp.h"
#include "tests/chain/json_hex.h"
#include "tests/chain/signed_tx.h"
#include "tests/support/vectors.h"

static const struct {
    enum tx_type type;
    bool no_chain_id;
    const char *unsigned_key, *signed_key;
} FORMS[] = {
    {TX_LEGACY, true, "unsignedLegacy", "signedLegacy"},
    {TX_LEGACY, false, "unsignedEip155", "signedEip155"},
    {TX_ACCESS_LIST, false, "unsignedBerlin", "signedBerlin"},
    {TX_DYNAMIC_FEE, false, "unsignedLondon", "signedLondon"},
};

static size_t access_entry_size(const json_t *entry)
{
    return rlp_size_list(21 + rlp_size_list(33 * json_array_size(json_object_get(entry, "storageKeys"))));
}

static uint8_t *put_hex(uint8_t *p, const char *text)
{
    const struct bytes value = hex_bytes(text, strlen(text));
    p = rlp_put_string(p, value);
    free((void *)value.ptr);
    return p;
}

// RLP of [{address, storageKeys}, ...]; malloc'ed.
static struct bytes encode_access_list(const json_t *list)
{
    size_t i, j, payload = 0;
    json_t *entry, *key;
    json_array_foreach(list, i, entry) payload += access_entry_size(entry);
    uint8_t *out = malloc(payload + 16), *p = rlp_put_list(out, payload);
    json_array_foreach(list, i, entry)
    {
        const json_t *keys = json_object_get(entry, "storageKeys");
        const size_t keys_payload = 33 * json_array_size(keys);
        p = rlp_put_list(p, 21 + rlp_size_list(keys_payload));
        p = put_hex(p, json_string_value(json_object_get(entry, "address")));
        p = rlp_put_list(p, keys_payload);
        json_array_foreach(keys, j, key) p = put_hex(p, json_string_value(key));
    }
    return bytes_of(out, (size_t)(p - out));
}

// The fields as ethers understands them for one form; data and access_list are malloc'ed.
static struct tx_fields fields_of(const json_t *t, size_t form)
{
    struct tx_fields f = {.type = FORMS[form].type};
    const struct bytes to = json_hex(t, "to");
    f.is_create = to.len == 0;
    if (to.len == 20)
        memcpy(f.to.b, to.ptr, 20);
    free((void *)to.ptr);
    f.chain_id = FORMS[form].no_chain_id ? 0 : json_u256(t, "chainId").w[0];
    f.nonce = json_u256(t, "nonce").w[0];
    f.gas_limit = json_u256(t, "gasLimit").w[0];
    f.max_fee = json_u256(t, f.type == TX_DYNAMIC_FEE ? "maxFeePerGas" : "gasPrice");
    f.max_tip = f.type == TX_DYNAMIC_FEE ? json_u256(t, "maxPriorityFeePerGas") : f.max_fee;
    f.value = json_u256(t, "value");
    f.data = json_hex(t, "data");
    f.access_list = encode_access_list(json_object_get(t, "accessList"));
    return f;
}

static void check_decoded(const char *name, const struct tx *tx, const struct tx_fields *f)
{
    cr_expect(tx->type == f->type && tx->nonce == f->nonce && tx->gas_limit == f->gas_limit, "%s", name);
    cr_expect(tx->is_create == f->is_create && address_equal(&tx->to, &f->to) && bytes_equal(tx->data, f->data), "%s",
              name);
    cr_expect(u256_equal(&tx->max_fee, &f->max_fee) && u256_equal(&tx->max_tip, &f->max_tip) &&
                  u256_equal(&tx->value, &f->value),
              "%s", name);
    cr_expect(f->type == TX_LEGACY || bytes_equal(tx->access_list, f->access_list), "%s", name);
    cr_expect(tx->chain_id == f->chain_id && tx->has_chain_id == (f->type != TX_LEGACY || f->chain_id != 0), "%s",
              name);
}

static void check_form(const char *name, const json_t *test, size_t form, const bytes32 *key)
{
    uint8_t buf[SIGNED_MAX];
    struct tx_fields f = fields_of(json_object_get(test, "transaction"), form);
    const struct bytes message = json_hex(test, FORMS[form].unsigned_key);
    const struct bytes wire = json_hex(test, FORMS[form].signed_key);
    cr_assert(wire.len + 16 <= sizeof buf);

    size_t len = tx_encode_unsigned(buf, sizeof buf, &f);
    cr_expect(bytes_equal(bytes_of(buf, len), message), "%s %s", name, FORMS[form].unsigned_key);
    const bytes32 hash = keccak256(message.ptr, message.len);
    struct sv_signature signature;
    cr_assert(sv_sign(&signature, &hash, key));
    len = tx_encode_signed(buf, sizeof buf, &f, signature.v & 1, &signature.r, &signature.s);
    cr_expect(bytes_equal(bytes_of(buf, len), wire), "%s %s", name, FORMS[form].signed_key);
    cr_expect(tx_encode_signed(buf, len - 1, &f, 0, &signature.r, &signature.s) == 0, "a buffer too small");

    struct tx tx;
    const enum tx_status status = tx_decode(&tx, wire, 0);
    cr_assert(status == TX_OK, "%s %s: %s", name, FORMS[form].signed_key, tx_status_text(status));
    check_decoded(name, &tx, &f);
    len = tx_signing_message(buf, &tx);
    cr_expect(bytes_equal(bytes_of(buf, len), message), "%s: signing message", name);
    const bytes32 signing_hash = tx_signing_hash(&tx);
    cr_expect(bytes32_equal(&signing_hash, &hash), "%s: signing hash", name);

    uint8_t pubkey[64];
    address sender;
    cr_assert(sv_public_key(pubkey, key) && sender_of(&sender, &tx) == SV_OK);
    const address expected = sv_address(pubkey);
    cr_expect(address_equal(&sender, &expected), "%s: sender", name);
    free((void *)f.data.ptr);
    free((void *)f.access_list.ptr);
    free((void *)message.ptr);
    free((void *)wire.ptr);
}

// A chain of our own refuses blob transactions; in a block from elsewhere they are read.
static void check_blob(const char *name, struct bytes wire, const bytes32 *key)
{
    struct tx tx;
    uint8_t pubkey[64];
    address sender;
    cr_expect(tx_decode(&tx, wire, 0) == TX_BLOB_UNSUPPORTED, "%s", name);
    cr_assert(tx_decode_foreign(&tx, wire, 0) == TX_OK, "%s", name);
    cr_assert(sv_public_key(pubkey, key) && sender_of(&sender, &tx) == SV_OK);
    const address expected = sv_address(pubkey);
    cr_expect(address_equal(&sender, &expected), "%s: sender", name);
    cr_expect(tx.type == TX_BLOB && tx.blob_hashes.len == 33 * (size_t)tx.blob_count, "%s: blobs", name);
    for (uint32_t i = 0; i < tx.blob_count; i++)
        cr_expect(tx_blob_hash(&tx, i).b[0] == 1, "%s: blob hash %u", name, i);
}

Test(tx_ethers, transactions_of_ethers_are_made_and_read_alike)
{
    char *path = vectors_path("misc-public", "ethers/testcases/transactions.json");
    if (!path)
        cr_skip_test("no vectors");
    json_t *root = json_of_file(path), *test;
    size_t i, checked = 0, blobs = 0;
    json_array_foreach(root, i, test)
    {
        const char *name = json_string_value(json_object_get(test, "name"));
        const struct bytes key_bytes = json_hex(test, "privateKey");
        bytes32 key;
        cr_assert(key_bytes.len == sizeof key.b);
        memcpy(key.b, key_bytes.ptr, sizeof key.b);
        free((void *)key_bytes.ptr);
        for (size_t form = 0; form < 4; form++) {
            const u256 chain_id = json_u256(json_object_get(test, "transaction"), "chainId");
            if (form == 1 && u256_is_zero(&chain_id))
                continue; // without a chain id both legacy forms are one
            check_form(name, test, form, &key);
            checked++;
        }
        const struct bytes blob = json_hex(test, "signedCancun");
        if (blob.len > 0) {
            check_blob(name, blob, &key);
            blobs++;
        }
        free((void *)blob.ptr);
    }
    fprintf(stderr, "ethers: %zu signed transactions agree, %zu blob transactions refused by name\n", checked, blobs);
    cr_expect(checked >= 3200);
    json_decref(root);
    free(path);
}
