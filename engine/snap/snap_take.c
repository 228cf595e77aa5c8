#include "engine/snap/snap_take.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/remove_tree.h"
#include "engine/certificate.h"
#include "engine/snap/snap_check.h"
#include "engine/snap/snap_fetch.h"
#include "engine/store/checkpoint_snapshot.h"
#include "engine/store/disk_uring.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

// More than a server's file holds can't come; some more for what its size leaves out.
#define SLACK_BYTES (64u << 20)
#define ENTRIES_MAX (WIRE_SNAP_CHUNK_BYTES_MAX / 34u)
// Fetched blocks that share a sync.
#define SYNC_BLOCKS 64u
#define PROGRESS_NS 5000000000ull

struct snap_take {
    struct snap_take_options options;
    char dir[PATH_MAX], state_dir[PATH_MAX + 8], log_dir[PATH_MAX + 8];
    struct checkpoint *state;
    bytes32 begun; // the block whose state it is
    struct block_body *body;
    struct checkpoint_entry *entries; // of a chunk
    struct wire_message answer;
    uint64_t height; // of the state
    struct snap_line *line;
    uint64_t came, most, progress_ns; // bytes
};

// ---- the folder

static bool make_folder(const char *dir, char error[STORE_ERROR_MAX])
{
    return mkdir(dir, 0750) == 0 || errno == EEXIST ||
           store_fail(error, "%.200s could not be made: %s", dir, strerror(errno));
}

static bool open_state(struct snap_take *t, char error[STORE_ERROR_MAX])
{
    uint64_t height;
    bool complete;
    if (!make_folder(t->dir, error) || !make_folder(t->state_dir, error))
        return false;
    t->state = checkpoint_open(t->state_dir, &t->options.genesis_hash, &height, &t->begun, &complete, error);
    return t->state != NULL;
}

// What is there of another state goes.
static bool start_anew(struct snap_take *t, char error[STORE_ERROR_MAX])
{
    if (t->state)
        checkpoint_close(t->state);
    t->state = NULL;
    remove_tree(t->dir);
    return open_state(t, error);
}

struct snap_take *snap_take_open(const struct snap_take_options *options, char error[STORE_ERROR_MAX])
{
    struct snap_take *t = calloc(1, sizeof *t);
    if (!t || !(t->entries = malloc(ENTRIES_MAX * sizeof *t->entries)))
        abort();
    t->options = *options;
    t->body = block_body_create();
    snprintf(t->dir, sizeof t->dir, "%.4000s/snapshot", options->data);
    snprintf(t->state_dir, sizeof t->state_dir, "%s/state", t->dir);
    snprintf(t->log_dir, sizeof t->log_dir, "%s/log", t->dir);
    // What can't be opened (torn, or of a newer format) is no loss.
    if (open_state(t, error) || start_anew(t, error))
        return t;
    snap_take_close(t);
    return NULL;
}

void snap_take_close(struct snap_take *t)
{
    if (!t)
        return;
    if (t->state)
        checkpoint_close(t->state);
    block_body_free(t->body);
    free(t->entries);
    free(t);
}

const bytes32 *snap_take_begun(const struct snap_take *t)
{
    return &t->begun;
}

// ---- asking

// The chunk that answers, in t->answer.
static enum snap_taken ask(struct snap_take *t, uint8_t kind, const uint8_t *from, size_t len,
                           char error[STORE_ERROR_MAX])
{
    struct wire_get_snap get = {.kind = kind};
    bool malformed;
    if (wire_snap_is_table(kind))
        get.block = t->begun;
    if (len > 0)
        memcpy(get.from, from, len);
    if (!snap_line_ask(t->line, &get, &t->answer, &malformed, error))
        return malformed ? SNAP_LIED : SNAP_LOST;
    const struct wire_snap_chunk *c = &t->answer.snap_chunk;
    if (c->more == WIRE_SNAP_GONE) {
        store_fail(error, "it does not have that, or not any more");
        return SNAP_LOST;
    }
    t->came += c->data.len;
    if (t->came > t->most) {
        store_fail(error, "more comes than it offered");
        return SNAP_LIED;
    }
    if (clock_ns() >= t->progress_ns) {
        t->progress_ns = clock_ns() + PROGRESS_NS;
        log_info("snapshot", "fetching", "bytes=%" PRIu64, t->came);
    }
    return SNAP_TAKEN;
}

// ---- the proof

