#include "engine/rpc/rpc.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/ring.h"
#include "engine/rpc/server.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BLOCKS_WAITING_MAX 1024
#define PENDING_WAITING_MAX 16384
// How long rpc_stop waits for the node's answers and for clients to read theirs.
#define DRAIN_NS (UINT64_C(500) * 1000 * 1000)

struct posted_block {
    uint64_t height;
    uint8_t *record;
    size_t len;
    struct blog_place place;
};

struct rpc {
    struct rpc_core *core;
    struct server *server;
    struct chain_reader *reader;
    uint16_t port;
    pthread_t thread;
    struct mpsc_ring *answers;    // struct rpc_query *; holds as many as may be with the node, so it never fills
    struct mpsc_ring *blocks;     // struct posted_block
    struct mpsc_ring *pending;    // bytes32
    _Atomic uint64_t retain_from; // posted by the coordinator
    _Atomic bool awake;           // the thread was woken and has not looked yet
    _Atomic bool stopping, stopped;
    _Atomic unsigned callers; // threads inside the functions that may be called by any
};

// Every call from outside stands between these two, so that rpc_stop can wait for the last.
static bool enter(struct rpc *rpc)
{
    atomic_fetch_add(&rpc->callers, 1);
    return !atomic_load(&rpc->stopped);
}

static void leave(struct rpc *rpc)
{
    atomic_fetch_sub(&rpc->callers, 1);
}

// One wake-up for many messages: the flag is cleared before the thread looks.
static void wake(struct rpc *rpc)
{
    if (!atomic_exchange(&rpc->awake, true))
        server_wake(rpc->server);
}

static void take_blocks(struct rpc *rpc)
{
    struct posted_block b;
    while (mpsc_pop(rpc->blocks, &b, 1) > 0)
        core_block(rpc->core, b.height, b.record, b.len, b.place);
}

static void take_answers(struct rpc *rpc)
{
    struct rpc_query *q[64];
    size_t count;
    while ((count = mpsc_pop(rpc->answers, q, 64)) > 0) {
        for (size_t i = 0; i < count; i++)
            core_complete(rpc->core, q[i]);
    }
}

static void take_pending(struct rpc *rpc)
{
    bytes32 hashes[64];
    size_t count;
    while ((count = mpsc_pop(rpc->pending, hashes, 64)) > 0)
        core_pending(rpc->core, hashes, count);
}

// Blocks first: an answer may tell of what they hold.
static void on_wake(void *ctx)
{
    struct rpc *rpc = ctx;
    atomic_store(&rpc->awake, false);
    take_blocks(rpc);
    core_retain(rpc->core, atomic_load(&rpc->retain_from));
    take_answers(rpc);
    take_pending(rpc);
}

static void drain(struct rpc *rpc)
{
    uint64_t end = clock_ns() + DRAIN_NS;
    core_abandon(rpc->core);
    while ((core_queries(rpc->core) > 0 || !server_idle(rpc->server)) && clock_ns() < end) {
        server_wake(rpc->server); // so that the wait ends
        server_service(rpc->server);
        on_wake(rpc);
        sched_yield();
    }
    if (core_queries(rpc->core) > 0)
        log_warn("rpc", "questions left without an answer at the stop", "count=%u", core_queries(rpc->core));
}

static void *run(void *ctx)
{
    struct rpc *rpc = ctx;
    while (!atomic_load(&rpc->stopping)) {
        server_service(rpc->server);
        if (core_work(rpc->core))
            wake(rpc);
    }
    drain(rpc);
    return NULL;
}

static void rpc_free(struct rpc *rpc)
{
    if (rpc->server)
        server_free(rpc->server);
    if (rpc->core)
        core_free(rpc->core);
    mpsc_free(rpc->answers);
    mpsc_free(rpc->blocks);
    mpsc_free(rpc->pending);
    if (rpc->reader)
        chain_reader_close(rpc->reader);
    free(rpc);
}

