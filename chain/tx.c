#include "chain/tx.h"

#include "base/keccak.h"
#include "base/rlp.h"

// The order n of secp256k1's group and floor(n / 2), big-endian (SEC 2, 2.4.1).
static const bytes32 GROUP_ORDER = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48,
                                     0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41}};
static const bytes32 GROUP_HALF = {{0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4,
                                    0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0}};

static enum tx_status from_rlp(enum rlp_status status)
{
    switch (status) {
    case RLP_OK:
        return TX_OK;
    case RLP_NON_CANONICAL:
    case RLP_LEADING_ZERO:
        return TX_NON_CANONICAL;
    case RLP_TOO_LARGE:
        return TX_FIELD_OVERFLOW;
    default:
        return TX_MALFORMED;
    }
}

// The readers below take a status and do nothing once it is not TX_OK, so that a list of fields reads as a list.

static void take_u64(enum tx_status *status, struct bytes *in, uint64_t *out)
{
    if (*status == TX_OK)
        *status = from_rlp(rlp_read_u64(in, out));
}

static void take_u256(enum tx_status *status, struct bytes *in, u256 *out)
{
    if (*status == TX_OK)
        *status = from_rlp(rlp_read_u256(in, out));
}

// A number of 256 bits of which only 64 can be right: anything longer reads as UINT64_MAX.
static void take_clamped(enum tx_status *status, struct bytes *in, uint64_t *out)
{
    u256 wide = U256_ZERO;
    take_u256(status, in, &wide);
    *out = u256_fits_u64(&wide) ? wide.w[0] : UINT64_MAX;
}

static void take_scalar(enum tx_status *status, struct bytes *in, bytes32 *out)
{
    u256 value = U256_ZERO;
    take_u256(status, in, &value);
    u256_to_be(out->b, &value);
}

static void take_target(enum tx_status *status, struct bytes *in, struct tx *out)
{
    struct bytes to = {0};
    if (*status == TX_OK)
        *status = from_rlp(rlp_read_string(in, &to));
    out->is_create = to.len == 0;
    if (to.len == sizeof out->to.b)
        memcpy(out->to.b, to.ptr, to.len);
    else if (to.len == 0)
        out->to = (address){{0}};
    else
        *status = TX_MALFORMED;
}

static void take_data(enum tx_status *status, struct bytes *in, struct tx *out)
{
    if (*status == TX_OK)
        *status = from_rlp(rlp_read_string(in, &out->data));
    if (*status != TX_OK)
        return;
    uint32_t zeros = 0;
    for (size_t i = 0; i < out->data.len; i++)
        zeros += out->data.ptr[i] == 0;
    out->data_zero_count = zeros;
}

// One entry of an access list: [address, [key, ...]].
static enum tx_status read_access_entry(struct bytes *list, uint32_t *key_count)
{
    struct bytes entry, keys = {0};
    uint8_t fixed[32];
    enum rlp_status status = rlp_read_list(list, &entry);
    if (status == RLP_OK)
        status = rlp_read_fixed(&entry, fixed, 20);
    if (status == RLP_OK)
        status = rlp_read_list(&entry, &keys);
    if (status == RLP_OK)
        status = rlp_done(entry);
    while (status == RLP_OK && keys.len > 0) {
        status = rlp_read_fixed(&keys, fixed, 32);
        *key_count += 1;
    }
    return from_rlp(status);
}

static void take_access_list(enum tx_status *status, struct bytes *in, struct tx *out)
{
    struct rlp_item item = {0};
    if (*status == TX_OK)
        *status = from_rlp(rlp_read(in, &item));
    if (*status == TX_OK && !item.is_list)
        *status = TX_MALFORMED;
    out->access_list = item.whole;
    while (*status == TX_OK && item.payload.len > 0) {
        *status = read_access_entry(&item.payload, &out->access_key_count);
        out->access_address_count++;
    }
}

static void take_blob_hashes(enum tx_status *status, struct bytes *in, struct tx *out)
{
    uint8_t hash[32];
    if (*status == TX_OK)
        *status = from_rlp(rlp_read_list(in, &out->blob_hashes));
    struct bytes left = out->blob_hashes;
    while (*status == TX_OK && left.len > 0) {
        *status = from_rlp(rlp_read_fixed(&left, hash, sizeof hash));
        out->blob_count++;
    }
}

