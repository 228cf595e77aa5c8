// Small programs for the EVM, an accumulator machine on top of it: the stack always holds one word, which nearly every
// operation reads or replaces, so that whatever a program learns can reach storage, logs and branches.
#ifndef GANTRY_TESTS_EXEC_SUPPORT_PROGRAM_H
#define GANTRY_TESTS_EXEC_SUPPORT_PROGRAM_H

#include "base/bytes.h"
#include "shard/evm/opcodes.h"

struct program {
    uint8_t b[2048];
    size_t len;
};

void program_begin(struct program *p);       // the accumulator is zero
struct bytes program_end(struct program *p); // returns the accumulator to the caller

// Where an operation's address comes from.
enum program_whom { WHOM_GIVEN, WHOM_CALLER, WHOM_ORIGIN, WHOM_COINBASE, WHOM_SELF, WHOM_DATA };
struct whom {
    enum program_whom from;
    address given;
};

void program_op(struct program *p, uint8_t opcode);
void program_push(struct program *p, uint64_t value);
void program_push_address(struct program *p, struct whom whom);

void program_load(struct program *p, uint64_t slot);
void program_store(struct program *p, uint64_t slot, uint64_t add, uint64_t modulo); // (acc + add) % modulo
void program_set(struct program *p, uint8_t opcode); // acc = what an instruction without operands gives
void program_ask(struct program *p, uint8_t opcode, struct whom who); // acc = BALANCE, EXTCODEHASH, EXTCODESIZE of who
void program_log(struct program *p, uint64_t topic);                  // acc as data
// Calls with the accumulator as input; acc = success, plus the first word that came back.
void program_call(struct program *p, uint8_t opcode, struct whom who, uint64_t value);
// acc = the address, or zero. init has at most 32 bytes.
void program_create(struct program *p, uint8_t opcode, struct bytes init, uint64_t value, uint64_t salt);
void program_selfdestruct(struct program *p, struct whom heir);
void program_revert(struct program *p);
// What is emitted until program_land runs only if acc % modulo isn't zero.
size_t program_skip(struct program *p, uint64_t modulo);
void program_land(struct program *p, size_t skip);

#endif
