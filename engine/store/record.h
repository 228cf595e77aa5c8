// One executed block as it is stored, cached and served: the block's RLP and everything about it that the RLP does not
// say. Encoding is a fixed little-endian layout (docs/storage.md); the block log frames and checksums it.
//
// A decoded record points into its encoding. Pure functions; any thread.
#ifndef GANTRY_ENGINE_STORE_RECORD_H
#define GANTRY_ENGINE_STORE_RECORD_H

#include "chain/block.h"
#include "chain/tx.h"
#include "shard/exec/exec.h"

// What the encoder is given. Arrays are indexed by position in B.
struct record_input {
    const struct header *header;
    uint64_t time_ms; // of the ordering block
    uint32_t tx_count;
    const struct bytes *raw_txs;
    const bytes32 *tx_hashes;
    const address *senders;
    const struct receipt *receipts; // cumulative_gas, success, logs
    const struct exec_counts *counts;
    uint32_t dropped_count;
    const bytes32 *dropped_hashes;
    const uint8_t *dropped_reasons; // enum tx_status
};

size_t record_size(const struct record_input *in);
uint8_t *record_put(uint8_t *p, const struct record_input *in);

// A decoded record.
struct record {
    struct bytes encoding;
    struct bytes block_rlp;
    struct header header;
    bytes32 block_hash;
    uint64_t time_ms;
    uint32_t tx_count, dropped_count;
    struct exec_counts counts;
    const uint8_t *table;   // per transaction: offsets, cumulative gas, status, sender, hash (record_tx reads it)
    const uint8_t *dropped; // per dropped one: hash, reason
};

struct record_tx {
    struct bytes raw;
    bytes32 hash;
    address sender;
    bool success;
    uint64_t cumulative_gas, gas_used;
    struct bytes logs; // RLP list, empty view when there are none
};

// Exactly one record; false when malformed (every offset is checked).
MUST_CHECK bool record_decode(struct record *out, struct bytes encoding);
// The header and its hash, from the first bytes of a record; RECORD_START_BYTES of them are enough.
#define RECORD_START_BYTES 2048u
MUST_CHECK bool record_start_header(struct header *out, bytes32 *hash, struct bytes start);
// Transaction i < tx_count.
void record_tx_at(const struct record *r, uint32_t i, struct record_tx *out);
void record_dropped_at(const struct record *r, uint32_t i, bytes32 *hash, enum tx_status *reason);

#endif
