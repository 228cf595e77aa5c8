#include "shard/state/batch.h"

#include "base/keccak.h"

#include <stdlib.h>

struct account_contract account_no_contract(void)
{
    return (struct account_contract){.storage_root = KECCAK256_EMPTY_RLP, .code_hash = KECCAK256_EMPTY};
}

// Grows an array to hold `count` elements, half as large again when it has to.
static void *grown(void *array, size_t *capacity, size_t count, size_t element_bytes)
{
    if (count <= *capacity)
        return array;
    const size_t half_more = *capacity + *capacity / 2;
    *capacity = count > half_more ? count : half_more;
    array = realloc(array, *capacity * element_bytes);
    if (!array)
        abort();
    return array;
}

void state_batch_free(struct state_batch *b)
{
    free(b->accounts);
    free(b->contracts);
    free(b->slots);
    *b = (struct state_batch){0};
}

void state_batch_reserve(struct state_batch *b, size_t accounts, size_t slots)
{
    b->accounts = grown(b->accounts, &b->account_capacity, b->account_count + accounts, sizeof *b->accounts);
    b->slots = grown(b->slots, &b->slot_capacity, b->slot_count + slots, sizeof *b->slots);
}

void state_batch_add(struct state_batch *b, const bytes32 *key, bool exists, const struct account *account,
                     const struct account_contract *contract)
{
    state_batch_reserve(b, 1, 0);
    struct state_dirty *d = &b->accounts[b->account_count++];
    *d = (struct state_dirty){.key = *key, .exists = exists, .account = *account};
    if (!contract)
        return;
    b->contracts = grown(b->contracts, &b->contract_capacity, b->contract_count + 1, sizeof *b->contracts);
    b->contracts[b->contract_count++] = *contract;
    d->contract = (uint32_t)b->contract_count;
}

void state_batch_add_slot(struct state_batch *b, const bytes32 *key, const bytes32 *slot, const u256 *value)
{
    state_batch_reserve(b, 0, 1);
    b->slots[b->slot_count++] = (struct state_dirty_slot){*key, *slot, *value};
}

struct account_contract state_batch_contract(const struct state_batch *b, size_t i)
{
    const uint32_t contract = b->accounts[i].contract;
    return contract == 0 ? account_no_contract() : b->contracts[contract - 1];
}
