#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/store/blog_scan.h"
#include "engine/store/disk_files.h"
#include "engine/store/record.h"
#include "engine/store/tx_index.h"

struct builder {
    struct tx_index_input in;
    size_t place_cap, bloom_cap, entry_cap;
    const char *trouble;
};

static bool reserve(void **array, size_t *cap, size_t need, size_t item_bytes)
{
    if (need <= *cap)
        return true;
    const size_t grown_cap = need > 2 * *cap ? need : 2 * *cap;
    void *grown = realloc(*array, grown_cap * item_bytes);
    if (grown == NULL)
        return false;
    *array = grown;
    *cap = grown_cap;
    return true;
}

static bool add_record(void *ctx, uint64_t height, uint64_t offset, uint32_t length, const uint8_t *bytes)
{
    struct builder *b = ctx;
    struct record r;
    if (!record_decode(&r, bytes_of(bytes, length))) {
        b->trouble = "a record is malformed";
        return false;
    }
    if (b->in.block_count == 0)
        b->in.first_height = height;
    if (!reserve((void **)&b->in.places, &b->place_cap, b->in.block_count + 1, sizeof *b->in.places) ||
        !reserve((void **)&b->in.blooms, &b->bloom_cap, b->in.bloom_count + 1, sizeof *b->in.blooms) ||
        !reserve((void **)&b->in.entries, &b->entry_cap, b->in.entry_count + r.tx_count + 1, sizeof *b->in.entries)) {
        b->trouble = "out of memory";
        return false;
    }
    const uint32_t block = (uint32_t)b->in.block_count;
    const bool has_logs = !bloom_is_zero(&r.header.logs_bloom);
    if (has_logs)
        b->in.blooms[b->in.bloom_count++] = r.header.logs_bloom;
    b->in.places[b->in.block_count++] =
        (struct tx_index_place){offset, length, has_logs ? (uint32_t)b->in.bloom_count : 0};
    b->in.entries[b->in.entry_count++] = (struct tx_index_entry){tx_index_prefix(&r.block_hash), block, TX_INDEX_BLOCK};
    for (uint32_t i = 0; i < r.tx_count; i++) {
        struct record_tx tx;
        record_tx_at(&r, i, &tx);
        b->in.entries[b->in.entry_count++] = (struct tx_index_entry){tx_index_prefix(&tx.hash), block, i};
    }
    return true;
}

static bool scan(struct disk *disk, const char *name, const bytes32 *genesis_hash, struct builder *b,
                 char error[STORE_ERROR_MAX])
{
    struct segment_scan s = {.disk = disk, .name = name, .genesis_hash = genesis_hash, .visit = add_record, .ctx = b};
    s.file = disk->ops->open(disk, name, false);
    if (s.file < 0) {
        return store_fail(error, "cannot open %s: %s", name, strerror(-s.file));
    }
    bool ok = scan_segment(&s, error);
    if (ok && (s.bad || b->trouble != NULL)) {
        store_fail(error, "%s, offset %llu: %s", name, (unsigned long long)s.end,
                   b->trouble != NULL ? b->trouble : s.reason);
        ok = false;
    }
    disk->ops->close(disk, s.file);
    return ok;
}

bool tx_index_build(const char *dir, const bytes32 *genesis_hash, uint32_t segment, char error[STORE_ERROR_MAX])
{
    struct builder b = {.in.segment = segment};
    char name[64];
    blog_segment_name(name, segment);
    struct disk *disk = disk_files_open(dir, error);
    if (disk == NULL)
        return false;
    bool ok = scan(disk, name, genesis_hash, &b, error);
    disk_files_close(disk);
    if (ok && b.in.block_count > 0) {
        const int err = tx_index_write(dir, genesis_hash, &b.in);
        if (err < 0) {
            store_fail(error, "cannot write the index of %s: %s", name, strerror(-err));
            ok = false;
        }
    }
    free(b.in.places);
    free(b.in.blooms);
    free(b.in.entries);
    return ok;
}
