// Money and nonces for a load's senders, asked and arranged over JSON-RPC before it starts. One thread.
#ifndef GANTRY_TOOLS_LOAD_LOAD_FUND_H
#define GANTRY_TOOLS_LOAD_LOAD_FUND_H

#include "tools/load/load_set.h"
#include "tools/load/rpc_client.h"

// nonces[i]: the next one of sender i, pooled transactions counted.
MUST_CHECK bool load_fetch_nonces(struct rpc_client *rpc, const struct load_senders *senders, uint64_t *nonces,
                                  char error[LOAD_ERROR_MAX]);

struct load_funding {
    uint64_t chain_id;
    u256 need;           // wei that each sender must have
    const bytes32 *from; // key that pays those who have less; NULL: that is an error
};
// Gives every sender that has less than `need` twice that much, and waits until all of it is included.
MUST_CHECK bool load_fund(struct rpc_client *rpc, const struct load_senders *senders,
                          const struct load_funding *funding, char error[LOAD_ERROR_MAX]);

#endif
