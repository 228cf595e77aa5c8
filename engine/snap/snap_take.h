// Taking a state from one validator into DATA/snapshot. One thread.
//
//   snap_take_tables   accounts, slots and codes of a checkpoint that it has pinned
//   snap_take_proof    the newest block whose execution a final ordering block attests
//   snap_take_blocks   the blocks up to that one, each the parent of the next; the checkpoint's among them says which
//   root
//                      its tables must have
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
    SNAP_TAKEN,
    SNAP_LOST,   // the peer is gone, or does not have it (any more): what came stays
    SNAP_LIED,   // what came is not what it should be, and is thrown away
    SNAP_FAILED, // this node's disk
};
// All of them, but for SNAP_TAKEN, with a message. bytes: about how large it is to be.
MUST_CHECK enum snap_taken snap_take_tables(struct snap_take *t, struct snap_line *line, uint64_t height,
                                            const bytes32 *block, uint64_t bytes, char error[STORE_ERROR_MAX]);

struct snap_proof {
    uint64_t height; // of the block
    bytes32 block;
    uint64_t epoch;   // of the ordering block that attests it
    uint64_t ordered; // ordering height up to which it is the result
};
MUST_CHECK enum snap_taken snap_take_proof(struct snap_take *t, struct snap_line *line, struct snap_proof *out,
                                           char error[STORE_ERROR_MAX]);

// Then all is here, with the anchor: snap_place is next. The anchor's block is the proof's.
MUST_CHECK enum snap_taken snap_take_blocks(struct snap_take *t, struct snap_line *line, const struct anchor *anchor,
                                            char error[STORE_ERROR_MAX]);

#endif
