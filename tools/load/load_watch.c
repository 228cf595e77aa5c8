#include "tools/load/load_watch.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS 10000
#define POLL_US 3000
#define WAKE_MS 200 // how soon the threads notice that they should end

struct load_watch {
    struct load_track *track;
    struct rpc_socket *heads; // NULL: no WebSocket
    struct rpc_client *poller, *fetcher;
    pthread_t heads_thread, fetch_thread;
    _Atomic bool stopping;
    _Atomic uint64_t heads_cpu_ns, fetch_cpu_ns;

    pthread_mutex_t lock; // of what follows
    pthread_cond_t news;
    uint64_t head;             // the newest height
    struct load_block *blocks; // one a height, in order, from when its head was seen
    size_t block_count, block_cap;
    size_t fetched_count; // the first ones, whose hashes were matched
    char error[LOAD_ERROR_MAX];
    _Atomic bool failed;
};

static void fail(struct load_watch *w, const char *reason)
{
    pthread_mutex_lock(&w->lock);
    if (!atomic_load(&w->failed))
        snprintf(w->error, sizeof w->error, "watching the chain: %.200s", reason);
    atomic_store(&w->failed, true);
    pthread_cond_broadcast(&w->news);
    pthread_mutex_unlock(&w->lock);
}

static void add_block(struct load_watch *w, uint64_t height, uint64_t now)
{
    if (w->block_count == w->block_cap) {
        w->block_cap = w->block_cap ? 2 * w->block_cap : 1024;
        w->blocks = realloc(w->blocks, w->block_cap * sizeof *w->blocks);
        if (!w->blocks)
            abort();
    }
    w->blocks[w->block_count++] = (struct load_block){.height = height, .visible_ns = now};
    if (!w->track)
        w->fetched_count = w->block_count;
}

static void head_seen(struct load_watch *w, uint64_t height, uint64_t now)
{
    pthread_mutex_lock(&w->lock);
    while (w->head < height)
        add_block(w, ++w->head, now);
    pthread_cond_signal(&w->news);
    pthread_mutex_unlock(&w->lock);
}

// A head per notification; its time is taken before anything else is done with it.
static void follow_subscription(struct load_watch *w)
{
    char error[RPC_ERROR_MAX];
    while (!atomic_load(&w->stopping)) {
        size_t len;
        uint64_t height;
        const char *text = rpc_socket_receive(w->heads, WAKE_MS, &len, error);
        const uint64_t now = clock_ns();
        if (text && load_block_quantity(text, len, "number", &height))
            head_seen(w, height, now);
        if (!text && error[0]) {
            if (!atomic_load(&w->stopping))
                fail(w, error);
            return;
        }
        atomic_store(&w->heads_cpu_ns, clock_thread_cpu_ns());
    }
}

static void follow_by_asking(struct load_watch *w)
{
    char error[RPC_ERROR_MAX];
    while (!atomic_load(&w->stopping)) {
        uint64_t height;
        if (!rpc_call_u64(w->poller, "eth_blockNumber", "[]", &height, error)) {
            if (!atomic_load(&w->stopping))
                fail(w, error);
            return;
        }
        head_seen(w, height, clock_ns());
        atomic_store(&w->heads_cpu_ns, clock_thread_cpu_ns());
        usleep(POLL_US);
    }
}

static void *run_heads(void *arg)
{
    struct load_watch *w = arg;
    if (w->heads)
        follow_subscription(w);
    else
        follow_by_asking(w);
    return NULL;
}

struct matching {
    struct load_watch *watch;
    struct load_block block;
};

static void match(void *ctx, const bytes32 *hash)
{
    struct matching *m = ctx;
    struct load_track *track = m->watch->track;
    m->block.tx_count++;
    const uint32_t item = load_track_found(track, hash, m->block.visible_ns);
    if (item == UINT32_MAX)
        return;
    m->block.matched++;
    while (spsc_push(track->included, &item, 1) == 0 && !atomic_load(&m->watch->stopping))
        usleep(100); // the sender thread takes them every millisecond
}

static bool fetch(struct load_watch *w, struct matching *m, char *error)
{
    char body[160];
    size_t text_len;
    const int len =
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_getBlockByNumber\",\"params\":[\"0x%llx\",false]}",
                 (unsigned long long)m->block.height);
    const char *text = rpc_post(w->fetcher, body, (size_t)len, &text_len, error);
    if (!text)
        return false;
    if (!load_block_hashes(text, text_len, match, m)) {
        snprintf(error, RPC_ERROR_MAX, "block %llu: %.150s", (unsigned long long)m->block.height, text);
        return false;
    }
    struct load_block *b = &m->block;
    if (!load_block_quantity(text, text_len, "gasUsed", &b->gas_used) ||
        !load_block_quantity(text, text_len, "gasLimit", &b->gas_limit) ||
        !load_block_quantity(text, text_len, "baseFeePerGas", &b->base_fee))
        b->gas_limit = 0; // a chain before these; the report leaves the fill out
    return true;
}

