// Encodings of trie nodes (yellow paper, appendices C and D): hex-prefix paths, leaves, extensions, branches.
// Any thread; nothing here allocates.
#ifndef GANTRY_SHARD_TRIE_TRIE_ENCODE_H
#define GANTRY_SHARD_TRIE_TRIE_ENCODE_H

#include "base/bytes.h"

// A branch of sixteen hashes is the longest node: 16 * 33 + 1 bytes and a header of 3.
#define TRIE_NODE_BYTES_MAX 532

// A path is nibbles [from, to) of a sequence, two a byte, high one first.
struct trie_path {
    const uint8_t *nibbles;
    unsigned from, to;
};

// The reference that a parent holds to a child is 32 bytes: the child's hash or, embedded, the whole child where it is
// shorter than that.

// Length of an embedded node, which its own header tells.
static inline size_t trie_embedded_len(const bytes32 *ref)
{
    return (size_t)(ref->b[0] - 0xc0) + 1;
}

// All return a view into out (TRIE_NODE_BYTES_MAX bytes), which need not begin at its start.
struct bytes trie_encode_leaf(uint8_t *out, struct trie_path path, struct bytes value);
struct bytes trie_encode_extension(uint8_t *out, struct trie_path path, const bytes32 *ref, bool embedded);
// refs: one for each bit of children, in order; those at the bits of embedded are embedded.
struct bytes trie_encode_branch(uint8_t *out, uint16_t children, uint16_t embedded, const bytes32 *refs);

#endif
