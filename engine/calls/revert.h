// What Solidity says with REVERT: Error(string) and Panic(uint256). Pure; any thread.
#ifndef GANTRY_ENGINE_CALLS_REVERT_H
#define GANTRY_ENGINE_CALLS_REVERT_H

#include "base/bytes.h"

// The reason in words, as geth gives it; false when the data is neither. Bytes that JSON can't carry become '?'.
MUST_CHECK bool revert_reason(char *out, size_t cap, struct bytes data);

#endif
