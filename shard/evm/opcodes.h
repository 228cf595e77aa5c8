// The instructions of the EVM (yellow paper, appendix H, and the EIPs named): number, name, and the fork that brought
// those that came after Berlin.
#ifndef GANTRY_SHARD_EVM_OPCODES_H
#define GANTRY_SHARD_EVM_OPCODES_H

#include <stdint.h>

// EIP-3198 BASEFEE, EIP-3855 PUSH0, EIP-4844 BLOBHASH, EIP-7516 BLOBBASEFEE, EIP-1153 TLOAD and TSTORE, EIP-5656 MCOPY.
#define EVM_OPCODES(X)                                                                                                 \
    X(0x00, STOP, BERLIN)                                                                                              \
    X(0x01, ADD, BERLIN)                                                                                               \
    X(0x02, MUL, BERLIN)                                                                                               \
    X(0x03, SUB, BERLIN)                                                                                               \
    X(0x04, DIV, BERLIN)                                                                                               \
    X(0x05, SDIV, BERLIN)                                                                                              \
    X(0x06, MOD, BERLIN)                                                                                               \
    X(0x07, SMOD, BERLIN)                                                                                              \
    X(0x08, ADDMOD, BERLIN)                                                                                            \
    X(0x09, MULMOD, BERLIN)                                                                                            \
    X(0x0a, EXP, BERLIN)                                                                                               \
    X(0x0b, SIGNEXTEND, BERLIN)                                                                                        \
    X(0x10, LT, BERLIN)                                                                                                \
    X(0x11, GT, BERLIN)                                                                                                \
    X(0x12, SLT, BERLIN)                                                                                               \
    X(0x13, SGT, BERLIN)                                                                                               \
    X(0x14, EQ, BERLIN)                                                                                                \
    X(0x15, ISZERO, BERLIN)                                                                                            \
    X(0x16, AND, BERLIN)                                                                                               \
    X(0x17, OR, BERLIN)                                                                                                \
    X(0x18, XOR, BERLIN)                                                                                               \
    X(0x19, NOT, BERLIN)                                                                                               \
    X(0x1a, BYTE, BERLIN)                                                                                              \
    X(0x1b, SHL, BERLIN)                                                                                               \
    X(0x1c, SHR, BERLIN)                                                                                               \
    X(0x1d, SAR, BERLIN)                                                                                               \
    X(0x20, KECCAK256, BERLIN)                                                                                         \
    X(0x30, ADDRESS, BERLIN)                                                                                           \
    X(0x31, BALANCE, BERLIN)                                                                                           \
    X(0x32, ORIGIN, BERLIN)                                                                                            \
    X(0x33, CALLER, BERLIN)                                                                                            \
    X(0x34, CALLVALUE, BERLIN)                                                                                         \
    X(0x35, CALLDATALOAD, BERLIN)                                                                                      \
    X(0x36, CALLDATASIZE, BERLIN)                                                                                      \
    X(0x37, CALLDATACOPY, BERLIN)                                                                                      \
    X(0x38, CODESIZE, BERLIN)                                                                                          \
    X(0x39, CODECOPY, BERLIN)                                                                                          \
    X(0x3a, GASPRICE, BERLIN)                                                                                          \
    X(0x3b, EXTCODESIZE, BERLIN)                                                                                       \
    X(0x3c, EXTCODECOPY, BERLIN)                                                                                       \
    X(0x3d, RETURNDATASIZE, BERLIN)                                                                                    \
    X(0x3e, RETURNDATACOPY, BERLIN)                                                                                    \
    X(0x3f, EXTCODEHASH, BERLIN)                                                                                       \
    X(0x40, BLOCKHASH, BERLIN)                                                                                         \
    X(0x41, COINBASE, BERLIN)                                                                                          \
    X(0x42, TIMESTAMP, BERLIN)                                                                                         \
    X(0x43, NUMBER, BERLIN)                                                                                            \
    X(0x44, PREVRANDAO, BERLIN)                                                                                        \
    X(0x45, GASLIMIT, BERLIN)                                                                                          \
    X(0x46, CHAINID, BERLIN)                                                                                           \
    X(0x47, SELFBALANCE, BERLIN)                                                                                       \
    X(0x48, BASEFEE, LONDON)                                                                                           \
    X(0x49, BLOBHASH, CANCUN)                                                                                          \
    X(0x4a, BLOBBASEFEE, CANCUN)                                                                                       \
    X(0x50, POP, BERLIN)                                                                                               \
    X(0x51, MLOAD, BERLIN)                                                                                             \
    X(0x52, MSTORE, BERLIN)                                                                                            \
    X(0x53, MSTORE8, BERLIN)                                                                                           \
    X(0x54, SLOAD, BERLIN)                                                                                             \
    X(0x55, SSTORE, BERLIN)                                                                                            \
    X(0x56, JUMP, BERLIN)                                                                                              \
    X(0x57, JUMPI, BERLIN)                                                                                             \
    X(0x58, PC, BERLIN)                                                                                                \
    X(0x59, MSIZE, BERLIN)                                                                                             \
    X(0x5a, GAS, BERLIN)                                                                                               \
    X(0x5b, JUMPDEST, BERLIN)                                                                                          \
    X(0x5c, TLOAD, CANCUN)                                                                                             \
    X(0x5d, TSTORE, CANCUN)                                                                                            \
    X(0x5e, MCOPY, CANCUN)                                                                                             \
    X(0x5f, PUSH0, SHANGHAI)                                                                                           \
    X(0xa0, LOG0, BERLIN)                                                                                              \
    X(0xa1, LOG1, BERLIN)                                                                                              \
    X(0xa2, LOG2, BERLIN)                                                                                              \
    X(0xa3, LOG3, BERLIN)                                                                                              \
    X(0xa4, LOG4, BERLIN)                                                                                              \
    X(0xf0, CREATE, BERLIN)                                                                                            \
    X(0xf1, CALL, BERLIN)                                                                                              \
    X(0xf2, CALLCODE, BERLIN)                                                                                          \
    X(0xf3, RETURN, BERLIN)                                                                                            \
    X(0xf4, DELEGATECALL, BERLIN)                                                                                      \
    X(0xf5, CREATE2, BERLIN)                                                                                           \
    X(0xfa, STATICCALL, BERLIN)                                                                                        \
    X(0xfd, REVERT, BERLIN)                                                                                            \
    X(0xfe, INVALID, BERLIN)                                                                                           \
    X(0xff, SELFDESTRUCT, BERLIN)                                                                                      \
    EVM_PUSHES(X)                                                                                                      \
    EVM_DUPS(X)                                                                                                        \
    EVM_SWAPS(X)

