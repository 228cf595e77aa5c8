// The rpc thread's questions, carried to the shards that can answer: an account to its owner, a call to its target's, a
// submission to the shards in turn, questions about the pool through all shards one after the other. Submissions that
// come together stay together: each shard gets one part of them, to be verified as a batch.
#ifndef GANTRY_ENGINE_QUERIES_H
#define GANTRY_ENGINE_QUERIES_H

#include "engine/calls/call_lane.h"
#include "engine/root_history.h"
#include "engine/rpc/rpc.h"
#include "shard/shard.h"

struct queries;

// codes: what the shards' states use; roots: for proofs.
struct queries *queries_create(struct shard **shards, unsigned shard_count, const struct codes *codes,
                               struct root_history *roots);
// Where answers go; before the first question.
void queries_set_rpc(struct queries *q, struct rpc *rpc);
void queries_free(struct queries *q);
const struct call_lanes *queries_lanes(const struct queries *q);

// rpc_backend.ask, with ctx the struct queries. The rpc thread.
bool queries_ask(void *ctx, struct rpc_query *query);
// rpc_backend.submit, likewise.
size_t queries_submit(void *ctx, struct rpc_query *const *queries, size_t count);

#endif
