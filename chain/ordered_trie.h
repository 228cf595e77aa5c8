// Roots of the transaction and receipt tries: Merkle-Patricia tries over rlp(index) -> value, built once, never
// updated (yellow paper, 4.3.2). Node hashes go through keccak256_batch level by level.
#ifndef GANTRY_CHAIN_ORDERED_TRIE_H
#define GANTRY_CHAIN_ORDERED_TRIE_H

#include "base/bytes.h"

// scratch grows as needed and is kept between calls by its owner (zero it before the first use).
struct ordered_trie_scratch {
    uint8_t *mem;
    size_t cap;
};

bytes32 ordered_trie_root(struct ordered_trie_scratch *scratch, const struct bytes *values, size_t count);
void ordered_trie_scratch_free(struct ordered_trie_scratch *scratch);

#endif
