// bench mempool: what the pool costs a transaction. Filling an empty pool, making room in a full one, emptying it block
// by block, and all of it in a node that keeps up; then fed by several threads through a ring, beside filling it
// without them. The transactions are cold in every run: there are more of them than caches hold. Time is the owner
// thread's CPU time, its waiting for the ring included.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ring.h"
#include "bench/bench.h"
#include "mempool/mempool.h"

enum {
    TXS = 200000, // multiples of BLOCK
    QUICK_TXS = 50000,
    ROUNDS = 7,
    QUICK_ROUNDS = 3,
    RAW_LEN = 118, // a 1559 transfer
    BLOCK = 5000,
    PRODUCERS = 3,
    INTAKE = 4096,
    BATCH = 256,
};

struct bed {
    struct arena *arena;
    struct mempool *mp;
    struct pooled_tx **txs; // twice as many as the pool holds; the second half pays more
    size_t count;           // what the pool holds
    struct mpsc_ring *intake;
    size_t next; // of the contended runs: the producers' common counter
};

static const struct mempool_account ACCOUNT = {0, {{0, 0, 1, 0}}};

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static bytes32 random_key(uint64_t *random)
{
    bytes32 key = {{0}};
    for (size_t i = 0; i < sizeof key.b; i += 8)
        store_le64(key.b + i, next_random(random));
    return key;
}

// Each of a sender of its own, tips at random.
static struct pooled_tx *make_tx(struct arena *arena, uint64_t *random, uint64_t least_tip)
{
    struct pooled_tx *t = arena_alloc_zero(arena, pooled_tx_bytes(RAW_LEN));
    t->raw_len = RAW_LEN;
    t->tx.raw = bytes_of(t->raw, RAW_LEN);
    t->tx.type = TX_DYNAMIC_FEE;
    t->tx.gas_limit = 21000;
    t->tx.max_fee = u256_from_u64(100000000000);
    t->tx.max_tip = u256_from_u64(least_tip + next_random(random) % 1000000000);
    t->hash = random_key(random);
    t->sender_key = random_key(random);
    return t;
}

static struct bed bed_open(size_t count, uint64_t seed)
{
    struct bed bed = {.arena = arena_create(), .count = count};
    struct mempool_limits limits = {
        .tx_max = (uint32_t)count,
        .bytes_max = UINT64_MAX,
        .per_sender_max = 16,
        .nonce_ahead_max = 16,
        .gap_expiry_ns = UINT64_MAX,
        .drop_record_max = (uint32_t)count,
        .hash_seed = seed,
    };
    bed.mp = mempool_create(bed.arena, &limits);
    bed.txs = arena_alloc(bed.arena, 2 * count * sizeof *bed.txs);
    for (size_t i = 0; i < 2 * count; i++)
        bed.txs[i] = make_tx(bed.arena, &seed, i < count ? 1 : 2000000000);
    bed.intake = mpsc_create(INTAKE, sizeof *bed.txs);
    return bed;
}

static void bed_close(struct bed *bed)
{
    mpsc_free(bed->intake);
    mempool_free(bed->mp);
    arena_destroy(bed->arena);
}

static size_t take_removed(struct bed *bed)
{
    struct mempool_removed removed[BATCH];
    size_t total = 0, n;
    while ((n = mempool_take_removed(bed->mp, removed, BATCH)) != 0)
        total += n;
    return total;
}

static bool empty(struct bed *bed)
{
    const uint64_t pooled = mempool_stats(bed->mp).pending;
    mempool_clear(bed->mp, TX_STOPPING);
    return take_removed(bed) == pooled;
}

// Inserts txs[from..from+count); returns how many went in.
static size_t insert_range(struct bed *bed, size_t from)
{
    size_t done = 0;
    for (size_t i = from; i < from + bed->count; i++)
        done += mempool_insert(bed->mp, bed->txs[i], &ACCOUNT, 0) == TX_OK;
    return done;
}

// Proposes one block, includes it and tells the accounts; returns how many transactions left.
static size_t run_block(struct bed *bed)
{
    static struct pooled_tx *picked[BLOCK];
    const struct mempool_account after = {1, ACCOUNT.balance};
    const u256 base_fee = u256_from_u64(1000000000);
    const size_t n = mempool_propose(bed->mp, &base_fee, UINT64_MAX, UINT64_MAX, picked, BLOCK);
    for (size_t i = 0; i < n; i++)
        mempool_result_included(bed->mp, picked[i]);
    for (size_t i = 0; i < n; i++)
        mempool_account_changed(bed->mp, &picked[i]->sender_key, &after, 0);
    return take_removed(bed);
}