// Everything between two positions of the same view.
static struct bytes between(struct bytes from, struct bytes to)
{
    return bytes_of(from.ptr, from.len - to.len);
}

// [nonce, gasPrice, gasLimit, to, value, data, v, r, s]
static enum tx_status read_legacy(struct tx *out, struct bytes in)
{
    enum tx_status status = TX_OK;
    const struct bytes start = in;
    take_u64(&status, &in, &out->nonce);
    take_u256(&status, &in, &out->max_fee);
    take_u64(&status, &in, &out->gas_limit);
    take_target(&status, &in, out);
    take_u256(&status, &in, &out->value);
    take_data(&status, &in, out);
    out->signed_fields = between(start, in);
    out->max_tip = out->max_fee;
    take_clamped(&status, &in, &out->legacy_v);
    take_scalar(&status, &in, &out->r);
    take_scalar(&status, &in, &out->s);
    return status == TX_OK && in.len > 0 ? TX_MALFORMED : status;
}

// EIP-2930: [chainId, nonce, gasPrice, gasLimit, to, value, data, accessList, yParity, r, s]
// EIP-1559: [chainId, nonce, maxPriorityFee, maxFee, gasLimit, to, value, data, accessList, yParity, r, s]
// EIP-4844: the same with maxFeePerBlobGas, blobVersionedHashes after the access list
static enum tx_status read_typed(struct tx *out, struct bytes in)
{
    enum tx_status status = TX_OK;
    const struct bytes start = in;
    uint64_t y_parity = 0;
    out->has_chain_id = true;
    take_clamped(&status, &in, &out->chain_id);
    take_u64(&status, &in, &out->nonce);
    take_u256(&status, &in, &out->max_tip);
    if (out->type != TX_ACCESS_LIST)
        take_u256(&status, &in, &out->max_fee);
    else
        out->max_fee = out->max_tip;
    take_u64(&status, &in, &out->gas_limit);
    take_target(&status, &in, out);
    take_u256(&status, &in, &out->value);
    take_data(&status, &in, out);
    take_access_list(&status, &in, out);
    if (out->type == TX_BLOB) {
        take_u256(&status, &in, &out->max_blob_fee);
        take_blob_hashes(&status, &in, out);
        if (status == TX_OK && out->is_create)
            status = TX_BLOB_CREATION;
    }
    out->signed_fields = between(start, in);
    take_clamped(&status, &in, &y_parity);
    take_scalar(&status, &in, &out->r);
    take_scalar(&status, &in, &out->s);
    if (status != TX_OK)
        return status;
    if (in.len > 0)
        return TX_MALFORMED;
    out->y_parity = (uint8_t)(y_parity & 1);
    return y_parity > 1 ? TX_BAD_V : TX_OK;
}

// v is 27 + y parity, or chain id * 2 + 35 + y parity (EIP-155).
static enum tx_status split_legacy_v(struct tx *out)
{
    const uint64_t v = out->legacy_v;
    if (v == 27 || v == 28) {
        out->y_parity = (uint8_t)(v - 27);
        return TX_OK;
    }
    if (v < 35)
        return TX_BAD_V;
    out->has_chain_id = true;
    out->chain_id = (v - 35) / 2;
    out->y_parity = (uint8_t)((v - 35) & 1);
    // A chain id of 0 is how "no chain id" is written elsewhere; UINT64_MAX stands for a v beyond 64 bits.
    return out->chain_id == 0 || v == UINT64_MAX ? TX_WRONG_CHAIN_ID : TX_OK;
}

static enum tx_status check_signature(const struct tx *tx)
{
    if (bytes32_is_zero(&tx->r) || memcmp(tx->r.b, GROUP_ORDER.b, 32) >= 0)
        return TX_BAD_R;
    if (bytes32_is_zero(&tx->s) || memcmp(tx->s.b, GROUP_ORDER.b, 32) >= 0)
        return TX_BAD_S;
    return memcmp(tx->s.b, GROUP_HALF.b, 32) > 0 ? TX_HIGH_S : TX_OK;
}

