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

// An account in key order: the key's first eight bytes decide, the rest is looked at when they are equal.
struct sorted {
    uint64_t prefix;
    const struct state_dirty *record;
    const struct state_batch *part;
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
static struct sorted *sort_accounts(const struct state_batch *parts, size_t part_count, size_t total)
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
        for (size_t i = 0; i < parts[p].account_count; i++) {
            const uint8_t *k = parts[p].accounts[i].key.b;
            end[(k[0] << 8 | k[1]) + 1]++;
        }
    }
    for (size_t i = 0; i < BUCKETS; i++)
        end[i + 1] += end[i];
    // end[i] is bucket i's start now, and its end when all its records are in.
    for (size_t p = 0; p < part_count; p++) {
        for (size_t i = 0; i < parts[p].account_count; i++) {
            const struct state_dirty *r = &parts[p].accounts[i];
            uint64_t prefix;
            memcpy(&prefix, r->key.b, sizeof prefix);
            out[end[r->key.b[0] << 8 | r->key.b[1]]++] = (struct sorted){__builtin_bswap64(prefix), r, &parts[p]};
        }
    }
    for (size_t i = 0, start = 0; i < BUCKETS; start = end[i], i++)
        sort_bucket(out + start, end[i] - start);
    free(end);
    return out;
}

// A slot in the order of its key.
struct sorted_slot {
    uint64_t account_prefix, slot_prefix;
    const struct state_dirty_slot *record;
};

static int compare_slots(const void *a_ptr, const void *b_ptr)
{
    const struct sorted_slot *a = a_ptr, *b = b_ptr;
    if (a->account_prefix != b->account_prefix)
        return a->account_prefix < b->account_prefix ? -1 : 1;
    if (a->slot_prefix != b->slot_prefix)
        return a->slot_prefix < b->slot_prefix ? -1 : 1;
    const int by_account = memcmp(a->record->key.b, b->record->key.b, sizeof a->record->key.b);
    return by_account != 0 ? by_account : memcmp(a->record->slot.b, b->record->slot.b, sizeof a->record->slot.b);
}

static uint64_t prefix_of(const bytes32 *key)
{
    uint64_t prefix;
    memcpy(&prefix, key->b, sizeof prefix);
    return __builtin_bswap64(prefix);
}

// malloc'ed; NULL when memory is short.
static struct sorted_slot *sort_slots(const struct state_batch *parts, size_t part_count, size_t total)
{
    struct sorted_slot *out = malloc((total + 1) * sizeof *out);
    size_t n = 0;
    if (out == NULL)
        return NULL;
    for (size_t p = 0; p < part_count; p++) {
        for (size_t i = 0; i < parts[p].slot_count; i++) {
            const struct state_dirty_slot *r = &parts[p].slots[i];
            out[n++] = (struct sorted_slot){prefix_of(&r->key), prefix_of(&r->slot), r};
        }
    }
    qsort(out, n, sizeof *out, compare_slots);
    return out;
}

static int delete_record(MDB_cursor *cursor, MDB_val *key)
{
    MDB_val value;
    const int rc = mdb_cursor_get(cursor, key, &value, MDB_SET);
    if (rc == MDB_NOTFOUND)
        return 0;
    return rc != 0 ? rc : mdb_cursor_del(cursor, 0);
}

static int put_account(MDB_cursor *cursor, const struct sorted *s)
{
    uint8_t buf[ACCOUNT_ENCODED_MAX];
    const struct state_dirty *r = s->record;
    MDB_val key = {sizeof r->key, (void *)r->key.b};
    if (!r->exists)
        return delete_record(cursor, &key);
    const struct account_contract contract = state_batch_contract(s->part, (size_t)(r - s->part->accounts));
    MDB_val value = {account_put(buf, &r->account, &contract), buf};
    return mdb_cursor_put(cursor, &key, &value, 0);
}

static int put_slot(MDB_cursor *cursor, const struct state_dirty_slot *r)
{
    uint8_t buf[SLOT_ENCODED_MAX];
    struct slot_key name = {r->key, r->slot};
    MDB_val key = {sizeof name, &name};
    if (u256_is_zero(&r->value))
        return delete_record(cursor, &key);
    MDB_val value = {slot_put(buf, &r->value), buf};
    return mdb_cursor_put(cursor, &key, &value, 0);
}

int checkpoint_put_code(struct checkpoint *c, MDB_txn *txn, const struct evm_code *code)
{
    MDB_val key = {sizeof code->hash, (void *)code->hash.b}, value = {code->len, (void *)code->bytes};
    return mdb_put(txn, c->codes, &key, &value, 0);
}

