#include "engine/store/blog_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

// Reads grow from the first to the second while a scan goes on.
enum { WINDOW_BYTES_MIN = 64 << 10, WINDOW_BYTES_MAX = 1 << 20 };

// The part of a file that was read last.
struct window {
    const struct segment_scan *scan;
    uint8_t *buf;
    size_t cap, len;
    uint64_t start;
    int error;
};

// len bytes at offset, valid until the next call. NULL past the end of the file, or when reading failed (w->error).
static const uint8_t *window_get(struct window *w, uint64_t offset, uint64_t len)
{
    const uint64_t size = w->scan->size;
    if (offset > size || len > size - offset)
        return NULL;
    if (offset >= w->start && offset - w->start <= w->len && len <= w->len - (offset - w->start))
        return w->buf + (offset - w->start);
    const size_t step = w->cap == 0 ? WINDOW_BYTES_MIN : w->cap < WINDOW_BYTES_MAX ? 2 * w->cap : w->cap;
    const size_t want = len > step ? (size_t)len : step;
    if (want > w->cap) {
        free(w->buf);
        w->cap = w->len = 0;
        w->buf = malloc(want);
        if (w->buf == NULL) {
            w->error = -ENOMEM;
            return NULL;
        }
        w->cap = want;
    }
    const uint64_t rest = size - offset;
    const int64_t n =
        w->scan->disk->ops->read(w->scan->disk, w->scan->file, offset, w->buf, rest < want ? (size_t)rest : want);
    w->start = offset;
    w->len = n < 0 ? 0 : (size_t)n;
    if (n < 0)
        w->error = (int)n;
    return w->len >= len ? w->buf : NULL;
}

