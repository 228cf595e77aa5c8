// The init code of the contracts that a load deploys (contracts/), as hexadecimal text without 0x.
#ifndef GANTRY_TOOLS_LOAD_CONTRACT_CODE_H
#define GANTRY_TOOLS_LOAD_CONTRACT_CODE_H

extern const char LOAD_TOKEN_CODE[]; // LoadToken
extern const char LOAD_PAIR_CODE[];  // Pair; its two tokens' addresses follow, 32 bytes each

#endif