static void keep_block(struct load_watch *w, const struct load_block *block)
{
    pthread_mutex_lock(&w->lock);
    w->blocks[w->fetched_count++] = *block;
    pthread_mutex_unlock(&w->lock);
}

// The next block to fetch; false when it is time to end.
static bool next_block(struct load_watch *w, struct load_block *out)
{
    pthread_mutex_lock(&w->lock);
    while (w->fetched_count == w->block_count && !atomic_load(&w->stopping) && !atomic_load(&w->failed))
        pthread_cond_wait(&w->news, &w->lock);
    const bool more = w->fetched_count < w->block_count && !atomic_load(&w->stopping);
    if (more)
        *out = w->blocks[w->fetched_count];
    pthread_mutex_unlock(&w->lock);
    return more;
}

static void *run_fetch(void *arg)
{
    struct load_watch *w = arg;
    struct matching m = {.watch = w};
    char error[RPC_ERROR_MAX];
    while (next_block(w, &m.block)) {
        if (!fetch(w, &m, error)) {
            fail(w, error);
            break;
        }
        keep_block(w, &m.block);
        atomic_store(&w->fetch_cpu_ns, clock_thread_cpu_ns());
    }
    return NULL;
}

static bool subscribe(struct load_watch *w, const struct rpc_url *ws, char *error)
{
    static const char request[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_subscribe\",\"params\":[\"newHeads\"]}";
    w->heads = rpc_socket_open(ws, error);
    size_t len;
    const char *answer = NULL;
    if (w->heads && rpc_socket_send(w->heads, request, sizeof request - 1, error))
        answer = rpc_socket_receive(w->heads, TIMEOUT_MS, &len, error);
    if (answer && strstr(answer, "\"result\""))
        return true;
    rpc_socket_close(w->heads);
    w->heads = NULL;
    return false;
}

struct load_watch *load_watch_start(const struct rpc_url *rpc, const struct rpc_url *ws, struct load_track *track,
                                    char error[LOAD_ERROR_MAX])
{
    struct load_watch *w = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->track = track;
    w->poller = rpc_client_create(rpc, TIMEOUT_MS);
    w->fetcher = rpc_client_create(rpc, TIMEOUT_MS);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->news, NULL);
    char no_socket[RPC_ERROR_MAX];
    const bool pushed = subscribe(w, ws, no_socket);
    if (!rpc_call_u64(w->poller, "eth_blockNumber", "[]", &w->head, error)) {
        atomic_store(&w->failed, true);
        load_watch_stop(w);
        return NULL;
    }
    if (!pushed)
        fprintf(stderr, "no subscription to new heads (%s): asking for the height every %d ms instead\n", no_socket,
                POLL_US / 1000);
    if (pthread_create(&w->heads_thread, NULL, run_heads, w) != 0 ||
        (track && pthread_create(&w->fetch_thread, NULL, run_fetch, w) != 0))
        abort();
    return w;
}

void load_watch_stop(struct load_watch *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    atomic_store(&w->stopping, true);
    pthread_cond_broadcast(&w->news);
    pthread_mutex_unlock(&w->lock);
    if (w->heads_thread)
        pthread_join(w->heads_thread, NULL);
    if (w->fetch_thread)
        pthread_join(w->fetch_thread, NULL);
    rpc_socket_close(w->heads);
    rpc_client_free(w->poller);
    rpc_client_free(w->fetcher);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->news);
    free(w->blocks);
    free(w);
}

const char *load_watch_error(const struct load_watch *w)
{
    return w && atomic_load(&w->failed) ? w->error : NULL;
}

uint64_t load_watch_cpu_ns(const struct load_watch *w)
{
    return atomic_load(&w->heads_cpu_ns) + atomic_load(&w->fetch_cpu_ns);
}

size_t load_watch_blocks(struct load_watch *w, uint64_t from_ns, uint64_t to_ns, struct load_block *out, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->fetched_count; i++) {
        if (w->blocks[i].visible_ns < from_ns || w->blocks[i].visible_ns >= to_ns)
            continue;
        if (count < max)
            out[count] = w->blocks[i];
        count++;
    }
    pthread_mutex_unlock(&w->lock);
    return count;
}

uint64_t load_watch_matched(struct load_watch *w, uint64_t from_ns, uint64_t to_ns)
{
    uint64_t sum = 0;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->fetched_count; i++) {
        if (w->blocks[i].visible_ns >= from_ns && w->blocks[i].visible_ns < to_ns)
            sum += w->blocks[i].matched;
    }
    pthread_mutex_unlock(&w->lock);
    return sum;
}
