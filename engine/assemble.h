// From the results of execution to a block: the order of B, receipts, the transaction and receipt tries, the header,
// the record. Owner: the coordinator. Memory is kept between blocks.
#ifndef GANTRY_ENGINE_ASSEMBLE_H
#define GANTRY_ENGINE_ASSEMBLE_H

#include "chain/genesis.h"
#include "engine/order/order.h"
#include "engine/store/record.h"

struct assembly;

struct assembly *assembly_create(void);
void assembly_free(struct assembly *a);

// What every block takes over from its parent and the chain.
struct assembly_parent {
    const struct header *header;
    bytes32 hash;
    const struct fee_rules *fees;
};

// Header fields that execution needs, before it: number, gas limit, base fee, timestamp, coinbase.
void assembly_open(struct header *out, const struct assembly_parent *parent, const struct ordered *ordered);

// What a block's execution needs of its header. ancestors are lent until the block is over.
struct exec_env assembly_env(uint64_t chain_id, const struct header *header, const struct exec_ancestors *ancestors);

// Everything but the state root: txs and results are those of one executed block (count entries, results[i] belongs to
// txs[i]); txs are pooled transactions. Can run while the shards update their tries.
void assembly_body(struct assembly *a, struct header *header, const struct exec_tx *txs,
                   const struct exec_result *results, size_t count);

// With the state root set in header: encodes the record (malloc'ed, the caller's) and the block hash.
uint8_t *assembly_seal(struct assembly *a, const struct header *header, uint64_t time_ms, size_t *len, bytes32 *hash);

// Transactions that the block holds, after assembly_body.
size_t assembly_tx_count(const struct assembly *a);
// Why transactions were dropped for good, one enum tx_status each; valid until the next assembly_body.
struct bytes assembly_dropped(const struct assembly *a);

#endif
