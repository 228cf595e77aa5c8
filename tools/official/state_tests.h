// Ethereum's GeneralStateTests: one transaction on a given state; its state root and the hash of its logs are compared.
#ifndef GANTRY_TOOLS_OFFICIAL_STATE_TESTS_H
#define GANTRY_TOOLS_OFFICIAL_STATE_TESTS_H

#include <stddef.h>

#include "shard/evm/rules.h"

struct state_test_result {
    const char *file;
    const char *name; // of the test; with more than one variant followed by /d0g0v0, the numbers of data, gas and value
    bool pass;
    const char *error; // expected and got; NULL when it passed
};

struct state_tests {
    const struct evm_rules *rules;
    const char *filter; // only names that contain this text; NULL: all
    unsigned jobs;      // threads
    // Called by one thread at a time, for the cases of a file one after the other.
    void (*report)(void *ctx, const struct state_test_result *result);
    void *ctx;
    uint64_t passed, failed; // counted
};

// Runs the cases of the rules' fork in these files; a file that is no JSON is a case that fails.
void state_tests_run(struct state_tests *tests, char *const *files, size_t count);

#endif
