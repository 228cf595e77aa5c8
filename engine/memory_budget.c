#include "engine/memory_budget.h"

#include "base/log.h"
#include "engine/calls/call_lane.h"
#include "engine/finality.h"
#include "engine/list_board.h"
#include "engine/net/link.h"
#include "engine/order/dp.h"
#include "engine/rpc/rpc.h"
#include "engine/store/block_cache.h"
#include "engine/store/blog.h"
#include "shard/ingest/wire.h"
#include "shard/loop.h"
#include "shard/state/state.h"
#include "shard/tx_path.h"

#include <inttypes.h>
#include <math.h>
#include <unistd.h>

// What large states were measured to take an account, tries included, is under this.
#define ACCOUNT_BYTES 200u
#define TRANSFER_GAS 21000u
#define RECORDS_PER_TRANSFER 2u

static uint64_t records_per_block(uint64_t gas_limit)
{
    return gas_limit / TRANSFER_GAS * RECORDS_PER_TRANSFER + 1;
}

static uint64_t receiving(const struct node_config *config, unsigned shards)
{
    const uint64_t slack =
        RECEIVE_SLACK_BYTES / shards > RECEIVE_SHARD_BYTES_MIN ? RECEIVE_SLACK_BYTES / shards : RECEIVE_SHARD_BYTES_MIN;
    // A frame that is being put together, and answers on their way.
    const uint64_t connections = config->ingest_connections * (INGEST_FRAME_MAX + LOOP_BUFFER_BYTES);
    return shards * (slack + (uint64_t)LOOP_BUFFER_BYTES * LOOP_BUFFER_COUNT + connections);
}

// A trace is kept as long as twice what may be answered; the memory that gas buys grows with its root (yellow paper,
// appendix H.1), the most with all frames.
static uint64_t call_bytes(const struct node_config *config)
{
    const uint64_t frame = EVM_STACK_MAX * sizeof(u256);
    const uint64_t words = (uint64_t)sqrt(512.0 * (double)config->rpc_gas_cap);
    return (EVM_DEPTH_MAX + 1) * frame + 32 * words + 2 * config->rpc_response_bytes;
}

static uint64_t path_bytes(const struct node_config *config, unsigned shards)
{
    return shards * tx_paths_bytes(tx_paths_share(config->transaction_paths, shards)) + LIST_BOARD_BYTES;
}

struct memory_budget memory_budget(const struct node_config *config, const struct mempool_limits *pool, unsigned shards,
                                   uint64_t block_gas_limit, uint64_t accounts)
{
    const uint64_t per_block = records_per_block(block_gas_limit);
    return (struct memory_budget){
        .state = accounts * ACCOUNT_BYTES,
        .history = STATE_HISTORY_BLOCKS * per_block * STATE_HISTORY_ACCOUNT_BYTES,
        .pools = shards * mempool_memory_max(pool),
        .receiving = receiving(config, shards),
        .log = 2ull * BLOG_QUEUE_BYTES_MAX, // one group being collected, one being written
        .checkpoint = (config->checkpoint_records + per_block) * sizeof(struct state_dirty),
        .rpc = (uint64_t)RPC_INPUT_BYTES_MAX + RPC_OUTPUT_BYTES_MAX + BLOCK_CACHE_BYTES_MAX,
        .calls = shards * LANE_RUNNING_MAX * call_bytes(config),
        .paths = path_bytes(config, shards),
    };
}

void memory_budget_add_cluster(struct memory_budget *b, unsigned validators, unsigned peers, unsigned shards)
{
    const uint64_t bulk = shards < WIRE_STRIPES ? shards : WIRE_STRIPES;
    const uint64_t queues = peers * (LINK_CONTROL_QUEUE_BYTES + bulk * LINK_BULK_QUEUE_BYTES);
    const uint64_t slots = (uint64_t)validators * WIRE_LANE_WINDOW;
    const uint64_t acks = slots * (sizeof(struct car_slot) + validators * sizeof(struct tally_item) +
                                   DP_CARS_PER_POSITION * sizeof(struct wire_car));
    b->cluster = queues + acks + finality_bytes_max(validators);
}

uint64_t memory_budget_total(const struct memory_budget *b)
{
    return b->state + b->history + b->pools + b->receiving + b->log + b->checkpoint + b->rpc + b->calls + b->paths +
           b->cluster;
}

void memory_budget_log(const struct memory_budget *b)
{
    const uint64_t total = memory_budget_total(b) >> 20;
    const uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) >> 20;
    log_info("node", "memory at most",
             "total_mb=%" PRIu64 " state_mb=%" PRIu64 " history_mb=%" PRIu64 " pools_mb=%" PRIu64
             " receiving_mb=%" PRIu64 " log_mb=%" PRIu64 " checkpoint_mb=%" PRIu64 " rpc_mb=%" PRIu64
             " calls_mb=%" PRIu64 " paths_mb=%" PRIu64 " cluster_mb=%" PRIu64,
             total, b->state >> 20, b->history >> 20, b->pools >> 20, b->receiving >> 20, b->log >> 20,
             b->checkpoint >> 20, b->rpc >> 20, b->calls >> 20, b->paths >> 20, b->cluster >> 20);
    if (total > machine)
        log_warn("node", "the memory budget is more than this machine has",
                 "total_mb=%" PRIu64 " machine_mb=%" PRIu64 " advice=\"lower pool-bytes or the gas limit\"", total,
                 machine);
}
