// Where a node goes on that takes over another's state: two small files of the data folder.
//
//   DATA/fetch     made by a running node that can't go on from what it has: the next start fetches a state first.
//                  epoch, vote_from and recovering are those of its ordering log
//   DATA/anchor    made when a fetched state was put in place; goes once a block is executed on top of it
//
// Any thread.
#ifndef GANTRY_ENGINE_SNAP_ANCHOR_H
#define GANTRY_ENGINE_SNAP_ANCHOR_H

#include "engine/net/wire/message.h"
#include "engine/store/file_header.h"

#define ANCHOR_FETCH_NAME "fetch"
#define ANCHOR_NAME "anchor"

struct anchor {
    uint64_t height;  // of the newest executed block
    bytes32 block;    // its hash
    uint64_t ordered; // ordering height up to which it is the result
    uint64_t epoch;   // in which ordering goes on; its first floor is `boundary`, unless it is 0
    struct wire_block_header boundary;
    uint64_t vote_from; // first epoch in which this key may vote
    bool recovering;    // what it has signed is not known
    bool keep_log;      // its log of ordering is of this epoch: it goes on from there
};

// false with a message.
MUST_CHECK bool anchor_write(const struct anchor *a, const char *data, const char *name, const bytes32 *genesis_hash,
                             char error[STORE_ERROR_MAX]);
enum anchor_found { ANCHOR_FOUND, ANCHOR_NONE, ANCHOR_BAD };
// ANCHOR_BAD with a message: it can't be read, is damaged or another chain's.
enum anchor_found anchor_read(struct anchor *out, const char *data, const char *name, const bytes32 *genesis_hash,
                              char error[STORE_ERROR_MAX]);
// Removes it durably, if it is there.
MUST_CHECK bool anchor_remove(const char *data, const char *name, char error[STORE_ERROR_MAX]);

#endif
