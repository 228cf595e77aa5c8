// How fast libsecp256k1 recovers public keys here, on all cores at once: what a node's figures stand beside.
#ifndef GANTRY_BENCH_RECOVER_RATE_H
#define GANTRY_BENCH_RECOVER_RATE_H

#include "base/bytes.h"

struct recover_rate {
    double per_second;  // all cores together, by the clock
    double cpu_us_each; // CPU time of one
};

// Distinct signatures derived from seed; takes `seconds` and a little for signing.
struct recover_rate recover_rate_library(uint64_t seed, double seconds);
// The same through sigverify, with the kernels in use; with witness: checking the key and R's y instead.
struct recover_rate recover_rate_kernels(uint64_t seed, double seconds, bool witness);

#endif
