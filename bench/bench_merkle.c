// bench merkle: what the flat state and its tries cost. Memory an account and the time to load a large state from a
// checkpoint on disk and to rebuild its tries, one thread a core as in a node; then trie updates of random accounts on
// one core, beside the same updates with scalar Keccak and beside the same trie updated one account at a time; then
// contracts and their storage.
#include "bench/bench.h"

#include "base/clock.h"
#include "base/keccak.h"
#include "bench/merkle_accounts.h"
#include "bench/merkle_storage.h"
#include "shard/partition.h"
#include "shard/trie/account_trie.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_ACCOUNTS 10000000
#define QUICK_ACCOUNTS 1000000
#define UPDATE_ACCOUNTS 1000000
#define UPDATE_DIRTY 10000
#define UPDATE_ROUNDS 41
#define QUICK_UPDATE_ROUNDS 11
#define SINGLE_ACCOUNTS 200     // a round, one at a time
#define MEMORY_BLOCKS 140       // more than the heights that are kept
#define MEMORY_DIRTY_SHARE 5000 // one account in so many is written in each of them, at any size of the state
#define THREADS_MAX 16
#define BYTES_TARGET 200.0
#define REBUILD_TARGET_SECONDS 20.0 // for the default number of accounts

// Where the accounts of partitions [first, last) come from. Any thread, disjoint ranges at once; false: it can't.
struct account_source {
    bool (*load)(void *ctx, unsigned first, unsigned last, struct state **states);
    void *ctx;
};

// A state made up for the occasion.
static bool load_made_up(void *ctx, unsigned first, unsigned last, struct state **states)
{
    const uint64_t accounts = *(const uint64_t *)ctx;
    struct state_dirty *made = malloc((accounts / PARTITION_COUNT + 1) * sizeof *made);
    if (!made)
        return false;
    for (unsigned p = first; p < last; p++) {
        const uint64_t count = merkle_accounts_in(accounts, p);
        merkle_accounts_make(made, p, count);
        state_load_begin(states[p], count);
        for (uint64_t i = 0; i < count; i++)
            state_load(states[p], &made[i].key, &made[i].account);
        state_load_end(states[p]);
    }
    free(made);
    return true;
}

// As a node's shard does when it starts.
static bool load_checkpoint(void *ctx, unsigned first, unsigned last, struct state **states)
{
    struct checkpoint *checkpoint = ctx;
    char error[STORE_ERROR_MAX];
    for (unsigned p = first; p < last; p++)
        state_load_begin(states[p], checkpoint_accounts_in_partition(checkpoint));
    const bool good = checkpoint_load(checkpoint, first, last, states, error);
    if (!good)
        fprintf(stderr, "bench merkle: %s\n", error);
    for (unsigned p = first; p < last; p++)
        state_load_end(states[p]);
    return good;
}

// One shard's share of the partitions.
struct shard {
    unsigned index, count;
    const struct account_source *source;
    struct arena *arena;
    struct state **states;       // of all shards, by partition
    struct account_trie **tries; // likewise
    bool good;
};

static void *load_and_rebuild(void *ctx)
{
    struct shard *shard = ctx;
    const unsigned first = partition_first(shard->index, shard->count);
    const unsigned end = partition_first(shard->index + 1, shard->count);
    shard->arena = arena_create();
    for (unsigned p = first; p < end; p++) {
        shard->states[p] = state_create(shard->arena);
        shard->tries[p] = account_trie_create(shard->arena, shard->states[p]);
    }
    shard->good = shard->source->load(shard->source->ctx, first, end, shard->states);
    account_trie_rebuild(shard->tries + first, end - first);
    return NULL;
}

struct world {
    struct shard shards[THREADS_MAX];
    unsigned shard_count;
    struct state *states[PARTITION_COUNT];
    struct account_trie *tries[PARTITION_COUNT];
    uint64_t height;
};

