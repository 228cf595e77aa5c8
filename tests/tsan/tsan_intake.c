// The pool's intake: several threads make transactions and push references through a ring; the pool's owner inserts
// them, proposes and settles, and hands each back to the thread that made it through a ring of that thread. Every
// transaction comes home exactly once. Exits nonzero with a line on failure.
#include "base/keccak.h"
#include "base/ring.h"
#include "mempool/mempool.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define PRODUCERS 3u
#if GANTRY_SANITIZE
#define TXS_EACH 20000u
#else
#define TXS_EACH 100000u
#endif
#define RAW_LEN 110u
#define BATCH 64u
#define POOL_MAX 5000u
#define IN_FLIGHT_MAX 8192u // of one producer: alone it can overfill the pool

struct producer {
    pthread_t thread;
    uint32_t index;
    struct mpsc_ring *intake;
    struct spsc_ring *home;
    uint64_t included, refused;
};

static void fail(const char *what, uint64_t got, uint64_t wanted)
{
    fprintf(stderr, "%s: %llu, not %llu\n", what, (unsigned long long)got, (unsigned long long)wanted);
    exit(1);
}

static struct pooled_tx *make(const struct producer *p, uint32_t number)
{
    struct pooled_tx *t = calloc(1, pooled_tx_bytes(RAW_LEN));
    uint32_t id[2] = {p->index, number};
    t->raw_len = RAW_LEN;
    t->tx.raw = bytes_of(t->raw, RAW_LEN);
    t->tx.gas_limit = 21000;
    t->tx.max_fee = u256_from_u64(100);
    t->tx.max_tip = u256_from_u64(1 + number % 7);
    t->hash = keccak256(id, sizeof id);
    t->sender_key = keccak256(t->hash.b, sizeof t->hash.b);
    t->home = (uint16_t)p->index;
    return t;
}

static uint32_t come_home(struct producer *p)
{
    struct pooled_tx *back[BATCH];
    uint32_t n = (uint32_t)spsc_pop(p->home, back, BATCH);
    for (uint32_t i = 0; i < n; i++) {
        if (back[i]->home != p->index)
            fail("came home to the wrong producer", back[i]->home, p->index);
        if (back[i]->status == TX_OK)
            p->included++;
        else
            p->refused++;
        free(back[i]);
    }
    return n;
}

static void *produce(void *arg)
{
    struct producer *p = arg;
    uint32_t made = 0, home = 0;
    struct pooled_tx *t = NULL;
    while (home < TXS_EACH) {
        if (!t && made < TXS_EACH && made - home < IN_FLIGHT_MAX)
            t = make(p, made++);
        if (t && mpsc_push(p->intake, &t)) {
            t = NULL;
            continue;
        }
        uint32_t n = come_home(p);
        home += n;
        if (n == 0)
            sched_yield();
    }
    return NULL;
}

struct owner {
    struct mempool *mp;
    struct producer *producers;
    uint64_t inserted, sent_home;
};

static void send_home(struct owner *o, struct pooled_tx *t)
{
    // Room is certain: a producer has at most IN_FLIGHT_MAX under way.
    if (spsc_push(o->producers[t->home].home, &t, 1) != 1)
        fail("room on the way home", 0, 1);
    o->sent_home++;
}

static void send_removed(struct owner *o)
{
    struct mempool_removed removed[BATCH];
    size_t n;
    while ((n = mempool_take_removed(o->mp, removed, BATCH)) != 0) {
        for (size_t i = 0; i < n; i++)
            send_home(o, removed[i].tx);
    }
}

static size_t take_in(struct owner *o, struct mpsc_ring *intake)
{
    static const struct mempool_account account = {0, {{0, 0, 1, 0}}};
    struct pooled_tx *in[BATCH];
    size_t n = mpsc_pop(intake, in, BATCH);
    for (size_t i = 0; i < n; i++) {
        enum tx_status status = mempool_insert(o->mp, in[i], &account, 0);
        in[i]->status = (uint8_t)status;
        if (status == TX_OK)
            o->inserted++;
        else
            send_home(o, in[i]);
    }
    return n;
}

// Half of a block is included, the rest comes again.
static void make_block(struct owner *o)
{
    struct pooled_tx *picked[512];
    size_t n = mempool_propose(o->mp, &U256_ZERO, UINT64_MAX, UINT64_MAX, picked, 512);
    for (size_t i = 0; i < n; i++) {
        if (i < (n + 1) / 2)
            mempool_result_included(o->mp, picked[i]);
        else
            mempool_result_again(o->mp, picked[i]);
    }
}

int main(void)
{
    struct arena *arena = arena_create();
    struct mempool_limits limits = {
        .tx_max = POOL_MAX,
        .bytes_max = 1u << 30,
        .per_sender_max = 1,
        .nonce_ahead_max = 0,
        .gap_expiry_ns = UINT64_MAX,
        .drop_record_max = 1000,
    };
    struct producer producers[PRODUCERS] = {0};
    struct owner o = {.mp = mempool_create(arena, &limits), .producers = producers};
    struct mpsc_ring *intake = mpsc_create(1024, sizeof(struct pooled_tx *));
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.index = i, .intake = intake};
        producers[i].home = spsc_create(IN_FLIGHT_MAX, sizeof(struct pooled_tx *));
        pthread_create(&producers[i].thread, NULL, produce, &producers[i]);
    }
    const uint64_t all = (uint64_t)PRODUCERS * TXS_EACH;
    for (uint64_t received = 0; o.sent_home < all;) {
        size_t n = take_in(&o, intake);
        received += n;
        if (n == 0 && (mempool_stats(o.mp).pending == POOL_MAX || received == all))
            make_block(&o);
        else if (n == 0)
            sched_yield();
        send_removed(&o);
    }
    uint64_t included = 0, refused = 0;
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i].thread, NULL);
        included += producers[i].included;
        refused += producers[i].refused;
        spsc_free(producers[i].home);
    }
    struct mempool_stats stats = mempool_stats(o.mp);
    if (included + refused != all)
        fail("came home", included + refused, all);
    if (stats.pending + stats.queued + stats.bytes != 0)
        fail("left in the pool", stats.pending + stats.queued, 0);
    if (included + stats.evicted != o.inserted)
        fail("included and evicted", included + stats.evicted, o.inserted);
    if (included < POOL_MAX)
        fail("included", included, POOL_MAX);
    mpsc_free(intake);
    mempool_free(o.mp);
    arena_destroy(arena);
    printf("%llu included, %llu refused or evicted\n", (unsigned long long)included, (unsigned long long)refused);
    return 0;
}