static bool all_zero(const uint8_t *p, size_t len)
{
    return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

bool scan_header(struct segment_scan *s, char error[STORE_ERROR_MAX])
{
    struct file_header header;
    uint8_t buf[FILE_HEADER_BYTES];
    const int64_t size = s->disk->ops->size(s->disk, s->file);
    const int64_t n = size < 0 ? size : s->disk->ops->read(s->disk, s->file, 0, buf, sizeof buf);
    if (n < 0) {
        return store_fail(error, "cannot read %s: %s", s->name, strerror((int)-n));
    }
    if (!file_header_get(&header, bytes_of(buf, (size_t)n), &BLOG_SEGMENT_KIND, s->genesis_hash, s->name, error))
        return false;
    s->number = header.number;
    s->salt = header.words[BLOG_WORD_SALT];
    s->size = (uint64_t)size / BLOG_PAGE * BLOG_PAGE;
    s->end = BLOG_PAGE;
    if ((uint64_t)size < header.words[BLOG_WORD_BYTES]) {
        return store_fail(
            error, "%s is damaged at offset %lld: it ends there, but was made %llu bytes long; restore it from a copy",
            s->name, (long long)size, (unsigned long long)header.words[BLOG_WORD_BYTES]);
    }
    return true;
}

static bool bad(struct segment_scan *s, const char *reason)
{
    s->bad = true;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
    return false;
}

// Frames of the group at `at`, without telling anybody yet.
static bool check_frames(struct segment_scan *s, struct window *w, const struct group_header *g, uint64_t at)
{
    const bool verify = g->first_height + g->record_count > s->verify_from;
    uint64_t pos = at + GROUP_HEADER_BYTES;
    const uint64_t end = pos + g->payload_bytes;
    for (uint32_t i = 0; i < g->record_count; i++) {
        struct frame f;
        const uint8_t *p = window_get(w, pos, FRAME_BYTES);
        if (p == NULL || !frame_peek(&f, bytes_of(p, FRAME_BYTES)) || f.height != g->first_height + i ||
            end - pos < FRAME_BYTES || f.length > end - pos - FRAME_BYTES)
            return bad(s, "a record's frame is damaged");
        if (verify) {
            p = window_get(w, pos, FRAME_BYTES + (uint64_t)f.length);
            if (p == NULL || !frame_check(bytes_of(p, FRAME_BYTES + (size_t)f.length), s->salt))
                return bad(s, "a record's checksum does not match");
        }
        pos += FRAME_BYTES + (uint64_t)f.length;
    }
    return pos == end || bad(s, "a group's length does not match its records");
}

// Tells the visitor. Returns false when it stops the scan.
static bool visit_frames(struct segment_scan *s, struct window *w, const struct group_header *g, uint64_t at)
{
    const bool verify = g->first_height + g->record_count > s->verify_from;
    uint64_t pos = at + GROUP_HEADER_BYTES;
    for (uint32_t i = 0; i < g->record_count; i++) {
        struct frame f;
        const uint8_t *p = window_get(w, pos, FRAME_BYTES);
        if (p == NULL || !frame_peek(&f, bytes_of(p, FRAME_BYTES)))
            return bad(s, "a record changed while it was read");
        const uint8_t *record = NULL;
        if (verify) {
            p = window_get(w, pos, FRAME_BYTES + (uint64_t)f.length);
            if (p == NULL)
                return bad(s, "a record changed while it was read");
            record = p + FRAME_BYTES;
        }
        if (!s->visit(s->ctx, f.height, pos + FRAME_BYTES, f.length, record))
            return false;
        pos += FRAME_BYTES + (uint64_t)f.length;
    }
    return true;
}

// The group at s->end, when it is good: true, and s moves past it.
static bool scan_group(struct segment_scan *s, struct window *w)
{
    struct group_header g;
    const uint8_t *p = window_get(w, s->end, BLOG_PAGE);
    if (p == NULL || all_zero(p, BLOG_PAGE))
        return false;
    if (!group_header_get(&g, bytes_of(p, BLOG_PAGE), s->salt))
        return bad(s, "a group's header is damaged");
    if (g.durable_offset != s->end)
        return bad(s, "a group is at another offset than it was written to");
    if ((s->next_group != 0 && g.number != s->next_group) || (s->next_height != 0 && g.first_height != s->next_height))
        return bad(s, "a group does not follow the one before it");
    if (g.payload_bytes > s->size - s->end - GROUP_HEADER_BYTES)
        return bad(s, "a group is longer than its file");
    if (!check_frames(s, w, &g, s->end) || (s->visit != NULL && !visit_frames(s, w, &g, s->end)))
        return false;
    s->next_group = g.number + 1;
    s->next_height = g.first_height + g.record_count;
    s->end += blog_round_up(GROUP_HEADER_BYTES + g.payload_bytes);
    return true;
}

bool scan_segment(struct segment_scan *s, char error[STORE_ERROR_MAX])
{
    s->bad = false;
    if (!scan_header(s, error))
        return false;
    struct window w = {.scan = s};
    while (scan_group(s, &w))
        ;
    free(w.buf);
    if (w.error < 0) {
        return store_fail(error, "cannot read %s at offset %llu: %s", s->name, (unsigned long long)s->end,
                          strerror(-w.error));
    }
    return true;
}

int scan_later_group(const struct segment_scan *s, uint64_t *offset, uint64_t *dirty_end)
{
    struct window w = {.scan = s};
    const uint8_t *p;
    int found = 0;
    *dirty_end = s->end;
    for (uint64_t at = s->end; (p = window_get(&w, at, BLOG_PAGE)) != NULL; at += BLOG_PAGE) {
        struct group_header g;
        if (all_zero(p, BLOG_PAGE))
            continue;
        *dirty_end = at + BLOG_PAGE;
        if (found == 1 || !group_header_get(&g, bytes_of(p, BLOG_PAGE), s->salt) || g.durable_offset != at)
            continue;
        // At the end itself the group that a crash tore may stand, but no other.
        const bool torn_one = at == s->end && g.number == s->next_group && g.first_height == s->next_height;
        if (!torn_one && (at == s->end || g.number >= s->next_group)) {
            *offset = at;
            found = 1;
        }
    }
    free(w.buf);
    return w.error < 0 ? w.error : found;
}

uint8_t *scan_read_record(struct disk *disk, int file, uint64_t salt, uint64_t height, uint64_t offset, uint32_t length,
                          int *err)
{
    struct frame f;
    const size_t size = FRAME_BYTES + (size_t)length;
    uint8_t *buf = malloc(size);
    const int64_t n = buf == NULL ? -ENOMEM : disk->ops->read(disk, file, offset - FRAME_BYTES, buf, size);
    *err = n < 0 ? (int)n : 0;
    if (n == (int64_t)size && frame_check(bytes_of(buf, size), salt) && frame_peek(&f, bytes_of(buf, size)) &&
        f.height == height) {
        memmove(buf, buf + FRAME_BYTES, length);
        return buf;
    }
    free(buf);
    return NULL;
}
