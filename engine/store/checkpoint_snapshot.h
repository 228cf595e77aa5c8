// A checkpoint as others get it: read out by tables and key while newer ones are written, and taken in the same way.
//
// Keys and values are those on disk: keccak256 of the address and an account (account_codec.h); the same with the
// slot's number behind it and a slot's value; the hash of a code and the code.
#ifndef GANTRY_ENGINE_STORE_CHECKPOINT_SNAPSHOT_H
#define GANTRY_ENGINE_STORE_CHECKPOINT_SNAPSHOT_H

#include "engine/store/checkpoint.h"

enum checkpoint_table { CHECKPOINT_ACCOUNTS, CHECKPOINT_SLOTS, CHECKPOINT_CODES, CHECKPOINT_TABLES };

// Bytes of a table's keys.
size_t checkpoint_key_bytes(enum checkpoint_table table);

struct checkpoint_entry {
    struct bytes key, value;
};

// ---- out: only in jobs of checkpoint_background

// From now on the newest checkpoint stays readable, whatever is written; the file grows by what replaces it. One at a
// time: where one is pinned that is the answer, unless renew says to let it go for the newest. False with a message:
// there is none yet, or an I/O error.
MUST_CHECK bool checkpoint_pin(struct checkpoint *c, bool renew, uint64_t *height, bytes32 *block_hash,
                               char error[STORE_ERROR_MAX]);
void checkpoint_unpin(struct checkpoint *c);
// The block whose state is pinned; NULL when none is.
const bytes32 *checkpoint_pinned(const struct checkpoint *c);
// Entries of the pinned one in order, from this key on (the least one that is wanted), until take refuses one. False
// when that ended it: there is more.
MUST_CHECK bool checkpoint_read_pinned(struct checkpoint *c, enum checkpoint_table table, const uint8_t *from,
                                       bool (*take)(void *ctx, const struct checkpoint_entry *entry), void *ctx);

// ---- in: one thread, and nothing else is done with it meanwhile

// Empties it, to take in the state of this block. It is not complete, and says so after a restart, with the block.
MUST_CHECK bool checkpoint_import_begin(struct checkpoint *c, uint64_t height, const bytes32 *block_hash,
                                        char error[STORE_ERROR_MAX]);
// The greatest key that it has of a table; false when it has none.
MUST_CHECK bool checkpoint_import_last(struct checkpoint *c, enum checkpoint_table table, uint8_t *key);
enum checkpoint_imported {
    CHECKPOINT_TAKEN,
    CHECKPOINT_MALFORMED, // an entry is none, or not above the one before it: none of these is taken
    CHECKPOINT_FAILED,    // with a message
};
// Entries in rising order of their keys, all above those that are there. Durable on return.
MUST_CHECK enum checkpoint_imported checkpoint_import(struct checkpoint *c, enum checkpoint_table table,
                                                      const struct checkpoint_entry *entries, size_t count,
                                                      char error[STORE_ERROR_MAX]);
MUST_CHECK bool checkpoint_import_complete(struct checkpoint *c, uint64_t height, const bytes32 *block_hash,
                                           char error[STORE_ERROR_MAX]);

#endif
