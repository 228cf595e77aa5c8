// Account and slot records on disk. Pure functions; any thread.
//
//   compact  form 0: nonce length | 0x00    u8 | balance length u8 | nonce | balance
//   full     form 1: nonce length | 0x10    u8 | balance length u8 | nonce | balance | storage root 32 | code hash 32
//   slot     its value
//
// Lengths are minimal, numbers little-endian. The compact form is that of an account whose storage root and code hash
// are the constants of an empty trie and empty code; every such account uses it.
#ifndef GANTRY_ENGINE_STORE_ACCOUNT_CODEC_H
#define GANTRY_ENGINE_STORE_ACCOUNT_CODEC_H

#include "shard/state/batch.h"

#define ACCOUNT_ENCODED_MAX (2 + 8 + 32 + 64)
#define SLOT_ENCODED_MAX 32

// Both return the length. A slot's value is not zero.
size_t account_put(uint8_t out[ACCOUNT_ENCODED_MAX], const struct account *a, const struct account_contract *contract);
size_t slot_put(uint8_t out[SLOT_ENCODED_MAX], const u256 *value);

// Exactly one record; false when it is malformed.
MUST_CHECK bool account_get(struct account *out, struct account_contract *contract, struct bytes in);
MUST_CHECK bool slot_get(u256 *out, struct bytes in);

#endif
