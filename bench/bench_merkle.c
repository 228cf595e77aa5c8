// bench merkle: what the flat state and its tries cost. Memory an account and the time to load and rebuild for a large
// state, one thread a core as in a node; then trie updates of random accounts on one core, beside the same trie updated
// one account at a time.
#include "bench/bench.h"

#include "base/clock.h"
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
#define SINGLE_ACCOUNTS 200 // a round, one at a time
#define MEMORY_BLOCKS 140   // more than the heights that are kept
#define MEMORY_DIRTY 2000   // accounts written in each of them
#define THREADS_MAX 16

// Sebastiano Vigna's splitmix64 (public domain).
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

// The key of account n of a partition: made from its number, so that nothing has to be remembered.
static bytes32 account_key(unsigned partition, uint64_t n)
{
    uint64_t seed = n << 8 | partition;
    bytes32 key;
    for (int i = 0; i < 4; i++)
        store_le64(key.b + 8 * i, next_random(&seed));
    key.b[0] = (uint8_t)partition;
    return key;
}

static uint64_t accounts_in(uint64_t accounts, unsigned partition)
{
    return accounts / PARTITION_COUNT + (partition < accounts % PARTITION_COUNT);
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(bytes32));
}

// Where the accounts of a partition come from: between load_begin and load_end, calls state_load for each. Returns how
// long the loading took, in ns, or -1.
struct account_source {
    int64_t (*load)(void *ctx, unsigned partition, struct state *s);
    void *ctx;
};

// A state made up for the occasion, in key order like a stored one. The time to make the keys does not count.
static int64_t load_made_up(void *ctx, unsigned partition, struct state *s)
{
    uint64_t count = accounts_in(*(const uint64_t *)ctx, partition);
    bytes32 *keys = malloc((count + 1) * sizeof *keys);
    if (!keys)
        return -1;
    for (uint64_t n = 0; n < count; n++)
        keys[n] = account_key(partition, n);
    qsort(keys, count, sizeof *keys, by_bytes);
    uint64_t start = clock_ns();
    state_load_begin(s, count);
    for (uint64_t n = 0; n < count; n++) {
        struct account a = {.nonce = n % 64,
                            .balance = {{keys[n].b[1] * UINT64_C(1000000007) + 1, keys[n].b[2], 0, 0}}};
        state_load(s, &keys[n], &a);
    }
    state_load_end(s);
    int64_t took = (int64_t)(clock_ns() - start);
    free(keys);
    return took;
}

// One shard's share of the partitions, and what it measured.
struct shard {
    unsigned index, count;
    const struct account_source *source;
    struct arena *arena;
    struct state **states;       // of all shards, by partition
    struct account_trie **tries; // likewise
    int64_t load_ns;             // -1 when it failed
    uint64_t rebuild_ns;
};

static void *load_and_rebuild(void *ctx)
{
    struct shard *shard = ctx;
    unsigned first = partition_first(shard->index, shard->count), end = partition_first(shard->index + 1, shard->count);
    shard->arena = arena_create();
    shard->load_ns = 0;
    for (unsigned p = first; p < end; p++) {
        shard->states[p] = state_create(shard->arena);
        shard->tries[p] = account_trie_create(shard->arena, shard->states[p]);
        int64_t took = shard->load_ns < 0 ? -1 : shard->source->load(shard->source->ctx, p, shard->states[p]);
        shard->load_ns = took < 0 ? -1 : shard->load_ns + took;
    }
    uint64_t start = clock_ns();
    account_trie_rebuild(shard->tries + first, end - first);
    shard->rebuild_ns = clock_ns() - start;
    return NULL;
}

struct world {
    struct shard shards[THREADS_MAX];
    unsigned shard_count;
    struct state *states[PARTITION_COUNT];
    struct account_trie *tries[PARTITION_COUNT];
    uint64_t height;
};

