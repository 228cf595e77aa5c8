// The genesis as state: its accounts by key, and their root. On the first start both are computed from genesis.json;
// the data folder then keeps a copy of the text, and the root in the genesis header of its identity.
#ifndef GANTRY_ENGINE_GENESIS_STATE_H
#define GANTRY_ENGINE_GENESIS_STATE_H

#include "chain/genesis.h"
#include "engine/store/file_header.h"
#include "shard/state/state.h"

// The genesis accounts in rising key order, malloc'ed.
struct state_dirty *genesis_records(const struct genesis *g);

// State root over these records (rising key order).
bytes32 genesis_state_root(const struct state_dirty *records, size_t count);

// The copy of genesis.json that a data folder keeps: its text, malloc'ed, or NULL when there is none.
char *genesis_kept_text(const char *dir, size_t *len);
// Keeps it, durably.
MUST_CHECK bool genesis_keep_text(const char *json, size_t len, const char *dir, char error[STORE_ERROR_MAX]);

#endif
