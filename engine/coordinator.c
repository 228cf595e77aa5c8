#include "engine/coordinator.h"

#include "base/keccak.h"
#include "base/log.h"
#include "engine/assemble.h"
#include "engine/ordered_list.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Raw bytes that the shards together may propose for one list.
#define PROPOSAL_BYTES_MAX (64u << 20)
// Transactions that one shard may propose for one list.
#define PROPOSAL_COUNT_MAX 131072u
// A proposal that brought nothing is not repeated sooner, whatever the block time.
#define EMPTY_RETRY_NS 10000000ull
// How long the disk is awaited before the coordinator sleeps: about what a small group takes.
#define DISK_AWAIT_NS 500000u

enum phase { IDLE, PROPOSING, EXECUTING, GATHERING, FINISHING, STORING, SETTLING };

struct coordinator {
    struct coordinator_options options;
    struct inbox *inbox;
    enum phase phase;
    unsigned awaited; // answers still to come in this phase
    bool ready;       // a shard said that its pool has something
    bool stopping;
    bool broken; // nothing more may be done
    unsigned round;
    uint64_t earliest_ns; // the next list not before
    uint64_t proposal_ns;
    uint64_t block_start_ns; // of the last list that was sealed
    uint64_t flush_ns;

    struct header head, next;
    bytes32 head_hash;
    struct ordered_list list; // under way, from MSG_PROPOSE to MSG_SETTLED
    struct gas_share share;
    struct propose_request request;
    struct block_work work;
    struct settle_work settle;
    struct assembly *assembly;
    struct state_root *state_root;
    struct block_store *store;
    struct exec_progress round_sum;
    const struct exec_tx **waiting;
    size_t waiting_count, waiting_cap;

    struct coordinator_numbers numbers;
    struct stage_clock stages;
    pthread_mutex_t times_lock;
    struct coordinator_times times;
    pthread_t thread;
    bool started;
    atomic_int thread_id;
};

static void idle(struct coordinator *c);
static void next_block(struct coordinator *c);
static void proposed(struct coordinator *c);

static void *grow(void *p, size_t size)
{
    void *grown = realloc(p, size);
    if (!grown)
        abort();
    return grown;
}

static void tell(struct coordinator *c, unsigned shard, uint16_t kind, void *p, uint64_t a)
{
    struct message m = {.kind = kind, .from = MESSAGE_FROM_OUTSIDE, .a = a, .p = p};
    // Inboxes have room for the coordinator's one question at a time beside all else only when they are not full: wait.
    while (!shard_post(c->options.shards[shard], &m))
        sched_yield();
}

static void ask_all(struct coordinator *c, enum phase phase, uint16_t kind, void *p, uint64_t a)
{
    c->phase = phase;
    c->awaited = c->options.shard_count;
    for (unsigned i = 0; i < c->options.shard_count; i++)
        tell(c, i, kind, p, a);
}

// why may be NULL: nothing failed.
static void fail(struct coordinator *c, const char *why)
{
    if (c->broken || !why)
        return;
    c->broken = true;
    log_error("coordinator", "stopped: nothing further is accepted as durable", "reason=\"%s\"", why);
    c->options.failed(c->options.ctx, why);
}

// ---- proposing

static struct order_parent order_parent(const struct coordinator *c)
{
    return (struct order_parent){c->head.number, c->head.timestamp, c->head.parent_beacon_block_root};
}

static uint64_t sum(const struct coordinator *c, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < c->options.shard_count; i++) {
        const char *numbers = (const char *)shard_numbers(c->options.shards[i]);
        total += atomic_load_explicit((const _Atomic uint64_t *)(numbers + offset), memory_order_relaxed);
    }
    return total;
}

static u256 next_base_fee(const struct coordinator *c)
{
    return header_next_base_fee(&c->options.genesis->fee_rules, c->head.gas_limit, c->head.gas_used, &c->head.base_fee);
}