// X(opcode, name, fork); the name ends with the number of bytes, or the depth on the stack.
#define EVM_PUSHES(X)                                                                                                  \
    X(0x60, PUSH1, BERLIN)                                                                                             \
    X(0x61, PUSH2, BERLIN)                                                                                             \
    X(0x62, PUSH3, BERLIN)                                                                                             \
    X(0x63, PUSH4, BERLIN)                                                                                             \
    X(0x64, PUSH5, BERLIN)                                                                                             \
    X(0x65, PUSH6, BERLIN)                                                                                             \
    X(0x66, PUSH7, BERLIN)                                                                                             \
    X(0x67, PUSH8, BERLIN)                                                                                             \
    X(0x68, PUSH9, BERLIN)                                                                                             \
    X(0x69, PUSH10, BERLIN)                                                                                            \
    X(0x6a, PUSH11, BERLIN)                                                                                            \
    X(0x6b, PUSH12, BERLIN)                                                                                            \
    X(0x6c, PUSH13, BERLIN)                                                                                            \
    X(0x6d, PUSH14, BERLIN)                                                                                            \
    X(0x6e, PUSH15, BERLIN)                                                                                            \
    X(0x6f, PUSH16, BERLIN)                                                                                            \
    X(0x70, PUSH17, BERLIN)                                                                                            \
    X(0x71, PUSH18, BERLIN)                                                                                            \
    X(0x72, PUSH19, BERLIN)                                                                                            \
    X(0x73, PUSH20, BERLIN)                                                                                            \
    X(0x74, PUSH21, BERLIN)                                                                                            \
    X(0x75, PUSH22, BERLIN)                                                                                            \
    X(0x76, PUSH23, BERLIN)                                                                                            \
    X(0x77, PUSH24, BERLIN)                                                                                            \
    X(0x78, PUSH25, BERLIN)                                                                                            \
    X(0x79, PUSH26, BERLIN)                                                                                            \
    X(0x7a, PUSH27, BERLIN)                                                                                            \
    X(0x7b, PUSH28, BERLIN)                                                                                            \
    X(0x7c, PUSH29, BERLIN)                                                                                            \
    X(0x7d, PUSH30, BERLIN)                                                                                            \
    X(0x7e, PUSH31, BERLIN)                                                                                            \
    X(0x7f, PUSH32, BERLIN)
#define EVM_DUPS(X)                                                                                                    \
    X(0x80, DUP1, BERLIN)                                                                                              \
    X(0x81, DUP2, BERLIN)                                                                                              \
    X(0x82, DUP3, BERLIN)                                                                                              \
    X(0x83, DUP4, BERLIN)                                                                                              \
    X(0x84, DUP5, BERLIN)                                                                                              \
    X(0x85, DUP6, BERLIN)                                                                                              \
    X(0x86, DUP7, BERLIN)                                                                                              \
    X(0x87, DUP8, BERLIN)                                                                                              \
    X(0x88, DUP9, BERLIN)                                                                                              \
    X(0x89, DUP10, BERLIN)                                                                                             \
    X(0x8a, DUP11, BERLIN)                                                                                             \
    X(0x8b, DUP12, BERLIN)                                                                                             \
    X(0x8c, DUP13, BERLIN)                                                                                             \
    X(0x8d, DUP14, BERLIN)                                                                                             \
    X(0x8e, DUP15, BERLIN)                                                                                             \
    X(0x8f, DUP16, BERLIN)
#define EVM_SWAPS(X)                                                                                                   \
    X(0x90, SWAP1, BERLIN)                                                                                             \
    X(0x91, SWAP2, BERLIN)                                                                                             \
    X(0x92, SWAP3, BERLIN)                                                                                             \
    X(0x93, SWAP4, BERLIN)                                                                                             \
    X(0x94, SWAP5, BERLIN)                                                                                             \
    X(0x95, SWAP6, BERLIN)                                                                                             \
    X(0x96, SWAP7, BERLIN)                                                                                             \
    X(0x97, SWAP8, BERLIN)                                                                                             \
    X(0x98, SWAP9, BERLIN)                                                                                             \
    X(0x99, SWAP10, BERLIN)                                                                                            \
    X(0x9a, SWAP11, BERLIN)                                                                                            \
    X(0x9b, SWAP12, BERLIN)                                                                                            \
    X(0x9c, SWAP13, BERLIN)                                                                                            \
    X(0x9d, SWAP14, BERLIN)                                                                                            \
    X(0x9e, SWAP15, BERLIN)                                                                                            \
    X(0x9f, SWAP16, BERLIN)

enum evm_opcode {
#define ENTRY(number, name, fork) EVM_OP_##name = number,
    EVM_OPCODES(ENTRY)
#undef ENTRY
};

// "ADD"; NULL for numbers that no instruction has.
const char *evm_opcode_name(uint8_t opcode);

#endif
