// Merkle proofs: the nodes on the way from a root towards a key, which prove its value or that it isn't there
// (EIP-1186). Nodes shorter than a hash are inside their parents, so they are not listed; a root always is.
#ifndef GANTRY_SHARD_TRIE_PROOF_H
#define GANTRY_SHARD_TRIE_PROOF_H

#include "shard/trie/account_trie.h"
#include "shard/trie/trie.h"

// Nodes, from the root on. Malloc'ed, so that it may go from thread to thread; all zero: empty.
struct proof {
    uint8_t *bytes;
    size_t len, capacity;
    unsigned count;
    size_t ends[TRIE_KEY_NIBBLES + 1];
};

void proof_free(struct proof *p); // empty again
void proof_add(struct proof *p, struct bytes node);
void proof_append(struct proof *p, const struct proof *more);
struct bytes proof_node(const struct proof *p, unsigned i);

// The nodes of a hashed trie. Without top: from the root branch on, without what lies above it (an extension), and
// nothing at all when the key is elsewhere or the root is a leaf.
void trie_prove(struct proof *out, const struct trie *t, const bytes32 *key, bool with_top);

// The nodes of the state trie above a key's partition. Returns whether the partition's own nodes follow.
bool state_root_prove(struct proof *out, const struct subroot subroots[256], const bytes32 *key);

// How many changes since a height are taken back to answer for it.
#define PROOF_CHANGES_MAX 20000

// A partition's part of the proof of an account, as it was after block `height`, and the proofs of some of its slots.
// 0, or -1 when the height isn't kept, lies before the tries were built, or too much has changed since. Heights before
// the tries' own cost as much as making its changes twice. The owner thread; a block may be open.
struct account_proof {
    struct account account;
    struct account_contract contract;
    struct proof account_nodes;
    size_t slot_count;
    const u256 *slots;        // the caller's
    u256 *values;             // malloc'ed
    struct proof *slot_nodes; // malloc'ed
};
MUST_CHECK int account_trie_prove(struct account_proof *out, struct account_trie *t, const bytes32 *key,
                                  uint64_t height);
// out.slots and slot_count are given before.
void account_proof_free(struct account_proof *p);

#endif