static void share_gas(struct coordinator *c, uint64_t limit)
{
    uint64_t wanted[SHARD_MAX];
    for (unsigned i = 0; i < c->options.shard_count; i++)
        wanted[i] = atomic_load_explicit(&shard_numbers(c->options.shards[i])->executable_gas, memory_order_relaxed);
    gas_share_out(&c->share, c->request.gas_max, wanted, c->options.shard_count, limit);
}

// Shards with nothing executable are only told, so that they are awake when the block is executed.
static void ask_for_proposals(struct coordinator *c)
{
    bool asked[SHARD_MAX];
    c->phase = PROPOSING;
    c->awaited = 0;
    for (unsigned i = 0; i < c->options.shard_count; i++) {
        asked[i] = atomic_load_explicit(&shard_numbers(c->options.shards[i])->executable, memory_order_relaxed) > 0;
        c->awaited += asked[i];
    }
    for (unsigned i = 0; i < c->options.shard_count; i++)
        tell(c, i, asked[i] ? MSG_PROPOSE : MSG_AHEAD, &c->request, 0);
    if (c->awaited == 0)
        proposed(c);
}

static void propose(struct coordinator *c, uint64_t now_ns)
{
    struct propose_request *r = &c->request;
    uint64_t blocks = c->options.list_blocks ? c->options.list_blocks : 1, limit;
    if (__builtin_mul_overflow(c->head.gas_limit, blocks, &limit))
        limit = UINT64_MAX;
    share_gas(c, limit);
    r->base_fee = next_base_fee(c);
    r->bytes_max = PROPOSAL_BYTES_MAX / c->options.shard_count;
    r->count_max = limit / 21000 < PROPOSAL_COUNT_MAX ? limit / 21000 + 1 : PROPOSAL_COUNT_MAX;
    c->ready = false;
    c->proposal_ns = now_ns;
    ordered_list_clear(&c->list);
    ask_for_proposals(c);
}

static bool base_fee_can_fall(const struct coordinator *c)
{
    u256 now = next_base_fee(c);
    u256 after = header_next_base_fee(&c->options.genesis->fee_rules, c->head.gas_limit, 0, &now);
    return u256_cmp(&after, &now) < 0;
}

// Is something pooled that the base fee alone holds back, and would an empty block lower it?
static bool tick_helps(const struct coordinator *c)
{
    return sum(c, offsetof(struct shard_numbers, held_back)) > 0 && base_fee_can_fall(c);
}

static void note_start(struct coordinator *c)
{
    pthread_mutex_lock(&c->times_lock);
    if (c->block_start_ns)
        hist_add(&c->times.interval, c->proposal_ns - c->block_start_ns);
    pthread_mutex_unlock(&c->times_lock);
    c->block_start_ns = c->proposal_ns;
}

static void proposed(struct coordinator *c)
{
    struct ordered_list *l = &c->list;
    if (l->count == 0 && !tick_helps(c)) {
        c->earliest_ns = clock_ns() + EMPTY_RETRY_NS;
        idle(c);
        return;
    }
    note_start(c);
    struct order_parent parent = order_parent(c);
    c->options.order->ops->seal(c->options.order, &l->ordered, &parent, l->txs, l->count, clock_wall_ms());
    ordered_list_group(l, c->options.shard_count);
    stage_items(&c->stages, STAGE_ORDER, l->count);
    next_block(c);
}

// ---- executing one block

static void begin_env(struct coordinator *c)
{
    struct assembly_parent parent = {&c->head, c->head_hash, &c->options.genesis->fee_rules};
    assembly_open(&c->next, &parent, &c->list.ordered);
    struct exec_env *env = &c->work.env;
    env->chain_id = c->options.genesis->chain_id;
    env->number = c->next.number;
    env->gas_limit = c->next.gas_limit;
    env->base_fee = c->next.base_fee;
    env->coinbase = c->next.coinbase;
    env->coinbase_key = keccak256(env->coinbase.b, sizeof env->coinbase.b);
}

