// The readers' side of the chain: blocks by number and hash, transactions by hash. It follows the coordinator by
// messages (chain_reader_add) and reads older blocks from the segment files. The transaction-hash index is one sorted
// file a closed segment and a table in memory for the open one; missing files are rebuilt at start. Owner: the rpc
// thread.
#ifndef GANTRY_ENGINE_STORE_CHAIN_READER_H
#define GANTRY_ENGINE_STORE_CHAIN_READER_H

#include "engine/store/blog.h"

struct chain_reader;

// Reads what the log in dir holds (blog must be open and not yet running); genesis is block 0, served from memory.
struct chain_reader *chain_reader_open(const char *dir, const struct blog *blog, const struct header *genesis,
                                       char error[STORE_ERROR_MAX]);
void chain_reader_close(struct chain_reader *r);

// From now on index files are written on the checkpoint thread instead of the owner's. c outlives the reader, or is
// closed before it.
struct checkpoint;
void chain_reader_set_background(struct chain_reader *r, struct checkpoint *c);

// A durable block: takes over `record` (malloc'ed). The newest are kept in memory (cache of blocks, bounded in bytes).
void chain_reader_add(struct chain_reader *r, uint64_t height, uint8_t *record, size_t len, struct blog_place place);
// Blocks below height are gone (retention): pass blog_first after blog_retain.
void chain_reader_retain(struct chain_reader *r, uint64_t height);

uint64_t chain_reader_head(const struct chain_reader *r);
uint64_t chain_reader_first(const struct chain_reader *r);

// A decoded block, valid until the next chain_reader_* call with the same reader. Block 0 is the genesis (no
// transactions). NULL when unknown, not kept or damaged (then *damaged is set and the log tells where).
const struct record *chain_reader_block(struct chain_reader *r, uint64_t height, bool *damaged);
// The bloom filter of the block's logs, from the index alone, valid as above. False when it isn't kept or the index is
// damaged: then the block itself is to be asked. Walking heights upwards is fast.
MUST_CHECK bool chain_reader_bloom(struct chain_reader *r, uint64_t height, const bloom **out);
MUST_CHECK bool chain_reader_height_of(struct chain_reader *r, const bytes32 *block_hash, uint64_t *height);
MUST_CHECK bool chain_reader_find_tx(struct chain_reader *r, const bytes32 *tx_hash, uint64_t *height, uint32_t *index);

// Bytes on disk of the index files.
uint64_t chain_reader_index_bytes(const struct chain_reader *r);

#endif
