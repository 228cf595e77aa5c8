#include "engine/store/chain_reader.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/log.h"
#include "engine/store/block_cache.h"
#include "engine/store/checkpoint.h"
#include "engine/store/disk_files.h"
#include "engine/store/live_index.h"
#include "engine/store/segment_reader.h"

// One segment's index: in memory (live) until its file is written, then the file. Neither when the file can't be made:
// then the segment's blocks are not found.
struct indexed_segment {
    uint32_t segment;
    struct live_index *live;
    struct tx_index *file;
    bool being_written; // by a background job; guarded by chain_reader.lock
};

struct chain_reader {
    char dir[PATH_MAX];
    bytes32 genesis_hash;
    struct indexed_segment **segments; // oldest first; the last one is being written by the log
    size_t segment_count, segment_cap;
    size_t bloom_segment; // the one that held the last bloom asked for
    uint64_t first, head, seed;
    struct segment_reader files;
    struct block_cache *cache;
    struct checkpoint *background;
    pthread_mutex_t lock;
    pthread_cond_t written;
};

// ---- Index files

struct write_job {
    struct chain_reader *reader;
    struct indexed_segment *segment;
};

// On the checkpoint thread. The live index is sealed; only being_written is shared.
static void run_write_job(void *ctx)
{
    struct write_job *job = ctx;
    struct chain_reader *r = job->reader;
    const int err = live_index_write(job->segment->live, r->dir, &r->genesis_hash);
    if (err < 0)
        log_warn("store", "cannot write an index file; it stays in memory and is made at the next start",
                 "segment=%u error=%d", job->segment->segment, -err);
    pthread_mutex_lock(&r->lock);
    job->segment->being_written = false;
    pthread_cond_broadcast(&r->written);
    pthread_mutex_unlock(&r->lock);
    free(job);
}

static bool being_written(struct chain_reader *r, const struct indexed_segment *s)
{
    pthread_mutex_lock(&r->lock);
    const bool is = s->being_written;
    pthread_mutex_unlock(&r->lock);
    return is;
}

// Takes the index file in use once it is there.
static void adopt_file(struct chain_reader *r, struct indexed_segment *s)
{
    s->file = tx_index_open(r->dir, &r->genesis_hash, s->segment);
    if (s->file == NULL)
        return;
    live_index_free(s->live);
    s->live = NULL;
}

static void seal(struct chain_reader *r, struct indexed_segment *s)
{
    struct write_job *job = malloc(sizeof *job);
    if (job == NULL)
        return;
    *job = (struct write_job){r, s};
    s->being_written = true;
    if (r->background == NULL || !checkpoint_background(r->background, run_write_job, job)) {
        run_write_job(job);
        adopt_file(r, s);
    }
}

// Sealed segments whose job has ended.
static void adopt_files(struct chain_reader *r)
{
    for (size_t i = r->segment_count; i-- > 0;) {
        struct indexed_segment *s = r->segments[i];
        if (s->file != NULL)
            break;
        if (i + 1 < r->segment_count && s->live != NULL && !being_written(r, s))
            adopt_file(r, s);
    }
}

static bool rebuild(struct chain_reader *r, struct indexed_segment *s)
{
    char error[STORE_ERROR_MAX], text[STORE_ERROR_MAX];
    log_info("store", "building a look-up index", "segment=%u", s->segment);
    if (!tx_index_build(r->dir, &r->genesis_hash, s->segment, error))
        log_error("store", "cannot build a look-up index", "reason=%s", log_text(text, sizeof text, error));
    s->file = tx_index_open(r->dir, &r->genesis_hash, s->segment);
    return s->file != NULL;
}

// A damaged index file is made anew, once.
static bool replace_file(struct chain_reader *r, struct indexed_segment *s)
{
    log_warn("store", "a look-up index is damaged", "segment=%u", s->segment);
    tx_index_close(s->file);
    s->file = NULL;
    return tx_index_remove(r->dir, s->segment) == 0 && rebuild(r, s);
}

static uint64_t segment_first(const struct indexed_segment *s)
{
    return s->live != NULL ? live_index_first(s->live) : s->file != NULL ? tx_index_first(s->file) : 0;
}

// Height after the last; 0 when nothing is known of the segment.
static uint64_t segment_next(const struct indexed_segment *s)
{
    return s->live != NULL ? live_index_next(s->live) : s->file != NULL ? tx_index_last(s->file) + 1 : 0;
}

