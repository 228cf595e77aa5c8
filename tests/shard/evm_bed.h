// An EVM on a small world for tests: one sender with money, contracts where the test puts them.
#ifndef GANTRY_TESTS_SHARD_EVM_BED_H
#define GANTRY_TESTS_SHARD_EVM_BED_H

#include "shard/evm/evm.h"
#include "shard/evm/opcodes.h"
#include "shard/evm/world.h"

struct evm_bed {
    struct arena *arena;
    struct precompiles *precompiles;
    struct evm_world *world;
    struct evm *evm;
    struct evm_host late_host; // says EVM_LATER to every question the first time, see evm_bed_create
    uint64_t asked[256];       // what it was asked already
    size_t asked_count;
};

// late: the host makes the EVM wait for every record.
struct evm_bed *evm_bed_create(bool late);
void evm_bed_free(struct evm_bed *bed);

// 0x...NN, told apart by the last byte; far from the precompiles.
address bed_address(uint8_t last);
extern const address BED_SENDER, BED_COINBASE;

void bed_put_code(struct evm_bed *bed, const address *who, struct bytes code);
// A call of `to` with this much gas beyond the intrinsic.
struct evm_tx bed_call(const address *to, uint64_t gas, struct bytes data);
// Runs to its end, resuming as often as it takes.
enum evm_outcome bed_run(struct evm_bed *bed, const struct evm_tx *tx, unsigned flags, struct evm_result *out);

// Programs: bytes written one after the other.
struct program {
    uint8_t b[4096];
    size_t len;
};
void emit(struct program *p, uint8_t opcode);
void emit_push(struct program *p, uint64_t value);
void emit_push_address(struct program *p, const address *who);
// CALL, STATICCALL, DELEGATECALL or CALLCODE of `who` with all gas, no input and no output.
void emit_call(struct program *p, uint8_t opcode, const address *who, uint64_t value);
struct bytes program_bytes(const struct program *p);

#endif
