// Suggested prices from recent blocks, and the rewards of eth_feeHistory. Owner: the rpc thread.
//
// The tip to offer is the 60th percentile of the lowest tips that got into each of the last blocks (what geth
// does), so it follows what inclusion costs, not what some overpay. A chain without traffic suggests 1 gwei.
#ifndef GANTRY_ENGINE_RPC_FEES_H
#define GANTRY_ENGINE_RPC_FEES_H

#include "chain/genesis.h"
#include "engine/store/chain_reader.h"

#define FEE_BLOCKS 20
#define FEE_SAMPLES 3

// What one block tells: its lowest effective tips. Cached by height, as blocks never change.
struct fee_sample {
    uint64_t height; // 0: empty slot
    unsigned count;
    u256 tips[FEE_SAMPLES];
};

struct fee_oracle {
    struct fee_sample samples[FEE_BLOCKS]; // of height h at h % FEE_BLOCKS
};

u256 fee_suggest_tip(struct fee_oracle *oracle, struct chain_reader *reader);
// Base fee of the block after r.
u256 fee_next_base(const struct genesis *genesis, const struct header *h);

// Effective tips of a block at rising percentiles (0..100), weighted by gas. out holds `count`. All zero for an
// empty block. false when memory is short.
MUST_CHECK bool fee_rewards(const struct record *r, const double *percentiles, size_t count, u256 *out);

#endif
