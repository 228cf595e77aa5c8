#include "shard/evm/confine.h"

#include "shard/evm/opcodes.h"

const char *evm_escape_text(enum evm_escape reason)
{
    static const char *const texts[EVM_ESCAPE_COUNT] = {
        [EVM_STAYS] = "stays",
        [EVM_ESCAPE_TARGET_COINBASE] = "calls the coinbase",
        [EVM_ESCAPE_BALANCE] = "asks for a foreign or open balance",
        [EVM_ESCAPE_CODE_HASH] = "asks for the code hash of an account that may be empty",
        [EVM_ESCAPE_CALL_CODE] = "calls code of another partition",
        [EVM_ESCAPE_CALL_VALUE] = "sends value to an account that may be empty",
        [EVM_ESCAPE_CREATE] = "creates a contract",
        [EVM_ESCAPE_SELFDESTRUCT] = "destroys itself in favour of an account that may be empty",
    };
    return reason < EVM_ESCAPE_COUNT ? texts[reason] : "unknown";
}

static bool is_contract(const struct evm_facts *who)
{
    return who->has_code && !who->is_precompile;
}

enum evm_escape evm_confine_target(const struct evm_facts *target)
{
    return target->is_coinbase && is_contract(target) ? EVM_ESCAPE_TARGET_COINBASE : EVM_STAYS;
}

enum evm_escape evm_confine(uint8_t opcode, bool has_value, bool self_is_coinbase, const struct evm_facts *other)
{
    switch (opcode) {
    case EVM_OP_CREATE:
    case EVM_OP_CREATE2:
        return EVM_ESCAPE_CREATE;
    case EVM_OP_BALANCE:
        return is_contract(other) && other->own_partition && !other->is_coinbase ? EVM_STAYS : EVM_ESCAPE_BALANCE;
    case EVM_OP_EXTCODEHASH:
        return is_contract(other) || other->known_non_empty ? EVM_STAYS : EVM_ESCAPE_CODE_HASH;
    case EVM_OP_SELFDESTRUCT:
        return other->own_partition && other->known_non_empty && !self_is_coinbase ? EVM_STAYS
                                                                                   : EVM_ESCAPE_SELFDESTRUCT;
    case EVM_OP_CALL:
    case EVM_OP_STATICCALL:
        if (is_contract(other))
            return other->own_partition && !other->is_coinbase ? EVM_STAYS : EVM_ESCAPE_CALL_CODE;
        return opcode == EVM_OP_CALL && has_value && !other->known_non_empty ? EVM_ESCAPE_CALL_VALUE : EVM_STAYS;
    default:
        return EVM_STAYS;
    }
}
