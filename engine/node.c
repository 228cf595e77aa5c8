#include "engine/node.h"

#include "base/hex.h"
#include "base/log.h"
#include "engine/coordinator.h"
#include "engine/memory_budget.h"
#include "engine/net/listen.h"
#include "engine/node_private.h"
#include "engine/recover.h"
#include "engine/store/disk_uring.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

// Received and unverified bytes that the kernel may hold for one ingest connection.
#define INGEST_RECEIVE_BYTES (1 << 20)
// How long a stop waits for what was accepted to be included, and for what was taken to be answered.
#define DRAIN_MS 700
#define RPC_SUBSCRIPTIONS 64
#define RPC_FILTERS 256
#define DROP_RECORDS 1000000

void node_failed(void *ctx, const char *why)
{
    struct node *n = ctx;
    snprintf(n->failure, sizeof n->failure, "%s", why);
    atomic_store(&n->failed, true);
    sem_post(&n->ended);
}

static void block_durable(void *ctx, uint64_t height, uint8_t *record, size_t len, struct blog_place place)
{
    struct node *n = ctx;
    rpc_post_block(n->rpc, height, record, len, place);
}

static void retained(void *ctx, uint64_t first_height)
{
    rpc_post_retain(((struct node *)ctx)->rpc, first_height);
}

static void tx_pooled(void *ctx, const bytes32 *hashes, size_t count)
{
    struct rpc *rpc = atomic_load_explicit(&((struct node *)ctx)->rpc_ready, memory_order_acquire);
    if (rpc && rpc_wants_pending(rpc))
        rpc_post_pending(rpc, hashes, count);
}

// ---- shards

// The cores that this process may use: a container's or taskset's share of the machine's. Returns how many.
static unsigned usable_cores(int cores[SHARD_MAX])
{
    cpu_set_t set;
    unsigned count = 0;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (int i = 0; i < CPU_SETSIZE && count < SHARD_MAX; i++) {
            if (CPU_ISSET(i, &set))
                cores[count++] = i;
        }
    }
    if (count == 0)
        cores[count++] = -1; // more of them than the set can name
    return count;
}

static void pool_limits(struct mempool_limits *out, const struct node_config *c, unsigned shards)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        abort();
    *out = (struct mempool_limits){
        .tx_max = (uint32_t)(c->pool_transactions / shards + 1),
        .bytes_max = c->pool_bytes / shards + 1,
        .per_sender_max = (uint32_t)c->pool_per_sender,
        .nonce_ahead_max = (uint32_t)c->pool_nonce_ahead,
        .gap_expiry_ns = c->pool_gap_expiry_ms * 1000000,
        .drop_record_max = DROP_RECORDS / shards + 1,
        .min_tip = u256_from_u64(c->pool_min_tip),
        .hash_seed = seed,
    };
}

static bool start_shards(struct node *n, char error[NODE_ERROR_MAX])
{
    int cpus[SHARD_MAX];
    unsigned cores = usable_cores(cpus);
    n->shard_count = n->config->shards ? (unsigned)n->config->shards : cores;
    if (n->shard_count > SHARD_MAX)
        n->shard_count = SHARD_MAX;
    size_t inbox = 1024;
    while (inbox < 8u * n->shard_count)
        inbox *= 2;
    if (!inbox_init(&n->coordinator_inbox, inbox)) {
        snprintf(error, NODE_ERROR_MAX, "the coordinator's inbox could not be made: %s", strerror(errno));
        return false;
    }
    const unsigned validators = n->genesis.cluster.validator_count;
    struct shard_options options = {
        .count = n->shard_count,
        .chain_id = n->genesis.chain_id,
        // No transaction comes into a block that no car may hold.
        .block_gas_limit = n->genesis.header.gas_limit / (validators ? validators : 1),
        .receive_bytes_max = RECEIVE_SLACK_BYTES / n->shard_count,
        .coordinator = &n->coordinator_inbox,
        .codes = n->codes,
        .connection_max = (uint32_t)n->config->ingest_connections,
        .costly_percent = (uint32_t)n->config->ingest_costly_percent,
        .path_max = tx_paths_share(n->config->transaction_paths, n->shard_count),
        .stall_ms = n->config->stall_ms,
        .pooled = tx_pooled,
        .pooled_ctx = n,
    };
    pool_limits(&options.pool, n->config, n->shard_count);
    if (options.receive_bytes_max < RECEIVE_SHARD_BYTES_MIN)
        options.receive_bytes_max = RECEIVE_SHARD_BYTES_MIN;
    for (unsigned i = 0; i < n->shard_count; i++) {
        options.index = i;
        options.cpu = n->config->pin && n->shard_count <= cores ? cpus[i] : -1;
        n->shards[i] = shard_create(&options, error, NODE_ERROR_MAX);
        if (!n->shards[i])
            return false;
    }
    shard_connect(n->shards, n->shard_count);
    for (unsigned i = 0; i < n->shard_count; i++) {
        if (!shard_start(n->shards[i], error, NODE_ERROR_MAX))
            return false;
    }
    return true;
}