static bool find_place(struct chain_reader *r, uint64_t height, struct blog_place *out)
{
    for (size_t i = r->segment_count; i-- > 0;) {
        struct indexed_segment *s = r->segments[i];
        struct tx_index_place place;
        if (height < segment_first(s) || height >= segment_next(s))
            continue;
        bool found =
            s->live != NULL ? live_index_place_of(s->live, height, &place) : tx_index_place_of(s->file, height, &place);
        if (!found && s->live == NULL && replace_file(r, s))
            found = tx_index_place_of(s->file, height, &place);
        if (found)
            *out = (struct blog_place){.segment = s->segment, .length = place.length, .offset = place.offset};
        return found;
    }
    return false;
}

// ---- Opening

static struct indexed_segment *add_segment(struct chain_reader *r, uint32_t number)
{
    if (r->segment_count == r->segment_cap) {
        const size_t cap = r->segment_cap == 0 ? 16 : 2 * r->segment_cap;
        struct indexed_segment **grown = realloc(r->segments, cap * sizeof(struct indexed_segment *));
        if (grown == NULL)
            return NULL;
        r->segments = grown;
        r->segment_cap = cap;
    }
    struct indexed_segment *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->segment = number;
    r->segments[r->segment_count++] = s;
    return s;
}

// Reads the open segment's blocks into memory.
static bool load_open(struct chain_reader *r, const struct blog *blog, const struct blog_segment *from,
                      char error[STORE_ERROR_MAX])
{
    struct indexed_segment *s = add_segment(r, from->segment);
    if (s == NULL || (s->live = live_index_create(from->segment, from->first, r->seed)) == NULL)
        return store_fail(error, "out of memory");
    for (uint64_t height = from->first; height <= from->last; height++) {
        struct blog_place place;
        struct record record;
        bool damaged;
        if (!blog_place(blog, height, &place))
            return store_fail(error, "the block log has no block %llu", (unsigned long long)height);
        uint8_t *bytes = segment_reader_read(&r->files, height, place, &damaged, error);
        if (bytes == NULL)
            return false;
        if (!record_decode(&record, bytes_of(bytes, place.length))) {
            free(bytes);
            return store_fail(error, "segment %u, offset %llu: the record of block %llu is malformed", place.segment,
                              (unsigned long long)place.offset, (unsigned long long)height);
        }
        if (!live_index_add(s->live, &record, place)) {
            free(bytes);
            return store_fail(error, "out of memory");
        }
        block_cache_add_newest(r->cache, height, bytes, &record);
    }
    return true;
}

static bool load_segments(struct chain_reader *r, const struct blog *blog, char error[STORE_ERROR_MAX])
{
    const size_t count = blog_segments(blog, NULL, 0);
    struct blog_segment *list = malloc(count * sizeof *list);
    bool ok = list != NULL;
    if (!ok)
        store_fail(error, "out of memory");
    else
        blog_segments(blog, list, count);
    for (size_t i = 0; ok && i < count; i++) {
        if (list[i].open) {
            ok = load_open(r, blog, &list[i], error);
            continue;
        }
        struct indexed_segment *s = add_segment(r, list[i].segment);
        if (s == NULL) {
            ok = store_fail(error, "out of memory");
            continue;
        }
        adopt_file(r, s);
        if (s->file != NULL && (tx_index_first(s->file) != list[i].first || tx_index_last(s->file) != list[i].last))
            replace_file(r, s);
        else if (s->file == NULL)
            rebuild(r, s);
    }
    free(list);
    return ok;
}

// Index files whose segments are gone, and halves of index files.
static void remove_orphan(void *ctx, const char *name)
{
    struct chain_reader *r = ctx;
    unsigned number;
    char suffix[16] = {0}, path[PATH_MAX + 64];
    if (sscanf(name, "segment-%8u.%15s", &number, suffix) != 2 || strncmp(suffix, "idx", 3) != 0)
        return;
    for (size_t i = 0; i < r->segment_count; i++) {
        if (r->segments[i]->segment == number && r->segments[i]->file != NULL && strcmp(suffix, "idx") == 0)
            return;
    }
    snprintf(path, sizeof path, "%s/%s", r->dir, name);
    remove(path);
}

// Block 0, made from the genesis header as if it had been stored.
static bool add_genesis(struct chain_reader *r, const struct header *genesis)
{
    static const struct exec_counts no_counts;
    const struct record_input in = {.header = genesis, .time_ms = genesis->timestamp * 1000, .counts = &no_counts};
    const size_t size = record_size(&in);
    uint8_t *bytes = malloc(size);
    struct record record;
    if (bytes == NULL)
        return false;
    record_put(bytes, &in);
    if (!record_decode(&record, bytes_of(bytes, size))) {
        free(bytes);
        return false;
    }
    block_cache_set_genesis(r->cache, bytes, &record);
    return true;
}

