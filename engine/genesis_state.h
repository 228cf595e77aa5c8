// The genesis as state: its accounts by key, and their root. On the first start both are computed from genesis.json; the
// data folder then keeps a copy of the text and the root, so that later starts need neither.
#ifndef GANTRY_ENGINE_GENESIS_STATE_H
#define GANTRY_ENGINE_GENESIS_STATE_H

#include "chain/genesis.h"
#include "engine/store/file_header.h"
#include "shard/state/state.h"

// The genesis accounts in rising key order, malloc'ed.
struct state_dirty *genesis_records(const struct genesis *g);

// State root over these records (rising key order).
bytes32 genesis_state_root(const struct state_dirty *records, size_t count);

// Reads DIR/genesis.json and DIR/genesis.root if they are there and belong together: 1 found, 0 not there, -1 with a message.
// On 1, out's header is complete.
MUST_CHECK int genesis_load_kept(struct genesis *out, const char *dir, char error[STORE_ERROR_MAX]);

// Keeps them, durably, root last. json is the text that g was parsed from; g->header.state_root is set.
MUST_CHECK bool genesis_keep(const struct genesis *g, const char *json, size_t len, const char *dir,
                             char error[STORE_ERROR_MAX]);

#endif