static struct rpc *fail(struct rpc *rpc, char error[STORE_ERROR_MAX], const char *text)
{
    snprintf(error, STORE_ERROR_MAX, "%s", text);
    rpc_free(rpc);
    return NULL;
}

struct rpc *rpc_start(const struct rpc_options *options, const struct rpc_backend *backend, struct chain_reader *reader,
                      const struct genesis *genesis, char error[STORE_ERROR_MAX])
{
    struct rpc *rpc = calloc(1, sizeof *rpc);
    if (!rpc) {
        chain_reader_close(reader);
        snprintf(error, STORE_ERROR_MAX, "out of memory");
        return NULL;
    }
    rpc->reader = reader;
    rpc->answers = mpsc_create(CORE_QUERIES_MAX, sizeof(struct rpc_query *));
    rpc->blocks = mpsc_create(BLOCKS_WAITING_MAX, sizeof(struct posted_block));
    rpc->pending = mpsc_create(PENDING_WAITING_MAX, sizeof(bytes32));
    rpc->core = core_create(options, backend, reader, genesis);
    if (!rpc->answers || !rpc->blocks || !rpc->pending || !rpc->core)
        return fail(rpc, error, "out of memory");
    rpc->server = server_create(rpc->core, options, on_wake, rpc, error);
    if (!rpc->server) {
        rpc_free(rpc);
        return NULL;
    }
    rpc->port = server_port(rpc->server);
    if (backend->created)
        backend->created(backend->ctx, rpc);
    if (pthread_create(&rpc->thread, NULL, run, rpc) != 0)
        return fail(rpc, error, "can't start the rpc thread");
    pthread_setname_np(rpc->thread, "rpc");
    return rpc;
}

void rpc_close(struct rpc *rpc)
{
    atomic_store(&rpc->stopping, true);
    server_wake(rpc->server);
    pthread_join(rpc->thread, NULL);
    atomic_store(&rpc->stopped, true);
    while (atomic_load(&rpc->callers) > 0)
        sched_yield();
}

void rpc_stop(struct rpc *rpc)
{
    struct posted_block b;
    if (!atomic_load(&rpc->stopped))
        rpc_close(rpc);
    take_answers(rpc);
    while (mpsc_pop(rpc->blocks, &b, 1) > 0)
        free(b.record);
    rpc_free(rpc);
}

uint16_t rpc_port(const struct rpc *rpc)
{
    return rpc->port;
}

void rpc_complete(struct rpc *rpc, struct rpc_query *q)
{
    bool open = enter(rpc);
    while (!mpsc_push(rpc->answers, &q)) // after the end rpc_stop takes it
        sched_yield();
    if (open)
        wake(rpc);
    leave(rpc);
}

// A reader that fell a thousand blocks behind holds the coordinator back rather than lose a block.
void rpc_post_block(struct rpc *rpc, uint64_t height, uint8_t *record, size_t len, struct blog_place place)
{
    struct posted_block b = {.height = height, .record = record, .len = len, .place = place};
    bool open = enter(rpc), pushed = false;
    while (open && !(pushed = mpsc_push(rpc->blocks, &b)) && !atomic_load(&rpc->stopping))
        sched_yield();
    if (pushed)
        wake(rpc);
    else
        free(record);
    leave(rpc);
}

void rpc_post_retain(struct rpc *rpc, uint64_t height)
{
    if (enter(rpc)) {
        atomic_store(&rpc->retain_from, height);
        wake(rpc);
    }
    leave(rpc);
}

bool rpc_wants_pending(const struct rpc *rpc)
{
    return core_wants_pending(rpc->core);
}

void rpc_post_pending(struct rpc *rpc, const bytes32 *hashes, size_t count)
{
    if (enter(rpc) && core_wants_pending(rpc->core)) {
        size_t lost = 0;
        for (size_t i = 0; i < count; i++)
            lost += !mpsc_push(rpc->pending, &hashes[i]);
        core_count_lost(rpc->core, lost);
        wake(rpc);
    }
    leave(rpc);
}
