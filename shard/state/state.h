// The flat state of one partition: a table from account key (keccak256 of the address) to account record, with the
// pre-images that readers of the last 128 heights need, and the lists of what changed for the trie and for checkpoints.
//
//   slot table: u32 = tag 8 bits | record id 24 bits     (open addressing, grows by itself)
//        |
//        v
//   records:    chunked array, ids never move            record.history -> newest pre-image of that record
//        |
//        v
//   history:    one growing sequence of {record, block, previous pre-image, old nonce, old balance}
//
// A block is open between state_begin_block and state_end_block. The first write to a record in a block appends its
// pre-image, so "changed in this block" is the tail of the history, and the value at an older height is found by
// walking a record's pre-images. One owner thread (the partition's shard; in the global pass whoever the coordinator
// lets). Memory comes from the shard's arena. Target: with the trie at most 200 bytes an account.
#ifndef GANTRY_SHARD_STATE_STATE_H
#define GANTRY_SHARD_STATE_STATE_H

#include "base/arena.h"
#include "base/u256.h"

#define STATE_HISTORY_BLOCKS 128
#define STATE_NONE UINT32_MAX

struct state;

// An account's values. Code hash and storage root join here with contracts; on disk they are there from the first
// version.
struct account {
    uint64_t nonce;
    u256 balance;
};

struct state *state_create(struct arena *arena);
void state_free(struct state *s);

// Number of existing accounts.
size_t state_count(const struct state *s);

// Id of the record with this key, STATE_NONE when there is none (or it doesn't exist any more). Ids are stable.
uint32_t state_find(const struct state *s, const bytes32 *key);
// As state_find, but makes an empty record (not yet existing) when there is none. Only inside a block or load. The id
// of a record that does not exist holds until the block ends: then records that no reader and no checkpoint needs are
// given back.
uint32_t state_find_or_add(struct state *s, const bytes32 *key);
// Prefetches what state_find will touch.
void state_prefetch(const struct state *s, const bytes32 *key);

const bytes32 *state_key(const struct state *s, uint32_t id);
struct account state_get(const struct state *s, uint32_t id);
// Does the account exist (EIP-161: nonce or balance is not zero)?
bool state_exists(const struct state *s, uint32_t id);
// Writes; takes the pre-image on the first write of the block. A record that becomes empty (EIP-161) ceases to exist.
void state_set(struct state *s, uint32_t id, const struct account *value);

// Blocks. Heights rise by one from the height given to state_set_height (genesis or checkpoint).
void state_set_height(struct state *s, uint64_t height);
uint64_t state_height(const struct state *s); // last ended block
void state_begin_block(struct state *s, uint64_t height);
void state_end_block(struct state *s);
// Records changed in the open block (or, between blocks, in the last one), each once: the i-th of count.
size_t state_changed_count(const struct state *s);
uint32_t state_changed(const struct state *s, size_t i);

// The account as it was after block `height`: 1 found, 0 no such account then, -1 height is not kept (older than the
// last 128, or above the last ended block). While a block is open its writes are not seen at heights below it.
MUST_CHECK int state_get_at(const struct state *s, const bytes32 *key, uint64_t height, struct account *out);

// Loading (genesis, checkpoint): between state_load_begin and state_load_end, state_load adds accounts that are not
// there yet, without history or dirty marks. expected is a hint for sizing.
void state_load_begin(struct state *s, size_t expected);
void state_load(struct state *s, const bytes32 *key, const struct account *value);
void state_load_end(struct state *s);

// Checkpoints: records written since the last state_checkpoint_take, which copies each (existing or not) and clears the
// marks. take copies up to max; call until it returns 0; all calls of one checkpoint happen between two blocks.
struct state_dirty {
    bytes32 key;
    bool exists;
    struct account account;
};
size_t state_dirty_count(const struct state *s);
size_t state_checkpoint_take(struct state *s, struct state_dirty *out, size_t max);

// Visits every existing account (any order); visit returns false to stop.
void state_visit(const struct state *s, bool (*visit)(void *ctx, uint32_t id), void *ctx);

#endif
