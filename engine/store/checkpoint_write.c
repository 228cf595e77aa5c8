#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "engine/store/account_codec.h"
#include "engine/store/checkpoint_private.h"

// Low enough to yield to the shards, high enough that a checkpoint still ends under overload.
enum { NICENESS = 5 };

// A record in key order: the key's first eight bytes decide, the rest is looked at when they are equal.
struct sorted {
    uint64_t prefix;
    const struct state_dirty *record;
};

static bool before(const struct sorted *a, const struct sorted *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix;
    return memcmp(a->record->key.b, b->record->key.b, sizeof a->record->key.b) < 0;
}

static int compare(const void *a, const void *b)
{
    return before(a, b) ? -1 : before(b, a) ? 1 : 0;
}

// Keys are hashes, so the first two bytes spread them evenly; buckets that are long all the same go to qsort.
static void sort_bucket(struct sorted *s, size_t count)
{
    enum { INSERTION_MAX = 64 };
    if (count > INSERTION_MAX) {
        qsort(s, count, sizeof *s, compare);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        const struct sorted item = s[i];
        size_t j = i;
        for (; j > 0 && before(&item, &s[j - 1]); j--)
            s[j] = s[j - 1];
        s[j] = item;
    }
}

// malloc'ed; NULL when memory is short.
static struct sorted *sort_parts(const struct checkpoint_part *parts, size_t part_count, size_t total)
{
    enum { BUCKETS = 1 << 16 };
    struct sorted *out = malloc((total + 1) * sizeof *out);
    size_t *end = calloc(BUCKETS + 1, sizeof *end);
    if (out == NULL || end == NULL) {
        free(out);
        free(end);
        return NULL;
    }
    for (size_t p = 0; p < part_count; p++) {
        for (size_t i = 0; i < parts[p].count; i++) {
            const uint8_t *k = parts[p].records[i].key.b;
            end[(k[0] << 8 | k[1]) + 1]++;
        }
    }
    for (size_t i = 0; i < BUCKETS; i++)
        end[i + 1] += end[i];
    // end[i] is bucket i's start now, and its end when all its records are in.
    for (size_t p = 0; p < part_count; p++) {
        for (size_t i = 0; i < parts[p].count; i++) {
            const struct state_dirty *r = &parts[p].records[i];
            uint64_t prefix;
            memcpy(&prefix, r->key.b, sizeof prefix);
            out[end[r->key.b[0] << 8 | r->key.b[1]]++] = (struct sorted){__builtin_bswap64(prefix), r};
        }
    }
    for (size_t i = 0, start = 0; i < BUCKETS; start = end[i], i++)
        sort_bucket(out + start, end[i] - start);
    free(end);
    return out;
}

static int put_record(MDB_cursor *cursor, const struct state_dirty *r)
{
    uint8_t buf[ACCOUNT_ENCODED_MAX];
    MDB_val key = {sizeof r->key, (void *)r->key.b}, value;
    if (r->exists) {
        value = (MDB_val){account_put(buf, &r->account), buf};
        return mdb_cursor_put(cursor, &key, &value, 0);
    }
    const int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET);
    if (rc == MDB_NOTFOUND)
        return 0;
    return rc != 0 ? rc : mdb_cursor_del(cursor, 0);
}

