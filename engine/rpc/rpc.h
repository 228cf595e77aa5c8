// JSON-RPC 2.0 over HTTP and WebSocket, /metrics and /health, on one port: one libwebsockets service thread.
//
// What the thread knows itself: the chain (struct chain_reader, which it owns). Everything else it asks of the node by
// struct rpc_query: allocated here, handed to backend.ask, filled in by the node's threads, and handed back through
// rpc_complete from any thread. Blocks come through rpc_post_block. Others wake the thread only by
// lws_cancel_service, inside these functions.
#ifndef GANTRY_ENGINE_RPC_RPC_H
#define GANTRY_ENGINE_RPC_RPC_H

#include "base/config.h"
#include "chain/genesis.h"
#include "engine/calls/call_request.h"
#include "engine/consensus_view.h"
#include "engine/list_board.h"
#include "engine/store/chain_reader.h"
#include "mempool/mempool.h"
#include "shard/trie/proof.h"
#include "shard/tx_path.h"

// Of all requests being received; of all answers waiting, beyond which new requests are refused.
#define RPC_INPUT_BYTES_MAX (256u << 20)
#define RPC_OUTPUT_BYTES_MAX (256u << 20)

struct rpc;

struct rpc_options {
    const char *host;          // bind address, default 127.0.0.1
    uint16_t port;             // 0: any free one (rpc_port tells)
    const char *cors;          // allowed origin, empty: none, "*": any
    const char *allowed_hosts; // comma-separated Host names accepted besides localhost and numeric addresses
    uint32_t connection_max, batch_max, subscription_max, filter_max;
    uint64_t body_bytes_max, response_bytes_max;
    uint64_t gas_cap; // of eth_call and its like
    uint32_t depth_max;
    bool developer_methods; // txpool_content, txpool_inspect, debug_*
};

enum rpc_query_kind {
    RPC_SUBMIT,  // in: raw. out: status, hash
    RPC_ACCOUNT, // in: key, height, pending. out: found (1, 0, -1 as state_get_at), account (with pending: nonce after
                 // the pool's)
    RPC_POOL_FIND,    // in: hash. out: found (1 pending, 2 queued, 0 no), status (drop reason or TX_OK), text = raw,
                      // sender
    RPC_POOL_STATS,   // out: stats, summed over shards
    RPC_POOL_CONTENT, // out: entries
    RPC_CODE,         // in: key, height. out: found (-1: height not kept), raw
    RPC_SLOT,         // in: key, height, hash (the slot). out: found likewise, hash (the value)
    RPC_PROOF,        // in: key, height, proof. out: found likewise, proof
    RPC_PATH, // in: hash. out: found (1 pending, 2 queued, 3 path is of a list or of leaving, 0 none), status as
              // RPC_POOL_FIND, path, shard
    RPC_CALL  // in: call, key (of the account that it is about). out: call's results
};

// A question for a proof of an account and its slots.
struct rpc_proof {
    address address;
    u256 *slots;     // malloc'ed
    bool *full_keys; // malloc'ed, the rpc thread's own: were all digits of the slot given?
    struct account_proof account;
    struct proof nodes; // out: the account's, from the state root on
};
void rpc_proof_free(struct rpc_proof *p); // NULL is fine

struct rpc_pool_entry {
    uint8_t *raw; // malloc'ed
    size_t raw_len;
    bytes32 hash;
    address sender;
    bool pending;
};

struct rpc_query {
    enum rpc_query_kind kind;
    void *owner;         // the rpc thread's own; not touched by the node
    unsigned next_shard; // the node's own: where a question that visits all shards goes next
    // In
    uint8_t *raw; // RPC_SUBMIT: malloc'ed by rpc; RPC_POOL_FIND, RPC_CODE: malloc'ed by the node; freed by rpc
    size_t raw_len;
    bytes32 key, hash;
    uint64_t height;
    bool pending;
    // Out
    int found;
    enum tx_status status;
    struct account account;
    address sender;
    struct mempool_stats stats;
    struct tx_path path;
    unsigned shard;                 // whose the sender is
    struct rpc_pool_entry *entries; // malloc'ed by the node; freed by rpc
    size_t entry_count;
    size_t entry_max;          // in: stop after this many
    struct call_request *call; // the rpc thread's, lent; freed by rpc
    struct rpc_proof *proof;   // likewise
};

// A snapshot for gantry_status, /health and the metrics that come from the node; filled by backend.status, which may be
// called on the rpc thread at any time and must not block.
struct rpc_node_status {
    const char *version;
    unsigned shard_count;
    uint64_t start_wall_ms;
    uint64_t checkpoint_height, log_bytes, checkpoint_bytes, retained_from;
    uint64_t pool_pending, pool_queued;
    u256 base_fee; // of the next block
    bool healthy;
    char reason[160]; // one sentence: why it is not healthy, or why it does not keep up; else empty
};

struct rpc_backend {
    void *ctx;
    // Starts an answer; it comes through rpc_complete. Never blocks; false when the node's inbox is full (the rpc
    // thread answers with an error then).
    bool (*ask)(void *ctx, struct rpc_query *q);
    // Starts submissions (RPC_SUBMIT) of one text together, so that they are verified as batches; as ask does, but
    // returns how many it took, from the first on. NULL: they are asked one by one.
    size_t (*submit)(void *ctx, struct rpc_query *const *queries, size_t count);
    void (*status)(void *ctx, struct rpc_node_status *out);
    // Writes the node's metrics in Prometheus text; see engine/rpc/metrics.h.
    void (*metrics)(void *ctx, FILE *out);
    // Told by rpc_start where answers go, before the first question can come; may be NULL.
    void (*created)(void *ctx, struct rpc *rpc);
    const struct cluster_report *cluster; // NULL: a chain of one node
    struct list_board *board;             // where lists went, for paths of transactions
    uint64_t path_max;                    // transactions whose paths the node keeps; 0: none
};

// Starts the thread. Takes over reader. NULL with a message when the port can't be bound.
struct rpc *rpc_start(const struct rpc_options *options, const struct rpc_backend *backend, struct chain_reader *reader,
                      const struct genesis *genesis, char error[STORE_ERROR_MAX]);
// Answers what is under way with an error, waits (half a second at most) for questions that are still with the node,
// closes connections, ends the thread. Calls from other threads may be running and may still come; they do nothing
// then.
void rpc_close(struct rpc *rpc);
// rpc_close, if that has not been, and frees. No call from another thread may come after it returned.
void rpc_stop(struct rpc *rpc);
uint16_t rpc_port(const struct rpc *rpc);

// Any thread.
void rpc_complete(struct rpc *rpc, struct rpc_query *q);
// A block became durable: takes over `record` (malloc'ed). Coordinator only; in order of height.
void rpc_post_block(struct rpc *rpc, uint64_t height, uint8_t *record, size_t len, struct blog_place place);
// Blocks below height left the log (blog_retain). Coordinator only.
void rpc_post_retain(struct rpc *rpc, uint64_t height);
// A transaction became pending; any shard. Cheap when nobody subscribed (rpc_wants_pending).
bool rpc_wants_pending(const struct rpc *rpc);
void rpc_post_pending(struct rpc *rpc, const bytes32 *hashes, size_t count);

#endif
