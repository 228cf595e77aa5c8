// Random blocks with contracts, with 1, 2, 4 and 16 shards, serially and by the EVM alone: contract_chain.h compares.
// GANTRY_BLOCKS sets how many.
#include "tests/exec_support/random_contracts.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

// Fewer under a sanitizer, where everything takes long.
enum { BLOCKS = GANTRY_SANITIZE ? 1600 : 10000, BLOCKS_A_CHAIN = 8 };

// What the random blocks reached, so that they can't become tame unnoticed.
struct seen {
    size_t pass[EXEC_GLOBAL + 1], round[EXEC_ROUNDS_MAX + 1], reason[EXEC_GLOBAL_REASON_COUNT], drop[TX_STATUS_COUNT];
    size_t failed[EXEC_GLOBAL + 1], with_logs[EXEC_GLOBAL + 1];
};

static void look(struct seen *seen, const struct chain_outcome *o)
{
    for (size_t i = 0; i < o->count; i++) {
        const struct exec_result *r = &o->results[i];
        seen->drop[r->drop]++;
        seen->reason[r->global_reason]++;
        if (r->drop != TX_OK)
            continue;
        seen->pass[r->pass]++;
        seen->round[r->round]++;
        seen->failed[r->pass] += !r->success;
        seen->with_logs[r->pass] += r->logs != NULL;
    }
}

static void expect_variety(const struct seen *seen)
{
    for (unsigned pass = EXEC_SENDERS; pass <= EXEC_GLOBAL; pass++) {
        cr_assert(seen->pass[pass] && seen->failed[pass], "pass %u: nothing was executed, or nothing failed", pass);
        cr_assert(pass == EXEC_SENDERS || seen->with_logs[pass], "pass %u: no logs", pass);
    }
    for (unsigned i = 0; i < EXEC_GLOBAL_REASON_COUNT; i++)
        cr_assert(seen->reason[i] || i == EXEC_GLOBAL_ESCAPED, "nothing went to the global pass because it %s",
                  exec_global_reason_text(i));
    for (unsigned i = 0; i < 4; i++)
        cr_assert(seen->round[i], "nothing was executed in round %u", i);
    static const enum tx_status reasons[] = {TX_WRONG_CHAIN_ID,     TX_INTRINSIC_GAS,  TX_GAS_LIMIT_EXCEEDED,
                                             TX_NONCE_TOO_LOW,      TX_NONCE_TOO_HIGH, TX_FEE_CAP_BELOW_BASE_FEE,
                                             TX_INSUFFICIENT_FUNDS, TX_SENDER_HAS_CODE};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        cr_assert(seen->drop[reasons[i]], "nothing was dropped with \"%s\"", tx_status_text(reasons[i]));
}

static unsigned block_count(void)
{
    const char *text = getenv("GANTRY_BLOCKS");
    return text ? (unsigned)strtoul(text, NULL, 10) : BLOCKS;
}

Test(contracts_random, every_shard_count_gives_the_serial_block)
{
    static struct seen seen;
    const uint64_t seed = test_seed("contracts_random");
    for (unsigned i = 0; i < block_count() / BLOCKS_A_CHAIN; i++) {
        char what[64];
        snprintf(what, sizeof what, "seed %lu, chain %u", seed, i);
        struct random_contracts r = random_contracts_new(what, seed + i);
        for (unsigned b = 0; b < BLOCKS_A_CHAIN; b++) {
            random_contracts_fill(&r);
            look(&seen, chain_run(r.chain, seed + i));
        }
        contract_chain_free(r.chain);
    }
    expect_variety(&seen);
}
