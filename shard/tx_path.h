// What a shard remembers of the way that its senders' transactions took: one cache line each, for the last so many that
// were ordered or left its pool. Of a list's part in it (ordering, execution, the disk) a line has only the list's
// number; who made the list remembers the rest (engine/list_board.h). One owner thread, the shard's.
#ifndef GANTRY_SHARD_TX_PATH_H
#define GANTRY_SHARD_TX_PATH_H

#include "base/arena.h"
#include "mempool/pooled_tx.h"
#include "shard/exec/exec.h"

// How a transaction came to this node.
enum tx_via { TX_VIA_INGEST, TX_VIA_RPC, TX_VIA_CAR };

// 64 bytes. Times are monotonic; the short ones are microseconds after received_ns, UINT32_MAX for what is longer.
struct tx_path {
    uint8_t hash[16];     // its first bytes
    uint64_t received_ns; // 0: it came in a car, checked elsewhere
    uint64_t taken_ns;    // put into a list or a car; of one that was not ordered: when it left the pool
    uint32_t verified_us, pooled_us;
    uint32_t list;  // number of its list; 0: none
    uint32_t index; // in the list
    uint32_t older; // the table's own
    uint8_t home;   // shard that received it
    uint8_t via;    // enum tx_via
    uint8_t status; // enum tx_status: TX_OK, or why it is in no block
    bool success;
    uint8_t round, pass; // as exec_result's
    uint8_t reason;      // enum exec_global_reason
    uint8_t partition;   // where a call was executed
};

struct tx_paths;

// Of the last transactions: `capacity` of them, at most TX_PATHS_MAX, rounded up to a power of two. NULL for 0: then
// nothing is kept.
#define TX_PATHS_MAX (1u << 24)
struct tx_paths *tx_paths_create(struct arena *arena, uint32_t capacity);
void tx_paths_free(struct tx_paths *paths); // NULL is fine
// One shard's part of a node's `total`; and what a table of some capacity takes.
uint32_t tx_paths_share(uint64_t total, unsigned shards);
uint64_t tx_paths_bytes(uint32_t capacity);

// Keeps where t has got to. NULL paths are fine. Ordered, with its result:
void tx_paths_add_ordered(struct tx_paths *paths, const struct pooled_tx *t, uint32_t list, uint32_t index,
                          const struct exec_result *result);
// Or it left the pool at now_ns for this status. With TX_OK it was included from a car of another validator: its line
// gets what this pool knew of it.
void tx_paths_add_left(struct tx_paths *paths, const struct pooled_tx *t, enum tx_status status, uint64_t now_ns);
// Of one that is pooled: what there is of its path so far (taken_ns 0: it waits).
struct tx_path tx_path_of_pooled(const struct pooled_tx *t);

// The newest line of this hash; valid until the next is added. NULL: none.
const struct tx_path *tx_paths_find(const struct tx_paths *paths, const bytes32 *hash);

#endif
