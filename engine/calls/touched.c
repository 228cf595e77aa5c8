#include "engine/calls/grown.h"
#include "engine/calls/trace_private.h"

#include "shard/evm/opcodes.h"

#include <stdlib.h>
#include <xxhash.h>

// The index holds 2 * number + 1 of an account, 2 * number + 2 of a slot.
static uint64_t account_hash(const address *who)
{
    return XXH3_64bits(who->b, sizeof who->b);
}

static uint64_t slot_hash(size_t account, const u256 *key)
{
    return XXH3_64bits_withSeed(key, sizeof *key, account + 1);
}

static void put(struct touched *t, uint64_t hash, uint32_t mark)
{
    size_t i = hash & (t->index_size - 1);
    while (t->index[i])
        i = (i + 1) & (t->index_size - 1);
    t->index[i] = mark;
}

static void grow_index(struct touched *t)
{
    if (t->index_size > 2 * (t->account_count + t->slot_count + 1))
        return;
    t->index_size = t->index_size ? 4 * t->index_size : 64;
    free(t->index);
    t->index = calloc(t->index_size, sizeof *t->index);
    if (!t->index)
        abort();
    for (size_t i = 0; i < t->account_count; i++)
        put(t, account_hash(&t->accounts[i]), (uint32_t)(2 * i + 1));
    for (size_t i = 0; i < t->slot_count; i++)
        put(t, slot_hash(t->slots[i].account, &t->slots[i].key), (uint32_t)(2 * i + 2));
}

size_t touched_account(struct touched *t, const address *who)
{
    grow_index(t);
    const uint64_t hash = account_hash(who);
    for (size_t i = hash & (t->index_size - 1); t->index[i]; i = (i + 1) & (t->index_size - 1)) {
        const uint32_t mark = t->index[i];
        if (mark % 2 == 1 && address_equal(&t->accounts[mark / 2], who))
            return mark / 2;
    }
    t->accounts = grown(t->accounts, t->account_count, &t->account_capacity, sizeof *t->accounts);
    t->accounts[t->account_count] = *who;
    put(t, hash, (uint32_t)(2 * t->account_count + 1));
    return t->account_count++;
}

void touched_slot(struct touched *t, const address *who, const u256 *key)
{
    const size_t account = touched_account(t, who);
    grow_index(t);
    const uint64_t hash = slot_hash(account, key);
    for (size_t i = hash & (t->index_size - 1); t->index[i]; i = (i + 1) & (t->index_size - 1)) {
        const uint32_t mark = t->index[i];
        if (mark % 2 == 1)
            continue;
        const struct touched_slot *s = &t->slots[mark / 2 - 1];
        if (s->account == account && u256_equal(&s->key, key))
            return;
    }
    t->slots = grown(t->slots, t->slot_count, &t->slot_capacity, sizeof *t->slots);
    t->slots[t->slot_count] = (struct touched_slot){account, *key};
    put(t, hash, (uint32_t)(2 * t->slot_count + 2));
    t->slot_count++;
}

void touched_clear(struct touched *t)
{
    t->account_count = t->slot_count = 0;
    if (t->index)
        memset(t->index, 0, t->index_size * sizeof *t->index);
}

void touched_free(struct touched *t)
{
    free(t->accounts);
    free(t->slots);
    free(t->index);
    *t = (struct touched){0};
}

address address_of_word(const u256 *word)
{
    uint8_t bytes[32];
    address out;
    u256_to_be(bytes, word);
    memcpy(out.b, bytes + 12, sizeof out.b);
    return out;
}

static const u256 *operand(const struct evm_step *s, size_t i)
{
    return i < s->stack_count ? &s->stack[s->stack_count - 1 - i] : NULL;
}

void touched_step(struct touched *t, const struct evm_step *s)
{
    const u256 *word = NULL;
    switch (s->opcode) {
    case EVM_OP_SLOAD:
    case EVM_OP_SSTORE:
        if (operand(s, 0))
            touched_slot(t, &s->self, operand(s, 0));
        return;
    case EVM_OP_EXTCODECOPY:
    case EVM_OP_EXTCODEHASH:
    case EVM_OP_EXTCODESIZE:
    case EVM_OP_BALANCE:
    case EVM_OP_SELFDESTRUCT:
        word = operand(s, 0);
        break;
    case EVM_OP_DELEGATECALL:
    case EVM_OP_CALL:
    case EVM_OP_STATICCALL:
    case EVM_OP_CALLCODE:
        word = s->stack_count >= 5 ? operand(s, 1) : NULL;
        break;
    default:
        return;
    }
    if (word) {
        const address who = address_of_word(word);
        touched_account(t, &who);
    }
}
