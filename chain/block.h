// A block in RLP, as it is stored, exported and re-executed: [header, [transactions], [ommers], [withdrawals]]. Blocks
// of a gantry chain have neither ommers nor withdrawals; blocks from before Shanghai have no list of withdrawals.
#ifndef GANTRY_CHAIN_BLOCK_H
#define GANTRY_CHAIN_BLOCK_H

#include "chain/header.h"

// Size and writing of a whole block from a header and raw transactions (typed ones become RLP strings).
size_t block_size(const struct header *h, const struct bytes *raw_txs, size_t count);
uint8_t *block_put(uint8_t *p, const struct header *h, const struct bytes *raw_txs, size_t count);

// A block in parts: header decoded, the lists' payloads left for block_next_tx and block_next_withdrawal.
struct block_view {
    struct header header;
    struct bytes header_rlp;
    struct bytes txs;        // what is left of the transaction list
    struct bytes ommers_rlp; // the whole list, whose Keccak-256 is in the header
    bool has_withdrawals;
    struct bytes withdrawals; // what is left of them
};
// A block of a gantry chain: withdrawals are there and, like ommers, empty. false when malformed.
MUST_CHECK bool block_decode(struct block_view *out, struct bytes in);
// A block of any Ethereum chain up to Cancun.
MUST_CHECK bool block_decode_foreign(struct block_view *out, struct bytes in);
// Takes the next raw transaction (EIP-2718 bytes) off v->txs: 1 and *raw, 0 at the end, -1 when malformed.
MUST_CHECK int block_next_tx(struct block_view *v, struct bytes *raw);

// EIP-4895. rlp is what the withdrawals' trie holds.
struct withdrawal {
    uint64_t index, validator;
    address to;
    uint64_t amount_gwei;
    struct bytes rlp;
};
// Takes the next withdrawal off v->withdrawals, with the same answers.
MUST_CHECK int block_next_withdrawal(struct block_view *v, struct withdrawal *out);

#endif
