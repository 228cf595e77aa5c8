// A transaction on its way through the node: one allocation holding the decoded fields, what verification found, the
// pool's links and the raw bytes. It is allocated by the shard that received it (home), handed by reference to the
// shard that owns its sender, and comes back by message to be freed. Exactly one thread may touch it at a time.
#ifndef GANTRY_MEMPOOL_POOLED_TX_H
#define GANTRY_MEMPOOL_POOLED_TX_H

#include "chain/tx.h"

// Where the answer to a submission goes: a connection of the receiving shard, or a waiting JSON-RPC request.
struct tx_origin {
    uint32_t connection; // receiver's handle; 0: nobody waits
    uint32_t generation; // so that a reused handle is not mistaken for the old one
    uint64_t sequence;   // position of the answer in the connection's order, or the request's id
};

struct pooled_tx {
    struct tx tx; // its views point into raw[]
    bytes32 hash;
    address sender;
    bytes32 sender_key; // keccak256(sender); [0] is the partition
    bytes32 target_key; // keccak256(tx.to)
    struct tx_origin origin;
    // What lets others check the signature in a batch (sigverify.h): the sender's key and, where it is known, R's y.
    uint8_t pubkey[64];
    uint8_t ry[32];
    bool has_ry;
    // Monotonic: received, its batch verified, pooled, proposed last. received_ns is 0 for what a car brought.
    uint64_t received_ns, verified_ns, pooled_ns, taken_ns;
    uint16_t home;  // shard that allocated this
    uint8_t status; // enum tx_status, on the way back
    bool settled;   // its list is over, and its path kept
    // The pool's own (mempool/ only).
    struct pooled_tx *sender_next, *sender_prev; // the sender's queue, by nonce
    struct pooled_tx *queued_next, *queued_prev; // those behind a gap, by the time they came there
    uint64_t queued_ns;
    uint64_t sequence;               // order of arrival in the pool
    u256 max_cost;                   // gas limit * fee cap + value
    uint32_t pool_slot, sender_slot; // numbers in the pool's tables
    uint8_t pool_state;              // enum pool_state
    bool proposed;                   // handed out by mempool_propose, result awaited
    bool included;                   // elsewhere, while proposed here
    size_t raw_len;
    uint8_t raw[];
};

// Brings all of it but the raw bytes into cache.
static inline void pooled_tx_prefetch(const struct pooled_tx *t)
{
    for (size_t at = 0; at < sizeof *t; at += 64)
        __builtin_prefetch((const char *)t + at);
}

static inline size_t pooled_tx_bytes(size_t raw_len)
{
    return sizeof(struct pooled_tx) + raw_len;
}

#endif
