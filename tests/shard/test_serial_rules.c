// The rules between a header and its parent's, one broken at a time.
#include "base/keccak.h"
#include "shard/serial/block_rules.h"

#include <criterion/criterion.h>

// A Cancun block and a child of it that is right.
struct pair {
    struct chain_rules chain;
    struct header parent, child;
    bytes32 parent_hash;
};

static struct pair make_pair(void)
{
    struct pair p = {.chain = {.chain_id = 1, .fees = {2, 8}, .fork_count = 1}};
    p.chain.forks[0].rules = evm_rules_of(EVM_CANCUN);
    p.parent = (struct header){.ommers_hash = KECCAK256_EMPTY_LIST,
                               .number = 41,
                               .gas_limit = 30000000,
                               .gas_used = 15000000,
                               .timestamp = 1000,
                               .base_fee = u256_from_u64(1000000000),
                               .optional_count = 4,
                               .blob_gas_used = 4 * EVM_GAS_PER_BLOB,
                               .excess_blob_gas = EVM_GAS_PER_BLOB};
    p.parent_hash = header_hash(&p.parent);
    p.child = p.parent;
    p.child.parent_hash = p.parent_hash;
    p.child.number = 42;
    p.child.timestamp = 1012;
    p.child.excess_blob_gas = 2 * EVM_GAS_PER_BLOB; // one and four, less the target of three
    return p;
}

static enum block_fault check(const struct pair *p)
{
    struct block_verdict verdict = {0};
    const bool good = block_check_header(&p->chain, &p->parent, &p->parent_hash, &p->child, &verdict);
    cr_expect_eq(good, verdict.fault == BLOCK_VALID);
    cr_expect(good ||
              strncmp(verdict.text, block_fault_text(verdict.fault), strlen(block_fault_text(verdict.fault))) == 0);
    return verdict.fault;
}

#define FAULT(expected, change)                                                                                        \
    do {                                                                                                               \
        struct pair p = make_pair();                                                                                   \
        change;                                                                                                        \
        cr_expect_eq(check(&p), expected, "%s", #change);                                                              \
    } while (0)

Test(serial_rules, a_header_follows_its_parent)
{
    FAULT(BLOCK_VALID, (void)0);
    FAULT(BLOCK_UNKNOWN_PARENT, p.child.parent_hash.b[31] ^= 1);
    FAULT(BLOCK_NUMBER, p.child.number = 41);
    FAULT(BLOCK_NUMBER, p.child.number = 43);
    FAULT(BLOCK_TIMESTAMP, p.child.timestamp = 999);
    FAULT(BLOCK_TIMESTAMP, p.child.timestamp = 1000);
    FAULT(BLOCK_VALID, p.child.timestamp = 1001);
    FAULT(BLOCK_VALID, p.child.timestamp = 1000; p.chain.subsecond = true);
    FAULT(BLOCK_TIMESTAMP, p.child.timestamp = 999; p.chain.subsecond = true);
    FAULT(BLOCK_TIMESTAMP, p.parent.timestamp = p.child.timestamp = UINT64_MAX);
}

Test(serial_rules, gas_limits_move_by_less_than_a_1024th)
{
    FAULT(BLOCK_VALID, p.child.gas_limit += 29295);
    FAULT(BLOCK_GAS_LIMIT, p.child.gas_limit += 29296);
    FAULT(BLOCK_VALID, p.child.gas_limit -= 29295);
    FAULT(BLOCK_GAS_LIMIT, p.child.gas_limit -= 29296);
    FAULT(BLOCK_GAS_LIMIT, p.parent.gas_limit = p.child.gas_limit = 4999);
    FAULT(BLOCK_GAS_LIMIT, p.parent.gas_limit = p.child.gas_limit = 0);
    FAULT(BLOCK_GAS_LIMIT, p.parent.gas_limit = p.child.gas_limit = (uint64_t)INT64_MAX + 1);
    FAULT(BLOCK_VALID, p.child.gas_used = p.child.gas_limit);
    FAULT(BLOCK_GAS_ABOVE_LIMIT, p.child.gas_used = p.child.gas_limit + 1);
}

Test(serial_rules, fees_and_blobs_are_the_parents_doing)
{
    FAULT(BLOCK_BASE_FEE, p.child.base_fee = u256_from_u64(999999999));
    FAULT(BLOCK_BASE_FEE, p.parent.gas_used++);
    FAULT(BLOCK_VALID, p.parent.gas_used = 30000000; p.child.base_fee = u256_from_u64(1125000000));
    FAULT(BLOCK_EXCESS_BLOB_GAS, p.child.excess_blob_gas++);
    FAULT(BLOCK_VALID, p.parent.blob_gas_used = 2 * EVM_GAS_PER_BLOB; p.child.excess_blob_gas = 0);
    FAULT(BLOCK_VALID, p.parent.blob_gas_used = 0; p.child.excess_blob_gas = 0);
    FAULT(BLOCK_VALID, p.parent.excess_blob_gas = UINT64_MAX;
          p.child.excess_blob_gas = UINT64_MAX - 3 * (uint64_t)EVM_GAS_PER_BLOB);
    FAULT(BLOCK_VALID, p.child.blob_gas_used = 6 * EVM_GAS_PER_BLOB);
    FAULT(BLOCK_BLOB_GAS, p.child.blob_gas_used = 7 * EVM_GAS_PER_BLOB);
}

Test(serial_rules, what_was_proof_of_work_is_empty)
{
    FAULT(BLOCK_DIFFICULTY, p.child.difficulty = u256_from_u64(1));
    FAULT(BLOCK_DIFFICULTY, p.child.nonce[7] = 1);
    FAULT(BLOCK_OMMERS, p.child.ommers_hash.b[0] ^= 1);
}

Test(serial_rules, a_header_has_its_forks_fields)
{
    FAULT(BLOCK_FIELDS, p.child.optional_count = 1);
    FAULT(BLOCK_FIELDS, p.child.no_base_fee = true);
    FAULT(BLOCK_FIELDS, p.chain.forks[0].rules = evm_rules_of(EVM_SHANGHAI));
    FAULT(BLOCK_VALID, p.chain.forks[0].rules = evm_rules_of(EVM_SHANGHAI); p.child.optional_count = 1);
    FAULT(BLOCK_FIELDS, p.chain.forks[0].rules = evm_rules_of(EVM_PARIS); p.child.optional_count = 1);
    FAULT(BLOCK_VALID, p.chain.forks[0].rules = evm_rules_of(EVM_PARIS); p.child.optional_count = 0);
    FAULT(BLOCK_FORK, p.chain.forks[0].rules = evm_rules_of(EVM_LONDON));
}

Test(serial_rules, forks_begin_at_their_number_and_time)
{
    const struct chain_rules chain = {.fork_count = 3,
                                      .forks = {{0, 0, evm_rules_of(EVM_PARIS)},
                                                {0, 100, evm_rules_of(EVM_SHANGHAI)},
                                                {7, 100, evm_rules_of(EVM_CANCUN)}}};
    cr_expect_eq(chain_rules_at(&chain, 9, 99)->fork, EVM_PARIS);
    cr_expect_eq(chain_rules_at(&chain, 6, 100)->fork, EVM_SHANGHAI);
    cr_expect_eq(chain_rules_at(&chain, 7, 100)->fork, EVM_CANCUN);
}