static enum tx_status read_envelope(struct tx *out, struct bytes raw)
{
    const uint8_t first = raw.ptr[0];
    const bool is_legacy = first >= 0xc0;
    if (!is_legacy) {
        if (first >= 0x80)
            return TX_MALFORMED; // an RLP string holds no transaction
        if (first == TX_SET_CODE)
            return TX_SET_CODE_UNSUPPORTED;
        if (first != TX_ACCESS_LIST && first != TX_DYNAMIC_FEE && first != TX_BLOB)
            return TX_TYPE_UNSUPPORTED;
        out->type = (enum tx_type)first;
    }
    struct bytes in = is_legacy ? raw : bytes_of(raw.ptr + 1, raw.len - 1);
    struct bytes fields;
    enum tx_status status = from_rlp(rlp_read_list(&in, &fields));
    if (status != TX_OK)
        return status;
    if (in.len > 0)
        return TX_TRAILING_BYTES;
    status = is_legacy ? read_legacy(out, fields) : read_typed(out, fields);
    return status == TX_OK && is_legacy ? split_legacy_v(out) : status;
}

enum tx_status tx_decode(struct tx *out, struct bytes raw, uint64_t chain_id)
{
    if (raw.len > TX_RAW_MAX)
        return TX_TOO_LARGE;
    if (raw.len > 0 && raw.ptr[0] == TX_BLOB)
        return TX_BLOB_UNSUPPORTED;
    return tx_decode_foreign(out, raw, chain_id);
}

enum tx_status tx_decode_foreign(struct tx *out, struct bytes raw, uint64_t chain_id)
{
    *out = (struct tx){.raw = raw};
    if (raw.len == 0)
        return TX_MALFORMED;
    const enum tx_status status = read_envelope(out, raw);
    if (status != TX_OK)
        return status;
    // UINT64_MAX stands for a typed transaction's chain id that 64 bits can't hold, too.
    if (out->has_chain_id && (out->chain_id == UINT64_MAX || (chain_id != 0 && out->chain_id != chain_id)))
        return TX_WRONG_CHAIN_ID;
    return check_signature(out);
}

bytes32 tx_blob_hash(const struct tx *tx, uint32_t index)
{
    enum { ENCODED = 33 }; // a header of one byte
    bytes32 hash;
    memcpy(hash.b, tx->blob_hashes.ptr + (size_t)index * ENCODED + 1, sizeof hash.b);
    return hash;
}

size_t tx_signing_message(uint8_t *buf, const struct tx *tx)
{
    uint8_t *p = buf;
    const bool is_eip155 = tx->type == TX_LEGACY && tx->has_chain_id;
    if (tx->type != TX_LEGACY)
        *p++ = (uint8_t)tx->type;
    const size_t suffix = is_eip155 ? rlp_size_u64(tx->chain_id) + 2 : 0;
    p = rlp_put_list(p, tx->signed_fields.len + suffix);
    memcpy(p, tx->signed_fields.ptr, tx->signed_fields.len);
    p += tx->signed_fields.len;
    if (is_eip155) {
        p = rlp_put_u64(p, tx->chain_id);
        p = rlp_put_u64(p, 0);
        p = rlp_put_u64(p, 0);
    }
    return (size_t)(p - buf);
}

bytes32 tx_hash(const struct tx *tx)
{
    return keccak256(tx->raw.ptr, tx->raw.len);
}

bytes32 tx_signing_hash(const struct tx *tx)
{
    // The same bytes as tx_signing_message's, hashed piece by piece so that no buffer of the raw length is needed.
    uint8_t head[16], suffix[16];
    uint8_t *p = head, *q = suffix;
    if (tx->type == TX_LEGACY && tx->has_chain_id) {
        q = rlp_put_u64(q, tx->chain_id);
        q = rlp_put_u64(q, 0);
        q = rlp_put_u64(q, 0);
    }
    if (tx->type != TX_LEGACY)
        *p++ = (uint8_t)tx->type;
    p = rlp_put_list(p, tx->signed_fields.len + (size_t)(q - suffix));
    struct keccak256_ctx ctx;
    keccak256_init(&ctx);
    keccak256_add(&ctx, head, (size_t)(p - head));
    keccak256_add(&ctx, tx->signed_fields.ptr, tx->signed_fields.len);
    keccak256_add(&ctx, suffix, (size_t)(q - suffix));
    return keccak256_finish(&ctx);
}
