// An account record on disk. Pure functions; any thread.
//
//   compact  form 0: nonce length | 0x00    u8 | balance length u8 | nonce | balance
//   full     form 1: nonce length | 0x10    u8 | balance length u8 | nonce | balance | storage root 32 | code hash 32
//
// Lengths are minimal, numbers little-endian. The compact form is that of an account whose storage root and code hash
// are the constants of an empty trie and empty code; every such account uses it.
#ifndef GANTRY_ENGINE_STORE_ACCOUNT_CODEC_H
#define GANTRY_ENGINE_STORE_ACCOUNT_CODEC_H

#include "shard/state/state.h"

#define ACCOUNT_ENCODED_MAX (2 + 8 + 32 + 64)

// Returns the length.
size_t account_put(uint8_t out[ACCOUNT_ENCODED_MAX], const struct account *a);

enum account_form { ACCOUNT_OK, ACCOUNT_MALFORMED, ACCOUNT_HAS_CODE };
// Exactly one record. ACCOUNT_HAS_CODE: well-formed, but with code or storage, which this build does not have.
MUST_CHECK enum account_form account_get(struct account *out, struct bytes in);

#endif
