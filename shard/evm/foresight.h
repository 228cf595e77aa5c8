// What a contract's function will hash, known before it runs. The slot of a mapping's entry is keccak256(key .
// mapping), and the key is mostly the sender, an argument, or the hash that stands for a mapping inside a mapping. So
// the hashes that the last calls of a function made say which ones the next call needs: these are computed for
// several calls at once, and the slots' memory can be asked for before it is read. It is guessed only; what is wrong
// costs time.
//
// A function is a contract's address and four bytes of input. Inside of shard/evm. One thread.
#ifndef GANTRY_SHARD_EVM_FORESIGHT_H
#define GANTRY_SHARD_EVM_FORESIGHT_H

#include "shard/evm/evm.h"
#include "shard/evm/keccak_memo.h"

struct foresight;

struct foresight *foresight_create(struct arena *arena);
void foresight_free(struct foresight *f, struct arena *arena); // NULL is fine

// The transaction tx hashes these KECCAK_MEMO_INPUT bytes in a frame of this contract.
void foresight_learn(struct foresight *f, const struct evm_tx *tx, const address *contract, const uint8_t *input,
                     const struct keccak_memo *memo);
// Puts what the calls will hash into the memo. As evm_foresee.
size_t foresight_use(const struct foresight *f, struct keccak_memo *memo, const struct evm_ahead *calls, size_t count,
                     struct evm_slot_ahead *out);

#endif
