#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/store/blog_private.h"

#define DEFAULT_SEGMENT_BYTES (256u << 20)
#define SEGMENT_BYTES_MIN (4 * BLOG_PAGE)

void blog_header_page(const struct blog *b, uint32_t number, uint64_t bytes, uint8_t out[BLOG_PAGE])
{
    const struct file_header header = {
        .number = number,
        .genesis_hash = b->options.genesis_hash,
        .words = {[BLOG_WORD_SALT] = b->salt, [BLOG_WORD_BYTES] = bytes},
    };
    memset(out, 0, BLOG_PAGE);
    file_header_put(out, &BLOG_SEGMENT_KIND, &header);
}

int blog_write_durably(struct disk *disk, int file, uint64_t offset, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        struct disk_completion c = {0};
        const int err = disk->ops->write_sync(disk, file, offset, bytes, len, 0);
        if (err < 0)
            return err;
        if (disk->ops->poll(disk, &c, 1, true) != 1 || c.result <= 0)
            return c.result < 0 ? c.result : -EIO;
        offset += (uint64_t)c.result;
        bytes += c.result;
        len -= (size_t)c.result;
    }
    return 0;
}

static bool fail_errno(char error[STORE_ERROR_MAX], const char *what, const char *name, int err)
{
    return store_fail(error, "cannot %s %s: %s", what, name, strerror(-err));
}

static void damage_text(char error[STORE_ERROR_MAX], const char *name, uint64_t offset, const char *reason,
                        const char *later)
{
    store_fail(
        error,
        "%s is damaged at offset %llu: %s, though %s; nothing was changed: restore the file from a copy, or check "
        "the disk and run `gantry doctor --data`",
        name, (unsigned long long)offset, reason, later);
}

// What the first group of a segment says of itself, without reading more.
struct peek {
    uint64_t height;
};

static bool stop_at_first(void *ctx, uint64_t height, uint64_t offset, uint32_t length, const uint8_t *record)
{
    (void)offset, (void)length, (void)record;
    ((struct peek *)ctx)->height = height;
    return false;
}

static bool add_place(void *ctx, uint64_t height, uint64_t offset, uint32_t length, const uint8_t *record)
{
    struct segment *s = ctx;
    (void)record;
    if (s->first == 0) {
        s->first = height;
        s->last = height - 1;
    }
    return segment_add_place(s, height, offset, length);
}

static bool open_file(struct blog *b, struct segment_scan *scan, char name[64], uint32_t number,
                      char error[STORE_ERROR_MAX])
{
    blog_segment_name(name, number);
    const int file = b->disk->ops->open(b->disk, name, false);
    if (file < 0)
        return fail_errno(error, "open", name, file);
    *scan = (struct segment_scan){
        .disk = b->disk,
        .file = file,
        .name = name,
        .genesis_hash = &b->options.genesis_hash,
        .verify_from = b->options.verify_from,
    };
    return true;
}

static bool check_number(const struct segment_scan *scan, uint32_t number, char error[STORE_ERROR_MAX])
{
    if (scan->number == number)
        return true;
    return store_fail(error, "%s holds segment %u: it was renamed or copied; restore the right file", scan->name,
                      scan->number);
}

// First height of each segment but the last, so that those before verify_from need not be read. Heights of a segment
// end where the next one's begin.
static bool peek_segments(struct blog *b, const struct segment_list *l, char error[STORE_ERROR_MAX])
{
    for (size_t i = 0; i < l->count; i++) {
        struct segment_scan scan;
        struct peek peek = {0};
        char name[64];
        if (!open_file(b, &scan, name, l->numbers[i], error))
            return false;
        scan.visit = stop_at_first;
        scan.ctx = &peek;
        scan.verify_from = UINT64_MAX;
        const bool ok = scan_segment(&scan, error) && check_number(&scan, l->numbers[i], error);
        b->disk->ops->close(b->disk, scan.file);
        if (!ok)
            return false;
        if (peek.height == 0 && i + 1 < l->count) {
            damage_text(error, name, scan.end, scan.bad ? scan.reason : "it has no records",
                        "a later segment is there");
            return false;
        }
        if (i == 0)
            b->salt = scan.salt;
        const struct segment s = {.number = l->numbers[i], .first = peek.height, .bytes = scan.size};
        if (!blog_add_segment(b, &s))
            return fail_errno(error, "read", name, -ENOMEM);
        if (i > 0)
            b->segments[i - 1].last = peek.height - 1;
    }
    return true;
}