static void next_block(struct coordinator *c)
{
    begin_env(c);
    ordered_list_cut(&c->list, &c->work, c->options.shard_count, c->head.gas_limit);
    c->work.global_done = false;
    c->round = 0;
    c->round_sum = (struct exec_progress){0};
    ask_all(c, EXECUTING, MSG_EXECUTE, &c->work, 0);
}

static void finish(struct coordinator *c)
{
    // Only the last block of a list: the checkpoint waits for its durability.
    c->work.checkpoint = ordered_list_done(&c->list) && block_store_checkpoint_due(c->store, clock_ns());
    ask_all(c, FINISHING, MSG_FINISH, &c->work, 0);
    // Bodies are assembled while the shards hash their tries.
    stage_enter(&c->stages, STAGE_EXECUTE);
    size_t n = c->list.to - c->list.from;
    assembly_body(c->assembly, &c->next, c->list.txs + c->list.from, c->list.results + c->list.from, n);
    stage_items(&c->stages, STAGE_EXECUTE, n);
    stage_enter(&c->stages, STAGE_LINK);
}

static u256 fees_of_shards(struct coordinator *c)
{
    u256 total = U256_ZERO;
    for (unsigned i = 0; i < c->options.shard_count; i++) {
        u256 fees = shard_block_fees(c->options.shards[i]);
        u256_add(&total, &total, &fees);
    }
    return total;
}

static void round_done(struct coordinator *c)
{
    atomic_fetch_add_explicit(&c->numbers.rounds, 1, memory_order_relaxed);
    struct exec_progress total = c->round_sum;
    c->round_sum = (struct exec_progress){0};
    if (total.waiting == 0) {
        c->work.fees_total = fees_of_shards(c);
        finish(c);
    } else if (total.changed && c->round + 1 < EXEC_ROUNDS_MAX) {
        ask_all(c, EXECUTING, MSG_ROUND, NULL, ++c->round);
    } else {
        c->waiting_count = 0;
        ask_all(c, GATHERING, MSG_GATHER, NULL, 0);
    }
}

static void take_waiting(struct coordinator *c, const struct message *m)
{
    if (c->waiting_count + m->n > c->waiting_cap) {
        c->waiting_cap = (c->waiting_count + m->n) * 2;
        c->waiting = grow(c->waiting, c->waiting_cap * sizeof *c->waiting);
    }
    if (m->n > 0)
        memcpy(c->waiting + c->waiting_count, m->p, m->n * sizeof *c->waiting);
    c->waiting_count += m->n;
}

// All shards stand still: their partitions are the coordinator's until MSG_FINISH.
static void gathered(struct coordinator *c)
{
    stage_enter(&c->stages, STAGE_EXECUTE);
    struct state *states[PARTITION_COUNT];
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        states[p] = shard_states(c->options.shards[partition_owner(p, c->options.shard_count)])[p];
    u256 fees = fees_of_shards(c);
    exec_global(states, &c->work.env, &fees, c->waiting, c->waiting_count, c->list.results);
    c->work.global_done = true;
    atomic_fetch_add_explicit(&c->numbers.global_pass_transactions, c->waiting_count, memory_order_relaxed);
    stage_enter(&c->stages, STAGE_LINK);
    finish(c);
}

