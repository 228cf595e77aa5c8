#include "engine/coordinator.h"

#include "base/log.h"
#include "base/time_slice.h"
#include "engine/event_watch.h"
#include "shard/loop.h"

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
// It does little at a time, and in a cluster everybody waits for it: busy shards on its core must not make it late.
#define TIME_SLICE_NS 100000u

struct coordinator {
    struct coordinator_options options;
    struct inbox *inbox;
    struct arena *arena;
    struct loop *loop;
    struct event_watch disk_watch;
    struct executor *executor;
    unsigned awaited; // proposals still to come; 0: none is being gathered
    bool ready;       // a shard said that its pool has something
    bool stopping;
    bool broken;          // nothing more may be done
    uint64_t earliest_ns; // the next list not before
    uint64_t proposal_ns;
    uint64_t list_start_ns; // of the last list that was sealed
    struct gas_share share;
    struct propose_request request;
    struct turn turn;
    pthread_t thread;
    bool started;
    atomic_int thread_id;
};

static void proposed(struct coordinator *c);

static void failed(void *ctx, const char *why)
{
    struct coordinator *c = ctx;
    c->broken = true;
    log_error("coordinator", "stopped: nothing further is accepted as durable", "reason=\"%s\"", why);
    c->options.failed(c->options.ctx, why);
}

// ---- proposing

static struct order_parent order_parent(const struct coordinator *c)
{
    const struct header *head = executor_head(c->executor);
    return (struct order_parent){head->number, head->timestamp, head->parent_beacon_block_root,
                                 *executor_head_hash(c->executor)};
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
    c->awaited = 0;
    for (unsigned i = 0; i < c->options.shard_count; i++) {
        asked[i] = atomic_load_explicit(&shard_numbers(c->options.shards[i])->executable, memory_order_relaxed) > 0;
        c->awaited += asked[i];
    }
    for (unsigned i = 0; i < c->options.shard_count; i++)
        shard_tell(c->options.shards[i], &(struct message){.kind = asked[i] ? MSG_PROPOSE : MSG_AHEAD,
                                                           .from = MESSAGE_FROM_OUTSIDE,
                                                           .p = &c->request});
    if (c->awaited == 0)
        proposed(c);
}

static void propose(struct coordinator *c, uint64_t now_ns)
{
    struct propose_request *r = &c->request;
    uint64_t blocks = c->options.list_blocks ? c->options.list_blocks : 1, limit;
    if (__builtin_mul_overflow(executor_head(c->executor)->gas_limit, blocks, &limit))
        limit = UINT64_MAX;
    share_gas(c, limit);
    r->base_fee = executor_next_base_fee(c->executor);
    r->bytes_max = PROPOSAL_BYTES_MAX / c->options.shard_count;
    r->count_max = limit / 21000 < PROPOSAL_COUNT_MAX ? limit / 21000 + 1 : PROPOSAL_COUNT_MAX;
    c->ready = false;
    c->proposal_ns = now_ns;
    ordered_list_clear(executor_list(c->executor));
    ask_for_proposals(c);
}

static bool base_fee_can_fall(const struct coordinator *c)
{
    u256 now = executor_next_base_fee(c->executor);
    u256 after = header_next_base_fee(&c->options.genesis->fee_rules, executor_head(c->executor)->gas_limit, 0, &now);
    return u256_cmp(&after, &now) < 0;
}

// Is something pooled that the base fee alone holds back, and would an empty block lower it?
static bool tick_helps(const struct coordinator *c)
{
    return sum(c, offsetof(struct shard_numbers, held_back)) > 0 && base_fee_can_fall(c);
}

static void proposed(struct coordinator *c)
{
    struct ordered_list *l = executor_list(c->executor);
    if (l->count == 0 && !tick_helps(c)) {
        c->earliest_ns = clock_ns() + EMPTY_RETRY_NS;
        return;
    }
    const struct order_parent parent = order_parent(c);
    const struct order_now now = {clock_ns(), clock_wall_ms()};
    c->options.order->ops->seal(c->options.order, &l->ordered, &parent, l->txs, l->count, &now);
    l->path.order.ordered_ns = now.ns;
    ordered_list_group(l, c->options.shard_count);
    stage_items(&c->turn.stages, STAGE_ORDER, l->count);
    c->list_start_ns = c->proposal_ns;
    executor_run(c->executor, c->proposal_ns);
}

