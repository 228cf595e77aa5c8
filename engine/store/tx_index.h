// The look-up index of one closed segment: where each block is, what may be in its logs, and which block holds a
// transaction or block hash. One file beside the segment ("segment-00000001.idx"), made once, never changed, rebuilt
// when missing or damaged.
//
//   [file header, in a page][pages of places, by height][pages of blooms, by height]
//   [pages of entries, sorted by the hash's first eight bytes]
//   page      255 items of 16 bytes (15 blooms of 256), XXH3-128 of them
//   place     offset u64 | length u32 | number of its bloom, from 1, or 0 for a block without logs u32
//   bloom     the header's logsBloom
//   entry     first eight bytes of the hash u64 | block, counted from the segment's first u32 | index u32
//
// index is the transaction's position, or TX_INDEX_BLOCK for a block's own hash. Eight bytes of a hash can meet another
// hash's, so what is found is a candidate that the caller compares with the record. Pages are checked when they are
// touched. An open index is read by one thread at a time.
#ifndef GANTRY_ENGINE_STORE_TX_INDEX_H
#define GANTRY_ENGINE_STORE_TX_INDEX_H

#include "engine/store/blog.h"

#define TX_INDEX_BLOCK UINT32_MAX

struct tx_index;

struct tx_index_entry {
    uint64_t prefix; // of the hash, read as a big-endian number
    uint32_t block;  // height - first height
    uint32_t index;
};
struct tx_index_place {
    uint64_t offset;
    uint32_t length;
    uint32_t bloom; // number, from 1; 0: all zero
};

static inline uint64_t tx_index_prefix(const bytes32 *hash)
{
    uint64_t v;
    memcpy(&v, hash->b, sizeof v);
    return __builtin_bswap64(v);
}

// What an index is made from. Entries in any order; tx_index_write sorts them.
struct tx_index_input {
    uint32_t segment;
    uint64_t first_height;
    struct tx_index_place *places;
    size_t block_count;
    bloom *blooms;
    size_t bloom_count;
    struct tx_index_entry *entries;
    size_t entry_count;
};

// Writes the segment's index (under another name first, then renamed). 0 or -errno. Any thread.
MUST_CHECK int tx_index_write(const char *dir, const bytes32 *genesis_hash, struct tx_index_input *in);
// Reads the segment's records and makes its index. False with a message when the segment is damaged. Any thread.
MUST_CHECK bool tx_index_build(const char *dir, const bytes32 *genesis_hash, uint32_t segment,
                               char error[STORE_ERROR_MAX]);

// NULL when missing, foreign, damaged or of another version: then build it anew.
struct tx_index *tx_index_open(const char *dir, const bytes32 *genesis_hash, uint32_t segment);
void tx_index_close(struct tx_index *x);
int tx_index_remove(const char *dir, uint32_t segment);

uint64_t tx_index_first(const struct tx_index *x);
uint64_t tx_index_last(const struct tx_index *x);
uint64_t tx_index_bytes(const struct tx_index *x);

// Entries with this prefix, from *cursor (0 at first) on. 1: *out is the next; 0: no more; -1: a damaged page.
MUST_CHECK int tx_index_find(const struct tx_index *x, uint64_t prefix, uint64_t *cursor, struct tx_index_entry *out);
MUST_CHECK bool tx_index_place_of(const struct tx_index *x, uint64_t height, struct tx_index_place *out);
// The bloom filter of a block's logs. Fast for heights that rise. False when it isn't here, or its page is damaged.
MUST_CHECK bool tx_index_bloom_of(struct tx_index *x, uint64_t height, const bloom **out);

#endif
