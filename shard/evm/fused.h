// Frequent sequences of instructions that the interpreter runs as one. evm_code_new writes the sequence's number over
// its first instruction, in the copy that is run; numbers that no instruction has are free for this, because the code's
// own ones of them have become INVALID. Nothing can jump into the middle: that would take a JUMPDEST there. Gas and
// stack are tested for the whole at once, which nobody can tell apart: where a part fails, all of the frame's gas is
// gone and its changes are undone. So no sequence holds an instruction that can escape, wait or tell how much gas is
// left. Inside of shard/evm.
#ifndef GANTRY_SHARD_EVM_FUSED_H
#define GANTRY_SHARD_EVM_FUSED_H

// X(number, name). In the DUPs, any depth: it stands in place of the second instruction. PUSH2 of a jump: the target
// was tested. MASK: PUSH1 1 PUSH1 1 PUSH1 bits SHL SUB. SELECTOR: DUP1 PUSH4 EQ or GT PUSH2 JUMPI.
#define EVM_FUSED(X)                                                                                                   \
    X(0xb0, PUSH1_ADD)                                                                                                 \
    X(0xb1, PUSH1_SHL)                                                                                                 \
    X(0xb2, PUSH1_SHR)                                                                                                 \
    X(0xb3, PUSH1_MLOAD)                                                                                               \
    X(0xb4, PUSH1_MSTORE)                                                                                              \
    X(0xb5, PUSH1_DUP2)                                                                                                \
    X(0xb6, PUSH2_MLOAD)                                                                                               \
    X(0xb7, PUSH2_MSTORE)                                                                                              \
    X(0xb8, PUSH2_JUMP)                                                                                                \
    X(0xb9, PUSH2_JUMPI)                                                                                               \
    X(0xba, ISZERO_PUSH2_JUMPI)                                                                                        \
    X(0xbb, SWAP1_POP)                                                                                                 \
    X(0xbc, SWAP2_POP)                                                                                                 \
    X(0xbd, POP_POP)                                                                                                   \
    X(0xbe, MASK)                                                                                                      \
    X(0xbf, MASK_AND)                                                                                                  \
    X(0xc0, MASK_DUP_AND)                                                                                              \
    X(0xc1, SELECTOR_EQ)                                                                                               \
    X(0xc2, SELECTOR_GT)                                                                                               \
    X(0xc3, DUP_ADD)                                                                                                   \
    X(0xc4, DUP_SUB)                                                                                                   \
    X(0xc5, DUP_MUL)                                                                                                   \
    X(0xc6, DUP_AND)                                                                                                   \
    X(0xc7, DUP_OR)                                                                                                    \
    X(0xc8, DUP_XOR)                                                                                                   \
    X(0xc9, DUP_LT)                                                                                                    \
    X(0xca, DUP_GT)                                                                                                    \
    X(0xcb, DUP_EQ)                                                                                                    \
    X(0xcc, DUP_SHR)                                                                                                   \
    X(0xcd, DUP_MSTORE)

enum evm_fused {
#define ENTRY(number, name) FUSED_##name = number,
    EVM_FUSED(ENTRY)
#undef ENTRY
};

#endif
