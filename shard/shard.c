#include "shard/shard.h"

#include "base/log.h"
#include "shard/ingest/server.h"
#include "shard/internal.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MESSAGES_A_TURN 256
// How often queued transactions are looked at for expiry.
#define TICK_NS 1000000000ull
#define BACKGROUND_REST_NS 1000000ull

static void handle(struct shard *s, const struct message *m);
static void shard_free(struct shard *s);

struct shard *shard_create(const struct shard_options *options, char *error, size_t error_cap)
{
    struct shard *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->options = *options;
    pthread_mutex_init(&s->inclusion_lock, NULL);
    hist_init(&s->inclusion);
    s->inbox.event_fd = -1;
    snprintf(s->turn.thread, sizeof s->turn.thread, "shard %u", options->index);
    s->arena = arena_create();
    size_t capacity = 4096;
    while (capacity < 16u * options->count)
        capacity *= 2;
    if (!inbox_init(&s->inbox, capacity)) {
        snprintf(error, error_cap, "a shard's inbox could not be made: %s", strerror(errno));
        shard_free(s);
        return NULL;
    }
    s->loop = loop_create(s->arena, s->inbox.event_fd, error, error_cap);
    if (!s->loop) {
        shard_free(s);
        return NULL;
    }
    s->verify = verify_batch_create(s->arena);
    if (!s->verify) {
        snprintf(error, error_cap, "a shard's verifier could not be made: not enough memory");
        shard_free(s);
        return NULL;
    }
    s->pool = mempool_create(s->arena, &options->pool);
    s->paths = tx_paths_create(s->arena, options->path_max);
    unsigned last = partition_first(options->index + 1, options->count);
    for (unsigned p = partition_first(options->index, options->count); p < last; p++) {
        s->states[p] = state_create(s->arena);
        state_use_codes(s->states[p], options->codes);
        s->tries[s->trie_count++] = account_trie_create(s->arena, s->states[p]);
    }
    s->machine = exec_machine_create(s->arena, options->codes);
    if (!s->machine) {
        snprintf(error, error_cap, "a shard's precompiled contracts could not be made: libcrypto lacks RIPEMD-160");
        shard_free(s);
        return NULL;
    }
    s->exec = exec_create(s->arena, options->index, options->count, s->states, s->machine);
    s->ingest = ingest_create(s);
    return s;
}

void shard_connect(struct shard **shards, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        shards[i]->peers = shards;
}

static void run_call(struct shard *s, const struct message *m)
{
    struct shard_call *call = m->p;
    if (!s->block.standing) {
        call->run(s, call);
        return;
    }
    if (s->deferred_call_count == s->deferred_call_cap) {
        s->deferred_call_cap = s->deferred_call_cap ? s->deferred_call_cap * 2 : 64;
        s->deferred_calls = realloc(s->deferred_calls, s->deferred_call_cap * sizeof *s->deferred_calls);
        if (!s->deferred_calls)
            abort();
    }
    s->deferred_calls[s->deferred_call_count++] = *m;
}

static void handle(struct shard *s, const struct message *m)
{
    switch (m->kind) {
    case MSG_CALL:
        run_call(s, m);
        break;
    case MSG_ROUTE:
        receive_routed(s, m->p);
        break;
    case MSG_ANSWERS:
        receive_answers(s, m->p);
        break;
    case MSG_RELEASE:
        receive_released(s, m->p);
        break;
    case MSG_LISTEN:
        ingest_listen(s->ingest, (int)m->a);
        break;
    case MSG_CONNECTION:
        ingest_adopt(s->ingest, (int)m->a);
        break;
    default:
        block_handle(s, m);
    }
}

static void take_messages(struct shard *s)
{
    struct message batch[MESSAGES_A_TURN];
    size_t n = inbox_take(&s->inbox, batch, MESSAGES_A_TURN);
    if (n == 0)
        return;
    enum stage before = stage_enter(&s->turn.stages, STAGE_LINK);
    timeline_begin(&s->turn.timeline, messages, n, 0);
    for (size_t i = 0; i < n; i++)
        handle(s, &batch[i]);
    timeline_end(&s->turn.timeline, messages, n, 0);
    stage_items(&s->turn.stages, STAGE_LINK, n);
    stage_enter(&s->turn.stages, before);
}