static bool open_reader(struct chain_reader *r, const struct blog *blog, const struct header *genesis,
                        char error[STORE_ERROR_MAX])
{
    r->cache = block_cache_create();
    if (r->cache == NULL || !add_genesis(r, genesis))
        return store_fail(error, "out of memory");
    if (getrandom(&r->seed, sizeof r->seed, 0) != (ssize_t)sizeof r->seed)
        return store_fail(error, "cannot get random bytes");
    if (!segment_reader_open(&r->files, r->dir, &r->genesis_hash, error) || !load_segments(r, blog, error))
        return false;
    r->files.disk->ops->list(r->files.disk, remove_orphan, r);
    r->first = blog_first(blog);
    r->head = blog_durable(blog);
    return true;
}

struct chain_reader *chain_reader_open(const char *dir, const struct blog *blog, const struct header *genesis,
                                       char error[STORE_ERROR_MAX])
{
    struct chain_reader *r = calloc(1, sizeof *r);
    if (r == NULL) {
        store_fail(error, "out of memory");
        return NULL;
    }
    snprintf(r->dir, sizeof r->dir, "%s", dir);
    r->genesis_hash = header_hash(genesis);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->written, NULL);
    if (!open_reader(r, blog, genesis, error)) {
        chain_reader_close(r);
        return NULL;
    }
    return r;
}

static void free_segment(struct chain_reader *r, struct indexed_segment *s)
{
    pthread_mutex_lock(&r->lock);
    while (s->being_written)
        pthread_cond_wait(&r->written, &r->lock);
    pthread_mutex_unlock(&r->lock);
    live_index_free(s->live);
    if (s->file != NULL)
        tx_index_close(s->file);
    free(s);
}

void chain_reader_close(struct chain_reader *r)
{
    for (size_t i = 0; i < r->segment_count; i++)
        free_segment(r, r->segments[i]);
    free(r->segments);
    segment_reader_close(&r->files);
    block_cache_free(r->cache);
    pthread_cond_destroy(&r->written);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void chain_reader_set_background(struct chain_reader *r, struct checkpoint *c)
{
    r->background = c;
}

// ---- Following the coordinator

// The segment that this block is in: the newest, or a new one.
static struct indexed_segment *segment_for(struct chain_reader *r, uint64_t height, uint32_t number)
{
    struct indexed_segment *newest = r->segment_count == 0 ? NULL : r->segments[r->segment_count - 1];
    if (newest != NULL && newest->segment == number)
        return newest;
    struct indexed_segment *s = add_segment(r, number);
    if (s == NULL || (s->live = live_index_create(number, height, r->seed)) == NULL)
        return NULL;
    if (newest != NULL)
        seal(r, newest);
    return s;
}

void chain_reader_add(struct chain_reader *r, uint64_t height, uint8_t *bytes, size_t len, struct blog_place place)
{
    struct record record;
    assert(height == r->head + 1);
    const bool decoded = record_decode(&record, bytes_of(bytes, len));
    assert(decoded);
    (void)decoded;
    adopt_files(r);
    struct indexed_segment *s = segment_for(r, height, place.segment);
    if (s == NULL || s->live == NULL || !live_index_add(s->live, &record, place)) {
        // Out of memory: nothing that the node could go on with.
        log_error("store", "out of memory for the look-up index", "height=%llu", (unsigned long long)height);
        abort();
    }
    block_cache_add_newest(r->cache, height, bytes, &record);
    r->head = height;
}

void chain_reader_retain(struct chain_reader *r, uint64_t height)
{
    size_t gone = 0;
    adopt_files(r);
    while (gone + 1 < r->segment_count && segment_next(r->segments[gone]) <= height) {
        tx_index_remove(r->dir, r->segments[gone]->segment);
        free_segment(r, r->segments[gone]);
        gone++;
    }
    r->segment_count -= gone;
    memmove(r->segments, r->segments + gone, r->segment_count * sizeof(struct indexed_segment *));
    segment_reader_forget(&r->files);
    if (height > r->first)
        r->first = height;
    block_cache_retain(r->cache, height);
}

uint64_t chain_reader_head(const struct chain_reader *r)
{
    return r->head;
}

uint64_t chain_reader_first(const struct chain_reader *r)
{
    return r->first;
}

uint64_t chain_reader_index_bytes(const struct chain_reader *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->segment_count; i++)
        sum += r->segments[i]->file != NULL ? tx_index_bytes(r->segments[i]->file) : 0;
    return sum;
}