// Loads and rebuilds in one thread a shard. False when a source could not give its accounts.
static bool world_load(struct world *w, unsigned shards, const struct account_source *source)
{
    pthread_t threads[THREADS_MAX];
    bool started[THREADS_MAX], good = true;
    w->shard_count = shards;
    for (unsigned i = 0; i < shards; i++) {
        w->shards[i] = (struct shard){i, shards, source, NULL, w->states, w->tries, false};
        started[i] = pthread_create(&threads[i], NULL, load_and_rebuild, &w->shards[i]) == 0;
        if (!started[i])
            load_and_rebuild(&w->shards[i]);
    }
    for (unsigned i = 0; i < shards; i++) {
        if (started[i])
            pthread_join(threads[i], NULL);
        good = good && w->shards[i].good;
    }
    return good;
}

static uint64_t world_accounts(const struct world *w)
{
    uint64_t count = 0;
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        count += state_count(w->states[p]);
    return count;
}

static void world_free(struct world *w)
{
    for (unsigned i = 0; i < w->shard_count; i++)
        arena_destroy(w->shards[i].arena); // states and tries are in it
}

// One block in which `dirty` random ones of `accounts` accounts change. Returns the CPU time of the trie update, ns.
static uint64_t run_block(struct world *w, uint64_t accounts, unsigned dirty, uint64_t *rng)
{
    w->height++;
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_begin_block(w->states[p], w->height);
    for (unsigned i = 0; i < dirty; i++) {
        uint64_t n = merkle_random(rng) % accounts;
        unsigned p = (unsigned)(n % PARTITION_COUNT);
        bytes32 key = merkle_key(p, n / PARTITION_COUNT);
        uint32_t id = state_find_or_add(w->states[p], &key);
        struct account a = state_get(w->states[p], id);
        a.nonce++;
        state_set(w->states[p], id, &a);
    }
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        state_end_block(w->states[p]);
    uint64_t start = clock_thread_cpu_ns();
    account_trie_update(w->tries, PARTITION_COUNT);
    return clock_thread_cpu_ns() - start;
}

// A number of kB behind a name in /proc/self/status, in bytes.
static uint64_t process_bytes(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    unsigned long long kb = 0;
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtoull(line + strlen(name), NULL, 10);
    }
    if (file)
        fclose(file);
    return kb * 1024;
}

// Lets the peak of the resident memory start from now. Where the kernel refuses, an older peak may be reported.
static void reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "we");
    if (file) {
        fputs("5", file);
        fclose(file);
    }
}

// What the report says about the large state.
struct large_state {
    double seconds; // from opening the checkpoint to the last trie's root
    double bytes_per_account;
};

// From a checkpoint on disk to tries, then blocks until as many heights are kept as ever are.
static bool measure_large_state(struct world *w, const struct merkle_checkpoint *m, uint64_t accounts, uint64_t seed,
                                uint64_t empty_bytes, struct large_state *out)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned shards = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (unsigned)cores;
    reset_peak();
    const uint64_t start = clock_ns();
    struct checkpoint *checkpoint = merkle_checkpoint_open(m);
    if (!checkpoint)
        return false;
    bool good = world_load(w, shards, &(struct account_source){load_checkpoint, checkpoint});
    out->seconds = (double)(clock_ns() - start) / 1e9;
    if (good && world_accounts(w) != accounts) {
        fprintf(stderr, "bench merkle: %llu of %llu accounts came back from the checkpoint\n",
                (unsigned long long)world_accounts(w), (unsigned long long)accounts);
        good = false;
    }
    for (int i = 0; i < MEMORY_BLOCKS && good; i++)
        run_block(w, accounts, (unsigned)(accounts / MEMORY_DIRTY_SHARE) + 1, &seed);
    // Nothing reads the file any more, so at the peak at least as much of it was resident as now.
    const uint64_t others = empty_bytes + merkle_checkpoint_resident(m), peak = process_bytes("VmHWM:");
    out->bytes_per_account = peak > others ? (double)(peak - others) / (double)accounts : 0;
    checkpoint_close(checkpoint);
    return good;
}

