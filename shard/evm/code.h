// Code as the interpreter runs it: a copy padded with STOPs, so that neither the program counter nor a PUSH's data can
// leave it, with a bitmap of where jumps may go. Made once, then read only: any number of threads may run it.
#ifndef GANTRY_SHARD_EVM_CODE_H
#define GANTRY_SHARD_EVM_CODE_H

#include "base/arena.h"
#include "shard/evm/rules.h"

// Enough for the longest PUSH at the end, and what a wide read of its data may touch.
#define EVM_CODE_PADDING 64

struct evm_code {
    struct arena *arena;
    bytes32 hash;                // zero for init code that nobody asked the hash of
    size_t len;                  // without padding
    const uint8_t *bytes;        // the code as it is, padded
    const uint8_t *instructions; // as run: numbers that the fork doesn't have are INVALID, sequences fused (fused.h)
    const uint8_t *jumpdests;    // one bit a byte of code
};

// Never NULL. From then on the code's fork is that of the rules. Freed with evm_code_free by who owns the arena.
struct evm_code *evm_code_new(struct arena *arena, const struct evm_rules *rules, const bytes32 *hash,
                              struct bytes bytes);
void evm_code_free(struct evm_code *code);
// The code of accounts that have none.
extern const struct evm_code EVM_NO_CODE;

static inline bool evm_code_is_jumpdest(const struct evm_code *code, uint64_t at)
{
    return at < code->len && code->jumpdests[at / 8] >> (at % 8) & 1;
}

// Codes by their hash. Writing (adding) needs that no other thread reads.
struct evm_code_table;

struct evm_code_table *evm_code_table_create(struct arena *arena, const struct evm_rules *rules);
// Frees the codes too.
void evm_code_table_free(struct evm_code_table *table);
// NULL when it isn't there. The code stays until the table is freed.
const struct evm_code *evm_code_table_find(const struct evm_code_table *table, const bytes32 *hash);
// hash is keccak256(bytes). Takes a copy unless it is there already.
const struct evm_code *evm_code_table_add(struct evm_code_table *table, const bytes32 *hash, struct bytes bytes);
size_t evm_code_table_count(const struct evm_code_table *table);

#endif
