// Confinement: what a transaction of the calls' pass may do inside its partition without another partition, or a later
// credit, making a difference (execution.md, "Confinement"). These rules are consensus. Pure functions; any thread.
#ifndef GANTRY_SHARD_EVM_CONFINE_H
#define GANTRY_SHARD_EVM_CONFINE_H

#include "shard/evm/host.h"

// Why a transaction escapes; EVM_STAYS: it doesn't.
enum evm_escape {
    EVM_STAYS = 0,
    EVM_ESCAPE_TARGET_COINBASE, // its target is the coinbase and has code
    EVM_ESCAPE_BALANCE,         // BALANCE that isn't exact before the global pass
    EVM_ESCAPE_CODE_HASH,       // EXTCODEHASH of who may or may not be empty
    EVM_ESCAPE_CALL_CODE,       // code of another partition, or the coinbase's
    EVM_ESCAPE_CALL_VALUE,      // value for an account that may or may not be there
    EVM_ESCAPE_CREATE,
    EVM_ESCAPE_SELFDESTRUCT,
    EVM_ESCAPE_COUNT,
};

// A few words for each reason, for metrics and traces. Never NULL.
const char *evm_escape_text(enum evm_escape reason);

// Before the first instruction: what is known of the transaction's own target.
enum evm_escape evm_confine_target(const struct evm_facts *target);
// An instruction whose operands are on the stack. other: what is known of the account that it names. has_value: a CALL
// with value. self_is_coinbase: the account that executes is the coinbase. Instructions that name no account, and those
// that never escape, stay.
enum evm_escape evm_confine(uint8_t opcode, bool has_value, bool self_is_coinbase, const struct evm_facts *other);

#endif
