// What is wrong with a block that was made elsewhere: the kind, and the words.
#ifndef GANTRY_SHARD_SERIAL_VERDICT_H
#define GANTRY_SHARD_SERIAL_VERDICT_H

#include "chain/tx.h"

enum block_fault {
    BLOCK_VALID = 0,
    BLOCK_MALFORMED, // not the RLP of a block
    BLOCK_UNKNOWN_PARENT,
    BLOCK_NUMBER,
    BLOCK_TIMESTAMP,
    BLOCK_GAS_LIMIT,       // too far from the parent's, too low or too high
    BLOCK_GAS_ABOVE_LIMIT, // more gas used than the limit
    BLOCK_FIELDS,          // fields that its fork doesn't have, or lacks fields that it has
    BLOCK_BASE_FEE,
    BLOCK_DIFFICULTY, // or a nonce
    BLOCK_OMMERS,
    BLOCK_EXCESS_BLOB_GAS,
    BLOCK_BLOB_GAS,
    BLOCK_WITHDRAWALS,
    BLOCK_TRANSACTIONS_ROOT,
    BLOCK_TRANSACTION, // one of them is no valid transaction at its turn
    BLOCK_GAS_USED,
    BLOCK_RECEIPTS_ROOT,
    BLOCK_BLOOM,
    BLOCK_STATE_ROOT,
    BLOCK_FORK, // of rules that aren't here
    BLOCK_FAULT_COUNT,
};

struct block_verdict {
    enum block_fault fault;
    enum tx_status tx_status; // BLOCK_TRANSACTION: why
    char text[256];           // "gas used: the header has 21000, execution gives 42000"
};

// A short name for each kind. Never NULL.
const char *block_fault_text(enum block_fault fault);

// Fills in the verdict; always false, for the caller to return.
__attribute__((format(printf, 3, 4))) bool block_refuse(struct block_verdict *out, enum block_fault fault,
                                                        const char *format, ...);
// The same for a hash that isn't what the rest of the block makes it: true when they are equal.
bool block_compare_hash(struct block_verdict *out, enum block_fault fault, const bytes32 *header, const bytes32 *got);

#endif
