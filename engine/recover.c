#include "engine/recover.h"

#include "engine/ancestors.h"
#include "engine/replay.h"

#include <inttypes.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

// Work done on every shard's thread at once; the starting thread waits for all.
struct shard_job {
    struct shard_call call;
    void (*work)(struct shard *s, struct shard_job *job);
    struct checkpoint *checkpoint;
    uint64_t height;
    struct subroot *subroots; // [256]
    u256 next_base_fee;
    bool good;
    char error[STORE_ERROR_MAX];
    sem_t *done;
    unsigned first, last; // partitions
};

static void run_job(struct shard *s, struct shard_call *call)
{
    struct shard_job *job = (struct shard_job *)call;
    job->work(s, job);
    sem_post(job->done);
}

static bool run_on_all(struct shard **shards, unsigned count, const struct shard_job *like, char error[STORE_ERROR_MAX])
{
    sem_t done;
    sem_init(&done, 0, 0);
    struct shard_job *jobs = calloc(count, sizeof *jobs);
    if (!jobs)
        abort();
    for (unsigned i = 0; i < count; i++) {
        jobs[i] = *like;
        jobs[i].call.run = run_job;
        jobs[i].done = &done;
        jobs[i].good = true;
        jobs[i].first = partition_first(i, count);
        jobs[i].last = partition_first(i + 1, count);
        // Nothing else posts to the shards yet.
        if (!shard_run(shards[i], &jobs[i].call))
            abort();
    }
    for (unsigned i = 0; i < count; i++) {
        while (sem_wait(&done) != 0)
            ;
    }
    bool good = true;
    for (unsigned i = 0; i < count; i++) {
        if (good && !jobs[i].good)
            snprintf(error, STORE_ERROR_MAX, "%s", jobs[i].error);
        good = good && jobs[i].good;
    }
    free(jobs);
    sem_destroy(&done);
    return good;
}

static void load(struct shard *s, struct shard_job *job)
{
    struct state **states = shard_states(s);
    for (unsigned p = job->first; p < job->last; p++)
        state_load_begin(states[p], checkpoint_accounts_in_partition(job->checkpoint));
    job->good = checkpoint_load(job->checkpoint, job->first, job->last, states, job->error);
    for (unsigned p = job->first; p < job->last; p++) {
        state_load_end(states[p]);
        state_set_height(states[p], job->height);
    }
}

static void rebuild(struct shard *s, struct shard_job *job)
{
    struct account_trie **tries = shard_tries(s);
    account_trie_rebuild(tries, job->last - job->first);
    for (unsigned p = job->first; p < job->last; p++)
        account_trie_subroot(tries[p - job->first], &job->subroots[p]);
    shard_adopt_height(s, job->height, &job->next_base_fee);
}

static bool replay_from(struct recovered *out, struct exec_machine *machine, struct state **states,
                        const struct genesis *genesis, uint64_t from, struct blog *blog, char error[STORE_ERROR_MAX])
{
    for (uint64_t h = from + 1; h <= blog_last(blog); h++) {
        size_t len;
        uint8_t *bytes = blog_read(blog, h, &len, error);
        struct record record;
        if (!bytes)
            return false;
        bool good = record_decode(&record, bytes_of(bytes, len));
        if (!good)
            snprintf(error, STORE_ERROR_MAX, "block %" PRIu64 " of the log can't be decoded", h);
        else if (!(good = bytes32_equal(&record.header.parent_hash, &out->head_hash)))
            snprintf(error, STORE_ERROR_MAX, "block %" PRIu64 " of the log is not the child of the one before", h);
        good = good && replay_block(machine, states, genesis->chain_id, &out->ancestors, &record, error);
        if (good) {
            out->head = record.header;
            out->head.extra_data = bytes_of(NULL, 0);
            out->head_hash = record.block_hash;
            ancestors_add(&out->ancestors, h, &record.block_hash);
            out->replayed_blocks++;
            out->replayed_transactions += record.tx_count;
        }
        free(bytes);
        if (!good)
            return false;
    }
    return true;
}

static bool replay(struct recovered *out, struct shard **shards, unsigned shard_count, const struct genesis *genesis,
                   struct codes *codes, uint64_t from, struct blog *blog, char error[STORE_ERROR_MAX])
{
    struct state *states[PARTITION_COUNT];
    for (unsigned p = 0; p < PARTITION_COUNT; p++)
        states[p] = shard_states(shards[partition_owner(p, shard_count)])[p];
    struct arena *arena = arena_create();
    struct exec_machine *machine = exec_machine_create(arena, codes);
    if (!machine)
        snprintf(error, STORE_ERROR_MAX, "the precompiled contracts could not be made: libcrypto lacks RIPEMD-160");
    const bool good = machine && replay_from(out, machine, states, genesis, from, blog, error);
    exec_machine_free(machine);
    arena_destroy(arena);
    return good;
}

// The header that the checkpoint's state belongs to.
static bool checkpoint_head(struct recovered *out, const struct genesis *genesis, uint64_t height, struct blog *blog,
                            char error[STORE_ERROR_MAX])
{
    if (height == 0) {
        out->head = genesis->header;
        out->head_hash = header_hash(&genesis->header);
        return true;
    }
    size_t len;
    uint8_t *bytes = blog_read(blog, height, &len, error);
    struct record record;
    if (!bytes)
        return false;
    bool good = record_decode(&record, bytes_of(bytes, len));
    if (good) {
        out->head = record.header;
        out->head.extra_data = bytes_of(NULL, 0);
        out->head_hash = record.block_hash;
    } else {
        snprintf(error, STORE_ERROR_MAX, "block %" PRIu64 " of the log can't be decoded", height);
    }
    free(bytes);
    return good;
}

bool recover_shards(struct recovered *out, struct shard **shards, unsigned shard_count, const struct genesis *genesis,
                    struct codes *codes, struct checkpoint *checkpoint, struct blog *blog, char error[STORE_ERROR_MAX])
{
    *out = (struct recovered){0};
    uint64_t height = checkpoint_height(checkpoint);
    if (!checkpoint_head(out, genesis, height, blog, error) ||
        !ancestors_load(&out->ancestors, blog, &out->head, &out->head_hash, error))
        return false;
    uint64_t start = clock_ns();
    struct shard_job job = {.work = load, .checkpoint = checkpoint, .height = height};
    if (!run_on_all(shards, shard_count, &job, error))
        return false;
    uint64_t loaded = clock_ns();
    if (!replay(out, shards, shard_count, genesis, codes, height, blog, error))
        return false;
    uint64_t replayed = clock_ns();
    struct subroot *subroots = calloc(PARTITION_COUNT, sizeof *subroots);
    if (!subroots)
        abort();
    job = (struct shard_job){.work = rebuild, .subroots = subroots, .height = out->head.number};
    job.next_base_fee =
        header_next_base_fee(&genesis->fee_rules, out->head.gas_limit, out->head.gas_used, &out->head.base_fee);
    bool good = run_on_all(shards, shard_count, &job, error);
    bytes32 root = state_root_join(subroots);
    if (good && !bytes32_equal(&root, &out->head.state_root)) {
        snprintf(error, STORE_ERROR_MAX,
                 "the state of block %" PRIu64 " does not have the root that its header names: the checkpoint is "
                 "damaged; remove the checkpoint folder to rebuild it from the log, if the log is whole",
                 out->head.number);
        good = false;
    }
    if (!good) {
        free(subroots);
        return false;
    }
    out->subroots = subroots;
    out->load_ns = loaded - start;
    out->replay_ns = replayed - loaded;
    out->rebuild_ns = clock_ns() - replayed;
    return true;
}