enum snap_taken snap_take_proof(struct snap_take *t, struct snap_line *line, struct snap_proof *out,
                                char error[STORE_ERROR_MAX])
{
    char reason[CERTIFICATE_ERROR_MAX];
    t->line = line;
    const enum snap_taken asked = ask(t, WIRE_SNAP_PROOF, NULL, 0, error);
    if (asked != SNAP_TAKEN)
        return asked;
    const struct bytes text = t->answer.snap_chunk.data;
    struct certificate *c = certificate_parse((const char *)text.ptr, text.len, reason);
    if (!c) {
        store_fail(error, "its proof is none: %s", reason);
        return SNAP_LIED;
    }
    struct signing *checker = signing_checker();
    const enum certificate_status status = certificate_check(c, t->options.set, checker, &out->height, &out->block);
    const bool good = status == CERTIFICATE_EXECUTED && c->executed_count == 1;
    if (good) {
        out->epoch = c->ordering[0].epoch;
        out->ordered = c->ordering[0].exec_height;
    } else {
        store_fail(error, "its proof does not hold: %s", certificate_status_text(status));
    }
    checker->ops->free(checker);
    certificate_free(c);
    return good ? SNAP_TAKEN : SNAP_LIED;
}

// What is no state is thrown away.
static enum snap_taken settle(struct snap_take *t, enum snap_taken taken)
{
    char ignored[STORE_ERROR_MAX];
    return taken == SNAP_LIED && !start_anew(t, ignored) ? SNAP_FAILED : taken;
}

// ---- tables

// The least key above this one. False: there is none.
static bool step_key(uint8_t *key, size_t len)
{
    while (len-- > 0) {
        if (++key[len] != 0)
            return true;
    }
    return false;
}

static enum snap_taken import(struct snap_take *t, uint8_t kind, enum checkpoint_table table,
                              char error[STORE_ERROR_MAX])
{
    struct bytes rest = t->answer.snap_chunk.data;
    struct wire_snap_entry entry;
    size_t count = 0;
    while (wire_snap_next(&rest, kind, &entry))
        t->entries[count++] = (struct checkpoint_entry){entry.key, entry.value};
    switch (checkpoint_import(t->state, table, t->entries, count, error)) {
    case CHECKPOINT_TAKEN:
        return SNAP_TAKEN;
    case CHECKPOINT_MALFORMED:
        store_fail(error, "a record is malformed");
        return SNAP_LIED;
    default:
        return SNAP_FAILED;
    }
}

static enum snap_taken take_table(struct snap_take *t, uint8_t kind, enum checkpoint_table table,
                                  char error[STORE_ERROR_MAX])
{
    uint8_t key[WIRE_SNAP_KEY_BYTES] = {0};
    const size_t len = checkpoint_key_bytes(table);
    bool more = !checkpoint_import_last(t->state, table, key) || step_key(key, len);
    while (more) {
        enum snap_taken taken = ask(t, kind, key, len, error);
        if (taken == SNAP_TAKEN)
            taken = import(t, kind, table, error);
        if (taken != SNAP_TAKEN)
            return taken;
        more = t->answer.snap_chunk.more == WIRE_SNAP_MORE && checkpoint_import_last(t->state, table, key) &&
               step_key(key, len);
    }
    return SNAP_TAKEN;
}

enum snap_taken snap_take_tables(struct snap_take *t, struct snap_line *line, uint64_t height, const bytes32 *block,
                                 uint64_t bytes, char error[STORE_ERROR_MAX])
{
    static const struct {
        uint8_t kind;
        enum checkpoint_table table;
    } tables[] = {{WIRE_SNAP_CODES, CHECKPOINT_CODES},
                  {WIRE_SNAP_ACCOUNTS, CHECKPOINT_ACCOUNTS},
                  {WIRE_SNAP_SLOTS, CHECKPOINT_SLOTS}};
    t->line = line;
    t->came = t->progress_ns = 0;
    t->most = bytes < UINT64_MAX / 4 ? 2 * bytes + SLACK_BYTES : UINT64_MAX;
    if (!bytes32_equal(&t->begun, block)) {
        if (!start_anew(t, error) || !checkpoint_import_begin(t->state, height, block, error))
            return SNAP_FAILED;
        t->begun = *block;
    }
    t->height = height;
    for (unsigned i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        const enum snap_taken taken = take_table(t, tables[i].kind, tables[i].table, error);
        if (taken != SNAP_TAKEN)
            return settle(t, taken);
    }
    return SNAP_TAKEN;
}

// ---- blocks

// A whole record, malloc'ed into *record.
static enum snap_taken take_record(struct snap_take *t, uint64_t number, uint8_t **record, size_t *len,
                                   char error[STORE_ERROR_MAX])
{
    *record = NULL;
    *len = 0;
    do {
        uint8_t from[16];
        store_le64(from, number);
        store_le64(from + 8, *len);
        const enum snap_taken taken = ask(t, WIRE_SNAP_BLOCK, from, sizeof from, error);
        if (taken != SNAP_TAKEN)
            return taken;
        const struct bytes piece = t->answer.snap_chunk.data;
        *record = realloc(*record, *len + piece.len + 1);
        if (!*record)
            abort();
        memcpy(*record + *len, piece.ptr, piece.len);
        *len += piece.len;
    } while (t->answer.snap_chunk.more == WIRE_SNAP_MORE);
    return SNAP_TAKEN;
}