// ---- the rest

// Before the rpc thread, which reads its numbers; it starts after that thread, which it tells of blocks.
static void make_coordinator(struct node *n, const struct recovered *at, const address *coinbase)
{
    const struct solo_options solo = {n->genesis.chain_id, n->config->block_time_ms,          n->genesis.subsecond,
                                      *coinbase,           at->head.parent_beacon_block_root, at->head_hash};
    n->order = n->participant ? NULL : order_solo(&solo);
    struct coordinator_options options = {
        .genesis = &n->genesis,
        .shards = n->shards,
        .shard_count = n->shard_count,
        .order = n->order,
        .participant = n->participant,
        .stall_ms = n->config->stall_ms,
        .store = {.blog = n->blog,
                  .checkpoint = n->checkpoint,
                  .checkpoint_interval_ns = n->config->checkpoint_ms * 1000000,
                  .checkpoint_records = n->config->checkpoint_records,
                  .retain_blocks = n->config->retain_blocks,
                  .block_durable = block_durable,
                  .retained = retained,
                  .ctx = n},
        .disk_event_fd = disk_uring_event_fd(n->disk),
        .roots = n->roots,
        .board = n->board,
        .head = at->head,
        .head_hash = at->head_hash,
        .codes = n->codes,
        .ancestors = &at->ancestors,
        .failed = node_failed,
        .ctx = n,
    };
    n->coordinator = coordinator_create(&n->coordinator_inbox, &options);
    for (unsigned i = 0; n->coordinator && i < n->shard_count; i++)
        n->turns[n->turn_count++] = shard_turn(n->shards[i]);
    if (n->coordinator)
        n->turns[n->turn_count++] = coordinator_turn(n->coordinator);
}

static void rpc_created(void *ctx, struct rpc *rpc)
{
    queries_set_rpc(((struct node *)ctx)->queries, rpc);
}

static bool start_rpc(struct node *n, char error[NODE_ERROR_MAX])
{
    const struct node_config *c = n->config;
    struct chain_reader *reader = chain_reader_open(data_folder_log_dir(n->folder), n->blog, &n->genesis.header, error);
    if (!reader)
        return false;
    chain_reader_set_background(reader, n->checkpoint);
    struct rpc_options options = {
        .host = c->rpc_host,
        .port = (uint16_t)c->rpc_port,
        .cors = c->rpc_cors,
        .allowed_hosts = c->rpc_allowed_hosts,
        .connection_max = (uint32_t)c->rpc_connections,
        .batch_max = (uint32_t)c->rpc_batch,
        .subscription_max = RPC_SUBSCRIPTIONS,
        .filter_max = RPC_FILTERS,
        .body_bytes_max = c->rpc_body_bytes,
        .response_bytes_max = c->rpc_response_bytes,
        .depth_max = (uint32_t)c->rpc_depth,
        .gas_cap = c->rpc_gas_cap,
        .developer_methods = c->rpc_developer,
    };
    n->queries = queries_create(n->shards, n->shard_count, n->codes, n->roots);
    n->backend = (struct rpc_backend){.ctx = n,
                                      .ask = node_ask,
                                      .submit = node_submit,
                                      .status = node_status,
                                      .metrics = node_metrics,
                                      .created = rpc_created,
                                      .cluster = n->report.cluster ? &n->report : NULL,
                                      .board = n->board,
                                      .path_max = c->transaction_paths};
    n->rpc = rpc_start(&options, &n->backend, reader, &n->genesis, error);
    if (!n->rpc)
        return false;
    atomic_store_explicit(&n->rpc_ready, n->rpc, memory_order_release);
    return true;
}

