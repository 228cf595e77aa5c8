// The init code of the contracts that a load deploys (contracts/), as hexadecimal text without 0x.
#ifndef GANTRY_TOOLS_LOAD_CONTRACT_CODE_H
#define GANTRY_TOOLS_LOAD_CONTRACT_CODE_H

#include <stdint.h>

extern const char LOAD_TOKEN_CODE[]; // LoadToken
extern const char LOAD_PAIR_CODE[];  // Pair; its two tokens' addresses follow, 32 bytes each

// The token as it is once deployed, by nobody, for a genesis; and where its storage has the balances (by owner), the
// allowances (by owner, then spender) and the supply.
extern const char LOAD_TOKEN_RUNTIME[];
extern const uint64_t LOAD_TOKEN_BALANCES_SLOT, LOAD_TOKEN_ALLOWANCES_SLOT, LOAD_TOKEN_SUPPLY_SLOT;

#endif
