// Random blocks for a contract_chain: few users and contracts in few partitions, tight balances, nonce gaps, hot
// contracts, programs that call one another, create, destroy, observe balances and codes, revert and run out of gas; a
// coinbase that is touched; transfers between all of them. In the manner of execution_model.py.
#ifndef GANTRY_TESTS_EXEC_SUPPORT_RANDOM_CONTRACTS_H
#define GANTRY_TESTS_EXEC_SUPPORT_RANDOM_CONTRACTS_H

#include "tests/exec_support/contract_chain.h"
#include "tests/exec_support/program.h"

struct random_contracts {
    struct contract_chain *chain;
    uint64_t random;
    unsigned user_first, user_count, contract_first, contract_count, name_count; // numbers of accounts
    unsigned mix;                                                                // what the blocks are mostly of
};

// A new chain; the same for the same seed.
struct random_contracts random_contracts_new(const char *what, uint64_t seed);
// Adds the next block's transactions, which chain_run then executes.
void random_contracts_fill(struct random_contracts *r);
// A random program over the chain's accounts so far.
struct bytes random_program(struct random_contracts *r, struct program *p, unsigned length, unsigned focus);

#endif