static bool start_ingest(struct node *n, char error[NODE_ERROR_MAX])
{
    n->ingest_port = (unsigned)n->config->ingest_port;
    n->ingest_fd = net_listen(n->config->ingest_host, &n->ingest_port, INGEST_RECEIVE_BYTES, error, NODE_ERROR_MAX);
    if (n->ingest_fd < 0)
        return false;
    shard_listen(n->shards[0], n->ingest_fd);
    return true;
}

static uint64_t included(void *ctx)
{
    const struct executor *x = coordinator_executor(((struct node *)ctx)->coordinator);
    return atomic_load_explicit(&executor_numbers(x)->transactions, memory_order_relaxed);
}

static bool start_admin(struct node *n, char error[NODE_ERROR_MAX])
{
    const struct admin_options options = {
        .data = n->config->data, .turns = n->turns, .turn_count = n->turn_count, .transactions = included, .ctx = n};
    n->admin = admin_start(&options, error);
    return n->admin != NULL;
}

static bool parse_coinbase(address *out, const char *text, char error[NODE_ERROR_MAX])
{
    if (strlen(text) == 42 && hex_decode(out->b, sizeof out->b, text, 42) == 20)
        return true;
    snprintf(error, NODE_ERROR_MAX, "coinbase: \"%.60s\" is not an address (0x and 40 hexadecimal digits)", text);
    return false;
}

static void log_budget(const struct node *n)
{
    struct mempool_limits pool;
    pool_limits(&pool, n->config, n->shard_count);
    uint64_t accounts = 0;
    for (unsigned i = 0; i < n->shard_count; i++)
        accounts += atomic_load_explicit(&shard_numbers(n->shards[i])->accounts, memory_order_relaxed);
    struct memory_budget budget =
        memory_budget(n->config, &pool, n->shard_count, n->genesis.header.gas_limit, accounts);
    if (n->report.cluster)
        memory_budget_add_cluster(&budget, n->report.cluster->set.wire.n, n->report.cluster->peer_count,
                                  n->shard_count);
    memory_budget_log(&budget);
}

static bool open_all(struct node *n, const char *genesis_json, struct given_genesis *given, char error[NODE_ERROR_MAX])
{
    address coinbase;
    struct recovered at;
    if (!parse_coinbase(&coinbase, n->config->coinbase, error))
        return false;
    if (!node_settle_genesis(n, given, genesis_json, error) || !node_take_over_state(n, error) ||
        !node_open_store(n, given, error) || !start_shards(n, error) ||
        !recover_shards(&at, n->shards, n->shard_count, &n->genesis, n->codes, n->checkpoint, n->blog, error))
        return false;
    n->roots = root_history_create();
    n->board = list_board_create();
    root_history_put(n->roots, at.head.number, at.subroots);
    free(at.subroots);
    if (!node_join_cluster(n, &at, error))
        return false;
    make_coordinator(n, &at, &coinbase);
    if (!n->coordinator) {
        snprintf(error, NODE_ERROR_MAX, "the precompiled contracts could not be made: libcrypto lacks RIPEMD-160");
        return false;
    }
    log_info("node", "opened",
             "height=%" PRIu64 " shards=%u replayed_blocks=%" PRIu64 " load_ms=%" PRIu64 " replay_ms=%" PRIu64
             " rebuild_ms=%" PRIu64,
             at.head.number, n->shard_count, at.replayed_blocks, at.load_ns / 1000000, at.replay_ns / 1000000,
             at.rebuild_ns / 1000000);
    return true;
}

struct node *node_open(const struct node_config *config, const char *genesis_json, char error[NODE_ERROR_MAX])
{
    struct node *n = calloc(1, sizeof *n);
    if (!n)
        abort();
    n->config = config;
    n->ingest_fd = n->p2p_fd = n->votes.lock = -1;
    n->coordinator_inbox.event_fd = -1;
    n->start_wall_ms = clock_wall_ms();
    n->begun_ns = clock_ns();
    sem_init(&n->ended, 0, 0);
    struct given_genesis given = {0};
    bool good = open_all(n, genesis_json, &given, error);
    given_genesis_free(&given);
    if (good)
        return n;
    node_free(n);
    return NULL;
}