// All that a checkpoint writes, in the tables' orders.
struct sorted_records {
    struct sorted *accounts;
    struct sorted_slot *slots;
    size_t account_count, slot_count;
};

static bool sort_records(struct sorted_records *out, const struct checkpoint *c)
{
    *out = (struct sorted_records){0};
    for (size_t i = 0; i < c->part_count; i++) {
        out->account_count += c->parts[i].account_count;
        out->slot_count += c->parts[i].slot_count;
    }
    out->accounts = sort_accounts(c->parts, c->part_count, out->account_count);
    out->slots = sort_slots(c->parts, c->part_count, out->slot_count);
    return out->accounts && out->slots;
}

static int write_accounts(struct checkpoint *c, MDB_txn *txn, const struct sorted_records *r)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn, c->accounts, &cursor);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < r->account_count && rc == 0; i++)
        rc = c->abandoned ? ECANCELED : put_account(cursor, &r->accounts[i]);
    mdb_cursor_close(cursor);
    return rc;
}

static int write_slots(struct checkpoint *c, MDB_txn *txn, const struct sorted_records *r)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn, c->slots, &cursor);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < r->slot_count && rc == 0; i++)
        rc = c->abandoned ? ECANCELED : put_slot(cursor, r->slots[i].record);
    mdb_cursor_close(cursor);
    return rc;
}

// The whole checkpoint in one transaction.
static int write_once(struct checkpoint *c, const struct sorted_records *r)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(c->env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    rc = write_accounts(c, txn, r);
    if (rc == 0)
        rc = write_slots(c, txn, r);
    for (size_t i = 0; i < c->new_code_count && rc == 0; i++)
        rc = checkpoint_put_code(c, txn, c->new_codes[i]);
    if (rc == 0)
        rc = checkpoint_put_head(c, txn, c->next_height, &c->next_hash, true);
    return checkpoint_finish(txn, rc);
}

static void free_parts(struct checkpoint *c)
{
    for (size_t i = 0; i < c->part_count; i++)
        state_batch_free(&c->parts[i]);
    free(c->parts);
    free(c->new_codes);
    c->parts = NULL;
    c->part_count = 0;
    c->new_codes = NULL;
    c->new_code_count = 0;
}

static void note_failure(struct checkpoint *c, int rc)
{
    if (c->has_failed)
        return;
    snprintf(c->failed, sizeof c->failed, "cannot write the state checkpoint at block %llu: %s%s",
             (unsigned long long)c->next_height, mdb_strerror(rc),
             rc == ENOSPC ? "; free space in the data folder and start again" : "");
    c->has_failed = true;
}

static void write_checkpoint(struct checkpoint *c)
{
    const uint64_t start = clock_ns();
    const size_t new_codes = c->new_code_count;
    struct sorted_records records;
    int rc = sort_records(&records, c) ? write_once(c, &records) : ENOMEM;
    while (rc == MDB_MAP_FULL) {
        rc = checkpoint_grow_map(c);
        if (rc == 0)
            rc = write_once(c, &records);
    }
    free(records.accounts);
    free(records.slots);
    free_parts(c);
    if (rc != 0 && rc != ECANCELED)
        note_failure(c, rc);
    if (rc == 0) {
        pthread_mutex_lock(&c->lock);
        hist_add(&c->times, clock_ns() - start);
        pthread_mutex_unlock(&c->lock);
        checkpoint_update_bytes(c);
        c->codes_on_disk += new_codes;
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

// The codes that came since the last checkpoint, malloc'ed; they stay where they are. NULL when memory is short.
static const struct evm_code **list_new_codes(const struct checkpoint *c, size_t *count)
{
    *count = c->known_codes ? codes_count(c->known_codes) - c->codes_on_disk : 0;
    const struct evm_code **list = malloc((*count + 1) * sizeof *list);
    for (size_t i = 0; list && i < *count; i++)
        list[i] = codes_at(c->known_codes, c->codes_on_disk + i);
    return list;
}

bool checkpoint_start(struct checkpoint *c, uint64_t height, const bytes32 *block_hash, const struct state_batch *parts,
                      size_t count)
{
    if (c->busy || c->has_failed)
        return false;
    size_t new_code_count;
    struct state_batch *copy = malloc((count + 1) * sizeof *copy);
    const struct evm_code **new_codes = list_new_codes(c, &new_code_count);
    if (copy == NULL || new_codes == NULL) {
        free(copy);
        free(new_codes);
        return false;
    }
    if (count > 0)
        memcpy(copy, parts, count * sizeof *copy);
    pthread_mutex_lock(&c->lock);
    c->next_height = height;
    c->next_hash = *block_hash;
    c->parts = copy;
    c->part_count = count;
    c->new_codes = new_codes;
    c->new_code_count = new_code_count;
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
