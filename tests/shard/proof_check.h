// Checks Merkle proofs straight from the definition (yellow paper, appendices B to D; EIP-1186), sharing no code with
// shard/trie but keccak256.
#ifndef GANTRY_TESTS_SHARD_PROOF_CHECK_H
#define GANTRY_TESTS_SHARD_PROOF_CHECK_H

#include "base/bytes.h"

enum proof_says { PROOF_IS_WRONG, PROOF_OF_VALUE, PROOF_OF_ABSENCE };

// nodes: from the root on; all of them must be needed. value: a view into a node.
enum proof_says proof_check(const bytes32 *root, const bytes32 *key, const struct bytes *nodes, size_t count,
                            struct bytes *value);

#endif
