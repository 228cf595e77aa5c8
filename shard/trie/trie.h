// Merkle-Patricia tries over 32-byte keys (yellow paper, appendix D) that live beside a table of their values: a leaf
// is a number, and its key and value are where `struct trie_leaves` says. The account sub-tries of the partitions are
// such tries from depth 2 on; storage tries are such tries from depth 0 on.
//
// Changing a trie (trie_put, trie_remove, trie_build) and making its hashes are two steps, because the hashes of many
// changes, and of many tries at once, fill the lanes of keccak256_batch. One owner thread a pool and its tries.
#ifndef GANTRY_SHARD_TRIE_TRIE_H
#define GANTRY_SHARD_TRIE_TRIE_H

#include "shard/trie/trie_node.h"

#define TRIE_VALUE_MAX 128
#define TRIE_KEY_NIBBLES 64

// Where the leaves are. The numbers are below TRIE_LEAF - 1.
struct trie_leaves {
    // Must not read the leaf itself: also called for addresses to prefetch.
    const bytes32 *(*key)(void *ctx, uint32_t leaf);
    // Writes the value as the trie holds it, 1 to TRIE_VALUE_MAX bytes, and returns its length.
    size_t (*value)(void *ctx, uint32_t leaf, uint8_t *out);
};

struct trie {
    const struct trie_leaves *leaves;
    void *ctx;
    struct trie_pool *pool; // may be shared with other tries
    uint32_t root;          // child: TRIE_NONE when empty
    uint8_t root_depth;     // all keys agree in this many nibbles
    bool dirty;             // hashes have to be made anew
    bool root_embedded;     // root_ref is the root branch itself, shorter than a hash
    bytes32 root_ref; // reference of the root branch, without an extension above it; unused while the root is a leaf
};

void trie_init(struct trie *t, const struct trie_leaves *leaves, void *ctx, struct trie_pool *pool,
               unsigned root_depth);

// Takes in a leaf, or notes that the value of one that is there has changed. The key of a leaf never changes while it
// is in.
void trie_put(struct trie *t, uint32_t leaf);
// Takes out a leaf; nothing happens when it isn't in.
void trie_remove(struct trie *t, uint32_t leaf);

// Brings the nodes on the ways to leaves of a number of tries (at most TRIE_PREFETCH_MAX) into cache, all ways at once.
#define TRIE_PREFETCH_MAX 16
struct trie_way {
    const struct trie *trie;
    uint32_t leaf;
};
void trie_prefetch(const struct trie_way *ways, size_t count);

// Fills an empty trie from leaves sorted by key, without duplicates. prefix is the first 8 bytes of the key,
// big-endian.
struct trie_entry {
    uint64_t prefix;
    uint32_t leaf;
};
void trie_build(struct trie *t, const struct trie_entry *sorted, size_t count);
// Sorts what trie_build wants.
void trie_sort(const struct trie *t, struct trie_entry *entries, size_t count);
uint64_t trie_key_prefix(const bytes32 *key);

// Makes the hashes of everything that changed in a number of tries: new, add each trie (changed ones only once it is
// done changing), finish. A trie is best added right after its changes, while its nodes are in cache. Memory for the
// work comes from arena and goes back in finish, which frees the hasher.
struct trie_hasher;
struct trie_hasher *trie_hasher_new(struct arena *arena);
void trie_hasher_add(struct trie_hasher *h, struct trie *t);
void trie_hasher_finish(struct trie_hasher *h);

// The root hash; after hashing.
bytes32 trie_root(const struct trie *t);
// Of many tries, whose last hashes fill the lanes too.
void trie_roots(bytes32 *out, const struct trie *const *tries, size_t count);

// The key of any leaf below: all of them agree in the nibbles above the child.
const bytes32 *trie_any_key(const struct trie *t, uint32_t child);

#endif
