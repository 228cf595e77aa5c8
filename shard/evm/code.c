#include "shard/evm/code.h"

#include "base/keccak.h"
#include "shard/evm/opcodes.h"

static const uint8_t only_stops[EVM_CODE_PADDING];
const struct evm_code EVM_NO_CODE = {.bytes = only_stops, .instructions = only_stops, .jumpdests = only_stops};

static void analyse(const struct evm_rules *rules, struct bytes in, uint8_t *instructions, uint8_t *jumpdests)
{
    for (size_t i = 0; i < in.len; i++) {
        const uint8_t op = in.ptr[i];
        if (op >= EVM_OP_PUSH1 && op <= EVM_OP_PUSH32) {
            i += op - EVM_OP_PUSH1 + 1;
            continue;
        }
        if (op == EVM_OP_JUMPDEST)
            jumpdests[i / 8] |= (uint8_t)(1 << i % 8);
        if (!rules->has_instruction[op])
            instructions[i] = EVM_OP_INVALID;
    }
}

struct evm_code *evm_code_new(struct arena *arena, const struct evm_rules *rules, const bytes32 *hash,
                              struct bytes bytes)
{
    const size_t padded = bytes.len + EVM_CODE_PADDING;
    struct evm_code *code = arena_alloc_zero(arena, sizeof *code + 2 * padded + bytes.len / 8 + 1);
    uint8_t *copy = (uint8_t *)(code + 1), *instructions = copy + padded, *jumpdests = instructions + padded;
    if (bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
        memcpy(instructions, bytes.ptr, bytes.len);
    }
    analyse(rules, bytes, instructions, jumpdests);
    *code = (struct evm_code){.arena = arena,
                              .len = bytes.len,
                              .bytes = copy,
                              .instructions = instructions,
                              .jumpdests = jumpdests};
    if (hash)
        code->hash = *hash;
    return code;
}

void evm_code_free(struct evm_code *code)
{
    if (code)
        arena_free(code->arena, code);
}

// Open addressing with linear probing, at most half full. Hashes are uniform: nobody can choose many that collide in
// more than the few bits that they can grind.
struct evm_code_table {
    struct arena *arena;
    const struct evm_rules *rules;
    struct evm_code **slots;
    size_t slot_count, count;
};

enum { FIRST_SLOTS = 64 };

static struct evm_code **find_slot(const struct evm_code_table *t, const bytes32 *hash)
{
    size_t i = load_le64(hash->b) & (t->slot_count - 1);
    while (t->slots[i] && !bytes32_equal(&t->slots[i]->hash, hash))
        i = (i + 1) & (t->slot_count - 1);
    return &t->slots[i];
}

struct evm_code_table *evm_code_table_create(struct arena *arena, const struct evm_rules *rules)
{
    struct evm_code_table *t = arena_alloc(arena, sizeof *t);
    *t = (struct evm_code_table){.arena = arena,
                                 .rules = rules,
                                 .slots = arena_alloc_zero(arena, FIRST_SLOTS * sizeof *t->slots),
                                 .slot_count = FIRST_SLOTS};
    return t;
}

void evm_code_table_free(struct evm_code_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->slot_count; i++)
        evm_code_free(table->slots[i]);
    arena_free(table->arena, table->slots);
    arena_free(table->arena, table);
}

const struct evm_code *evm_code_table_find(const struct evm_code_table *table, const bytes32 *hash)
{
    return bytes32_equal(hash, &KECCAK256_EMPTY) ? &EVM_NO_CODE : *find_slot(table, hash);
}

static void grow(struct evm_code_table *t)
{
    struct evm_code **old = t->slots;
    const size_t old_count = t->slot_count;
    t->slot_count *= 2;
    t->slots = arena_alloc_zero(t->arena, t->slot_count * sizeof *t->slots);
    for (size_t i = 0; i < old_count; i++) {
        if (old[i])
            *find_slot(t, &old[i]->hash) = old[i];
    }
    arena_free(t->arena, old);
}

const struct evm_code *evm_code_table_add(struct evm_code_table *table, const bytes32 *hash, struct bytes bytes)
{
    if (bytes.len == 0)
        return &EVM_NO_CODE;
    struct evm_code **slot = find_slot(table, hash);
    if (*slot)
        return *slot;
    if (2 * (table->count + 1) > table->slot_count) {
        grow(table);
        slot = find_slot(table, hash);
    }
    *slot = evm_code_new(table->arena, table->rules, hash, bytes);
    table->count++;
    return *slot;
}

size_t evm_code_table_count(const struct evm_code_table *table)
{
    return table->count;
}
