// The genesis as state: its accounts and their storage by key, and their root. On the first start both are computed
// from genesis.json; the data folder then keeps a copy of the text, and the root in the genesis header of its identity.
#ifndef GANTRY_ENGINE_GENESIS_STATE_H
#define GANTRY_ENGINE_GENESIS_STATE_H

#include "chain/genesis.h"
#include "engine/store/file_header.h"
#include "shard/state/codes.h"
#include "shard/state/state.h"

// The genesis accounts and slots in rising order of their keys, and the root of the state that they make. Fills `out`,
// which was all zero; the caller frees it.
bytes32 genesis_records(struct state_batch *out, const struct genesis *g);
// The codes of its contracts.
void genesis_add_codes(const struct genesis *g, struct codes *codes);
// Loads records in such an order into states[first..last), between state_load_begin and state_load_end.
void genesis_load_records(const struct state_batch *records, struct state **states, unsigned first, unsigned last);

// The copy of genesis.json that a data folder keeps: its text, malloc'ed, or NULL when there is none.
char *genesis_kept_text(const char *dir, size_t *len);
// Keeps it, durably.
MUST_CHECK bool genesis_keep_text(const char *json, size_t len, const char *dir, char error[STORE_ERROR_MAX]);

#endif
