// What differs between the forks of the EVM, as data: which instructions there are, what they cost where that has
// changed, and which rules hold. One interpreter runs them all. Constant tables; any thread.
#ifndef GANTRY_SHARD_EVM_RULES_H
#define GANTRY_SHARD_EVM_RULES_H

#include "base/u256.h"

enum evm_fork {
    EVM_BERLIN, // the oldest: from here on gas depends on what is warm (EIP-2929)
    EVM_LONDON,
    EVM_PARIS,
    EVM_SHANGHAI,
    EVM_CANCUN,
    EVM_FORK_COUNT,
};

struct evm_rules {
    enum evm_fork fork;
    const char *name;
    bool has_base_fee;            // EIP-1559 and EIP-3198
    bool refuses_ef_code;         // EIP-3541
    bool warm_coinbase;           // EIP-3651
    bool has_init_code_limit;     // EIP-3860
    bool selfdestructs_only_new;  // EIP-6780
    bool has_blobs;               // EIP-4844
    uint8_t precompile_count;     // at the addresses 1 to this
    uint8_t refund_quotient;      // at most a transaction's gas divided by this is given back (EIP-3529)
    uint16_t clear_refund;        // for a slot set to zero
    uint16_t selfdestruct_refund; // for an account
    uint8_t blobs_target;         // in one block, what their base fee aims at
    uint8_t blobs_max;            // in one block
    uint64_t blob_fee_fraction;   // how slowly the blobs' base fee moves
    bool has_instruction[256];
};

// NULL when the name is no fork that is here. The names are those of the official tests: "Cancun".
const struct evm_rules *evm_rules_by_name(const char *name);
const struct evm_rules *evm_rules_of(enum evm_fork fork);

// EIP-4844's base fee of a unit of blob gas; the largest number when it doesn't fit.
u256 evm_blob_base_fee(const struct evm_rules *rules, uint64_t excess_blob_gas);

enum {
    EVM_CODE_MAX = 24576,      // EIP-170
    EVM_INIT_CODE_MAX = 49152, // EIP-3860
    EVM_STACK_MAX = 1024,
    EVM_DEPTH_MAX = 1024,
    EVM_GAS_PER_BLOB = 131072,
};

#endif
