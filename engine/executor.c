#include "engine/executor.h"

#include "base/keccak.h"
#include "base/log.h"
#include "engine/ancestors.h"
#include "engine/assemble.h"

#include <pthread.h>
#include <stdlib.h>

enum phase { READY, EXECUTING, GATHERING, FINISHING, STORING, SETTLING };

struct executor {
    struct executor_options options;
    struct stage_clock *stages;
    struct timeline *timeline;
    enum phase phase;
    unsigned awaited; // answers still to come in this phase
    bool broken;      // nothing more may be done
    unsigned round;
    uint64_t start_ns; // of the last list
    uint64_t flush_ns;

    struct header head, next;
    bytes32 head_hash;
    struct ordered_list list;
    struct block_work work;
    struct settle_work settle;
    struct exec_ancestors ancestors;
    struct exec_machine *machine; // of the global pass
    struct assembly *assembly;
    struct state_root *state_root;
    struct block_store *store;
    struct exec_progress round_sum;
    const struct exec_tx **global;
    size_t global_count, global_cap;

    struct executor_numbers numbers;
    pthread_mutex_t times_lock;
    struct executor_times times;
};

static void *grow(void *p, size_t size)
{
    void *grown = realloc(p, size);
    if (!grown)
        abort();
    return grown;
}

// What the coordinator awaits in a phase, on the timeline. Balanced: each phase is begun once and ended once.
static void phase_begins(struct executor *x)
{
    switch (x->phase) {
    case EXECUTING:
        timeline_begin(x->timeline, round, x->round, x->next.number);
        break;
    case GATHERING:
        timeline_begin(x->timeline, gather, 0, x->next.number);
        break;
    case FINISHING:
        timeline_begin(x->timeline, close, 0, x->next.number);
        break;
    case STORING:
        timeline_begin(x->timeline, fsync, 0, x->head.number);
        break;
    case SETTLING:
        timeline_begin(x->timeline, settling, 0, x->head.number);
        break;
    case READY:
        break;
    }
}

static void phase_ends(struct executor *x)
{
    switch (x->phase) {
    case EXECUTING:
        timeline_end(x->timeline, round, x->round, x->next.number);
        break;
    case GATHERING:
        timeline_end(x->timeline, gather, 0, x->next.number);
        break;
    case FINISHING:
        timeline_end(x->timeline, close, 0, x->next.number);
        break;
    case STORING:
        timeline_end(x->timeline, fsync, 0, x->head.number);
        break;
    case SETTLING:
        timeline_end(x->timeline, settling, 0, x->head.number);
        break;
    case READY:
        break;
    }
}

static void ask_all(struct executor *x, enum phase phase, uint16_t kind, void *p, uint64_t a)
{
    x->phase = phase;
    x->awaited = x->options.shard_count;
    phase_begins(x);
    for (unsigned i = 0; i < x->options.shard_count; i++)
        shard_tell(x->options.shards[i], &(struct message){.kind = kind, .from = MESSAGE_FROM_OUTSIDE, .a = a, .p = p});
}

// why may be NULL: nothing failed.
static void fail(struct executor *x, const char *why)
{
    if (x->broken || !why)
        return;
    x->broken = true;
    x->options.failed(x->options.ctx, why);
}

u256 executor_next_base_fee(const struct executor *x)
{
    return header_next_base_fee(&x->options.genesis->fee_rules, x->head.gas_limit, x->head.gas_used, &x->head.base_fee);
}

// ---- executing one block

static void begin_env(struct executor *x)
{
    struct assembly_parent parent = {&x->head, x->head_hash, &x->options.genesis->fee_rules};
    assembly_open(&x->next, &parent, &x->list.ordered);
    x->work.env = assembly_env(x->options.genesis->chain_id, &x->next, &x->ancestors);
}

static void next_block(struct executor *x)
{
    begin_env(x);
    ordered_list_cut(&x->list, &x->work, x->options.shard_count, x->head.gas_limit);
    x->work.global_done = false;
    x->round = 0;
    x->round_sum = (struct exec_progress){0};
    list_path_add_block(
        &x->list.path,
        &(struct list_block){.to = (uint32_t)x->list.to, .number = x->next.number, .begun_ns = clock_ns()});
    ask_all(x, EXECUTING, MSG_EXECUTE, &x->work, 0);
}

