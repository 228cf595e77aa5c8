// gantry bench sigverify --check: the implementation in use against libsecp256k1, on made-up signatures.
#ifndef GANTRY_BENCH_CHECK_SIGNATURES_H
#define GANTRY_BENCH_CHECK_SIGNATURES_H

#include "base/bytes.h"

// Compares about `count` recoveries, as many checks of witnesses and some of BIP-340, in batches of random sizes: a
// fifth of the items spoilt, others with edge values or related to each other. Prints the seed and what was done to
// standard output. 0 when all answers are the library's; otherwise -1 after the first difference, on standard error.
// One thread.
int bench_check_signatures(uint64_t seed, uint64_t count);

#endif
