// Hashes of 64 bytes, of which a mapping's slot is made: key and mapping. Compilers let the same one be made again
// whenever the entry is touched, and some are known before they are asked for (foresight.h). The last ones are
// remembered. One thread.
#ifndef GANTRY_SHARD_EVM_KECCAK_MEMO_H
#define GANTRY_SHARD_EVM_KECCAK_MEMO_H

#include "base/bytes.h"

enum { KECCAK_MEMO_INPUT = 64, KECCAK_MEMO_SETS = 512, KECCAK_MEMO_WAYS = 2 };

// The newest of a set comes first.
struct keccak_memo {
    struct keccak_memo_entry {
        uint8_t input[KECCAK_MEMO_INPUT];
        bytes32 hash;
    } entries[KECCAK_MEMO_SETS][KECCAK_MEMO_WAYS];
};

void keccak_memo_init(struct keccak_memo *m);
// The hash of KECCAK_MEMO_INPUT bytes; NULL when it isn't remembered. Until the next one is put.
const bytes32 *keccak_memo_find(const struct keccak_memo *m, const uint8_t *input);
void keccak_memo_put(struct keccak_memo *m, const uint8_t *input, const bytes32 *hash);

#endif