// ---- the loop

static void take_proposal(struct coordinator *c, const struct message *m)
{
    ordered_list_add(executor_list(c->executor), m->p, m->n);
    if (--c->awaited > 0)
        return;
    stage_enter(&c->turn.stages, STAGE_ORDER);
    proposed(c);
    stage_enter(&c->turn.stages, STAGE_LINK);
}

static void handle(struct coordinator *c, const struct message *m)
{
    switch (m->kind) {
    case MSG_POOL_READY:
        c->ready = true;
        break;
    case MSG_STOP:
        c->stopping = true;
        break;
    case MSG_PROPOSED:
        take_proposal(c, m);
        break;
    case MSG_DEPOT:
        participant_handle(c->options.participant, m);
        break;
    default:
        executor_handle(c->executor, m);
    }
}

static bool idle(const struct coordinator *c)
{
    return c->awaited == 0 && executor_ready(c->executor);
}

// When the next list may start; UINT64_MAX while nothing calls for one. A shard tells again when what its pool holds
// begins to matter (MSG_POOL_READY).
static uint64_t next_start(const struct coordinator *c, uint64_t now_ns)
{
    if (!idle(c) || !c->ready || c->broken || c->stopping)
        return UINT64_MAX;
    if (sum(c, offsetof(struct shard_numbers, executable)) == 0 && !tick_helps(c))
        return UINT64_MAX;
    const struct order_parent parent = order_parent(c);
    const struct order_now now = {now_ns, clock_wall_ms()};
    const uint64_t at = c->options.order->ops->next_start_ns(c->options.order, &parent, c->list_start_ns, &now);
    return at > c->earliest_ns ? at : c->earliest_ns;
}

// Awaits the disk for a while without sleeping, as inbox_await does a message. True when something came.
static bool await_disk(struct coordinator *c, uint64_t now_ns)
{
    while (mpsc_count(c->inbox->ring) == 0) {
        executor_step(c->executor);
        if (c->broken || !executor_storing(c->executor))
            return true;
        if (clock_ns() - now_ns >= DISK_AWAIT_NS)
            return false;
        stage_yield();
    }
    return true;
}

// True when what this phase waits for came without sleeping.
static bool await(struct coordinator *c, uint64_t now_ns)
{
    if (idle(c))
        return false;
    return executor_storing(c->executor) ? await_disk(c, now_ns) : inbox_await(c->inbox, BLOCK_AWAIT_NS);
}

static void sleep_until(struct coordinator *c, uint64_t at_ns, uint64_t now_ns)
{
    if (await(c, now_ns) || !inbox_prepare_sleep(c->inbox)) {
        turn_next(&c->turn);
        return;
    }
    event_watch_arm(&c->disk_watch, c->loop);
    turn_rest(&c->turn, c->loop, at_ns == UINT64_MAX ? UINT64_MAX : at_ns - now_ns);
    inbox_awake(c->inbox);
}

static size_t take_messages(struct coordinator *c)
{
    struct message batch[64];
    size_t n = inbox_take(c->inbox, batch, 64);
    if (n > 0)
        timeline_begin(&c->turn.timeline, messages, n, 0);
    for (size_t i = 0; i < n; i++)
        handle(c, &batch[i]);
    if (n > 0)
        timeline_end(&c->turn.timeline, messages, n, 0);
    executor_step(c->executor);
    return n;
}

static void run_alone(struct coordinator *c)
{
    while (!(c->stopping && (idle(c) || c->broken))) {
        size_t n = take_messages(c);
        uint64_t now = clock_ns(), at = next_start(c, now);
        if (at <= now)
            propose(c, now);
        else if (n == 0)
            sleep_until(c, at, now);
        else
            turn_next(&c->turn);
    }
}