static void publish_block(struct coordinator *c)
{
    struct coordinator_numbers *n = &c->numbers;
    size_t txs = assembly_tx_count(c->assembly);
    u256 fee = next_base_fee(c);
    atomic_store_explicit(&n->height, c->head.number, memory_order_relaxed);
    atomic_fetch_add_explicit(&n->blocks, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&n->empty_blocks, txs == 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&n->transactions, txs, memory_order_relaxed);
    atomic_fetch_add_explicit(&n->gas, c->head.gas_used, memory_order_relaxed);
    struct bytes dropped = assembly_dropped(c->assembly);
    for (size_t i = 0; i < dropped.len; i++)
        atomic_fetch_add_explicit(&n->dropped_by[dropped.ptr[i]], 1, memory_order_relaxed);
    atomic_store_explicit(&n->head_timestamp, c->head.timestamp, memory_order_relaxed);
    atomic_store_explicit(&n->head_gas_used, c->head.gas_used, memory_order_relaxed);
    atomic_store_explicit(&n->head_gas_limit, c->head.gas_limit, memory_order_relaxed);
    atomic_store_explicit(&n->base_fee_low, u256_fits_u64(&fee) ? fee.w[0] : UINT64_MAX, memory_order_relaxed);
    atomic_store_explicit(&n->last_block_start_ns, c->block_start_ns, memory_order_relaxed);
    const struct keccak256_lanes lanes = keccak256_lane_use();
    atomic_store_explicit(&n->keccak_lanes_used, lanes.used, memory_order_relaxed);
    atomic_store_explicit(&n->keccak_lanes_offered, lanes.offered, memory_order_relaxed);
}

static void finished(struct coordinator *c)
{
    stage_enter(&c->stages, STAGE_STORE);
    c->next.state_root = state_root_update(c->state_root, c->work.subroots, c->work.changed);
    size_t len;
    bytes32 hash;
    uint8_t *record = assembly_seal(c->assembly, &c->next, c->list.ordered.time_ms, &len, &hash);
    c->head = c->next;
    c->head_hash = hash;
    publish_block(c);
    fail(c, block_store_append(c->store, c->head.number, record, len, assembly_tx_count(c->assembly)));
    stage_items(&c->stages, STAGE_STORE, 1);
    if (c->work.checkpoint)
        block_store_hold_checkpoint(c->store, &c->work, c->options.shard_count, c->head.number, &c->head_hash,
                                    clock_ns());
    stage_enter(&c->stages, STAGE_LINK);
    if (c->broken)
        return;
    if (!ordered_list_done(&c->list)) {
        next_block(c);
        return;
    }
    c->phase = STORING;
    c->flush_ns = clock_ns();
    block_store_flush(c->store);
}

// ---- durable

static void publish_durable(struct coordinator *c)
{
    struct coordinator_numbers *n = &c->numbers;
    atomic_store_explicit(&n->durable_height, block_store_durable(c->store), memory_order_release);
    atomic_store_explicit(&n->log_bytes, blog_bytes(c->options.store.blog), memory_order_relaxed);
    atomic_store_explicit(&n->retained_from, blog_first(c->options.store.blog), memory_order_relaxed);
}

static void stored(struct coordinator *c)
{
    fail(c, block_store_settle(c->store));
    publish_durable(c);
    if (c->broken)
        return;
    uint64_t now = clock_ns();
    pthread_mutex_lock(&c->times_lock);
    hist_add(&c->times.commit, now - c->block_start_ns);
    hist_add(&c->times.flush, now - c->flush_ns);
    pthread_mutex_unlock(&c->times_lock);
    struct settle_work *w = &c->settle;
    for (unsigned s = 0; s < c->options.shard_count; s++) {
        w->txs[s] = c->list.by_shard + c->list.begin[s];
        w->tx_count[s] = c->list.begin[s + 1] - c->list.begin[s];
    }
    w->results = c->list.results;
    w->next_base_fee = next_base_fee(c);
    w->height = c->head.number;
    ask_all(c, SETTLING, MSG_SETTLE, w, 0);
}

// ---- the loop

static void idle(struct coordinator *c)
{
    c->phase = IDLE;
}

static void answered(struct coordinator *c)
{
    if (--c->awaited > 0)
        return;
    switch (c->phase) {
    case PROPOSING:
        stage_enter(&c->stages, STAGE_ORDER);
        proposed(c);
        stage_enter(&c->stages, STAGE_LINK);
        break;
    case EXECUTING:
        round_done(c);
        break;
    case GATHERING:
        gathered(c);
        break;
    case FINISHING:
        finished(c);
        break;
    case SETTLING:
        idle(c);
        break;
    case IDLE:
    case STORING:
        abort();
    }
}

