#include "tests/exec_support/program.h"

#include <stdio.h>
#include <stdlib.h>

void program_op(struct program *p, uint8_t opcode)
{
    if (p->len == sizeof p->b) {
        fprintf(stderr, "program: too long\n");
        abort();
    }
    p->b[p->len++] = opcode;
}

static void push_bytes(struct program *p, const uint8_t *bytes, size_t len)
{
    program_op(p, (uint8_t)(EVM_OP_PUSH1 + len - 1));
    for (size_t i = 0; i < len; i++)
        program_op(p, bytes[i]);
}

void program_push(struct program *p, uint64_t value)
{
    uint8_t be[8];
    size_t len = 1;
    for (size_t i = 0; i < 8; i++)
        be[7 - i] = (uint8_t)(value >> 8 * i);
    while (len < 8 && value >> 8 * len)
        len++;
    push_bytes(p, be + 8 - len, len);
}

void program_push_address(struct program *p, struct whom whom)
{
    switch (whom.from) {
    case WHOM_GIVEN:
        push_bytes(p, whom.given.b, sizeof whom.given.b);
        break;
    case WHOM_CALLER:
        program_op(p, EVM_OP_CALLER);
        break;
    case WHOM_ORIGIN:
        program_op(p, EVM_OP_ORIGIN);
        break;
    case WHOM_COINBASE:
        program_op(p, EVM_OP_COINBASE);
        break;
    case WHOM_SELF:
        program_op(p, EVM_OP_ADDRESS);
        break;
    case WHOM_DATA:
        program_push(p, 0);
        program_op(p, EVM_OP_CALLDATALOAD);
        break;
    }
}

void program_begin(struct program *p)
{
    p->len = 0;
    program_push(p, 0);
}

static void store_accumulator(struct program *p, uint64_t at)
{
    program_op(p, EVM_OP_DUP1);
    program_push(p, at);
    program_op(p, EVM_OP_MSTORE);
}

struct bytes program_end(struct program *p)
{
    store_accumulator(p, 0);
    program_push(p, 32);
    program_push(p, 0);
    program_op(p, EVM_OP_RETURN);
    return bytes_of(p->b, p->len);
}

void program_load(struct program *p, uint64_t slot)
{
    program_op(p, EVM_OP_POP);
    program_push(p, slot);
    program_op(p, EVM_OP_SLOAD);
}

void program_store(struct program *p, uint64_t slot, uint64_t add, uint64_t modulo)
{
    program_push(p, modulo);
    program_op(p, EVM_OP_DUP2);
    program_push(p, add);
    program_op(p, EVM_OP_ADD);
    program_op(p, EVM_OP_MOD);
    program_push(p, slot);
    program_op(p, EVM_OP_SSTORE);
}

void program_set(struct program *p, uint8_t opcode)
{
    program_op(p, EVM_OP_POP);
    program_op(p, opcode);
}

void program_ask(struct program *p, uint8_t opcode, struct whom who)
{
    program_op(p, EVM_OP_POP);
    program_push_address(p, who);
    program_op(p, opcode);
}

void program_log(struct program *p, uint64_t topic)
{
    store_accumulator(p, 0);
    program_push(p, topic);
    program_push(p, 32);
    program_push(p, 0);
    program_op(p, EVM_OP_LOG1);
}

void program_call(struct program *p, uint8_t opcode, struct whom who, uint64_t value)
{
    store_accumulator(p, 0);
    program_op(p, EVM_OP_POP);
    program_push(p, 32);
    program_push(p, 32);
    program_push(p, 32);
    program_push(p, 0);
    if (opcode == EVM_OP_CALL || opcode == EVM_OP_CALLCODE)
        program_push(p, value);
    program_push_address(p, who);
    program_op(p, EVM_OP_GAS);
    program_op(p, opcode);
    program_push(p, 32);
    program_op(p, EVM_OP_MLOAD);
    program_op(p, EVM_OP_ADD);
}

void program_create(struct program *p, uint8_t opcode, struct bytes init, uint64_t value, uint64_t salt)
{
    uint8_t word[32] = {0};
    if (init.len > 0)
        memcpy(word, init.ptr, init.len);
    program_op(p, EVM_OP_POP);
    push_bytes(p, word, sizeof word);
    program_push(p, 0);
    program_op(p, EVM_OP_MSTORE);
    if (opcode == EVM_OP_CREATE2)
        program_push(p, salt);
    program_push(p, init.len);
    program_push(p, 0);
    program_push(p, value);
    program_op(p, opcode);
}

void program_selfdestruct(struct program *p, struct whom heir)
{
    program_push_address(p, heir);
    program_op(p, EVM_OP_SELFDESTRUCT);
}

void program_revert(struct program *p)
{
    store_accumulator(p, 0);
    program_push(p, 32);
    program_push(p, 0);
    program_op(p, EVM_OP_REVERT);
}

size_t program_skip(struct program *p, uint64_t modulo)
{
    program_push(p, modulo);
    program_op(p, EVM_OP_DUP2);
    program_op(p, EVM_OP_MOD);
    program_op(p, EVM_OP_ISZERO);
    const size_t at = p->len;
    push_bytes(p, (const uint8_t[]){0, 0}, 2);
    program_op(p, EVM_OP_JUMPI);
    return at;
}

void program_land(struct program *p, size_t skip)
{
    p->b[skip + 1] = (uint8_t)(p->len >> 8);
    p->b[skip + 2] = (uint8_t)p->len;
    program_op(p, EVM_OP_JUMPDEST);
}
