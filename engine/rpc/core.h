// The server without its sockets: takes the text of a request, gives back the text of the answer, and keeps
// subscriptions and filters. A deterministic state machine but for the clock; it owns the chain reader.
//
//   peer --text--> exchange --> calls --(answered from the chain, or)--> query --> node
//   peer <--text-- exchange <-- calls <------------------------------ core_complete
//
// An exchange is one text from a peer: one call or a batch. It ends when its last call is answered; the answer of a
// batch keeps the batch's order. One owner thread (the rpc thread).
#ifndef GANTRY_ENGINE_RPC_CORE_H
#define GANTRY_ENGINE_RPC_CORE_H

#include "engine/rpc/json.h"
#include "engine/rpc/json_writer.h"
#include "engine/rpc/rpc.h"

// Queries that may be with the node at a time; a call beyond is told that the node is busy.
#define CORE_QUERIES_MAX 16384

struct rpc_core;
struct rpc_exchange;
struct rpc_subscription;

// A client's connection as the core sees it. Zero it, set what stands before exchange_count, leave the rest to the
// core.
struct rpc_peer {
    // The answer to one exchange: takes over the writer's buffer (jw_release it). Length 0: nothing to say (only
    // notifications came).
    void (*respond)(struct rpc_peer *peer, struct json_writer *answer);
    // A subscription's message; likewise takes over the buffer.
    void (*notify)(struct rpc_peer *peer, struct json_writer *message);
    // Has it not read all that it was told? NULL: it has.
    bool (*unread)(const struct rpc_peer *peer);
    bool can_subscribe;
    unsigned exchange_count; // not yet answered
    unsigned subscription_count;
    struct rpc_exchange *exchanges;
    struct rpc_subscription *subscriptions;
};

struct rpc_core *core_create(const struct rpc_options *options, const struct rpc_backend *backend,
                             struct chain_reader *reader, const struct genesis *genesis);
// Frees exchanges that were never answered too. No query may be with the node (core_queries).
void core_free(struct rpc_core *core);

// May answer before it returns.
void core_handle(struct rpc_core *core, struct rpc_peer *peer, struct bytes text);
// An answer of the node; frees the query.
void core_complete(struct rpc_core *core, struct rpc_query *q);
void core_block(struct rpc_core *core, uint64_t height, uint8_t *record, size_t len, struct blog_place place);
// Goes on with what is done in pieces; true while something is left: then it wants to be called again, soon.
bool core_work(struct rpc_core *core);
// Blocks below height are gone.
void core_retain(struct rpc_core *core, uint64_t height);
void core_pending(struct rpc_core *core, const bytes32 *hashes, size_t count);
// The connection has gone: nothing of the peer is touched any more.
void core_peer_closed(struct rpc_core *core, struct rpc_peer *peer);
// Answers every exchange under way with an error (shutdown).
void core_abandon(struct rpc_core *core);
// Queries with the node.
unsigned core_queries(const struct rpc_core *core);
// Does anybody wait for pending transactions? Any thread.
bool core_wants_pending(const struct rpc_core *core);

// Counts pending transactions that nobody could be told of. Any thread.
void core_count_lost(struct rpc_core *core, uint64_t count);

// The page of /health: JSON; returns the verdict.
bool core_health(struct rpc_core *core, struct json_writer *w);
// This room's metrics, then the node's.
void core_metrics(struct rpc_core *core, FILE *out);

// The overview (docs/json-rpc.md): is there a subscriber? Then it wants to be told every OVERVIEW_PERIOD_MS.
#define OVERVIEW_PERIOD_MS 500
bool core_wants_overview(const struct rpc_core *core);
// metrics: the text of /metrics.
void core_overview(struct rpc_core *core, struct bytes metrics);

// For tests and fuzzing, with a backend that completes its queries inside ask: the whole way of one text without a
// connection. The answer is malloc'ed; NULL when there is nothing to answer.
char *rpc_handle_text(struct rpc_core *core, struct bytes text, size_t *len);

#endif
