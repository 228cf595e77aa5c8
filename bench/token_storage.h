// Where a load's token keeps what somebody has (Solidity's layout of storage). Pure.
#ifndef GANTRY_BENCH_TOKEN_STORAGE_H
#define GANTRY_BENCH_TOKEN_STORAGE_H

#include "base/bytes.h"

bytes32 token_balance_slot(const address *owner);
bytes32 token_allowance_slot(const address *owner, const address *spender);

#endif
