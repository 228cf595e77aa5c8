// Ethereum transactions: strict decoding of the wire form, hashes, intrinsic gas, effective price.
//
// Known here: legacy (with and without EIP-155), access list (EIP-2930), dynamic fee (EIP-1559). Set-code transactions
// (EIP-7702) are recognised and refused by name; so are blob transactions (EIP-4844), which only blocks that were made
// elsewhere may hold. Pure functions; any thread; no allocation:
// a decoded transaction points into the raw bytes that it was decoded from.
#ifndef GANTRY_CHAIN_TX_H
#define GANTRY_CHAIN_TX_H

#include "base/u256.h"

enum tx_type { TX_LEGACY = 0, TX_ACCESS_LIST = 1, TX_DYNAMIC_FEE = 2, TX_BLOB = 3, TX_SET_CODE = 4 };

// The longest raw transaction accepted anywhere (as geth's pool: 128 KiB).
#define TX_RAW_MAX (128u * 1024)
// EIP-3860: init code above this is invalid.
#define TX_INIT_CODE_MAX 49152u

// Why a transaction is refused, from decoding to the block. Text: tx_status_text. The values are part of the ingest
// protocol (docs/ingest.md) and of the block log: append only.
enum tx_status {
    TX_OK = 0,
    // Decoding
    TX_MALFORMED,            // not RLP, truncated, or a field of the wrong kind
    TX_TRAILING_BYTES,       // bytes after the transaction
    TX_NON_CANONICAL,        // non-canonical RLP or an integer with leading zeros
    TX_TYPE_UNSUPPORTED,     // an unknown EIP-2718 type
    TX_BLOB_UNSUPPORTED,     // type 3
    TX_SET_CODE_UNSUPPORTED, // type 4
    TX_TOO_LARGE,            // raw bytes above TX_RAW_MAX
    TX_FIELD_OVERFLOW,       // an integer beyond its type (nonce, gas limit: 64 bits; others: 256 bits)
    TX_BAD_V,                // v or y parity outside its range
    TX_BAD_R,                // r is zero or not below the group order
    TX_BAD_S,                // s is zero or not below the group order
    TX_HIGH_S,               // s above half the group order (EIP-2)
    TX_WRONG_CHAIN_ID,
    // Signature
    TX_BAD_SIGNATURE, // no public key recovers
    TX_WRONG_WITNESS, // the given public key or R.y does not belong to the signature
    // Static validity
    TX_INTRINSIC_GAS,
    TX_GAS_LIMIT_EXCEEDED, // gas limit above the block's
    TX_TIP_ABOVE_FEE_CAP,
    TX_NONCE_MAX,     // nonce is 2^64-1 (EIP-2681)
    TX_COST_OVERFLOW, // gas limit * fee cap + value does not fit 256 bits
    TX_INIT_CODE_TOO_LARGE,
    TX_NOT_SUPPORTED, // needs contracts: of records by nodes that had none
    // Against state and pool
    TX_NONCE_TOO_LOW,
    TX_NONCE_TOO_HIGH, // further ahead than the pool keeps
    TX_INSUFFICIENT_FUNDS,
    TX_FEE_CAP_BELOW_BASE_FEE,
    TX_SENDER_HAS_CODE, // EIP-3607
    TX_ALREADY_KNOWN,
    TX_REPLACEMENT_UNDERPRICED,
    TX_UNDERPRICED, // the pool is full and this would be the cheapest
    TX_POOL_FULL,
    TX_SENDER_LIMIT, // the sender has as many as one may have pooled
    // Leaving the pool or the ordered list
    TX_REPLACED,
    TX_EVICTED,  // pushed out by better-paying ones
    TX_EXPIRED,  // waited too long behind a nonce gap
    TX_STOPPING, // the node shuts down
    // Blob transactions (EIP-4844), which the rules know though a gantry chain refuses them
    TX_BLOB_NONE,         // without a blob
    TX_BLOB_CREATION,     // without a target
    TX_BLOB_HASH_VERSION, // a blob hash that doesn't begin with 0x01
    TX_BLOB_COUNT,        // more than a block may hold
    TX_BLOB_FEE_CAP,      // below the blobs' base fee
    TX_STATUS_COUNT,
};

