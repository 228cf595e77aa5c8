// Fetching a state from the validators, before a node starts: which of them offers what, a proof that the offered block
// is final, the state's tables, the last blocks. Everything is checked: the block by a certificate of the genesis'
// validators, the tables by the state root in its header, the blocks by their hashes; where ordering goes on, by what
// validators of whom one at least is honest say. Who gave something else is not asked again.
//
//   DATA/snapshot/state, log    what has come; taken up again after a crash, while somebody offers the same state
//   DATA/snapshot/anchor        all is there and checked: snap_place puts it in place
#ifndef GANTRY_ENGINE_SNAP_SNAP_FETCH_H
#define GANTRY_ENGINE_SNAP_SNAP_FETCH_H

#include "engine/cluster.h"
#include "engine/snap/anchor.h"

// Blocks that come with a state: BLOCKHASH reaches back as far.
#define SNAP_BLOCKS 256u

struct snap_fetch_options {
    const struct cluster *cluster;
    const struct genesis *genesis;
    bytes32 genesis_hash;
    const char *data;   // the data folder
    struct anchor from; // what the node's own log of ordering had come to (DATA/fetch)
    uint64_t above;     // height of the newest executed block here: only later states are of use
};

// False with a message: nobody gave a state within a minute or so, or the disk failed.
MUST_CHECK bool snap_fetch(const struct snap_fetch_options *options, char error[STORE_ERROR_MAX]);

// Puts a state that was fetched in the place of the node's own, if there is one; safe to be interrupted and called
// again. The log of ordering goes aside unless the anchor says to keep it.
MUST_CHECK bool snap_place(const char *data, const bytes32 *genesis_hash, char error[STORE_ERROR_MAX]);

#endif
