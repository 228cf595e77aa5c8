// Ordering on a chain of one node: what turns the shards' proposals into the ordered list O, and says when. The
// coordinator drives it; time is handed in. In a cluster the participant stands here (engine/participant/).
#ifndef GANTRY_ENGINE_ORDER_ORDER_H
#define GANTRY_ENGINE_ORDER_ORDER_H

#include "chain/header.h"
#include "shard/exec/exec.h"

// What ordering fixes beside the list itself.
struct ordered {
    bytes32 digest; // of the ordering block: parentBeaconBlockRoot of the executed blocks
    uint64_t time_ms;
    address coinbase;
};

struct order_parent {
    uint64_t height; // of the executed chain
    uint64_t timestamp;
    bytes32 digest; // parentBeaconBlockRoot of the newest block
    bytes32 hash;   // of the newest block: what executing the last list gave
};

struct order_now {
    uint64_t ns; // monotonic
    uint64_t wall_ms;
};

struct order;

struct order_ops {
    // When the next list may be gathered (monotonic ns), given the start of the last one and that something is pooled.
    uint64_t (*next_start_ns)(const struct order *o, const struct order_parent *parent, uint64_t last_start_ns,
                              const struct order_now *now);
    // Arranges the gathered transactions into O, in place, and seals it. An empty list is a tick: it lowers the base
    // fee.
    void (*seal)(struct order *o, struct ordered *out, const struct order_parent *parent, struct exec_tx *txs,
                 size_t count, const struct order_now *now);
    void (*free)(struct order *o);
};

struct order {
    const struct order_ops *ops;
};

// A validator alone (validator.h, n = 1): O is the proposals as they came. Each list is a car of its lane with one
// stripe, whose digest is keccak256 of the concatenated transaction hashes of O; the car is held, ordered and final
// before seal returns.
//
// Nobody is told of any of it before the executed block is durable, and that block's record has the list. So the
// validator keeps no log, no guard and no cars, and signs nothing: a restart begins a new ordering chain on the newest
// executed block.
struct solo_options {
    uint64_t chain_id;
    uint64_t block_time_ms;
    bool subsecond; // equal timestamps allowed; else blocks are at least a second apart
    address coinbase;
    bytes32 head_digest; // parentBeaconBlockRoot of the newest executed block
    bytes32 head_hash;   // its hash
};
struct order *order_solo(const struct solo_options *options);

#endif
