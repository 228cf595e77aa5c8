// A chain that grows by blocks from elsewhere: each is checked in full after the one before it (shard/serial), on a
// state in memory that begins with the genesis. One thread.
#ifndef GANTRY_ENGINE_IMPORT_H
#define GANTRY_ENGINE_IMPORT_H

#include "chain/genesis.h"
#include "shard/serial/block_run.h"

struct importer;

// strict: only blocks that a gantry chain may have (docs/blocks.md), so that they can be stored. NULL when libcrypto
// offers no RIPEMD-160. The genesis may go afterwards.
struct importer *importer_create(const struct genesis *genesis, bool strict);
void importer_free(struct importer *x);

enum import_answer {
    IMPORT_TAKEN,
    IMPORT_KNOWN,   // the chain has this very block
    IMPORT_REFUSED, // the importer is of no more use, unless the block was not a child of the last one
};

// The block's RLP, and nothing behind it.
MUST_CHECK enum import_answer importer_take(struct importer *x, struct bytes rlp, struct block_verdict *out);

// The last block taken, at first the genesis block with its state root.
const struct header *importer_head(const struct importer *x);
bytes32 importer_head_hash(const struct importer *x);
// Transactions of the last block taken.
size_t importer_tx_count(const struct importer *x);
// The last block taken as the block log has it (engine/store/record.h), malloc'ed. rlp is the same as then. Its
// transactions count as the global pass', so that they are executed in order whenever they are replayed.
uint8_t *importer_record(const struct importer *x, size_t *len);

#endif
