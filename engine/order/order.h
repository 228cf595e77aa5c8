// Ordering: what turns the shards' proposals into the ordered list O, and says when. The coordinator drives it; time is
// handed in. One validator alone is engine/order/solo.c.
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
};

struct order;

struct order_ops {
    // When the next list may be gathered (monotonic ns), given the start of the last one and that something is pooled.
    uint64_t (*next_start_ns)(const struct order *o, const struct order_parent *parent, uint64_t last_start_ns,
                              uint64_t now_ns, uint64_t wall_ms);
    // Arranges the gathered transactions into O, in place, and seals it.
    void (*seal)(struct order *o, struct ordered *out, const struct order_parent *parent, struct exec_tx *txs,
                 size_t count, uint64_t wall_ms);
    void (*free)(struct order *o);
};

struct order {
    const struct order_ops *ops;
};

// One validator: O is the proposals as they came. Digest: H_solo(parent digest, height, time_ms,
// keccak256 of the concatenated transaction hashes of O), a BIP-340 style tagged SHA-256, integers little-endian.
struct solo_options {
    uint64_t block_time_ms;
    bool subsecond; // equal timestamps allowed; else blocks are at least a second apart
    address coinbase;
};
struct order *order_solo(const struct solo_options *options);
bytes32 order_solo_digest(const bytes32 *parent, uint64_t height, uint64_t time_ms, const bytes32 *txs_hash);

#endif