// Block by block until the pool is empty.
static size_t run_blocks(struct bed *bed)
{
    size_t total = 0, n;
    while ((n = run_block(bed)) != 0)
        total += n;
    return total;
}

// As a node that keeps up: a block's worth goes in and out again.
static size_t run_keeping_up(struct bed *bed)
{
    size_t total = 0;
    for (size_t at = 0; at < bed->count; at += BLOCK) {
        for (size_t i = at; i < at + BLOCK; i++)
            (void)!mempool_insert(bed->mp, bed->txs[i], &ACCOUNT, 0);
        total += run_block(bed);
    }
    return total;
}

static void *produce(void *arg)
{
    struct bed *bed = arg;
    for (size_t i; (i = __atomic_fetch_add(&bed->next, 1, __ATOMIC_RELAXED)) < bed->count;) {
        while (!mpsc_push(bed->intake, &bed->txs[i]))
            usleep(50); // a shard would do something else meanwhile
    }
    return NULL;
}

static void own(struct bed *bed)
{
    struct pooled_tx *in[BATCH];
    for (size_t received = 0; received < bed->count;) {
        const size_t n = mpsc_pop(bed->intake, in, BATCH);
        for (size_t i = 0; i < n; i++)
            (void)!mempool_insert(bed->mp, in[i], &ACCOUNT, 0);
        received += n;
        if (n == 0)
            sched_yield();
    }
}

// Three producers, this thread the owner; false when something was lost.
static bool run_contended(struct bed *bed)
{
    pthread_t threads[PRODUCERS];
    bed->next = 0;
    for (size_t i = 0; i < PRODUCERS; i++)
        pthread_create(&threads[i], NULL, produce, bed);
    own(bed);
    for (size_t i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    return mempool_stats(bed->mp).pending == bed->count;
}

struct times {
    double insert[ROUNDS], insert_full[ROUNDS], block[ROUNDS], keeping_up[ROUNDS], contended[ROUNDS];
};

// CPU time since *start, which is set anew.
static double lap(uint64_t *start)
{
    const uint64_t now = clock_thread_cpu_ns();
    const double passed = (double)(now - *start);
    *start = now;
    return passed;
}

static bool run_round(struct bed *bed, struct times *times, size_t round)
{
    uint64_t start = clock_thread_cpu_ns();
    bool ok = insert_range(bed, 0) == bed->count;
    times->insert[round] = lap(&start);
    ok = ok && insert_range(bed, bed->count) == bed->count && take_removed(bed) == bed->count;
    times->insert_full[round] = lap(&start);
    ok = ok && run_blocks(bed) == bed->count;
    times->block[round] = lap(&start);
    ok = ok && run_keeping_up(bed) == bed->count;
    times->keeping_up[round] = lap(&start);
    ok = ok && run_contended(bed);
    times->contended[round] = lap(&start);
    return ok && empty(bed);
}

static double rate(struct bed *bed, double *durations_ns, size_t rounds)
{
    return (double)bed->count * 1e9 / bench_median(durations_ns, rounds);
}

int bench_mempool(struct bench_report *report, const struct bench_options *options)
{
    struct bed bed = bed_open(options->quick ? QUICK_TXS : TXS, options->seed);
    const size_t rounds = options->quick ? QUICK_ROUNDS : ROUNDS;
    struct times times;
    bool ok = run_round(&bed, &times, 0); // warms up
    for (size_t i = 0; i < rounds && ok; i++)
        ok = run_round(&bed, &times, i);
    if (ok) {
        const double alone = rate(&bed, times.insert, rounds), contended = rate(&bed, times.contended, rounds);
        bench_report_add(report, "insert", alone, "tx/s", NULL, 0, 0);
        bench_report_add(report, "insert_evicting", rate(&bed, times.insert_full, rounds), "tx/s", NULL, 0, 0);
        bench_report_add(report, "propose_include", rate(&bed, times.block, rounds), "tx/s", NULL, 0, 0);
        bench_report_add(report, "insert_to_included", rate(&bed, times.keeping_up, rounds), "tx/s", NULL, 0, 0);
        bench_report_add(report, "intake_contended", contended, "tx/s", "insert, without other threads", alone,
                         contended / alone);
    } else {
        fprintf(stderr, "bench mempool: the pool lost or refused transactions\n");
    }
    bed_close(&bed);
    return ok ? 0 : -1;
}