static void finish(struct executor *x)
{
    // Only the last block of a list: the checkpoint waits for its durability.
    x->work.checkpoint = ordered_list_done(&x->list) && block_store_checkpoint_due(x->store, clock_ns());
    ask_all(x, FINISHING, MSG_FINISH, &x->work, 0);
    // Bodies are assembled while the shards hash their tries.
    stage_enter(x->stages, STAGE_EXECUTE);
    size_t n = x->list.to - x->list.from;
    timeline_begin(x->timeline, assemble, n, x->next.number);
    assembly_body(x->assembly, &x->next, x->list.txs + x->list.from, x->list.results + x->list.from, n);
    timeline_end(x->timeline, assemble, n, x->next.number);
    stage_items(x->stages, STAGE_EXECUTE, n);
    stage_enter(x->stages, STAGE_LINK);
}

static u256 fees_of_shards(struct executor *x)
{
    u256 total = U256_ZERO;
    for (unsigned i = 0; i < x->options.shard_count; i++) {
        u256 fees = shard_block_fees(x->options.shards[i]);
        u256_add(&total, &total, &fees);
    }
    return total;
}

static struct list_block *block_path(struct executor *x)
{
    return &x->list.path.blocks[x->list.path.block_count - 1];
}

static void round_done(struct executor *x)
{
    block_path(x)->round_ns[x->round] = clock_ns();
    atomic_fetch_add_explicit(&x->numbers.rounds, 1, memory_order_relaxed);
    struct exec_progress total = x->round_sum;
    x->round_sum = (struct exec_progress){0};
    switch (exec_next(&total, x->round)) {
    case EXEC_NEXT_ROUND:
        ask_all(x, EXECUTING, MSG_ROUND, NULL, ++x->round);
        break;
    case EXEC_NEXT_GLOBAL:
        x->global_count = 0;
        ask_all(x, GATHERING, MSG_GATHER, NULL, 0);
        break;
    case EXEC_NEXT_END:
        x->work.fees_total = fees_of_shards(x);
        finish(x);
    }
}

static void take_left_over(struct executor *x, const struct message *m)
{
    if (x->global_count + m->n > x->global_cap) {
        x->global_cap = (x->global_count + m->n) * 2;
        x->global = grow(x->global, x->global_cap * sizeof *x->global);
    }
    if (m->n > 0)
        memcpy(x->global + x->global_count, m->p, m->n * sizeof *x->global);
    x->global_count += m->n;
}

// All shards stand still: their partitions are the coordinator's until MSG_FINISH.
static void gathered(struct executor *x)
{
    stage_enter(x->stages, STAGE_EXECUTE);
    struct state *states[PARTITION_COUNT];
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        states[p] = shard_states(x->options.shards[partition_owner(p, x->options.shard_count)])[p];
    u256 fees = fees_of_shards(x);
    timeline_begin(x->timeline, global, x->global_count, x->next.number);
    exec_global(x->machine, states, &x->work.env, &fees, x->global, x->global_count, x->list.results);
    exec_finish_logs(x->machine);
    block_path(x)->round_ns[EXEC_ROUNDS_MAX] = clock_ns();
    timeline_end(x->timeline, global, x->global_count, x->next.number);
    x->work.global_done = true;
    stage_enter(x->stages, STAGE_LINK);
    finish(x);
}

static void count_passes(struct executor *x)
{
    uint64_t passes[EXEC_GLOBAL + 1] = {0}, reasons[EXEC_GLOBAL_REASON_COUNT] = {0};
    for (size_t i = x->list.from; i < x->list.to; i++) {
        const struct exec_result *r = &x->list.results[i];
        passes[r->drop == TX_OK ? r->pass : 0]++;
        reasons[r->global_reason]++;
    }
    for (unsigned i = EXEC_SENDERS; i <= EXEC_GLOBAL; i++)
        atomic_fetch_add_explicit(&x->numbers.passes[i], passes[i], memory_order_relaxed);
    for (unsigned i = EXEC_NOT_GLOBAL + 1; i < EXEC_GLOBAL_REASON_COUNT; i++)
        atomic_fetch_add_explicit(&x->numbers.global_by[i], reasons[i], memory_order_relaxed);
}

