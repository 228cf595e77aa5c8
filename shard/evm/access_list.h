// Access lists (EIP-2930) in their encoded form: [[address, [key, ...]], ...]. Any thread.
#ifndef GANTRY_SHARD_EVM_ACCESS_LIST_H
#define GANTRY_SHARD_EVM_ACCESS_LIST_H

#include "base/u256.h"

// Calls visit for each address with NULL for key, then for each of its keys. list is the RLP list, header included.
// False when it is malformed; then only what came before has been visited.
bool access_list_walk(struct bytes list, void (*visit)(void *ctx, const address *who, const u256 *key), void *ctx);

#endif