bool node_start(struct node *n, char error[NODE_ERROR_MAX])
{
    // In this order: whoever is answered by JSON-RPC finds the ingest port open.
    if (!start_ingest(n, error) || !start_rpc(n, error) || !coordinator_start(n->coordinator, error, NODE_ERROR_MAX) ||
        !start_admin(n, error))
        return false;
    log_info("node", "up", "start_ms=%" PRIu64 " huge_pages=%s", (clock_ns() - n->begun_ns) / 1000000,
             arena_has_huge_pages() ? "yes" : "no");
    log_budget(n);
    return true;
}

enum node_end node_wait(struct node *n)
{
    while (sem_wait(&n->ended) != 0)
        ;
    return atomic_load(&n->failed) ? NODE_FAILED : atomic_load(&n->again) ? NODE_AGAIN : NODE_STOPPED;
}

void node_stop(struct node *n)
{
    sem_post(&n->ended);
}

static bool drained(const struct node *n)
{
    for (unsigned i = 0; i < n->shard_count && n->shards[i]; i++) {
        const struct shard_numbers *s = shard_numbers(n->shards[i]);
        if (atomic_load_explicit(&s->unanswered_bytes, memory_order_relaxed) > 0 ||
            atomic_load_explicit(&s->executable, memory_order_relaxed) > 0)
            return false;
    }
    return true;
}

// After this no thread runs that belongs to the node.
static void end_threads(struct node *n)
{
    const bool whole = n->admin && !atomic_load(&n->failed); // it was started last
    admin_free(n->admin);
    n->admin = NULL;
    for (unsigned i = 0; i < n->shard_count && n->shards[i]; i++)
        shard_drain(n->shards[i]);
    for (unsigned ms = 0; whole && ms < DRAIN_MS && !drained(n); ms++)
        usleep(1000);
    if (n->coordinator) {
        coordinator_stop(n->coordinator);
        coordinator_join(n->coordinator);
    }
    if (n->checkpoint)
        checkpoint_abandon(n->checkpoint);
    if (n->rpc)
        rpc_close(n->rpc);
    for (unsigned i = 0; i < n->shard_count && n->shards[i]; i++)
        shard_stop(n->shards[i]);
    for (unsigned i = 0; i < n->shard_count && n->shards[i]; i++)
        shard_join(n->shards[i]);
}

// In this order: no new transactions; no new blocks, once what is pooled has had its chance; no new questions (the
// shards still answer those under way); shards; files.
void node_free(struct node *n)
{
    end_threads(n);
    participant_free(n->participant);
    shards_free(n->shards, n->shard_count);
    if (n->rpc)
        rpc_stop(n->rpc);
    coordinator_free(n->coordinator);
    if (n->order)
        n->order->ops->free(n->order);
    if (n->queries)
        queries_free(n->queries);
    if (n->ingest_fd >= 0)
        close(n->ingest_fd);
    if (n->p2p_fd >= 0)
        close(n->p2p_fd);
    finality_free(n->report.finality);
    consensus_board_free(n->report.board);
    vote_folder_close(&n->votes);
    cluster_free(n->cluster);
    if (n->checkpoint)
        checkpoint_close(n->checkpoint);
    codes_free(n->codes);
    root_history_free(n->roots);
    list_board_free(n->board);
    if (n->blog)
        blog_close(n->blog);
    if (n->disk)
        disk_uring_close(n->disk);
    inbox_free(&n->coordinator_inbox);
    if (n->genesis.chain_id)
        genesis_free(&n->genesis);
    if (n->folder)
        data_folder_close(n->folder);
    sem_destroy(&n->ended);
    free(n);
}

unsigned node_rpc_port(const struct node *n)
{
    return rpc_port(n->rpc);
}

unsigned node_ingest_port(const struct node *n)
{
    return n->ingest_port;
}

uint64_t node_chain_id(const struct node *n)
{
    return n->genesis.chain_id;
}
