// Where requests are carried out: each shard has a lane of calls beside its own work (shard_background), so that no
// call ever stops the chain. A call runs on the shard that owns its target, a slice at a time, several in turn; the
// records of other shards come by message.
//
// Bounds: LANE_RUNNING_MAX calls of a lane are under way, LANE_WAITING_MAX wait for their turn, and what comes beyond
// is told that the node is busy. A call may take CALL_TIME_MAX_NS of its shard's time.
#ifndef GANTRY_ENGINE_CALLS_CALL_LANE_H
#define GANTRY_ENGINE_CALLS_CALL_LANE_H

#include "engine/calls/call_request.h"
#include "shard/shard.h"
#include "shard/state/codes.h"

#include <stdatomic.h>

#define LANE_RUNNING_MAX 4
#define LANE_WAITING_MAX 512
#define CALL_TIME_MAX_NS (UINT64_C(5) * 1000 * 1000 * 1000)

struct call_lanes;

enum call_outcome {
    CALL_ANSWERED, // reverts and failures of the code included
    CALL_ABORTED,  // took too much time
    CALL_BUSY,     // not begun: too many wait
    CALL_OUTCOME_COUNT
};

// Of a shard's lane; written by the shard, read by anybody.
struct call_numbers {
    _Atomic uint64_t ended[CALL_OUTCOME_COUNT], used_ns;
    _Atomic uint64_t running, waiting; // now
};

// codes: what the shards' states use; both stay until call_lanes_free.
struct call_lanes *call_lanes_create(struct shard **shards, unsigned shard_count, const struct evm_rules *rules,
                                     const struct codes *codes);
// After shards_free.
void call_lanes_free(struct call_lanes *lanes);

// Any thread: carries the request out on the shard that owns the account with this key. done is called once, on a
// shard's thread or as the shards end; then the request's results (or its error) are there. false when the shard takes
// nothing now: nothing happens.
MUST_CHECK bool call_lanes_run(struct call_lanes *lanes, struct call_request *request, const bytes32 *key,
                               void (*done)(void *ctx, struct call_request *request), void *ctx);

const struct call_numbers *call_lanes_numbers(const struct call_lanes *lanes, unsigned shard);

#endif
