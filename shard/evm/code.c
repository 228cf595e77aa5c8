#include "shard/evm/code.h"

#include "base/keccak.h"
#include "shard/evm/fused.h"
#include "shard/evm/opcodes.h"

static const uint8_t only_stops[EVM_CODE_PADDING];
const struct evm_code EVM_NO_CODE = {.bytes = only_stops, .instructions = only_stops, .jumpdests = only_stops};

static bool is_push(uint8_t op)
{
    return op >= EVM_OP_PUSH1 && op <= EVM_OP_PUSH32;
}

static void analyse(const struct evm_rules *rules, struct bytes in, uint8_t *instructions, uint8_t *jumpdests)
{
    for (size_t i = 0; i < in.len; i++) {
        const uint8_t op = in.ptr[i];
        if (is_push(op)) {
            i += op - EVM_OP_PUSH1 + 1;
            continue;
        }
        if (op == EVM_OP_JUMPDEST)
            jumpdests[i / 8] |= (uint8_t)(1 << i % 8);
        if (!rules->has_instruction[op])
            instructions[i] = EVM_OP_INVALID;
    }
}

static uint8_t fused_push1(uint8_t second)
{
    switch (second) {
    case EVM_OP_ADD:
        return FUSED_PUSH1_ADD;
    case EVM_OP_SHL:
        return FUSED_PUSH1_SHL;
    case EVM_OP_SHR:
        return FUSED_PUSH1_SHR;
    case EVM_OP_MLOAD:
        return FUSED_PUSH1_MLOAD;
    case EVM_OP_MSTORE:
        return FUSED_PUSH1_MSTORE;
    case EVM_OP_DUP2:
        return FUSED_PUSH1_DUP2;
    default:
        return 0;
    }
}

static uint8_t fused_push2(const struct evm_code *code, uint8_t second, const uint8_t *data)
{
    const unsigned target = (unsigned)data[0] << 8 | data[1];
    switch (second) {
    case EVM_OP_MLOAD:
        return FUSED_PUSH2_MLOAD;
    case EVM_OP_MSTORE:
        return FUSED_PUSH2_MSTORE;
    case EVM_OP_JUMP:
        return evm_code_is_jumpdest(code, target) ? FUSED_PUSH2_JUMP : 0;
    case EVM_OP_JUMPI:
        return evm_code_is_jumpdest(code, target) ? FUSED_PUSH2_JUMPI : 0;
    default:
        return 0;
    }
}

static uint8_t fused_dup(uint8_t second)
{
    switch (second) {
    case EVM_OP_ADD:
        return FUSED_DUP_ADD;
    case EVM_OP_SUB:
        return FUSED_DUP_SUB;
    case EVM_OP_MUL:
        return FUSED_DUP_MUL;
    case EVM_OP_AND:
        return FUSED_DUP_AND;
    case EVM_OP_OR:
        return FUSED_DUP_OR;
    case EVM_OP_XOR:
        return FUSED_DUP_XOR;
    case EVM_OP_LT:
        return FUSED_DUP_LT;
    case EVM_OP_GT:
        return FUSED_DUP_GT;
    case EVM_OP_EQ:
        return FUSED_DUP_EQ;
    case EVM_OP_SHR:
        return FUSED_DUP_SHR;
    case EVM_OP_MSTORE:
        return FUSED_DUP_MSTORE;
    default:
        return 0;
    }
}

static bool is_dup(uint8_t op)
{
    return op >= EVM_OP_DUP1 && op <= EVM_OP_DUP16;
}

// PUSH1 1 PUSH1 1 PUSH1 bits SHL SUB: as many ones as that says.
static uint8_t fused_mask(const uint8_t *in, size_t *len)
{
    static const uint8_t begin[] = {EVM_OP_PUSH1, 1, EVM_OP_PUSH1, 1, EVM_OP_PUSH1};
    if (memcmp(in, begin, sizeof begin) != 0 || in[6] != EVM_OP_SHL || in[7] != EVM_OP_SUB)
        return 0;
    *len = 8;
    if (in[8] == EVM_OP_AND) {
        *len = 9;
        return FUSED_MASK_AND;
    }
    if (is_dup(in[8]) && in[8] != EVM_OP_DUP1 && in[9] == EVM_OP_AND) {
        *len = 10;
        return FUSED_MASK_DUP_AND;
    }
    return FUSED_MASK;
}

// DUP1 PUSH4 selector, a comparison, PUSH2 target JUMPI.
static uint8_t fused_selector(const struct evm_code *code, const uint8_t *in, size_t *len)
{
    if (in[0] != EVM_OP_DUP1 || in[1] != EVM_OP_PUSH4 || (in[6] != EVM_OP_EQ && in[6] != EVM_OP_GT) ||
        in[7] != EVM_OP_PUSH2 || in[10] != EVM_OP_JUMPI || !fused_push2(code, in[10], in + 8))
        return 0;
    *len = 11;
    return in[6] == EVM_OP_EQ ? FUSED_SELECTOR_EQ : FUSED_SELECTOR_GT;
}

// The sequence that begins at `in` of a code, padding behind it; 0 for none. *len is how many bytes it takes.
static uint8_t fused_at(const struct evm_code *code, const uint8_t *in, size_t *len)
{
    const uint8_t op = in[0];
    const uint8_t mask = fused_mask(in, len), longest = mask ? mask : fused_selector(code, in, len);
    if (longest)
        return longest;
    if (op == EVM_OP_PUSH1) {
        *len = 3;
        return fused_push1(in[2]);
    }
    if (op == EVM_OP_PUSH2) {
        *len = 4;
        return fused_push2(code, in[3], in + 1);
    }
    if (op == EVM_OP_ISZERO && in[1] == EVM_OP_PUSH2 && in[4] == EVM_OP_JUMPI) {
        *len = 5;
        return fused_push2(code, in[4], in + 2) ? FUSED_ISZERO_PUSH2_JUMPI : 0;
    }
    *len = 2;
    if (is_dup(op))
        return fused_dup(in[1]);
    if (in[1] != EVM_OP_POP)
        return 0;
    return op == EVM_OP_SWAP1   ? FUSED_SWAP1_POP
           : op == EVM_OP_SWAP2 ? FUSED_SWAP2_POP
           : op == EVM_OP_POP   ? FUSED_POP_POP
                                : 0;
}

static void fuse(const struct evm_code *code, uint8_t *instructions)
{
    for (size_t i = 0; i < code->len;) {
        const uint8_t op = code->bytes[i];
        size_t len;
        const uint8_t fused = fused_at(code, code->bytes + i, &len);
        if (!fused) {
            i += is_push(op) ? (size_t)(op - EVM_OP_PUSH1 + 2) : 1;
            continue;
        }
        instructions[i] = fused;
        // How far below the top what is copied lies.
        if (fused >= FUSED_DUP_ADD)
            instructions[i + 1] = (uint8_t)(op - EVM_OP_DUP1 + 1);
        else if (fused == FUSED_MASK_DUP_AND)
            instructions[i + 8] = (uint8_t)(code->bytes[i + 8] - EVM_OP_DUP1);
        i += len;
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
    *code = (struct evm_code){
        .arena = arena, .len = bytes.len, .bytes = copy, .instructions = instructions, .jumpdests = jumpdests};
    if (hash)
        code->hash = *hash;
    fuse(code, instructions);
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
    const struct evm_code *there = *slot;
    if (there)
        return there;
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