// Loads and rebuilds in one thread a shard. Returns the seconds of the slowest shard, or a negative number.
static double world_load(struct world *w, unsigned shards, const struct account_source *source)
{
    pthread_t threads[THREADS_MAX];
    bool started[THREADS_MAX];
    w->shard_count = shards;
    for (unsigned i = 0; i < shards; i++) {
        w->shards[i] = (struct shard){i, shards, source, NULL, w->states, w->tries, 0, 0};
        started[i] = pthread_create(&threads[i], NULL, load_and_rebuild, &w->shards[i]) == 0;
        if (!started[i])
            load_and_rebuild(&w->shards[i]);
    }
    double seconds = 0;
    for (unsigned i = 0; i < shards; i++) {
        if (started[i])
            pthread_join(threads[i], NULL);
        const struct shard *shard = &w->shards[i];
        double mine = ((double)shard->load_ns + (double)shard->rebuild_ns) / 1e9;
        if (shard->load_ns < 0 || seconds < 0)
            seconds = -1;
        else if (mine > seconds)
            seconds = mine;
    }
    return seconds;
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
        uint64_t n = next_random(rng) % accounts;
        unsigned p = (unsigned)(n % PARTITION_COUNT);
        bytes32 key = account_key(p, n / PARTITION_COUNT);
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

static int bench_memory_and_rebuild(struct bench_report *report, uint64_t accounts, uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        return -1;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned shards = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (unsigned)cores;
    reset_peak();
    uint64_t before = process_bytes("VmRSS:");
    double seconds = world_load(w, shards, &(struct account_source){load_made_up, &accounts});
    if (seconds < 0) {
        world_free(w);
        free(w);
        return -1;
    }
    for (int i = 0; i < MEMORY_BLOCKS; i++)
        run_block(w, accounts, MEMORY_DIRTY, &seed);
    uint64_t peak = process_bytes("VmHWM:");
    double per_account = peak > before ? (double)(peak - before) / (double)accounts : 0;
    bench_report_add(report, "bytes_per_account", per_account, "bytes", NULL, 0, 0);
    bench_report_add(report, "rebuild_seconds", seconds, "s", NULL, 0, 0);
    world_free(w);
    free(w);
    return 0;
}

static int bench_update(struct bench_report *report, const struct bench_options *options)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w)
        return -1;
    uint64_t accounts = UPDATE_ACCOUNTS, rng = options->seed;
    int status = world_load(w, 1, &(struct account_source){load_made_up, &accounts}) < 0 ? -1 : 0;
    if (status == 0) {
        double together[UPDATE_ROUNDS], single[UPDATE_ROUNDS]; // ns an account
        size_t rounds = options->quick ? QUICK_UPDATE_ROUNDS : UPDATE_ROUNDS;
        arena_adopt(w->shards[0].arena);
        run_block(w, accounts, UPDATE_DIRTY, &rng);
        for (size_t r = 0; r < rounds; r++) {
            uint64_t ns = 0;
            together[r] = (double)run_block(w, accounts, UPDATE_DIRTY, &rng) / UPDATE_DIRTY;
            for (unsigned i = 0; i < SINGLE_ACCOUNTS; i++)
                ns += run_block(w, accounts, 1, &rng);
            single[r] = (double)ns / SINGLE_ACCOUNTS;
        }
        double ours = bench_median(together, rounds), reference = bench_median(single, rounds);
        bench_report_add(report, "trie_update", 1e9 / ours, "accounts/s", "one account at a time", 1e9 / reference,
                         reference / ours);
    }
    world_free(w);
    free(w);
    return status;
}

int bench_merkle(struct bench_report *report, const struct bench_options *options)
{
    uint64_t accounts = options->accounts ? options->accounts : options->quick ? QUICK_ACCOUNTS : DEFAULT_ACCOUNTS;
    if (bench_memory_and_rebuild(report, accounts, options->seed) != 0 || bench_update(report, options) != 0) {
        fprintf(stderr, "bench merkle: no memory for the accounts\n");
        return -1;
    }
    return 0;
}