static void publish_block(struct executor *x)
{
    struct executor_numbers *n = &x->numbers;
    size_t txs = assembly_tx_count(x->assembly);
    u256 fee = executor_next_base_fee(x);
    atomic_store_explicit(&n->height, x->head.number, memory_order_relaxed);
    atomic_fetch_add_explicit(&n->blocks, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&n->empty_blocks, txs == 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&n->transactions, txs, memory_order_relaxed);
    atomic_fetch_add_explicit(&n->gas, x->head.gas_used, memory_order_relaxed);
    count_passes(x);
    struct bytes dropped = assembly_dropped(x->assembly);
    for (size_t i = 0; i < dropped.len; i++)
        atomic_fetch_add_explicit(&n->dropped_by[dropped.ptr[i]], 1, memory_order_relaxed);
    atomic_store_explicit(&n->head_timestamp, x->head.timestamp, memory_order_relaxed);
    atomic_store_explicit(&n->head_gas_used, x->head.gas_used, memory_order_relaxed);
    atomic_store_explicit(&n->head_gas_limit, x->head.gas_limit, memory_order_relaxed);
    atomic_store_explicit(&n->base_fee_low, u256_fits_u64(&fee) ? fee.w[0] : UINT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&n->last_block_start_ns, x->start_ns, memory_order_relaxed);
    const struct keccak256_lanes lanes = keccak256_lane_use();
    atomic_store_explicit(&n->keccak_lanes_used, lanes.used, memory_order_relaxed);
    atomic_store_explicit(&n->keccak_lanes_offered, lanes.offered, memory_order_relaxed);
}

static void finished(struct executor *x)
{
    const uint64_t number = x->next.number;
    const size_t txs = x->list.to - x->list.from;
    stage_enter(x->stages, STAGE_STORE);
    timeline_begin(x->timeline, seal, txs, number);
    x->next.state_root = state_root_update(x->state_root, x->work.subroots, x->work.changed);
    if (x->options.roots)
        root_history_put(x->options.roots, x->next.number, x->work.subroots);
    size_t len;
    bytes32 hash;
    uint8_t *record = assembly_seal(x->assembly, &x->next, x->list.ordered.time_ms, &len, &hash);
    x->head = x->next;
    x->head_hash = hash;
    ancestors_add(&x->ancestors, x->head.number, &hash);
    block_path(x)->sealed_ns = clock_ns();
    publish_block(x);
    fail(x, block_store_append(x->store, x->head.number, record, len, assembly_tx_count(x->assembly)));
    timeline_end(x->timeline, seal, txs, number);
    stage_items(x->stages, STAGE_STORE, 1);
    if (x->work.checkpoint) {
        timeline_mark(x->timeline, checkpoint, 0, number);
        block_store_hold_checkpoint(x->store, &x->work, x->options.shard_count, x->head.number, &x->head_hash,
                                    clock_ns());
    }
    stage_enter(x->stages, STAGE_LINK);
    if (x->broken)
        return;
    if (!ordered_list_done(&x->list)) {
        next_block(x);
        return;
    }
    x->phase = STORING;
    x->flush_ns = clock_ns();
    phase_begins(x);
    block_store_flush(x->store);
}

// ---- durable

static void publish_durable(struct executor *x)
{
    struct executor_numbers *n = &x->numbers;
    atomic_store_explicit(&n->durable_height, block_store_durable(x->store), memory_order_release);
    atomic_store_explicit(&n->log_bytes, blog_bytes(x->options.store.blog), memory_order_relaxed);
    atomic_store_explicit(&n->retained_from, blog_first(x->options.store.blog), memory_order_relaxed);
}

static void stored(struct executor *x)
{
    fail(x, block_store_settle(x->store));
    publish_durable(x);
    if (x->broken)
        return;
    phase_ends(x);
    uint64_t now = clock_ns();
    x->list.path.durable_ns = now;
    if (x->options.board)
        list_board_put(x->options.board, &x->list.path);
    pthread_mutex_lock(&x->times_lock);
    hist_add(&x->times.commit, now - x->start_ns);
    hist_add(&x->times.flush, now - x->flush_ns);
    pthread_mutex_unlock(&x->times_lock);
    struct settle_work *w = &x->settle;
    for (unsigned s = 0; s < x->options.shard_count; s++) {
        w->txs[s] = x->list.by_shard + x->list.begin[s];
        w->tx_count[s] = x->list.begin[s + 1] - x->list.begin[s];
    }
    w->results = x->list.results;
    w->next_base_fee = executor_next_base_fee(x);
    w->height = x->head.number;
    w->list = x->list.path.number;
    ask_all(x, SETTLING, MSG_SETTLE, w, 0);
}

void executor_run(struct executor *x, uint64_t start_ns)
{
    pthread_mutex_lock(&x->times_lock);
    if (x->start_ns)
        hist_add(&x->times.interval, start_ns - x->start_ns);
    pthread_mutex_unlock(&x->times_lock);
    x->start_ns = start_ns;
    if (++x->list.path.number == 0)
        x->list.path.number = 1;
    timeline_begin(x->timeline, list, x->list.count, x->list.path.number);
    next_block(x);
}

