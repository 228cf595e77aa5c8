// A block that was made elsewhere, taken apart: its header, transactions with their senders, and withdrawals; and the
// roots over them. One thread a body; its memory is kept from one block to the next.
#ifndef GANTRY_SHARD_SERIAL_BLOCK_BODY_H
#define GANTRY_SHARD_SERIAL_BLOCK_BODY_H

#include "chain/block.h"
#include "chain/ordered_trie.h"
#include "chain/tx.h"
#include "shard/serial/verdict.h"
#include "sigverify/sigverify.h"

struct block_body {
    struct bytes rlp; // the whole block; everything below points into it
    struct block_view view;
    bytes32 hash;
    size_t tx_count;
    struct bytes *raw; // the transactions as they travel
    struct tx *txs;
    address *senders;
    size_t withdrawal_count;
    struct withdrawal *withdrawals;
    // The owner's business alone.
    size_t tx_capacity, withdrawal_capacity;
    struct sv_verifier *verifier;
    struct sv_item *items;
    struct sv_result *results;
    struct bytes *leaves; // of the withdrawals' trie
    struct ordered_trie_scratch scratch;
};

struct block_body *block_body_create(void);
void block_body_free(struct block_body *body);

// Decodes all of a block (exactly one) and recovers the senders. chain_id 0: any. rlp stays as long as the body is
// used.
MUST_CHECK bool block_body_read(struct block_body *body, struct bytes rlp, uint64_t chain_id,
                                struct block_verdict *out);

// Whether the body is the one that the header names: roots of transactions and withdrawals, and no ommers.
MUST_CHECK bool block_body_check(struct block_body *body, struct block_verdict *out);

#endif
