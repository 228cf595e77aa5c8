#include "bench/token_storage.h"

#include "base/keccak.h"
#include "base/u256.h"
#include "tools/load/contract_code.h"

// Where a mapping from addresses, itself at `slot`, keeps an entry.
static bytes32 mapping_slot(const address *key, const bytes32 *slot)
{
    uint8_t words[64] = {0};
    memcpy(words + 12, key->b, sizeof key->b);
    memcpy(words + 32, slot->b, sizeof slot->b);
    return keccak256(words, sizeof words);
}

static bytes32 number(uint64_t slot)
{
    bytes32 out = {{0}};
    const u256 wide = u256_from_u64(slot);
    u256_to_be(out.b, &wide);
    return out;
}

bytes32 token_balance_slot(const address *owner)
{
    const bytes32 slot = number(LOAD_TOKEN_BALANCES_SLOT);
    return mapping_slot(owner, &slot);
}

bytes32 token_allowance_slot(const address *owner, const address *spender)
{
    const bytes32 slot = number(LOAD_TOKEN_ALLOWANCES_SLOT), of_owner = mapping_slot(owner, &slot);
    return mapping_slot(spender, &of_owner);
}
