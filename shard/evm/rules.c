#include "shard/evm/rules.h"

#include "shard/evm/opcodes.h"

#define AT_BERLIN(number, name, since) [number] = EVM_##since <= EVM_BERLIN,
#define AT_LONDON(number, name, since) [number] = EVM_##since <= EVM_LONDON,
#define AT_SHANGHAI(number, name, since) [number] = EVM_##since <= EVM_SHANGHAI,
#define AT_CANCUN(number, name, since) [number] = EVM_##since <= EVM_CANCUN,

static const struct evm_rules all_rules[EVM_FORK_COUNT] = {
    [EVM_BERLIN] = {.fork = EVM_BERLIN,
                    .name = "Berlin",
                    .precompile_count = 9,
                    .refund_quotient = 2,
                    .clear_refund = 15000,
                    .selfdestruct_refund = 24000,
                    .has_instruction = {EVM_OPCODES(AT_BERLIN)}},
    [EVM_LONDON] = {.fork = EVM_LONDON,
                    .name = "London",
                    .has_base_fee = true,
                    .refuses_ef_code = true,
                    .precompile_count = 9,
                    .refund_quotient = 5,
                    .clear_refund = 4800,
                    .has_instruction = {EVM_OPCODES(AT_LONDON)}},
    [EVM_PARIS] = {.fork = EVM_PARIS,
                   .name = "Paris",
                   .has_base_fee = true,
                   .refuses_ef_code = true,
                   .precompile_count = 9,
                   .refund_quotient = 5,
                   .clear_refund = 4800,
                   .has_instruction = {EVM_OPCODES(AT_LONDON)}},
    [EVM_SHANGHAI] = {.fork = EVM_SHANGHAI,
                      .name = "Shanghai",
                      .has_base_fee = true,
                      .refuses_ef_code = true,
                      .warm_coinbase = true,
                      .has_init_code_limit = true,
                      .precompile_count = 9,
                      .refund_quotient = 5,
                      .clear_refund = 4800,
                      .has_instruction = {EVM_OPCODES(AT_SHANGHAI)}},
    [EVM_CANCUN] = {.fork = EVM_CANCUN,
                    .name = "Cancun",
                    .has_base_fee = true,
                    .refuses_ef_code = true,
                    .warm_coinbase = true,
                    .has_init_code_limit = true,
                    .selfdestructs_only_new = true,
                    .has_blobs = true,
                    .precompile_count = 10,
                    .refund_quotient = 5,
                    .clear_refund = 4800,
                    .blobs_target = 3,
                    .blobs_max = 6,
                    .blob_fee_fraction = 3338477,
                    .has_instruction = {EVM_OPCODES(AT_CANCUN)}},
};

const struct evm_rules *evm_rules_of(enum evm_fork fork)
{
    return &all_rules[fork];
}

const struct evm_rules *evm_rules_by_name(const char *name)
{
    for (size_t i = 0; i < EVM_FORK_COUNT; i++) {
        if (strcmp(all_rules[i].name, name) == 0)
            return &all_rules[i];
    }
    return NULL;
}

const char *evm_opcode_name(uint8_t opcode)
{
    static const char *const names[256] = {
#define NAME(number, name, since) [number] = #name,
        EVM_OPCODES(NAME)};
    return names[opcode];
}

// fake_exponential of EIP-4844, with a factor of 1 (the least base fee).
u256 evm_blob_base_fee(const struct evm_rules *rules, uint64_t excess_blob_gas)
{
    const u256 fraction = u256_from_u64(rules->blob_fee_fraction);
    u256 sum = U256_ZERO, term = fraction;
    for (uint64_t i = 1; !u256_is_zero(&term); i++) {
        const u256 divisor = u256_from_u64(rules->blob_fee_fraction * i);
        if (u256_add(&sum, &sum, &term) || u256_mul_u64(&term, &term, excess_blob_gas))
            return U256_MAX;
        u256_divmod(&term, NULL, &term, &divisor);
    }
    u256_divmod(&sum, NULL, &sum, &fraction);
    return sum;
}