static void tick(struct shard *s)
{
    uint64_t now = clock_ns();
    if (now < s->next_tick_ns || s->block.standing)
        return;
    s->next_tick_ns = now + TICK_NS;
    uint64_t expiry = mempool_tick(s->pool, now);
    (void)expiry; // the next second is soon enough
    receive_take_removed(s);
    ingest_tick(s->ingest, now);
}

static bool wants_tick(const struct shard *s)
{
    return s->numbers.queued > 0 || ingest_wants_tick(s->ingest);
}

// True when the next message of a block under way came without sleeping.
static bool await_block(struct shard *s)
{
    const bool expecting = s->block.expecting;
    s->block.expecting = false;
    return expecting && inbox_await(&s->inbox, BLOCK_AWAIT_NS);
}

// How long the shard may sleep: until its own tick or its guest's time.
static uint64_t sleep_ns(const struct shard *s, uint64_t guest_at_ns)
{
    const uint64_t tick = wants_tick(s) ? TICK_NS : UINT64_MAX;
    if (guest_at_ns == UINT64_MAX)
        return tick;
    const uint64_t now = clock_ns(), wait = guest_at_ns > now ? guest_at_ns - now : 0;
    return wait < tick ? wait : tick;
}

// Nothing else is to be done. Between pieces the shard looks for messages; while a block is under way and the share is
// used up it rests, so that it doesn't spin.
static void run_in_background(struct shard *s)
{
    const int64_t before = s->background.allowance_ns;
    const bool more = background_run(s, true), ran = s->background.allowance_ns < before;
    if (more && !ran && !await_block(s) && inbox_prepare_sleep(&s->inbox)) {
        turn_rest(&s->turn, s->loop, BACKGROUND_REST_NS);
        inbox_awake(&s->inbox);
    } else {
        turn_rest(&s->turn, s->loop, 0);
    }
}

// One turn of the loop. Sleeps when there is nothing to do.
static void turn(struct shard *s)
{
    s->now_ns = clock_ns();
    take_messages(s);
    const uint64_t guest_at_ns = s->guest.turn ? s->guest.turn(s->guest.ctx, clock_ns()) : UINT64_MAX;
    if (atomic_load_explicit(&s->draining, memory_order_relaxed))
        ingest_stop_accepting(s->ingest);
    ingest_take_frames(s->ingest);
    receive_verify(s);
    tick(s);
    receive_publish_pool(s);
    receive_publish_verify(s);
    receive_flush(s);
    stage_enter(&s->turn.stages, STAGE_REPLY);
    ingest_send_answers(s->ingest);
    stage_enter(&s->turn.stages, STAGE_LINK);
    if (ingest_has_work(s->ingest) || verify_batch_count(s->verify) > 0 || !receive_outbox_empty(s)) {
        background_run(s, false);
        turn_rest(&s->turn, s->loop, 0);
    } else if (background_waits(s)) {
        run_in_background(s);
    } else if (!await_block(s) && inbox_prepare_sleep(&s->inbox)) {
        turn_rest(&s->turn, s->loop, sleep_ns(s, guest_at_ns));
        inbox_awake(&s->inbox);
    } else {
        turn_rest(&s->turn, s->loop, 0);
    }
}

static void *shard_main(void *arg)
{
    struct shard *s = arg;
    atomic_store(&s->thread_id, (int)gettid());
    arena_adopt(s->arena);
    if (s->options.cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((unsigned)s->options.cpu, &set);
        if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0)
            log_warn("shard", "could not pin", "shard=%u cpu=%d", s->options.index, s->options.cpu);
    }
    if (!loop_enter_owner(s->loop) || !loop_provide_buffers(s->loop)) {
        log_error("shard", "could not start its io_uring", "shard=%u", s->options.index);
        abort();
    }
    turn_start(&s->turn, s->options.stall_ms);
    while (!atomic_load_explicit(&s->stopping, memory_order_acquire))
        turn(s);
    ingest_end(s->ingest);
    turn_stop(&s->turn);
    return NULL;
}

