// The account sub-trie of one partition: the part of Ethereum's secure Merkle-Patricia trie below the first two nibbles
// of the path (yellow paper, appendix D), and the storage tries of the partition's contracts. Inner nodes live in
// memory, with the hashes of unchanged ones; leaves are the state's records. Nothing here is stored: it can be rebuilt
// from the flat state.
//
// Updating many partitions of a shard is one call, so that node hashes of the same level fill the Keccak lanes across
// partitions. One owner thread.
#ifndef GANTRY_SHARD_TRIE_ACCOUNT_TRIE_H
#define GANTRY_SHARD_TRIE_ACCOUNT_TRIE_H

#include "shard/state/state.h"

struct account_trie;

struct account_trie *account_trie_create(struct arena *arena, struct state *state);
void account_trie_free(struct account_trie *t);

// Takes what changed in the state of each trie's partition into the tries, recomputes hashes and tells the state the
// contracts' storage roots. Due after every block, before the next one opens.
void account_trie_update(struct account_trie **tries, size_t count);
// Builds from all accounts of the states (after loading).
void account_trie_rebuild(struct account_trie **tries, size_t count);

// What a partition contributes to the state root: the node at depth 2 (two nibbles consumed). Fixed size, copied across
// threads. A parent with one child must merge paths, so leaf and extension nodes come with their path.
enum subroot_kind { SUBROOT_EMPTY = 0, SUBROOT_BRANCH, SUBROOT_EXTENSION, SUBROOT_LEAF };
struct subroot {
    enum subroot_kind kind;
    uint8_t path_len;    // nibbles below depth 2 (extension: to the branch; leaf: all 62)
    uint8_t path[62];    // one nibble a byte
    bytes32 branch_hash; // branch and extension: hash of the branch node
    uint8_t value_len;
    uint8_t value[120]; // leaf: the RLP of the account
};
void account_trie_subroot(const struct account_trie *t, struct subroot *out);

// Joins the 256 partitions' nodes into the state root. Pure.
bytes32 state_root_join(const struct subroot subroots[256]);

// The same for block after block: remembers the nodes between the partitions' and the root, and makes only those above
// changed partitions anew. Any one thread at a time.
struct state_root;
struct state_root *state_root_create(void);
void state_root_free(struct state_root *r);
// changed[p] is not 0 where subroots[p] is another than in the last call; the first call takes them all. The array is
// the same in each call: what is remembered points into it.
bytes32 state_root_update(struct state_root *r, const struct subroot subroots[256], const uint8_t changed[256]);

// RLP of an account as the trie holds it: [nonce, balance, storage root, code hash]. contract: NULL for none. Returns
// the length (<= 120).
size_t account_encode(uint8_t out[120], const struct account *a, const struct account_contract *contract);

#endif