// Cuts what a crash left of the group that was being written: zeros from end to dirty_end.
static bool cut_tail(struct blog *b, const struct segment_scan *scan, uint64_t dirty_end, char error[STORE_ERROR_MAX])
{
    enum { CHUNK = 1 << 20 };
    uint8_t *zeros = calloc(1, CHUNK);
    int err = zeros == NULL ? -ENOMEM : 0;
    for (uint64_t at = scan->end; at < dirty_end && err == 0; at += CHUNK) {
        const uint64_t rest = dirty_end - at;
        err = blog_write_durably(b->disk, scan->file, at, zeros, rest < CHUNK ? (size_t)rest : CHUNK);
    }
    free(zeros);
    return err == 0 || fail_errno(error, "cut the torn tail of", scan->name, err);
}

// The tail of the newest segment: good groups, then zeros, or the torn rest of one group.
static bool finish_last(struct blog *b, const struct segment_scan *scan, char error[STORE_ERROR_MAX])
{
    uint64_t later = 0, dirty_end;
    const int found = scan_later_group(scan, &later, &dirty_end);
    if (found < 0)
        return fail_errno(error, "read", scan->name, found);
    if (found == 1) {
        char text[96];
        snprintf(text, sizeof text, "a good later group is at offset %llu", (unsigned long long)later);
        damage_text(error, scan->name, scan->end, scan->bad ? scan->reason : "a group is missing", text);
        return false;
    }
    return dirty_end == scan->end || cut_tail(b, scan, dirty_end, error);
}

// Reads segments[i] from its start; all of it is known then.
static bool scan_one(struct blog *b, size_t i, uint64_t *next_group, uint64_t *next_height, char error[STORE_ERROR_MAX])
{
    struct segment *s = &b->segments[i];
    const bool last = i + 1 == b->segment_count;
    struct segment found = {0};
    struct segment_scan scan;
    char name[64];
    if (!open_file(b, &scan, name, s->number, error))
        return false;
    scan.visit = add_place;
    scan.ctx = &found;
    if (b->options.verify_from == BLOG_VERIFY_NEWEST)
        scan.verify_from = 0;
    scan.next_group = *next_group;
    scan.next_height = *next_height;
    bool ok = scan_segment(&scan, error);
    if (ok && last)
        ok = finish_last(b, &scan, error);
    if (ok && !last && scan.bad) {
        damage_text(error, name, scan.end, scan.reason, "a later segment is there");
        ok = false;
    }
    if (ok && !last && scan.next_height != b->segments[i + 1].first && b->segments[i + 1].first != 0) {
        damage_text(error, name, scan.end, "groups are missing at its end", "a later segment goes on after them");
        ok = false;
    }
    if (!ok) {
        b->disk->ops->close(b->disk, scan.file);
        free(found.places);
        return false;
    }
    s->first = found.first != 0 ? found.first : (*next_height != 0 ? *next_height : 1);
    s->last = found.first != 0 ? found.last : s->first - 1;
    s->places = found.places;
    s->place_cap = found.place_cap;
    *next_group = scan.next_group;
    *next_height = scan.next_height;
    if (last) {
        b->file = scan.file;
        b->offset = scan.end;
    } else {
        b->disk->ops->close(b->disk, scan.file);
    }
    return true;
}

static bool reaches_checkpoint(const struct blog *b, uint64_t last, char error[STORE_ERROR_MAX])
{
    if (b->options.verify_from == BLOG_VERIFY_NEWEST || last >= b->options.verify_from)
        return true;
    return store_fail(
        error,
        "the block log ends at block %llu, but the checkpoint is of block %llu: the log's newest segment was "
        "lost or cut; restore it from a copy",
        (unsigned long long)last, (unsigned long long)b->options.verify_from);
}

