// Ethereum's BlockchainTests: blocks on a given state, valid ones and ones to be refused, in one chain or several.
#ifndef GANTRY_TOOLS_OFFICIAL_BLOCK_TESTS_H
#define GANTRY_TOOLS_OFFICIAL_BLOCK_TESTS_H

#include "shard/serial/block_rules.h"

// A block that had to be refused, and was.
struct block_refusal {
    const char *expected; // as the test names it: "TransactionException.INTRINSIC_GAS_TOO_LOW"
    struct block_verdict got;
};

struct block_test_result {
    const char *file, *name;
    const char *network; // "Cancun", "ShanghaiToCancunAtTime15k"
    bool pass;
    const char *error; // expected and got; NULL when it passed
    const struct block_refusal *refusals;
    size_t refusal_count;
};

struct block_tests {
    const char *fork;   // tests of this network, and of those that change to it
    const char *filter; // only names that contain this text; NULL: all
    unsigned jobs;      // threads
    // Called by one thread at a time, for the tests of a file one after the other.
    void (*report)(void *ctx, const struct block_test_result *result);
    void *ctx;
    uint64_t passed, failed; // counted
};

// Runs the fork's tests in these files; a file that is no JSON is a test that fails.
void block_tests_run(struct block_tests *tests, char *const *files, size_t count);

// The rules of an official network's name; false when some of its forks aren't here, or from before Paris.
MUST_CHECK bool block_tests_network(struct chain_rules *out, const char *network);

#endif
