#include "bench/recover_rate.h"

#include "base/clock.h"
#include "base/keccak.h"
#include "chain/genesis.h"
#include "sigverify/sigverify.h"
#include "tools/load/parallel.h"

#include <pthread.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BATCH 256
#define THREADS_MAX 256

struct worker {
    pthread_t thread;
    uint64_t seed, done, cpu_ns;
    enum way { BY_LIBRARY, BY_KERNELS, BY_WITNESS } way;
    struct sv_item items[BATCH];
    struct sv_witness witnesses[BATCH];
    pthread_barrier_t *start;
    double seconds;
};

static void make_items(struct worker *w)
{
    for (size_t i = 0; i < BATCH; i++) {
        const bytes32 key = bench_key(w->seed, i);
        struct sv_signature signature;
        const bytes32 hash = keccak256(key.b, sizeof key.b);
        // A recovery id above 1 does not occur in practice.
        if (!sv_sign(&signature, &hash, &key) || !sv_public_key(w->witnesses[i].pubkey, &key) ||
            !sv_lift_x(w->witnesses[i].ry, signature.r.b, signature.v & 1))
            abort();
        w->witnesses[i].has_ry = true;
        w->items[i] = (struct sv_item){hash, signature.r, signature.s, signature.v, true};
    }
}

static void recover_by_library(struct worker *w, secp256k1_context *context)
{
    for (size_t i = 0; i < BATCH; i++) {
        secp256k1_ecdsa_recoverable_signature signature;
        secp256k1_pubkey key;
        uint8_t compact[64];
        memcpy(compact, w->items[i].r.b, 32);
        memcpy(compact + 32, w->items[i].s.b, 32);
        if (!secp256k1_ecdsa_recoverable_signature_parse_compact(context, &signature, compact, w->items[i].v) ||
            !secp256k1_ecdsa_recover(context, &key, &signature, w->items[i].hash.b))
            abort();
    }
}

static void *work(void *arg)
{
    struct worker *w = arg;
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    struct sv_verifier *verifier = sv_create();
    struct sv_result *results = calloc(BATCH, sizeof *results);
    if (!context || !verifier || !results)
        abort();
    make_items(w);
    pthread_barrier_wait(w->start);
    const uint64_t cpu_start = clock_thread_cpu_ns(), end = clock_ns() + (uint64_t)(w->seconds * 1e9);
    while (clock_ns() < end) {
        if (w->way == BY_WITNESS)
            sv_verify_witness(verifier, results, w->items, w->witnesses, BATCH);
        else if (w->way == BY_KERNELS)
            sv_recover(verifier, results, w->items, BATCH);
        else
            recover_by_library(w, context);
        w->done += BATCH;
    }
    w->cpu_ns = clock_thread_cpu_ns() - cpu_start;
    free(results);
    sv_free(verifier);
    secp256k1_context_destroy(context);
    return NULL;
}

static struct recover_rate measure(uint64_t seed, double seconds, enum way way)
{
    const unsigned count = usable_cores() < THREADS_MAX ? usable_cores() : THREADS_MAX;
    struct worker *workers = calloc(count, sizeof *workers);
    pthread_barrier_t start;
    if (!workers || pthread_barrier_init(&start, NULL, count) != 0)
        abort();
    for (unsigned i = 0; i < count; i++) {
        workers[i].seed = seed + i;
        workers[i].way = way;
        workers[i].seconds = seconds;
        workers[i].start = &start;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            abort();
    }
    uint64_t done = 0, cpu_ns = 0;
    for (unsigned i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        done += workers[i].done;
        cpu_ns += workers[i].cpu_ns;
    }
    pthread_barrier_destroy(&start);
    free(workers);
    return (struct recover_rate){(double)done / seconds, (double)cpu_ns / 1e3 / (double)done};
}

struct recover_rate recover_rate_library(uint64_t seed, double seconds)
{
    return measure(seed, seconds, BY_LIBRARY);
}

struct recover_rate recover_rate_kernels(uint64_t seed, double seconds, bool witness)
{
    return measure(seed, seconds, witness ? BY_WITNESS : BY_KERNELS);
}
