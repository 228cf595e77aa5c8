// Keccak-256 as contracts ask for it: a mapping's slot is the hash of key and mapping, 64 bytes, and compilers let the
// same one be made again whenever the entry is touched. The last such hashes are remembered. One thread.
#ifndef GANTRY_SHARD_EVM_KECCAK_MEMO_H
#define GANTRY_SHARD_EVM_KECCAK_MEMO_H

#include "base/bytes.h"

enum { KECCAK_MEMO_INPUT = 64, KECCAK_MEMO_SIZE = 256 };

struct keccak_memo {
    struct {
        uint8_t input[KECCAK_MEMO_INPUT];
        bytes32 hash;
    } entries[KECCAK_MEMO_SIZE];
};

void keccak_memo_init(struct keccak_memo *m);
// keccak256(in), of any length.
bytes32 keccak_memo_hash(struct keccak_memo *m, struct bytes in);

#endif
