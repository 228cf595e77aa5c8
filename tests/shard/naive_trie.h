// The tests' oracle: a Merkle-Patricia root straight from the definition (yellow paper, appendix D), by recursion over
// a sorted list, sharing no code with shard/trie but keccak256. Keys may have any length.
#ifndef GANTRY_TESTS_SHARD_NAIVE_TRIE_H
#define GANTRY_TESTS_SHARD_NAIVE_TRIE_H

#include "base/bytes.h"

struct naive_item {
    struct bytes key, value;
};

// Sorts items in place. Keys differ; values are not empty.
bytes32 naive_trie_root(struct naive_item *items, size_t count);

#endif
