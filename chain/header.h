// Block headers, receipts and the rules between a block and its parent, at Cancun. Pure functions; any thread.
#ifndef GANTRY_CHAIN_HEADER_H
#define GANTRY_CHAIN_HEADER_H

#include "base/u256.h"

typedef struct {
    uint8_t b[256];
} bloom;

struct header {
    bytes32 parent_hash, ommers_hash;
    address coinbase;
    bytes32 state_root, transactions_root, receipts_root;
    bloom logs_bloom;
    u256 difficulty;
    uint64_t number, gas_limit, gas_used, timestamp;
    struct bytes extra_data; // at most 32 bytes; the owner outlives the header
    bytes32 mix_hash;        // prevRandao
    uint8_t nonce[8];
    u256 base_fee;
    bool no_base_fee; // a header from before London, which ends with the nonce; never on a gantry chain
    // How many of the later fields are there: 0 up to London, 1 Shanghai, 4 Cancun (always 4 on a gantry chain).
    unsigned optional_count;
    bytes32 withdrawals_root;
    uint64_t blob_gas_used, excess_blob_gas;
    bytes32 parent_beacon_block_root;
};

#define HEADER_ENCODED_MAX 1024

// Writes the RLP of the header (at most HEADER_ENCODED_MAX bytes); returns its length.
size_t header_encode(uint8_t *buf, const struct header *h);
// Exactly one header; false when malformed. extra_data points into the input.
MUST_CHECK bool header_decode(struct header *out, struct bytes in);
bytes32 header_hash(const struct header *h);

// EIP-1559 parameters of a chain.
struct fee_rules {
    uint64_t elasticity;  // gas limit = elasticity * target; default 2
    uint64_t denominator; // bounds the change to 1/denominator; default 8
};

// Base fee of the child of a block (EIP-1559). gas_limit is at least elasticity. Saturates at 2^256 - 1.
u256 header_next_base_fee(const struct fee_rules *rules, uint64_t gas_limit, uint64_t gas_used, const u256 *base_fee);

// A receipt as it is hashed and served. logs is the RLP list of logs, header included (empty view: no logs).
struct receipt {
    uint8_t tx_type;
    bool success;
    uint64_t cumulative_gas;
    bloom logs_bloom;
    struct bytes logs;
};

// EIP-2718 receipt encoding: size, then write (returns the end).
size_t receipt_size(const struct receipt *r);
uint8_t *receipt_put(uint8_t *p, const struct receipt *r);

// Adds keccak256(item)'s three bits (yellow paper, 4.3.1).
void bloom_add(bloom *b, struct bytes item);
void bloom_add_hash(bloom *b, const bytes32 *hash); // of an item that was hashed elsewhere
void bloom_or(bloom *into, const bloom *from);
bool bloom_is_zero(const bloom *b);

#endif