// The words that Ethereum clients parse ("nonce too low", "already known", ...). Never NULL.
const char *tx_status_text(enum tx_status status);

struct tx {
    enum tx_type type;
    bool is_create;    // no target
    bool has_chain_id; // false only for legacy transactions from before EIP-155
    uint8_t y_parity;  // 0 or 1
    uint32_t access_address_count;
    uint32_t access_key_count;
    uint32_t data_zero_count; // zero bytes in data
    uint64_t chain_id;
    uint64_t nonce;
    uint64_t gas_limit;
    u256 max_fee; // gas price of legacy and access-list transactions
    u256 max_tip; // likewise
    u256 value;
    address to; // zero when is_create
    bytes32 r, s;
    uint64_t legacy_v;          // v as encoded, legacy only
    struct bytes raw;           // the whole wire form
    struct bytes data;          // points into raw
    struct bytes access_list;   // the RLP list, header included; empty for legacy
    struct bytes signed_fields; // RLP payload of the fields that are signed, without list header; points into raw
    u256 max_blob_fee;          // type 3; zero otherwise
    struct bytes blob_hashes;   // type 3: RLP payload of blob_count hashes, 33 bytes each
    uint32_t blob_count;
};

// Decodes the wire form (EIP-2718 envelope or legacy list). Checks everything that needs no state, signature or
// intrinsic-gas arithmetic: canonical RLP, ranges, v, r and s, low s, chain id (0 for chain_id: any). Everything that
// is refused is refused by name. On failure *out is unspecified.
MUST_CHECK enum tx_status tx_decode(struct tx *out, struct bytes raw, uint64_t chain_id);

// As tx_decode, for a transaction of a block that was made elsewhere: of any length, and blob transactions too.
MUST_CHECK enum tx_status tx_decode_foreign(struct tx *out, struct bytes raw, uint64_t chain_id);
// A blob transaction's versioned hash, index below blob_count.
bytes32 tx_blob_hash(const struct tx *tx, uint32_t index);

// The longest tx_signing_message for a raw transaction of this length.
#define TX_SIGNING_MAX(raw_len) ((raw_len) + 16)

// Writes the message whose Keccak-256 is signed; returns its length. buf holds TX_SIGNING_MAX(tx->raw.len) bytes.
size_t tx_signing_message(uint8_t *buf, const struct tx *tx);

// keccak256 of the wire form / of the signing message. The hot path batches both instead (keccak256_batch).
bytes32 tx_hash(const struct tx *tx);
bytes32 tx_signing_hash(const struct tx *tx);

// Intrinsic gas at Cancun: 21000, data 4/16 a byte (EIP-2028), creation 32000, init code 2 a word (EIP-3860), access
// list 2400/1900 (EIP-2930).
uint64_t tx_intrinsic_gas(const struct tx *tx);

// Checks that need no state: intrinsic gas, init code size, tip over cap, nonce 2^64-1, gas limit above the block's,
// cost overflow.
MUST_CHECK enum tx_status tx_check_static(const struct tx *tx, uint64_t block_gas_limit);

// gas_limit * max_fee + value into *out; true when it does not fit 256 bits.
MUST_CHECK bool tx_max_cost(u256 *out, const struct tx *tx);

// min(max_fee, base_fee + max_tip); requires max_fee >= base_fee. The tip part (price - base_fee) goes to the coinbase.
u256 tx_effective_price(const struct tx *tx, const u256 *base_fee);

// Fields for making a transaction (generator, tests). data and access_list may be empty.
struct tx_fields {
    enum tx_type type;
    bool is_create;
    uint64_t chain_id; // 0 with TX_LEGACY: no EIP-155
    uint64_t nonce, gas_limit;
    u256 max_fee, max_tip, value;
    address to;
    struct bytes data;
    struct bytes access_list; // encoded RLP list
};

// Encodes the signing message of these fields; returns its length, or 0 when cap is too small.
size_t tx_encode_unsigned(uint8_t *buf, size_t cap, const struct tx_fields *fields);
// Encodes the signed wire form; returns its length, or 0 when cap is too small.
size_t tx_encode_signed(uint8_t *buf, size_t cap, const struct tx_fields *fields, uint8_t y_parity, const bytes32 *r,
                        const bytes32 *s);

#endif
