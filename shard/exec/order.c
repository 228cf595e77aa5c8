// From O to blocks, and from results to the order of B.
#include "shard/exec/exec.h"

#include <assert.h>

size_t exec_cut(const struct exec_tx *txs, size_t count, size_t from, uint64_t block_gas_limit,
                struct exec_result *results)
{
    uint64_t left = block_gas_limit;
    size_t at = from;
    for (; at < count; at++) {
        uint64_t gas = txs[at].tx->gas_limit;
        if (gas > block_gas_limit) {
            results[txs[at].index] = (struct exec_result){.drop = TX_GAS_LIMIT_EXCEEDED, .pass = EXEC_SENDERS};
            continue;
        }
        if (gas > left)
            break;
        left -= gas;
    }
    return at - from;
}

size_t exec_order(uint32_t *order, struct exec_counts *counts, const struct exec_result *results, size_t count)
{
    *counts = (struct exec_counts){0};
    for (size_t i = 0; i < count; i++) {
        if (results[i].drop != TX_OK)
            continue;
        assert(results[i].round <= EXEC_ROUNDS_MAX && results[i].pass >= EXEC_SENDERS &&
               results[i].pass <= EXEC_GLOBAL);
        counts->of[results[i].round][results[i].pass]++;
    }
    struct exec_counts next; // where each (round, pass) continues in order[]
    uint32_t total = 0;
    for (unsigned round = 0; round <= EXEC_ROUNDS_MAX; round++) {
        for (unsigned pass = EXEC_SENDERS; pass <= EXEC_GLOBAL; pass++) {
            next.of[round][pass] = total;
            total += counts->of[round][pass];
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (results[i].drop == TX_OK)
            order[next.of[results[i].round][results[i].pass]++] = (uint32_t)i;
    }
    return total;
}
