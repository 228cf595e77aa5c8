// Watches a node's chain: a subscription to new heads tells when a block became visible, and each block's transaction
// hashes are fetched to find which of a set it holds. Two threads of its own: one stamps heads as they come, one
// fetches. A node without WebSocket is asked for its height every few milliseconds instead.
#ifndef GANTRY_TOOLS_LOAD_LOAD_WATCH_H
#define GANTRY_TOOLS_LOAD_LOAD_WATCH_H

#include "tools/load/load_track.h"
#include "tools/load/rpc_client.h"

struct load_watch;

struct load_block {
    uint64_t height, visible_ns;
    uint64_t gas_used, gas_limit, base_fee;
    uint32_t tx_count, matched;
};

// NULL with error. Blocks up to the current head are left out. track NULL: only heads are stamped, nothing is fetched.
struct load_watch *load_watch_start(const struct rpc_url *rpc, const struct rpc_url *ws, struct load_track *track,
                                    char error[LOAD_ERROR_MAX]);
void load_watch_stop(struct load_watch *w);

// Any thread. What went wrong (the node went away), NULL while all is well. w may be NULL: nothing.
const char *load_watch_error(const struct load_watch *w);
// Any thread. CPU time of the two threads so far.
uint64_t load_watch_cpu_ns(const struct load_watch *w);
// Copies the blocks seen since the start whose visible_ns is in [from, to); returns how many there are (may exceed
// max).
size_t load_watch_blocks(struct load_watch *w, uint64_t from_ns, uint64_t to_ns, struct load_block *out, size_t max);

// How many of the set's transactions the blocks hold that became visible in [from, to).
uint64_t load_watch_matched(struct load_watch *w, uint64_t from_ns, uint64_t to_ns);

// Takes the hashes out of the JSON text of a block with a "transactions" array of hashes (any order of keys), calling
// found for each. False when the text has no such array or a hash is malformed.
MUST_CHECK bool load_block_hashes(const char *text, size_t len, void (*found)(void *ctx, const bytes32 *hash),
                                  void *ctx);
// The quantity of the first `"name":"0x..."`; false when there is none.
MUST_CHECK bool load_block_quantity(const char *text, size_t len, const char *name, uint64_t *out);

#endif
