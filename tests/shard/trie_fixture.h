// A table of leaves for testing shard/trie/trie.h, which knows the naive root of what is in it.
#ifndef GANTRY_TESTS_SHARD_TRIE_FIXTURE_H
#define GANTRY_TESTS_SHARD_TRIE_FIXTURE_H

#include "shard/trie/trie.h"

#define FIXTURE_LEAVES 4096

struct fixture_leaf {
    bytes32 key;
    uint8_t value[TRIE_VALUE_MAX];
    size_t value_len;
    bool in;
};

struct trie_fixture {
    struct arena *arena;
    struct trie_pool pool;
    struct trie trie;
    struct fixture_leaf leaves[FIXTURE_LEAVES];
    uint32_t count; // leaves with a key
};

// Keys count from nibble root_depth on, an even number; before it they are all zero.
struct trie_fixture *trie_fixture_new(unsigned root_depth);
void trie_fixture_free(struct trie_fixture *f);

// The leaf with this key; a new one when there is none.
uint32_t trie_fixture_leaf(struct trie_fixture *f, const bytes32 *key);
void trie_fixture_put(struct trie_fixture *f, uint32_t leaf, struct bytes value);
void trie_fixture_remove(struct trie_fixture *f, uint32_t leaf);
// Hashes, checks that no mark is left, and returns the root.
bytes32 trie_fixture_root(struct trie_fixture *f);
bytes32 trie_fixture_naive_root(const struct trie_fixture *f);

#endif
