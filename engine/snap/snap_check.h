// Whether what another node gave is what it should be. Any thread that may use the checkpoint.
#ifndef GANTRY_ENGINE_SNAP_SNAP_CHECK_H
#define GANTRY_ENGINE_SNAP_SNAP_CHECK_H

#include "engine/store/checkpoint.h"
#include "engine/store/record.h"
#include "shard/serial/block_body.h"

// The root of the state that a checkpoint holds, one partition in memory at a time. False with a message: records that
// no state has.
MUST_CHECK bool snap_state_root(struct checkpoint *c, bytes32 *root, char error[STORE_ERROR_MAX]);

// A record whose block has the right hash: whether transactions, senders and receipts are those that its header names.
// What of a record no header names (the order of execution, dropped transactions) can't be told.
MUST_CHECK bool snap_record_is_sound(const struct record *r, struct block_body *body, uint64_t chain_id);

#endif