bool shard_start(struct shard *s, char *error, size_t error_cap)
{
    int r = pthread_create(&s->thread, NULL, shard_main, s);
    if (r != 0) {
        snprintf(error, error_cap, "a shard's thread could not be started: %s", strerror(r));
        return false;
    }
    pthread_setname_np(s->thread, s->turn.thread);
    s->started = true;
    return true;
}

void shard_drain(struct shard *s)
{
    atomic_store_explicit(&s->draining, true, memory_order_relaxed);
    inbox_wake(&s->inbox);
}

void shard_stop(struct shard *s)
{
    atomic_store_explicit(&s->stopping, true, memory_order_release);
    inbox_wake(&s->inbox);
}

void shard_join(struct shard *s)
{
    if (s->started)
        pthread_join(s->thread, NULL);
    s->started = false;
}

// Transactions still alive anywhere end with the arenas.
static void shard_free(struct shard *s)
{
    if (s->ingest)
        ingest_free(s->ingest);
    block_free(s);
    if (s->exec)
        exec_free(s->exec);
    exec_machine_free(s->machine);
    for (unsigned i = 0; i < s->trie_count; i++)
        account_trie_free(s->tries[i]);
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        if (s->states[p])
            state_free(s->states[p]);
    }
    if (s->pool)
        mempool_free(s->pool);
    tx_paths_free(s->paths);
    verify_batch_free(s->verify);
    loop_free(s->loop);
    inbox_free(&s->inbox);
    timeline_free(&s->turn.timeline);
    arena_destroy(s->arena);
    pthread_mutex_destroy(&s->inclusion_lock);
    free(s);
}

void shards_free(struct shard **shards, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (shards[i])
            receive_abandon(shards[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        if (shards[i] && shards[i]->background.work.dropped)
            shards[i]->background.work.dropped(shards[i]->background.work.ctx);
    }
    for (unsigned i = 0; i < count; i++) {
        if (shards[i])
            shard_free(shards[i]);
    }
}

void shard_listen(struct shard *s, int listen_fd)
{
    struct message m = {.kind = MSG_LISTEN, .from = MESSAGE_FROM_OUTSIDE, .a = (uint64_t)listen_fd};
    while (!inbox_post(&s->inbox, &m))
        sched_yield();
}

bool shard_post(struct shard *s, const struct message *m)
{
    return inbox_post(&s->inbox, m);
}

void shard_tell(struct shard *s, const struct message *m)
{
    while (!shard_post(s, m))
        sched_yield();
}

bool shard_run(struct shard *s, struct shard_call *call)
{
    struct message m = {.kind = MSG_CALL, .from = MESSAGE_FROM_OUTSIDE, .p = call};
    return inbox_post_below(&s->inbox, &m, INBOX_HALF);
}

void shard_attach(struct shard *s, const struct shard_guest *guest)
{
    s->guest = *guest;
}

struct loop *shard_loop(struct shard *s)
{
    return s->loop;
}

unsigned shard_index(const struct shard *s)
{
    return s->options.index;
}

struct state **shard_states(struct shard *s)
{
    return s->states;
}

struct account_trie **shard_tries(struct shard *s)
{
    return s->tries;
}

struct mempool *shard_pool(struct shard *s)
{
    return s->pool;
}

const struct tx_paths *shard_paths(const struct shard *s)
{
    return s->paths;
}

struct arena *shard_arena(struct shard *s)
{
    return s->arena;
}

void shard_adopt_height(struct shard *s, uint64_t height, const u256 *next_base_fee)
{
    s->settled_height = height;
    mempool_set_base_fee(s->pool, next_base_fee);
    block_publish_accounts(s);
}

u256 shard_block_fees(const struct shard *s)
{
    return exec_fees(s->exec);
}

const struct shard_numbers *shard_numbers(const struct shard *s)
{
    return &s->numbers;
}

struct turn *shard_turn(struct shard *s)
{
    return &s->turn;
}

void shard_add_inclusion_times(struct shard *s, struct hist *into)
{
    pthread_mutex_lock(&s->inclusion_lock);
    hist_merge(into, &s->inclusion);
    pthread_mutex_unlock(&s->inclusion_lock);
}

int shard_thread_id(const struct shard *s)
{
    return atomic_load(&s->thread_id);
}