// The whole checkpoint in one transaction.
static int write_once(struct checkpoint *c, const struct sorted *sorted, size_t total)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    int rc = mdb_txn_begin(c->env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(txn, c->accounts, &cursor);
    if (rc == 0) {
        for (size_t i = 0; i < total && rc == 0; i++)
            rc = c->abandoned ? ECANCELED : put_record(cursor, sorted[i].record);
        mdb_cursor_close(cursor);
    }
    if (rc == 0)
        rc = checkpoint_put_head(c, txn, c->next_height, &c->next_hash, true);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

static void write_checkpoint(struct checkpoint *c)
{
    const uint64_t start = clock_ns();
    size_t total = 0;
    for (size_t i = 0; i < c->part_count; i++)
        total += c->parts[i].count;
    struct sorted *sorted = sort_parts(c->parts, c->part_count, total);
    int rc = sorted == NULL ? ENOMEM : write_once(c, sorted, total);
    while (rc == MDB_MAP_FULL) {
        rc = checkpoint_grow_map(c);
        if (rc == 0)
            rc = write_once(c, sorted, total);
    }
    free(sorted);
    for (size_t i = 0; i < c->part_count; i++)
        free(c->parts[i].records);
    free(c->parts);
    c->parts = NULL;
    c->part_count = 0;
    if (rc != 0 && rc != ECANCELED && !c->has_failed) {
        snprintf(c->failed, sizeof c->failed, "cannot write the state checkpoint at block %llu: %s%s",
                 (unsigned long long)c->next_height, mdb_strerror(rc),
                 rc == ENOSPC ? "; free space in the data folder and start again" : "");
        c->has_failed = true;
    }
    if (rc == 0) {
        pthread_mutex_lock(&c->lock);
        hist_add(&c->times, clock_ns() - start);
        pthread_mutex_unlock(&c->lock);
        checkpoint_update_bytes(c);
        c->height = c->next_height;
    }
    c->busy = false;
}

static void lower_priority(void)
{
    const struct sched_param none = {0};
    sched_setscheduler(0, SCHED_BATCH, &none);
    setpriority(PRIO_PROCESS, 0, NICENESS); // Linux: of the calling thread
}

static void *checkpoint_main(void *arg)
{
    struct checkpoint *c = arg;
    pthread_setname_np(pthread_self(), "checkpoint");
    lower_priority();
    pthread_mutex_lock(&c->lock);
    for (;;) {
        if (c->pending) {
            c->pending = false;
            pthread_mutex_unlock(&c->lock);
            write_checkpoint(c);
            pthread_mutex_lock(&c->lock);
        } else if (c->job_count > 0) {
            const struct background_job job = c->jobs[0];
            c->job_count--;
            memmove(c->jobs, c->jobs + 1, c->job_count * sizeof *c->jobs);
            pthread_mutex_unlock(&c->lock);
            job.run(job.ctx);
            pthread_mutex_lock(&c->lock);
        } else if (c->stop) {
            break;
        } else {
            pthread_cond_wait(&c->wake, &c->lock);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

void checkpoint_abandon(struct checkpoint *c)
{
    c->abandoned = true;
}

bool checkpoint_start(struct checkpoint *c, uint64_t height, const bytes32 *block_hash,
                      const struct checkpoint_part *parts, size_t count)
{
    if (c->busy || c->has_failed)
        return false;
    struct checkpoint_part *copy = malloc((count + 1) * sizeof *copy);
    if (copy == NULL)
        return false;
    memcpy(copy, parts, count * sizeof *copy);
    pthread_mutex_lock(&c->lock);
    c->next_height = height;
    c->next_hash = *block_hash;
    c->parts = copy;
    c->part_count = count;
    c->busy = true;
    c->pending = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    return true;
}

void checkpoint_add_times(struct checkpoint *c, struct hist *into)
{
    pthread_mutex_lock(&c->lock);
    hist_merge(into, &c->times);
    pthread_mutex_unlock(&c->lock);
}

bool checkpoint_background(struct checkpoint *c, void (*job)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&c->lock);
    const bool room = c->job_count < BACKGROUND_JOBS_MAX && !c->stop;
    if (room) {
        c->jobs[c->job_count++] = (struct background_job){job, ctx};
        pthread_cond_signal(&c->wake);
    }
    pthread_mutex_unlock(&c->lock);
    return room;
}

bool checkpoint_thread_start(struct checkpoint *c)
{
    c->thread_runs = pthread_create(&c->thread, NULL, checkpoint_main, c) == 0;
    return c->thread_runs;
}

void checkpoint_thread_stop(struct checkpoint *c)
{
    if (!c->thread_runs)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
}
