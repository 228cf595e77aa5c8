// Taking one offered state from one validator into DATA/snapshot: proof, tables, blocks, each checked. One thread.
#ifndef GANTRY_ENGINE_SNAP_SNAP_TAKE_H
#define GANTRY_ENGINE_SNAP_SNAP_TAKE_H

#include "engine/order/vset.h"
#include "engine/snap/anchor.h"
#include "engine/snap/snap_line.h"

struct snap_take_options {
    const char *data; // the data folder
    bytes32 genesis_hash;
    uint64_t chain_id;
    const struct vset *set;
};

struct snap_take;

// NULL with a message: the folder can't be made or opened.
struct snap_take *snap_take_open(const struct snap_take_options *options, char error[STORE_ERROR_MAX]);
void snap_take_close(struct snap_take *t); // NULL is fine

// The block whose state has come in part; zero for none.
const bytes32 *snap_take_begun(const struct snap_take *t);

enum snap_taken {
    SNAP_TAKEN,  // all of it, and its anchor: snap_place is next
    SNAP_LOST,   // the peer is gone, or does not have it any more: what came stays
    SNAP_LIED,   // what came is not what it should be, and is thrown away
    SNAP_FAILED, // this node's disk
};
// But for SNAP_TAKEN with a message. origin: digest of the ordering block that is to have given the state's block; bytes:
// about how large it is to be.
MUST_CHECK enum snap_taken snap_take_state(struct snap_take *t, struct snap_line *line, const struct anchor *anchor,
                                           const bytes32 *origin, uint64_t bytes, char error[STORE_ERROR_MAX]);

#endif