bool executor_run_from(struct executor *x, uint64_t start_ns, unsigned blocks_there)
{
    for (unsigned i = 0; i < blocks_there; i++) {
        ordered_list_cut(&x->list, &x->work, x->options.shard_count, x->head.gas_limit);
        list_path_add_block(&x->list.path, &(struct list_block){.to = (uint32_t)x->list.to});
    }
    if (blocks_there > 0 && ordered_list_done(&x->list))
        return false;
    executor_run(x, start_ns);
    return true;
}

// ---- answers

static void answered(struct executor *x)
{
    if (--x->awaited > 0)
        return;
    phase_ends(x);
    switch (x->phase) {
    case EXECUTING:
        round_done(x);
        break;
    case GATHERING:
        gathered(x);
        break;
    case FINISHING:
        finished(x);
        break;
    case SETTLING:
        timeline_end(x->timeline, list, x->list.count, x->list.path.number);
        x->phase = READY;
        break;
    case READY:
    case STORING:
        abort();
    }
}

static void take_progress(struct executor *x, const struct message *m)
{
    const struct exec_progress *p = m->p;
    exec_progress_add(&x->round_sum, p);
}

void executor_handle(struct executor *x, const struct message *m)
{
    if (m->kind == MSG_ROUND_DONE)
        take_progress(x, m);
    else if (m->kind == MSG_GATHERED)
        take_left_over(x, m);
    answered(x);
}

void executor_step(struct executor *x)
{
    if (x->broken)
        return;
    enum stage before = stage_enter(x->stages, block_store_in_flight(x->store) ? STAGE_STORE : STAGE_LINK);
    fail(x, block_store_step(x->store));
    stage_enter(x->stages, before);
    if (!x->broken && x->phase == STORING && block_store_durable(x->store) == x->head.number)
        stored(x);
}

bool executor_storing(const struct executor *x)
{
    return x->phase == STORING;
}

bool executor_ready(const struct executor *x)
{
    return x->phase == READY;
}

const struct header *executor_head(const struct executor *x)
{
    return &x->head;
}

const bytes32 *executor_head_hash(const struct executor *x)
{
    return &x->head_hash;
}

struct ordered_list *executor_list(struct executor *x)
{
    return &x->list;
}

const struct executor_numbers *executor_numbers(const struct executor *x)
{
    return &x->numbers;
}

void executor_copy_times(const struct executor *x, struct executor_times *out)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&x->times_lock;
    pthread_mutex_lock(lock);
    *out = x->times;
    pthread_mutex_unlock(lock);
}

struct executor *executor_create(const struct executor_options *options)
{
    struct exec_machine *machine = exec_machine_create(options->arena, options->codes);
    if (!machine)
        return NULL;
    struct executor *x = calloc(1, sizeof *x);
    if (!x)
        abort();
    x->machine = machine;
    x->options = *options;
    x->ancestors = *options->ancestors;
    x->stages = &options->turn->stages;
    x->timeline = &options->turn->timeline;
    x->head = options->head;
    x->head_hash = options->head_hash;
    x->assembly = assembly_create();
    x->state_root = state_root_create();
    ordered_list_init(&x->list);
    x->store = block_store_create(&options->store, clock_ns());
    pthread_mutex_init(&x->times_lock, NULL);
    hist_init(&x->times.commit);
    hist_init(&x->times.interval);
    hist_init(&x->times.flush);
    u256 fee = executor_next_base_fee(x);
    atomic_store(&x->numbers.base_fee_low, u256_fits_u64(&fee) ? fee.w[0] : UINT64_MAX);
    atomic_store(&x->numbers.height, x->head.number);
    atomic_store(&x->numbers.durable_height, x->head.number);
    atomic_store(&x->numbers.head_timestamp, x->head.timestamp);
    atomic_store(&x->numbers.head_gas_limit, x->head.gas_limit);
    atomic_store(&x->numbers.log_bytes, blog_bytes(options->store.blog));
    atomic_store(&x->numbers.retained_from, blog_first(options->store.blog));
    return x;
}

void executor_free(struct executor *x)
{
    if (!x)
        return;
    block_store_free(x->store);
    for (unsigned i = 0; i < x->options.shard_count; i++)
        state_batch_free(&x->work.parts[i]);
    assembly_free(x->assembly);
    state_root_free(x->state_root);
    free(x->global);
    exec_machine_free(x->machine);
    ordered_list_free(&x->list);
    pthread_mutex_destroy(&x->times_lock);
    free(x);
}