// Reads from the segment that holds verify_from (or the last one with records, which says where to go on) to the end.
static bool recover(struct blog *b, char error[STORE_ERROR_MAX])
{
    const size_t n = b->segment_count;
    size_t from = n - 1;
    uint64_t next_group = 0, next_height = 0;
    while (from > 0 && (b->segments[from].first == 0 || b->segments[from].first > b->options.verify_from))
        from--;
    // The newest one's first group may be torn, which shows by what comes before it.
    if (from > 0 && b->options.verify_from == BLOG_VERIFY_NEWEST)
        from--;
    if (from == 0 && b->segments[0].number == 1)
        next_group = next_height = 1;
    for (size_t i = from; i < n; i++) {
        if (!scan_one(b, i, &next_group, &next_height, error))
            return false;
    }
    b->next_group = next_group != 0 ? next_group : 1;
    b->last = b->durable = next_height != 0 ? next_height - 1 : 0;
    return reaches_checkpoint(b, b->last, error);
}

// The first segment is made under the spare's name, so that a segment's file is never seen without its header.
static bool create(struct blog *b, char error[STORE_ERROR_MAX])
{
    struct disk *d = b->disk;
    const uint64_t bytes =
        b->options.segment_bytes < BLOG_FIRST_SEGMENT_BYTES ? b->options.segment_bytes : BLOG_FIRST_SEGMENT_BYTES;
    // Only the first segment of all is known to begin with height 1.
    const uint64_t begin = b->options.begin > 1 ? b->options.begin : 1;
    const struct segment first = {.number = begin > 1 ? 2 : 1, .first = begin, .last = begin - 1, .bytes = bytes};
    uint8_t page[BLOG_PAGE];
    char name[64];
    if (!reaches_checkpoint(b, first.last, error))
        return false;
    blog_segment_name(name, first.number);
    b->salt = d->ops->salt(d);
    blog_header_page(b, first.number, bytes, page);
    b->file = d->ops->open(d, BLOG_SPARE_NAME, true);
    int err = b->file < 0 ? b->file : d->ops->allocate(d, b->file, bytes);
    if (err >= 0)
        err = blog_write_durably(d, b->file, 0, page, sizeof page);
    if (err >= 0)
        err = d->ops->rename(d, BLOG_SPARE_NAME, name);
    if (err >= 0 && !blog_add_segment(b, &first))
        err = -ENOMEM;
    if (err < 0)
        return fail_errno(error, "create", name, err);
    b->offset = BLOG_PAGE;
    b->next_group = 1;
    b->last = b->durable = begin - 1;
    return true;
}

static bool open_log(struct blog *b, char error[STORE_ERROR_MAX])
{
    struct segment_list l = {0};
    bool ok = scan_list(b->disk, &l, error);
    if (ok && l.spare) {
        const int err = b->disk->ops->remove(b->disk, BLOG_SPARE_NAME);
        ok = err == 0 || fail_errno(error, "remove", BLOG_SPARE_NAME, err);
    }
    if (ok)
        ok = l.count == 0 ? create(b, error) : peek_segments(b, &l, error) && recover(b, error);
    free(l.numbers);
    return ok;
}

struct blog *blog_open(struct disk *disk, const struct blog_options *options, char error[STORE_ERROR_MAX])
{
    struct blog *b = calloc(1, sizeof *b);
    if (b == NULL) {
        store_fail(error, "out of memory");
        return NULL;
    }
    b->disk = disk;
    b->file = -1;
    b->options = *options;
    if (b->options.segment_bytes == 0)
        b->options.segment_bytes = DEFAULT_SEGMENT_BYTES;
    if (b->options.segment_bytes < SEGMENT_BYTES_MIN)
        b->options.segment_bytes = SEGMENT_BYTES_MIN;
    b->options.segment_bytes = blog_round_up(b->options.segment_bytes);
    if (!open_log(b, error)) {
        blog_close(b);
        return NULL;
    }
    return b;
}