// Of the blocks so far: the newest one's hash, that of the state's block, and the root that its header names.
struct known {
    bytes32 hash, block, state_root;
};

// Each block is the child of the one before it, and the last one is known: so all of them are.
static enum snap_taken take_block(struct snap_take *t, struct blog *blog, uint64_t number, struct known *last,
                                  char error[STORE_ERROR_MAX])
{
    uint8_t *bytes;
    size_t len;
    struct record record;
    enum snap_taken taken = take_record(t, number, &bytes, &len, error);
    if (taken == SNAP_TAKEN) {
        if (!record_decode(&record, bytes_of(bytes, len)) || record.header.number != number ||
            (number > blog_first(blog) && !bytes32_equal(&record.header.parent_hash, &last->hash)) ||
            !snap_record_is_sound(&record, t->body, t->options.chain_id)) {
            store_fail(error, "block %" PRIu64 " is not what it should be", number);
            taken = SNAP_LIED;
        } else if (blog_append(blog, number, bytes_of(bytes, len)) != 0) {
            store_fail(error, "%s", blog_failed(blog) ? blog_failed(blog) : "a fetched block could not be stored");
            taken = SNAP_FAILED;
        } else {
            last->hash = record.block_hash;
            if (number == t->height)
                *last = (struct known){record.block_hash, record.block_hash, record.header.state_root};
        }
    }
    free(bytes);
    return taken;
}

static bool make_durable(struct blog *blog, char error[STORE_ERROR_MAX])
{
    blog_flush(blog);
    while (!blog_failed(blog) && blog_durable(blog) < blog_last(blog))
        blog_step(blog, true);
    return !blog_failed(blog) || store_fail(error, "%s", blog_failed(blog));
}

static enum snap_taken take_chain(struct snap_take *t, struct blog *blog, const struct anchor *anchor,
                                  struct known *known, char error[STORE_ERROR_MAX])
{
    for (uint64_t number = blog_first(blog); number <= anchor->height; number++) {
        const enum snap_taken taken = take_block(t, blog, number, known, error);
        if (taken != SNAP_TAKEN)
            return taken;
        if (number % SYNC_BLOCKS == 0 && !make_durable(blog, error))
            return SNAP_FAILED;
    }
    if (!make_durable(blog, error))
        return SNAP_FAILED;
    if (bytes32_equal(&known->hash, &anchor->block) && bytes32_equal(&known->block, &t->begun))
        return SNAP_TAKEN;
    store_fail(error, "its blocks are another chain's");
    return SNAP_LIED;
}

static enum snap_taken take_log(struct snap_take *t, const struct anchor *anchor, struct known *known,
                                char error[STORE_ERROR_MAX])
{
    const struct blog_options options = {.genesis_hash = t->options.genesis_hash,
                                         .begin = t->height < SNAP_BLOCKS ? 1 : t->height - SNAP_BLOCKS + 1};
    remove_tree(t->log_dir);
    struct disk *disk = make_folder(t->log_dir, error) ? disk_uring_open(t->log_dir, error) : NULL;
    struct blog *blog = disk ? blog_open(disk, &options, error) : NULL;
    const enum snap_taken taken = blog ? take_chain(t, blog, anchor, known, error) : SNAP_FAILED;
    if (blog)
        blog_close(blog);
    if (disk)
        disk_uring_close(disk);
    return taken;
}

static enum snap_taken check_state(struct snap_take *t, const bytes32 *expected, char error[STORE_ERROR_MAX])
{
    bytes32 root;
    if (!snap_state_root(t->state, &root, error))
        return SNAP_LIED;
    if (bytes32_equal(&root, expected))
        return SNAP_TAKEN;
    store_fail(error, "the state does not have the root that the header of block %" PRIu64 " names", t->height);
    return SNAP_LIED;
}

static enum snap_taken complete(struct snap_take *t, const struct anchor *anchor, char error[STORE_ERROR_MAX])
{
    if (!checkpoint_import_complete(t->state, t->height, &t->begun, error))
        return SNAP_FAILED;
    checkpoint_close(t->state);
    t->state = NULL;
    return anchor_write(anchor, t->dir, ANCHOR_NAME, &t->options.genesis_hash, error) ? SNAP_TAKEN : SNAP_FAILED;
}

enum snap_taken snap_take_blocks(struct snap_take *t, struct snap_line *line, const struct anchor *anchor,
                                 char error[STORE_ERROR_MAX])
{
    struct known known = {0};
    t->line = line;
    t->most = UINT64_MAX; // as many as there are; each is a block of this chain, or the first that isn't ends it
    enum snap_taken taken = SNAP_LOST;
    if (anchor->height < t->height)
        store_fail(error, "its state is newer than what is attested yet");
    else
        taken = take_log(t, anchor, &known, error);
    if (taken == SNAP_TAKEN)
        taken = check_state(t, &known.state_root, error);
    if (taken == SNAP_TAKEN)
        taken = complete(t, anchor, error);
    return settle(t, taken);
}
