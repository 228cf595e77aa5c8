// Reading the values of a request's parameters, with the words that geth (and so every client library) uses when they
// are wrong. Each function takes the value (never NULL) and writes the result, or an error message and returns
// false. Pure functions; any thread.
#ifndef GANTRY_ENGINE_RPC_PARAMS_H
#define GANTRY_ENGINE_RPC_PARAMS_H

#include "base/u256.h"
#include "engine/rpc/json.h"

#define PARAM_ERROR_MAX 256

// Where a value stands, for messages: field NULL for an argument itself, else "Struct.field" as in
// "TransactionArgs.value".
MUST_CHECK bool param_address(const struct jv *v, const char *field, address *out, char error[PARAM_ERROR_MAX]);
MUST_CHECK bool param_hash(const struct jv *v, const char *field, bytes32 *out, char error[PARAM_ERROR_MAX]);
// Hexadecimal numbers: 0x, at least one digit, no leading zeros.
MUST_CHECK bool param_quantity(const struct jv *v, const char *field, uint64_t *out, char error[PARAM_ERROR_MAX]);
MUST_CHECK bool param_quantity256(const struct jv *v, const char *field, u256 *out, char error[PARAM_ERROR_MAX]);
// Bytes: malloc'ed into *out (NULL when there are none).
MUST_CHECK bool param_data(const struct jv *v, const char *field, uint8_t **out, size_t *len,
                           char error[PARAM_ERROR_MAX]);
MUST_CHECK bool param_bool(const struct jv *v, bool *out, char error[PARAM_ERROR_MAX]);
MUST_CHECK bool param_text(const struct jv *v, struct bytes *out, char error[PARAM_ERROR_MAX]);
// A storage slot: 0x and up to 32 bytes, shorter ones are padded on the left.
MUST_CHECK bool param_slot(const struct jv *v, bytes32 *out, char error[PARAM_ERROR_MAX]);

// Which block is meant: a tag or number, or (where allowed: EIP-1898) a hash.
enum block_ref_kind { BLOCK_REF_NUMBER, BLOCK_REF_LATEST, BLOCK_REF_PENDING, BLOCK_REF_HASH };

struct block_ref {
    enum block_ref_kind kind;
    uint64_t number; // "earliest" is number 0
    bytes32 hash;
};

// latest, safe and finalized are one: what is included is final.
MUST_CHECK bool param_block_number(const struct jv *v, struct block_ref *out, char error[PARAM_ERROR_MAX]);
// As above, or a 32-byte hash, or {"blockNumber": ...}, or {"blockHash": ..., "requireCanonical": bool}.
MUST_CHECK bool param_block(const struct jv *v, struct block_ref *out, char error[PARAM_ERROR_MAX]);
// A number of blocks: hexadecimal or decimal, as text or as a JSON number.
MUST_CHECK bool param_count(const struct jv *v, uint64_t *out, char error[PARAM_ERROR_MAX]);

#endif