static void take_progress(struct coordinator *c, const struct message *m)
{
    const struct exec_progress *p = m->p;
    c->round_sum.executed += p->executed;
    c->round_sum.dropped += p->dropped;
    c->round_sum.waiting += p->waiting;
    c->round_sum.changed |= p->changed;
}

static void handle(struct coordinator *c, const struct message *m)
{
    switch (m->kind) {
    case MSG_POOL_READY:
        c->ready = true;
        return;
    case MSG_STOP:
        c->stopping = true;
        return;
    case MSG_PROPOSED:
        ordered_list_add(&c->list, m->p, m->n);
        break;
    case MSG_ROUND_DONE:
        take_progress(c, m);
        break;
    case MSG_GATHERED:
        take_waiting(c, m);
        break;
    default:
        break;
    }
    answered(c);
}

// When the next list may start; UINT64_MAX while nothing calls for one. A shard tells again when what its pool holds
// begins to matter (MSG_POOL_READY).
static uint64_t next_start(const struct coordinator *c, uint64_t now_ns)
{
    if (c->phase != IDLE || !c->ready || c->broken || c->stopping)
        return UINT64_MAX;
    if (sum(c, offsetof(struct shard_numbers, executable)) == 0 && !tick_helps(c))
        return UINT64_MAX;
    struct order_parent parent = order_parent(c);
    uint64_t at =
        c->options.order->ops->next_start_ns(c->options.order, &parent, c->block_start_ns, now_ns, clock_wall_ms());
    return at > c->earliest_ns ? at : c->earliest_ns;
}

// Awaits the disk for a while without sleeping, as inbox_await does a message. True when something came.
static bool await_disk(struct coordinator *c, uint64_t now_ns)
{
    while (mpsc_count(c->inbox->ring) == 0) {
        fail(c, block_store_step(c->store));
        if (c->broken || block_store_durable(c->store) == c->head.number)
            return true;
        if (clock_ns() - now_ns >= DISK_AWAIT_NS)
            return false;
        sched_yield();
    }
    return true;
}

// True when what this phase waits for came without sleeping.
static bool await(struct coordinator *c, uint64_t now_ns)
{
    if (c->phase == IDLE)
        return false;
    return c->phase == STORING ? await_disk(c, now_ns) : inbox_await(c->inbox, BLOCK_AWAIT_NS);
}

static void sleep_until(struct coordinator *c, uint64_t at_ns, uint64_t now_ns)
{
    stage_enter(&c->stages, STAGE_IDLE);
    if (await(c, now_ns) || !inbox_prepare_sleep(c->inbox)) {
        stage_enter(&c->stages, STAGE_LINK);
        return;
    }
    struct pollfd fds[2] = {{c->inbox->event_fd, POLLIN, 0}, {c->options.disk_event_fd, POLLIN, 0}};
    struct timespec wait = {0};
    if (at_ns != UINT64_MAX) {
        wait.tv_sec = (time_t)((at_ns - now_ns) / 1000000000u);
        wait.tv_nsec = (long)((at_ns - now_ns) % 1000000000u);
    }
    ppoll(fds, 2, at_ns == UINT64_MAX ? NULL : &wait, NULL);
    inbox_awake(c->inbox);
    uint64_t count;
    ssize_t ignored = read(c->inbox->event_fd, &count, sizeof count);
    ignored = read(c->options.disk_event_fd, &count, sizeof count);
    (void)ignored;
    stage_enter(&c->stages, STAGE_LINK);
}

