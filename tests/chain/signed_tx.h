// Making signed transactions and finding senders, for the tests of chain/.
#ifndef GANTRY_TESTS_CHAIN_SIGNED_TX_H
#define GANTRY_TESTS_CHAIN_SIGNED_TX_H

#include "chain/tx.h"
#include "sigverify/sigverify.h"

#define SIGNED_MAX 4096

// Signs with dev account 0's key; returns the wire form's length. buf holds cap bytes.
size_t sign_fields(uint8_t *buf, size_t cap, const struct tx_fields *fields);

// The item that recovers this transaction's sender.
struct sv_item item_of(const struct tx *tx);

// Recovers one sender.
enum sv_status sender_of(address *out, const struct tx *tx);

// A plain transfer of the given type on chain 1, filled in everywhere.
struct tx_fields sample_fields(enum tx_type type);

#endif
