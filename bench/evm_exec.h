// bench evm's part about whole transactions: tokens and pairs as gantry load has them, executed by shard/exec on one
// shard, without signature checks, receipts and tries.
#ifndef GANTRY_BENCH_EVM_EXEC_H
#define GANTRY_BENCH_EVM_EXEC_H

#include "bench/bench.h"

// recover_rate: what libsecp256k1 recovers here on one core, a CPU second; the rates stand beside it. False after a
// line on standard error.
bool evm_exec(struct bench_report *report, const struct bench_options *options, double recover_rate);

#endif