// Sockets are looked at in every turn: a busy one must not leave peers waiting.
static void run_loop(struct coordinator *c, uint64_t at_ns)
{
    const uint64_t now = clock_ns();
    if (at_ns <= now || !inbox_prepare_sleep(c->inbox)) {
        turn_rest(&c->turn, c->loop, 0);
        return;
    }
    event_watch_arm(&c->disk_watch, c->loop);
    participant_arm(c->options.participant);
    turn_rest(&c->turn, c->loop, at_ns == UINT64_MAX ? UINT64_MAX : at_ns - now);
    inbox_awake(c->inbox);
}

static void run_in_cluster(struct coordinator *c)
{
    struct participant *p = c->options.participant;
    char error[STORE_ERROR_MAX];
    if (!participant_enter(p, c->loop, c->executor, &c->turn.timeline, error)) {
        failed(c, error);
        return;
    }
    while (!participant_idle(p)) {
        const size_t n = take_messages(c);
        stage_enter(&c->turn.stages, STAGE_ORDER);
        timeline_begin(&c->turn.timeline, consensus, 0, 0);
        const uint64_t at = participant_turn(p, clock_ns());
        timeline_end(&c->turn.timeline, consensus, 0, 0);
        stage_items(&c->turn.stages, STAGE_ORDER, 1);
        stage_enter(&c->turn.stages, STAGE_LINK);
        if (c->stopping && (c->broken || executor_ready(c->executor)))
            participant_stop(p);
        run_loop(c, n > 0 ? 0 : at);
    }
}

static void *coordinator_main(void *arg)
{
    struct coordinator *c = arg;
    atomic_store(&c->thread_id, (int)gettid());
    time_slice_set(TIME_SLICE_NS);
    turn_start(&c->turn, c->options.stall_ms);
    arena_adopt(c->arena);
    if (!loop_enter_owner(c->loop))
        failed(c, "its io_uring could not be enabled");
    else if (c->options.participant)
        run_in_cluster(c);
    else
        run_alone(c);
    turn_stop(&c->turn);
    return NULL;
}

struct coordinator *coordinator_create(struct inbox *inbox, const struct coordinator_options *options)
{
    struct coordinator *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->options = *options;
    c->inbox = inbox;
    c->arena = arena_create();
    snprintf(c->turn.thread, sizeof c->turn.thread, "coordinator");
    event_watch_init(&c->disk_watch, options->disk_event_fd);
    struct executor_options executor = {
        .genesis = options->genesis,
        .shards = options->shards,
        .shard_count = options->shard_count,
        .store = options->store,
        .roots = options->roots,
        .board = options->board,
        .head = options->head,
        .head_hash = options->head_hash,
        .codes = options->codes,
        .ancestors = options->ancestors,
        .arena = c->arena,
        .turn = &c->turn,
        .failed = failed,
        .ctx = c,
    };
    c->executor = executor_create(&executor);
    if (!c->executor) {
        coordinator_free(c);
        return NULL;
    }
    return c;
}

bool coordinator_start(struct coordinator *c, char *error, size_t error_cap)
{
    c->loop = loop_create(c->arena, c->inbox->event_fd, error, error_cap);
    if (!c->loop)
        return false;
    int r = pthread_create(&c->thread, NULL, coordinator_main, c);
    if (r != 0) {
        snprintf(error, error_cap, "the coordinator's thread could not be started: %s", strerror(r));
        return false;
    }
    pthread_setname_np(c->thread, c->turn.thread); // here, so that a profile that is begun at once knows it
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
    struct message m;
    while (inbox_take(c->inbox, &m, 1) == 1) {
        if (m.kind == MSG_DEPOT)
            depot_event_free(m.p);
    }
    executor_free(c->executor);
    loop_free(c->loop);
    timeline_free(&c->turn.timeline);
    arena_destroy(c->arena);
    free(c);
}

const struct executor *coordinator_executor(const struct coordinator *c)
{
    return c->executor;
}

struct turn *coordinator_turn(struct coordinator *c)
{
    return &c->turn;
}

int coordinator_thread_id(const struct coordinator *c)
{
    return atomic_load(&c->thread_id);
}
