// What Ethereum's official JSON tests have in common: their numbers, accounts, environments and transactions. Every
// reader returns false when the JSON isn't what it should be. Any thread.
#ifndef GANTRY_TOOLS_OFFICIAL_OFFICIAL_JSON_H
#define GANTRY_TOOLS_OFFICIAL_OFFICIAL_JSON_H

#include <jansson.h>

#include "shard/evm/evm.h"
#include "shard/evm/world.h"

// Members of an object. A missing number is `missing`; a missing byte string is empty. *out of official_bytes is
// malloc'ed (NULL when empty), also after a failure to be freed by the caller.
MUST_CHECK bool official_u256(u256 *out, const json_t *object, const char *key, const u256 *missing);
MUST_CHECK bool official_u64(uint64_t *out, const json_t *object, const char *key, uint64_t missing);
MUST_CHECK bool official_bytes(struct bytes *out, const json_t *text);
MUST_CHECK bool official_fixed(void *out, size_t len, const json_t *text);

// {"0xADDRESS": {balance, nonce, code, storage: {}}}
MUST_CHECK bool official_accounts(struct evm_world *world, const json_t *accounts);
// A state test's "env".
MUST_CHECK bool official_env(struct evm_block *out, const struct evm_rules *rules, const json_t *env,
                             uint64_t chain_id);

// A state test's "transaction" with one of its variants. What it points to is its own.
struct official_tx {
    struct evm_tx tx;
    uint8_t *data, *access_list;
    bytes32 *blob_hashes;
};
MUST_CHECK bool official_tx(struct official_tx *out, const json_t *transaction, size_t data, size_t gas, size_t value);
void official_tx_free(struct official_tx *tx);

#endif
