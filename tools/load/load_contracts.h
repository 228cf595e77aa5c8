// The contracts of a load: deployed, and every sender given tokens, before it starts.
//
// The deployer is an account of the load's own, whose key follows from the seed and the counts. All that it does is one
// fixed sequence of transactions, so that its nonce says how far it is: the next run, or one that was interrupted, goes
// on from there, on any node.
#ifndef GANTRY_TOOLS_LOAD_LOAD_CONTRACTS_H
#define GANTRY_TOOLS_LOAD_LOAD_CONTRACTS_H

#include "tools/load/load_mix.h"
#include "tools/load/load_set.h"
#include "tools/load/rpc_client.h"

// Senders times tokens that are given away at most.
#define LOAD_GIFTS_MAX 4000000u

// from pays the deployer what it needs; NULL: it has it, or that is an error. Sets mix's addresses. Waits until all is
// included; false with error, also when one of the transactions failed.
MUST_CHECK bool load_contracts_make(struct rpc_client *rpc, uint64_t chain_id, const struct load_senders *senders,
                                    const bytes32 *from, struct load_mix *mix, char error[LOAD_ERROR_MAX]);

#endif
