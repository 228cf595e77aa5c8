// A block's body in RLP, as it is stored, exported and re-executed: [header, [transactions], [], []].
#ifndef GANTRY_CHAIN_BLOCK_H
#define GANTRY_CHAIN_BLOCK_H

#include "chain/header.h"

// Size and writing of a whole block from a header and raw transactions (typed ones become RLP strings).
size_t block_size(const struct header *h, const struct bytes *raw_txs, size_t count);
uint8_t *block_put(uint8_t *p, const struct header *h, const struct bytes *raw_txs, size_t count);

// Walks a block: header decoded, txs left as a list payload for block_next_tx. Ommers and withdrawals must be empty
// lists. false when malformed.
struct block_view {
    struct header header;
    struct bytes header_rlp;
    struct bytes txs; // what is left of the transaction list
};
MUST_CHECK bool block_decode(struct block_view *out, struct bytes in);
// Takes the next raw transaction (EIP-2718 bytes) off v->txs: 1 and *raw, 0 at the end, -1 when malformed.
MUST_CHECK int block_next_tx(struct block_view *v, struct bytes *raw);

#endif
