// What the rpc thread is told of the node: status, health, metrics.
#include "base/keccak.h"
#include "base/version.h"
#include "engine/calls/call_lane.h"
#include "engine/cluster_metrics.h"
#include "engine/node_private.h"
#include "engine/rpc/metrics.h"
#include "sigverify/sigverify.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

// A block that takes longer than this from its start to durability means that the node does not keep up.
#define SLOW_BLOCK_NS 10000000000ull

bool node_ask(void *ctx, struct rpc_query *q)
{
    return queries_ask(((struct node *)ctx)->queries, q);
}

size_t node_submit(void *ctx, struct rpc_query *const *queries, size_t count)
{
    return queries_submit(((struct node *)ctx)->queries, queries, count);
}

static uint64_t load(const _Atomic uint64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

// A thread of which one turn takes so many times the limit of a stall does nothing else: nobody gets an answer of it.
#define STUCK_STALLS 10
// A pool that is this full refuses, or evicts, what comes.
#define FULL_SHARE 0.95

static bool find_stuck(const struct node *n, struct rpc_node_status *out)
{
    const uint64_t limit_ns = n->config->stall_ms * 1000000 * STUCK_STALLS;
    for (unsigned i = 0; i < n->turn_count && limit_ns > 0; i++) {
        enum stage stage;
        const uint64_t age = turn_age_ns(n->turns[i], &stage);
        if (age <= limit_ns)
            continue;
        snprintf(out->reason, sizeof out->reason, "%s has been in one turn for %.1f s, now in stage %s",
                 n->turns[i]->thread, (double)age / 1e9, stage_names[stage]);
        return true;
    }
    return false;
}

// Of a healthy node: why it can't take what it is offered; out->reason stays empty when it can.
static void find_overload(const struct node *n, struct rpc_node_status *out)
{
    const uint64_t pooled = out->pool_pending + out->pool_queued, most = n->config->pool_transactions;
    if ((double)pooled >= FULL_SHARE * (double)most)
        snprintf(out->reason, sizeof out->reason,
                 "not keeping up: the pool is full (%llu of %llu transactions), and more are refused",
                 (unsigned long long)pooled, (unsigned long long)most);
}

static void judge(const struct node *n, struct rpc_node_status *out)
{
    const struct executor_numbers *c = executor_numbers(coordinator_executor(n->coordinator));
    if (atomic_load(&n->failed)) {
        snprintf(out->reason, sizeof out->reason, "stopped: %.140s", n->failure);
    } else if (load(&c->height) > load(&c->durable_height) &&
               clock_ns() - load(&c->last_block_start_ns) > SLOW_BLOCK_NS) {
        snprintf(out->reason, sizeof out->reason,
                 "block %llu has not become durable for over 10 s: the disk is too slow",
                 (unsigned long long)load(&c->height));
    } else if (!find_stuck(n, out)) {
        out->healthy = true;
        find_overload(n, out);
    }
}

static void judge_cluster(const struct node *n, struct rpc_node_status *out)
{
    struct consensus_view *view = malloc(sizeof *view);
    if (!view)
        abort();
    const char *trouble = consensus_board_read(n->report.board, view) ? consensus_trouble(view) : NULL;
    if (trouble) {
        out->healthy = false;
        snprintf(out->reason, sizeof out->reason, "%s", trouble);
    }
    free(view);
}

void node_status(void *ctx, struct rpc_node_status *out)
{
    const struct node *n = ctx;
    *out = (struct rpc_node_status){0};
    out->version = gantry_version();
    out->shard_count = n->shard_count;
    out->start_wall_ms = n->start_wall_ms;
    out->checkpoint_height = checkpoint_height(n->checkpoint);
    out->checkpoint_bytes = checkpoint_bytes(n->checkpoint);
    if (!n->coordinator) {
        out->reason[0] = 0;
        snprintf(out->reason, sizeof out->reason, "the node is starting");
        return;
    }
    const struct executor_numbers *c = executor_numbers(coordinator_executor(n->coordinator));
    out->log_bytes = load(&c->log_bytes);
    out->retained_from = load(&c->retained_from);
    out->base_fee = u256_from_u64(load(&c->base_fee_low));
    for (unsigned i = 0; i < n->shard_count; i++) {
        out->pool_pending += load(&shard_numbers(n->shards[i])->pending);
        out->pool_queued += load(&shard_numbers(n->shards[i])->queued);
    }
    judge(n, out);
    if (out->healthy && n->report.cluster)
        judge_cluster(n, out);
}

// ---- metrics

// One sample a shard of a counter in struct shard_numbers.
static void per_shard(const struct node *n, FILE *out, enum metric_id id, size_t offset, bool counter)
{
    metric_begin(out, id);
    for (unsigned i = 0; i < n->shard_count; i++) {
        char shard[8];
        snprintf(shard, sizeof shard, "%u", i);
        const char *labels[] = {shard};
        uint64_t value = load((const _Atomic uint64_t *)((const char *)shard_numbers(n->shards[i]) + offset));
        if (counter)
            metric_counter(out, id, labels, value);
        else
            metric_gauge(out, id, labels, (double)value);
    }
}

static void pools(const struct node *n, FILE *out)
{
    metric_begin(out, METRIC_POOL_TRANSACTIONS);
    for (unsigned i = 0; i < n->shard_count; i++) {
        char shard[8];
        snprintf(shard, sizeof shard, "%u", i);
        const char *pending[] = {shard, "pending"}, *queued[] = {shard, "queued"};
        metric_gauge(out, METRIC_POOL_TRANSACTIONS, pending, (double)load(&shard_numbers(n->shards[i])->pending));
        metric_gauge(out, METRIC_POOL_TRANSACTIONS, queued, (double)load(&shard_numbers(n->shards[i])->queued));
    }
    metric_begin(out, METRIC_POOL_LEFT);
    for (unsigned i = 0; i < n->shard_count; i++) {
        const struct shard_numbers *s = shard_numbers(n->shards[i]);
        const struct {
            const char *reason;
            uint64_t count;
        } left[] = {{"evicted", load(&s->evicted)},
                    {"replaced", load(&s->replaced)},
                    {"expired", load(&s->expired)},
                    {"dropped", load(&s->dropped)}};
        char shard[8];
        snprintf(shard, sizeof shard, "%u", i);
        for (size_t j = 0; j < sizeof left / sizeof left[0]; j++)
            metric_counter(out, METRIC_POOL_LEFT, (const char *const[]){shard, left[j].reason}, left[j].count);
    }
}

static void refusals(const struct node *n, FILE *out)
{
    metric_begin(out, METRIC_REFUSED);
    for (unsigned i = 0; i < n->shard_count; i++) {
        char shard[8];
        snprintf(shard, sizeof shard, "%u", i);
        for (unsigned s = 1; s < TX_STATUS_COUNT; s++) {
            uint64_t count = load(&shard_numbers(n->shards[i])->refused_by[s]);
            if (count > 0)
                metric_counter(out, METRIC_REFUSED, (const char *const[]){shard, tx_status_text(s)}, count);
        }
    }
}

static void verification(const struct node *n, FILE *out)
{
    static const char *const kinds[VERIFY_KIND_COUNT] = {"recover", "witness", "doubtful"};
    const struct {
        enum metric_id id;
        size_t offset; // of an array by kind
    } by_kind[] = {{METRIC_VERIFY_BATCHES, offsetof(struct shard_numbers, verify_batches)},
                   {METRIC_VERIFIED, offsetof(struct shard_numbers, verified)}};
    char shard[8];
    for (size_t m = 0; m < sizeof by_kind / sizeof by_kind[0]; m++) {
        metric_begin(out, by_kind[m].id);
        for (unsigned i = 0; i < n->shard_count; i++) {
            const char *numbers = (const char *)shard_numbers(n->shards[i]);
            const _Atomic uint64_t *values = (const _Atomic uint64_t *)(numbers + by_kind[m].offset);
            snprintf(shard, sizeof shard, "%u", i);
            for (unsigned k = 0; k < VERIFY_KIND_COUNT; k++)
                metric_counter(out, by_kind[m].id, (const char *const[]){shard, kinds[k]}, load(&values[k]));
        }
    }
    metric_begin(out, METRIC_VERIFY_COSTLY);
    for (unsigned i = 0; i < n->shard_count; i++) {
        const struct shard_numbers *s = shard_numbers(n->shards[i]);
        snprintf(shard, sizeof shard, "%u", i);
        metric_counter(out, METRIC_VERIFY_COSTLY, (const char *const[]){shard, "wrong witness"},
                       load(&s->wrong_witnesses));
        metric_counter(out, METRIC_VERIFY_COSTLY, (const char *const[]){shard, "slow signature"}, load(&s->slow_items));
    }
}

static void lanes(const struct node *n, FILE *out)
{
    const struct executor_numbers *c = executor_numbers(coordinator_executor(n->coordinator));
    for (enum metric_id id = METRIC_LANES_USED; id <= METRIC_LANES_OFFERED; id++) {
        const bool used = id == METRIC_LANES_USED;
        metric_begin(out, id);
        for (unsigned i = 0; i < n->shard_count; i++) {
            const struct shard_numbers *s = shard_numbers(n->shards[i]);
            char thread[16];
            snprintf(thread, sizeof thread, "shard %u", i);
            metric_counter(out, id, (const char *const[]){thread, "keccak"},
                           load(used ? &s->keccak_lanes_used : &s->keccak_lanes_offered));
            metric_counter(out, id, (const char *const[]){thread, "signatures"},
                           load(used ? &s->signature_lanes_used : &s->signature_lanes_offered));
        }
        metric_counter(out, id, (const char *const[]){"coordinator", "keccak"},
                       load(used ? &c->keccak_lanes_used : &c->keccak_lanes_offered));
    }
}

static void inclusion(const struct node *n, FILE *out)
{
    struct hist all;
    hist_init(&all);
    for (unsigned i = 0; i < n->shard_count; i++)
        shard_add_inclusion_times(n->shards[i], &all);
    metric_histogram(out, METRIC_INCLUSION_LATENCY, NULL, &all);
}

static void stages_of(FILE *out, const struct turn *t)
{
    for (unsigned s = 0; s < STAGE_COUNT; s++)
        metric_counter(out, METRIC_STAGE_CYCLES, (const char *const[]){t->thread, stage_names[s]},
                       load(&t->stages.cycles[s]));
}

static void items_of(FILE *out, const struct turn *t)
{
    for (unsigned s = 0; s < STAGE_COUNT; s++)
        metric_counter(out, METRIC_STAGE_ITEMS, (const char *const[]){t->thread, stage_names[s]},
                       load(&t->stages.items[s]));
}

static void stages(const struct node *n, FILE *out)
{
    metric_begin(out, METRIC_STAGE_CYCLES);
    for (unsigned i = 0; i < n->turn_count; i++)
        stages_of(out, n->turns[i]);
    metric_begin(out, METRIC_STAGE_ITEMS);
    for (unsigned i = 0; i < n->turn_count; i++)
        items_of(out, n->turns[i]);
    metric_begin(out, METRIC_STALLS);
    for (unsigned i = 0; i < n->turn_count; i++)
        metric_counter(out, METRIC_STALLS, (const char *const[]){n->turns[i]->thread}, load(&n->turns[i]->stalls));
}

static uint64_t resident_bytes(void)
{
    unsigned long long size, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        if (fscanf(f, "%llu %llu", &size, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void chain(const struct node *n, FILE *out)
{
    const struct executor_numbers *c = executor_numbers(coordinator_executor(n->coordinator));
    metric_gauge(out, METRIC_HEAD_HEIGHT, NULL, (double)load(&c->height));
    metric_gauge(out, METRIC_DURABLE_HEIGHT, NULL, (double)load(&c->durable_height));
    metric_gauge(out, METRIC_CHECKPOINT_HEIGHT, NULL, (double)checkpoint_height(n->checkpoint));
    metric_gauge(out, METRIC_RETAINED_HEIGHT, NULL, (double)load(&c->retained_from));
    metric_counter(out, METRIC_BLOCKS, NULL, load(&c->blocks));
    metric_counter(out, METRIC_TRANSACTIONS, NULL, load(&c->transactions));
    metric_counter(out, METRIC_GAS, NULL, load(&c->gas));
    metric_gauge(out, METRIC_BASE_FEE_WEI, NULL, (double)load(&c->base_fee_low));
    metric_gauge(out, METRIC_LOG_BYTES, NULL, (double)load(&c->log_bytes));
    metric_gauge(out, METRIC_CHECKPOINT_BYTES, NULL, (double)checkpoint_bytes(n->checkpoint));
}

static void times(const struct node *n, FILE *out)
{
    struct executor_times t;
    struct hist checkpoints;
    executor_copy_times(coordinator_executor(n->coordinator), &t);
    metric_histogram(out, METRIC_BLOCK_INTERVAL, NULL, &t.interval);
    metric_histogram(out, METRIC_COMMIT_LATENCY, NULL, &t.commit);
    metric_histogram(out, METRIC_FSYNC_LATENCY, NULL, &t.flush);
    hist_init(&checkpoints);
    checkpoint_add_times(n->checkpoint, &checkpoints);
    metric_histogram(out, METRIC_CHECKPOINT_SECONDS, NULL, &checkpoints);
}

static void drops(const struct node *n, FILE *out)
{
    metric_begin(out, METRIC_DROPPED);
    for (unsigned s = 1; s < TX_STATUS_COUNT; s++) {
        uint64_t count = load(&executor_numbers(coordinator_executor(n->coordinator))->dropped_by[s]);
        if (count > 0)
            metric_counter(out, METRIC_DROPPED, (const char *const[]){tx_status_text(s)}, count);
    }
}

static void passes(const struct node *n, FILE *out)
{
    static const char *const names[] = {[EXEC_SENDERS] = "senders", [EXEC_CALLS] = "calls", [EXEC_GLOBAL] = "global"};
    const struct executor_numbers *c = executor_numbers(coordinator_executor(n->coordinator));
    metric_begin(out, METRIC_PASSES);
    for (unsigned i = EXEC_SENDERS; i <= EXEC_GLOBAL; i++)
        metric_counter(out, METRIC_PASSES, (const char *const[]){names[i]}, load(&c->passes[i]));
    metric_counter(out, METRIC_ROUNDS, NULL, load(&c->rounds));
    metric_begin(out, METRIC_GLOBAL);
    for (unsigned i = EXEC_NOT_GLOBAL + 1; i < EXEC_GLOBAL_REASON_COUNT; i++) {
        const uint64_t count = load(&c->global_by[i]);
        if (count > 0)
            metric_counter(out, METRIC_GLOBAL, (const char *const[]){exec_global_reason_text(i)}, count);
    }
}

static void ingest_refusals(const struct node *n, FILE *out)
{
    metric_begin(out, METRIC_INGEST_REFUSED);
    for (unsigned i = 0; i < n->shard_count; i++) {
        const struct shard_numbers *s = shard_numbers(n->shards[i]);
        char shard[8];
        snprintf(shard, sizeof shard, "%u", i);
        metric_counter(out, METRIC_INGEST_REFUSED, (const char *const[]){shard, "too many"}, load(&s->too_many));
        metric_counter(out, METRIC_INGEST_REFUSED, (const char *const[]){shard, "bad hello"}, load(&s->bad_hellos));
        metric_counter(out, METRIC_INGEST_REFUSED, (const char *const[]){shard, "bad frame"}, load(&s->bad_frames));
        metric_counter(out, METRIC_INGEST_REFUSED, (const char *const[]){shard, "too costly"}, load(&s->too_costly));
    }
}

static void arenas(const struct node *n, FILE *out)
{
    metric_begin(out, METRIC_MEMORY_BYTES);
    for (unsigned i = 0; i < n->shard_count; i++) {
        char thread[16];
        snprintf(thread, sizeof thread, "shard %u", i);
        metric_gauge(out, METRIC_MEMORY_BYTES, (const char *const[]){thread},
                     (double)arena_bytes(shard_arena(n->shards[i])));
    }
}

// ---- CPU time by thread; threads of one name (the kernel's workers) together

struct thread_cpu {
    char name[16]; // as the kernel keeps it
    uint64_t ns;
};

// A line of a file of this task, without the line feed. False when the thread has gone.
static bool task_line(const char *task, const char *file, char *line, size_t cap)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%.16s/%s", task, file);
    FILE *f = fopen(path, "r");
    bool good = f && fgets(line, (int)cap, f);
    if (f)
        fclose(f);
    if (good)
        line[strcspn(line, "\n")] = 0;
    return good;
}

static size_t add_thread(struct thread_cpu *threads, size_t count, size_t cap, const char *task)
{
    char name[64], schedstat[64];
    unsigned long long ns;
    if (!task_line(task, "comm", name, sizeof name) || !task_line(task, "schedstat", schedstat, sizeof schedstat) ||
        sscanf(schedstat, "%llu", &ns) != 1)
        return count;
    if (strncmp(name, "iou-", 4) == 0)
        snprintf(name, sizeof name, "io workers");
    size_t i = 0;
    while (i < count && strcmp(threads[i].name, name) != 0)
        i++;
    if (i == count && count == cap)
        return count;
    if (i == count)
        threads[count++] = (struct thread_cpu){.ns = 0};
    snprintf(threads[i].name, sizeof threads[i].name, "%.15s", name);
    threads[i].ns += ns;
    return count;
}

static void thread_times(FILE *out)
{
    struct thread_cpu threads[SHARD_MAX + 16];
    size_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *e; tasks && (e = readdir(tasks));) {
        if (e->d_name[0] != '.')
            count = add_thread(threads, count, sizeof threads / sizeof threads[0], e->d_name);
    }
    if (tasks)
        closedir(tasks);
    metric_begin(out, METRIC_THREAD_CPU_SECONDS);
    for (size_t i = 0; i < count; i++)
        metric_counter_double(out, METRIC_THREAD_CPU_SECONDS, (const char *const[]){threads[i].name},
                              (double)threads[i].ns / 1e9);
}

static void identity(const struct node *n, FILE *out)
{
    struct rpc_node_status status;
    node_status((void *)n, &status);
    char kernels[80];
    snprintf(kernels, sizeof kernels, "signatures: %s, keccak: %s", sv_kernel_name(), keccak256_implementation());
    metric_begin(out, METRIC_INFO);
    metric_gauge(out, METRIC_INFO, (const char *const[]){status.version, kernels}, 1);
    metric_gauge(out, METRIC_UPTIME_SECONDS, NULL, (double)(clock_wall_ms() - n->start_wall_ms) / 1000);
    metric_gauge(out, METRIC_HEALTHY, NULL, status.healthy);
}

static void calls(const struct node *n, FILE *out)
{
    static const char *const outcomes[CALL_OUTCOME_COUNT] = {"answered", "aborted", "busy"};
    char shard[16];
    metric_begin(out, METRIC_CALLS);
    for (unsigned i = 0; i < n->shard_count; i++) {
        const struct call_numbers *c = call_lanes_numbers(queries_lanes(n->queries), i);
        snprintf(shard, sizeof shard, "%u", i);
        for (unsigned o = 0; o < CALL_OUTCOME_COUNT; o++)
            metric_counter(out, METRIC_CALLS, (const char *const[]){shard, outcomes[o]}, load(&c->ended[o]));
    }
    metric_begin(out, METRIC_CALLS_OPEN);
    for (unsigned i = 0; i < n->shard_count; i++) {
        const struct call_numbers *c = call_lanes_numbers(queries_lanes(n->queries), i);
        snprintf(shard, sizeof shard, "%u", i);
        metric_gauge(out, METRIC_CALLS_OPEN, (const char *const[]){shard, "running"}, (double)load(&c->running));
        metric_gauge(out, METRIC_CALLS_OPEN, (const char *const[]){shard, "waiting"}, (double)load(&c->waiting));
    }
    metric_begin(out, METRIC_CALL_SECONDS);
    for (unsigned i = 0; i < n->shard_count; i++) {
        const struct call_numbers *c = call_lanes_numbers(queries_lanes(n->queries), i);
        snprintf(shard, sizeof shard, "%u", i);
        metric_counter_double(out, METRIC_CALL_SECONDS, (const char *const[]){shard}, (double)load(&c->used_ns) / 1e9);
    }
}

void node_metrics(void *ctx, FILE *out)
{
    const struct node *n = ctx;
    if (!n->coordinator)
        return;
    identity(n, out);
    thread_times(out);
    chain(n, out);
    times(n, out);
    drops(n, out);
    passes(n, out);
    per_shard(n, out, METRIC_ACCOUNTS, offsetof(struct shard_numbers, accounts), false);
    pools(n, out);
    per_shard(n, out, METRIC_POOL_BYTES, offsetof(struct shard_numbers, pool_bytes), false);
    per_shard(n, out, METRIC_SUBMITTED, offsetof(struct shard_numbers, accepted), true);
    refusals(n, out);
    verification(n, out);
    lanes(n, out);
    per_shard(n, out, METRIC_INGEST_CONNECTIONS, offsetof(struct shard_numbers, connections), false);
    ingest_refusals(n, out);
    per_shard(n, out, METRIC_INGEST_FRAMES, offsetof(struct shard_numbers, frames), true);
    per_shard(n, out, METRIC_INGEST_BYTES, offsetof(struct shard_numbers, received_bytes), true);
    per_shard(n, out, METRIC_INGEST_PAUSES, offsetof(struct shard_numbers, receive_paused), true);
    calls(n, out);
    inclusion(n, out);
    if (n->report.cluster)
        cluster_metrics(&n->report, out);
    stages(n, out);
    arenas(n, out);
    metric_gauge(out, METRIC_RESIDENT_BYTES, NULL, (double)resident_bytes());
}
