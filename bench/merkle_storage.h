// bench merkle's part about contracts: memory of a slot in a large contract and of a small contract as a whole, and the
// update of a large contract's storage trie.
#ifndef GANTRY_BENCH_MERKLE_STORAGE_H
#define GANTRY_BENCH_MERKLE_STORAGE_H

#include "bench/bench.h"

void merkle_storage(struct bench_report *report, const struct bench_options *options);

#endif