static bool bench_memory_and_rebuild(struct bench_report *report, const struct bench_options *options,
                                     uint64_t accounts)
{
    struct large_state large;
    struct world *w = calloc(1, sizeof *w);
    const uint64_t empty_bytes = process_bytes("VmRSS:");
    struct merkle_checkpoint *m = w ? merkle_checkpoint_create(options->data_path, accounts) : NULL;
    const bool good = m && measure_large_state(w, m, accounts, options->seed, empty_bytes, &large);
    if (good) {
        const double target_seconds = REBUILD_TARGET_SECONDS * (double)accounts / DEFAULT_ACCOUNTS;
        bench_report_add(report, "bytes_per_account", large.bytes_per_account, "bytes", "target: 200 bytes",
                         BYTES_TARGET, large.bytes_per_account > 0 ? BYTES_TARGET / large.bytes_per_account : 0);
        bench_report_add(report, "rebuild_seconds", large.seconds, "s", "target: 20 s for 10 million accounts",
                         target_seconds, target_seconds / large.seconds);
    }
    merkle_checkpoint_remove(m);
    if (w)
        world_free(w);
    free(w);
    return good;
}

// One block of UPDATE_DIRTY changes with this implementation of Keccak; ns an account.
static double update_with(const char *keccak, struct world *w, uint64_t *rng)
{
    if (!keccak256_use(keccak))
        abort();
    return (double)run_block(w, UPDATE_ACCOUNTS, UPDATE_DIRTY, rng) / UPDATE_DIRTY;
}

static bool bench_update(struct bench_report *report, const struct bench_options *options)
{
    struct world *w = calloc(1, sizeof *w);
    uint64_t accounts = UPDATE_ACCOUNTS, rng = options->seed;
    if (!w || !world_load(w, 1, &(struct account_source){load_made_up, &accounts})) {
        free(w);
        return false;
    }
    double lanes[UPDATE_ROUNDS], scalar[UPDATE_ROUNDS], single[UPDATE_ROUNDS]; // ns an account
    const size_t rounds = options->quick ? QUICK_UPDATE_ROUNDS : UPDATE_ROUNDS;
    arena_adopt(w->shards[0].arena);
    run_block(w, accounts, UPDATE_DIRTY, &rng);
    struct keccak256_lanes use = {0};
    for (size_t r = 0; r < rounds; r++) {
        uint64_t ns = 0;
        for (unsigned i = 0; i < SINGLE_ACCOUNTS; i++)
            ns += run_block(w, accounts, 1, &rng);
        single[r] = (double)ns / SINGLE_ACCOUNTS;
        scalar[r] = update_with("scalar", w, &rng);
        const struct keccak256_lanes before = keccak256_lane_use();
        lanes[r] = update_with(NULL, w, &rng);
        use.used += keccak256_lane_use().used - before.used;
        use.offered += keccak256_lane_use().offered - before.offered;
    }
    const double ours = bench_median(lanes, rounds), by_scalar = bench_median(scalar, rounds);
    const double one_by_one = bench_median(single, rounds);
    bench_report_add(report, "trie_update", 1e9 / ours, "accounts/s", "the same with scalar Keccak", 1e9 / by_scalar,
                     by_scalar / ours);
    bench_report_add(report, "trie_update_together", 1e9 / ours, "accounts/s", "one account at a time",
                     1e9 / one_by_one, one_by_one / ours);
    bench_report_add(report, "trie_update_lanes", 100.0 * (double)use.used / (double)use.offered, "% used", NULL, 0, 0);
    world_free(w);
    free(w);
    return true;
}

int bench_merkle(struct bench_report *report, const struct bench_options *options)
{
    const uint64_t wanted = options->quick ? QUICK_ACCOUNTS : DEFAULT_ACCOUNTS;
    const uint64_t accounts = options->accounts ? options->accounts : wanted;
    if (!bench_memory_and_rebuild(report, options, accounts) || !bench_update(report, options))
        return -1;
    merkle_storage(report, options);
    return 0;
}