static void step_store(struct coordinator *c)
{
    if (c->broken)
        return;
    enum stage before = stage_enter(&c->stages, block_store_in_flight(c->store) ? STAGE_STORE : STAGE_LINK);
    fail(c, block_store_step(c->store));
    stage_enter(&c->stages, before);
    if (!c->broken && c->phase == STORING && block_store_durable(c->store) == c->head.number)
        stored(c);
}

static void *coordinator_main(void *arg)
{
    struct coordinator *c = arg;
    pthread_setname_np(pthread_self(), "coordinator");
    atomic_store(&c->thread_id, (int)gettid());
    stage_clock_start(&c->stages, STAGE_LINK);
    while (!(c->stopping && (c->phase == IDLE || c->broken))) {
        struct message batch[64];
        size_t n = inbox_take(c->inbox, batch, 64);
        for (size_t i = 0; i < n; i++)
            handle(c, &batch[i]);
        step_store(c);
        uint64_t now = clock_ns(), at = next_start(c, now);
        if (at <= now)
            propose(c, now);
        else if (n == 0)
            sleep_until(c, at, now);
    }
    return NULL;
}

struct coordinator *coordinator_create(struct inbox *inbox, const struct coordinator_options *options)
{
    struct coordinator *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->options = *options;
    c->inbox = inbox;
    c->head = options->head;
    c->head_hash = options->head_hash;
    c->assembly = assembly_create();
    c->state_root = state_root_create();
    ordered_list_init(&c->list);
    c->store = block_store_create(&options->store, clock_ns());
    pthread_mutex_init(&c->times_lock, NULL);
    hist_init(&c->times.commit);
    hist_init(&c->times.interval);
    hist_init(&c->times.flush);
    u256 fee = next_base_fee(c);
    atomic_store(&c->numbers.base_fee_low, u256_fits_u64(&fee) ? fee.w[0] : UINT64_MAX);
    atomic_store(&c->numbers.height, c->head.number);
    atomic_store(&c->numbers.durable_height, c->head.number);
    atomic_store(&c->numbers.head_timestamp, c->head.timestamp);
    atomic_store(&c->numbers.head_gas_limit, c->head.gas_limit);
    atomic_store(&c->numbers.log_bytes, blog_bytes(options->store.blog));
    atomic_store(&c->numbers.retained_from, blog_first(options->store.blog));
    return c;
}

bool coordinator_start(struct coordinator *c, char *error, size_t error_cap)
{
    int r = pthread_create(&c->thread, NULL, coordinator_main, c);
    if (r != 0) {
        snprintf(error, error_cap, "the coordinator's thread could not be started: %s", strerror(r));
        return false;
    }
    c->started = true;
    return true;
}

void coordinator_stop(struct coordinator *c)
{
    struct message m = {.kind = MSG_STOP, .from = MESSAGE_FROM_OUTSIDE};
    while (!inbox_post(c->inbox, &m))
        sched_yield();
}

void coordinator_join(struct coordinator *c)
{
    if (c->started)
        pthread_join(c->thread, NULL);
    c->started = false;
}

void coordinator_free(struct coordinator *c)
{
    if (!c)
        return;
    block_store_free(c->store);
    for (unsigned i = 0; i < c->options.shard_count; i++)
        free(c->work.parts[i].records);
    assembly_free(c->assembly);
    state_root_free(c->state_root);
    free(c->waiting);
    ordered_list_free(&c->list);
    pthread_mutex_destroy(&c->times_lock);
    free(c);
}

const struct coordinator_numbers *coordinator_numbers(const struct coordinator *c)
{
    return &c->numbers;
}

const struct stage_clock *coordinator_stages(const struct coordinator *c)
{
    return &c->stages;
}

int coordinator_thread_id(const struct coordinator *c)
{
    return atomic_load(&c->thread_id);
}

void coordinator_copy_times(struct coordinator *c, struct coordinator_times *out)
{
    pthread_mutex_lock(&c->times_lock);
    *out = c->times;
    pthread_mutex_unlock(&c->times_lock);
}