// ---- Look-ups

const struct record *chain_reader_block(struct chain_reader *r, uint64_t height, bool *damaged)
{
    struct blog_place place;
    struct record record;
    char error[STORE_ERROR_MAX], text[STORE_ERROR_MAX];
    *damaged = false;
    if (height > r->head || (height != 0 && height < r->first))
        return NULL;
    const struct record *cached = block_cache_find(r->cache, height);
    if (cached != NULL)
        return cached;
    if (!find_place(r, height, &place)) {
        *damaged = true;
        log_error("store", "a block is not in the look-up index", "height=%llu", (unsigned long long)height);
        return NULL;
    }
    uint8_t *bytes = segment_reader_read(&r->files, height, place, damaged, error);
    if (bytes != NULL && !record_decode(&record, bytes_of(bytes, place.length))) {
        free(bytes);
        bytes = NULL;
        *damaged = true;
        store_fail(error, "segment %u, offset %llu: the record of block %llu is malformed", place.segment,
                   (unsigned long long)place.offset, (unsigned long long)height);
    }
    if (bytes == NULL) {
        if (*damaged)
            log_error("store", "a block is damaged", "reason=%s", log_text(text, sizeof text, error));
        return NULL;
    }
    return block_cache_add_old(r->cache, height, bytes, &record);
}

static bool bloom_in(struct indexed_segment *s, uint64_t height, const bloom **out)
{
    return s->live != NULL ? live_index_bloom_of(s->live, height, out)
                           : s->file != NULL && tx_index_bloom_of(s->file, height, out);
}

bool chain_reader_bloom(struct chain_reader *r, uint64_t height, const bloom **out)
{
    static const bloom none;
    if (height > r->head || (height != 0 && height < r->first))
        return false;
    *out = &none;
    if (height == 0)
        return true;
    if (r->bloom_segment < r->segment_count && bloom_in(r->segments[r->bloom_segment], height, out))
        return true;
    for (size_t i = r->segment_count; i-- > 0;) {
        if (bloom_in(r->segments[i], height, out)) {
            r->bloom_segment = i;
            return true;
        }
    }
    return false;
}

// Does the record at height have this hash, at this index (or as its own)?
static bool confirm(struct chain_reader *r, uint64_t height, uint32_t index, const bytes32 *hash)
{
    bool damaged;
    const struct record *b = chain_reader_block(r, height, &damaged);
    struct record_tx tx;
    if (b == NULL)
        return false;
    if (index == TX_INDEX_BLOCK)
        return bytes32_equal(&b->block_hash, hash);
    if (index >= b->tx_count)
        return false;
    record_tx_at(b, index, &tx);
    return bytes32_equal(&tx.hash, hash);
}

// 1 found, 0 not in this segment, -1 its index file is damaged.
static int find_in(struct chain_reader *r, const struct indexed_segment *s, const bytes32 *hash, bool want_block,
                   uint64_t *height, uint32_t *index)
{
    const uint64_t prefix = tx_index_prefix(hash);
    struct tx_index_entry e;
    for (uint64_t cursor = 0;;) {
        const int found = s->live != NULL   ? live_index_find(s->live, prefix, &cursor, &e)
                          : s->file != NULL ? tx_index_find(s->file, prefix, &cursor, &e)
                                            : 0;
        if (found != 1)
            return found;
        *height = segment_first(s) + e.block;
        *index = e.index;
        if ((e.index == TX_INDEX_BLOCK) == want_block && confirm(r, *height, e.index, hash))
            return 1;
    }
}

static bool find(struct chain_reader *r, const bytes32 *hash, bool want_block, uint64_t *height, uint32_t *index)
{
    for (size_t i = r->segment_count; i-- > 0;) {
        struct indexed_segment *s = r->segments[i];
        int found = find_in(r, s, hash, want_block, height, index);
        if (found < 0 && replace_file(r, s))
            found = find_in(r, s, hash, want_block, height, index);
        if (found == 1)
            return true;
    }
    return false;
}

bool chain_reader_height_of(struct chain_reader *r, const bytes32 *block_hash, uint64_t *height)
{
    uint32_t index;
    if (bytes32_equal(block_hash, &r->genesis_hash)) {
        *height = 0;
        return true;
    }
    return find(r, block_hash, true, height, &index);
}

bool chain_reader_find_tx(struct chain_reader *r, const bytes32 *tx_hash, uint64_t *height, uint32_t *index)
{
    return find(r, tx_hash, false, height, index);
}
