#include "engine/store/blog.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/store/blog_private.h"

void blog_fail(struct blog *b, int err, const char *format, ...)
{
    if (b->failed[0] != '\0')
        return;
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const char *advice = err == -ENOSPC || err == -EDQUOT ? "; free space in the data folder and start again"
                                                          : "; the log is whole up to its last durable block";
    snprintf(b->failed, sizeof b->failed, "%s: %s%s", what, strerror(-err), advice);
    b->group = GROUP_NONE;
}

const char *blog_failed(const struct blog *b)
{
    return b->failed[0] != '\0' ? b->failed : NULL;
}

void blog_segment_name(char out[64], uint32_t segment)
{
    snprintf(out, 64, "segment-%08u.log", segment);
}

uint64_t blog_first(const struct blog *b)
{
    return b->segments[0].first;
}

uint64_t blog_last(const struct blog *b)
{
    return b->last;
}

uint64_t blog_durable(const struct blog *b)
{
    return b->durable;
}

bool blog_in_flight(const struct blog *b)
{
    return b->group != GROUP_NONE;
}

bool blog_add_segment(struct blog *b, const struct segment *s)
{
    if (b->segment_count == b->segment_cap) {
        const size_t cap = b->segment_cap == 0 ? 16 : b->segment_cap * 2;
        struct segment *grown = realloc(b->segments, cap * sizeof *grown);
        if (grown == NULL)
            return false;
        b->segments = grown;
        b->segment_cap = cap;
    }
    b->segments[b->segment_count++] = *s;
    return true;
}

bool segment_add_place(struct segment *s, uint64_t height, uint64_t offset, uint32_t length)
{
    const size_t i = (size_t)(height - s->first);
    if (i >= s->place_cap) {
        const size_t cap = s->place_cap < 64 ? 64 : s->place_cap * 2;
        struct place *grown = realloc(s->places, cap * sizeof *grown);
        if (grown == NULL)
            return false;
        s->places = grown;
        s->place_cap = cap;
    }
    assert(i < s->place_cap && height == s->last + 1);
    s->places[i] = (struct place){offset, length};
    s->last = height;
    return true;
}

// Makes room for `more` bytes beyond len. Groups are whole pages in memory too, so that the disk can take them from
// where they are.
static bool buffer_reserve(struct group_buffer *g, size_t more)
{
    const size_t need = (size_t)blog_round_up(g->len + more);
    if (need <= g->cap)
        return true;
    const size_t cap = need > 2 * g->cap ? need : 2 * g->cap;
    uint8_t *grown = aligned_alloc(BLOG_PAGE, cap);
    if (grown == NULL)
        return false;
    if (g->bytes != NULL)
        memcpy(grown, g->bytes, g->len);
    free(g->bytes);
    g->bytes = grown;
    g->cap = cap;
    return true;
}

int blog_append(struct blog *b, uint64_t height, struct bytes record)
{
    struct group_buffer *g = &b->collecting;
    if (blog_failed(b) != NULL)
        return -EIO;
    assert(height == b->last + 1);
    if (record.len > BLOG_RECORD_MAX)
        return -EFBIG;
    if (g->count > 0 && g->len + record.len > BLOG_QUEUE_BYTES_MAX)
        return -EAGAIN;
    if (g->count == 0) {
        g->len = GROUP_HEADER_BYTES;
        g->first_height = height;
    }
    if (!buffer_reserve(g, FRAME_BYTES + record.len))
        return -ENOMEM;
    frame_put(g->bytes + g->len, height, record, b->salt);
    g->len += FRAME_BYTES + record.len;
    g->count++;
    b->last = height;
    return 0;
}

static void write_rest(struct blog *b)
{
    const struct group_buffer *g = &b->writing;
    const int err = b->disk->ops->write_sync(b->disk, b->file, b->offset + b->written, g->bytes + b->written,
                                             g->len - b->written, TAG_GROUP);
    if (err < 0) {
        blog_fail(b, err, "cannot write the block log");
        return;
    }
    b->under_way++;
}

// Remembers where the group's records are going to be. They are told to nobody before they are durable.
static bool place_records(struct blog *b)
{
    const struct group_buffer *g = &b->writing;
    struct segment *s = blog_open_segment(b);
    size_t pos = GROUP_HEADER_BYTES;
    for (uint32_t i = 0; i < g->count; i++) {
        struct frame f;
        const bool own = frame_peek(&f, bytes_of(g->bytes + pos, FRAME_BYTES));
        assert(own && f.height == g->first_height + i);
        (void)own;
        if (!segment_add_place(s, f.height, b->offset + pos + FRAME_BYTES, f.length))
            return false;
        pos += FRAME_BYTES + f.length;
    }
    return true;
}

// True when the open segment has room for the group: as it is, grown (an empty one, so that each closed segment has
// records), or as the next one.
static bool make_room(struct blog *b, uint64_t padded)
{
    struct segment *s = blog_open_segment(b);
    if (padded <= s->bytes - b->offset)
        return true;
    if (b->offset > BLOG_PAGE)
        return spare_roll(b, padded);
    const int err = b->disk->ops->allocate(b->disk, b->file, BLOG_PAGE + padded);
    if (err < 0) {
        blog_fail(b, err, "cannot extend segment %u of the block log", s->number);
        return false;
    }
    s->bytes = BLOG_PAGE + padded;
    return true;
}

// Writes the group into the open segment when it fits; else it waits for the next segment.
static void try_write_group(struct blog *b)
{
    struct group_buffer *g = &b->writing;
    const uint64_t padded = blog_round_up(g->len);
    if (!make_room(b, padded)) {
        if (blog_failed(b) == NULL)
            b->group = GROUP_WAITS_FOR_SPARE;
        return;
    }
    const struct group_header header = {
        .number = b->next_group,
        .durable_offset = b->offset,
        .first_height = g->first_height,
        .payload_bytes = g->len - GROUP_HEADER_BYTES,
        .record_count = g->count,
    };
    group_header_put(g->bytes, &header, b->salt);
    if (!place_records(b)) {
        blog_fail(b, -ENOMEM, "cannot write the block log");
        return;
    }
    memset(g->bytes + g->len, 0, (size_t)(padded - g->len));
    g->len = (size_t)padded;
    b->written = 0;
    b->group = GROUP_WRITES;
    write_rest(b);
}

static void start_group(struct blog *b)
{
    b->flush_wanted = false;
    const struct group_buffer filled = b->collecting;
    b->collecting = b->writing;
    b->collecting.count = 0;
    b->collecting.len = 0;
    b->writing = filled;
    try_write_group(b);
}

void blog_flush(struct blog *b)
{
    if (blog_failed(b) != NULL || b->collecting.count == 0)
        return;
    if (b->group != GROUP_NONE)
        b->flush_wanted = true;
    else
        start_group(b);
    spare_work(b);
    b->disk->ops->poll(b->disk, NULL, 0, false);
}

static void group_completed(struct blog *b, int result)
{
    if (result <= 0) {
        blog_fail(b, result < 0 ? result : -EIO, "cannot write the block log (segment %u, offset %llu)",
                  blog_open_segment(b)->number, (unsigned long long)b->offset + b->written);
        return;
    }
    b->written += (uint64_t)result;
    if (b->written < b->writing.len) {
        write_rest(b);
        return;
    }
    b->durable = b->writing.first_height + b->writing.count - 1;
    b->offset += b->writing.len;
    b->next_group++;
    b->group = GROUP_NONE;
}

static void completed(struct blog *b, const struct disk_completion *c)
{
    b->under_way--;
    if (blog_failed(b) != NULL)
        return;
    if (c->tag == TAG_GROUP)
        group_completed(b, c->result);
    else
        spare_completed(b, c->result);
}

bool blog_step(struct blog *b, bool wait)
{
    struct disk_completion done[8];
    const uint64_t before = b->durable;
    const bool waits = wait && b->under_way > 0;
    const size_t n = b->disk->ops->poll(b->disk, done, 8, waits);
    if (waits && n == 0)
        blog_fail(b, -EIO, "cannot write the block log, whose disk no longer answers");
    for (size_t i = 0; i < n; i++)
        completed(b, &done[i]);
    if (blog_failed(b) == NULL) {
        if (b->group == GROUP_WAITS_FOR_SPARE)
            try_write_group(b);
        else if (b->group == GROUP_NONE && b->flush_wanted && b->collecting.count > 0)
            start_group(b);
        spare_work(b);
    }
    b->disk->ops->poll(b->disk, NULL, 0, false);
    return b->durable > before;
}

void blog_close(struct blog *b)
{
    // The disk still writes from our buffers.
    while (b->under_way > 0) {
        struct disk_completion done;
        if (b->disk->ops->poll(b->disk, &done, 1, true) == 0)
            break;
        b->under_way--;
    }
    spare_drop(b);
    if (b->file >= 0)
        b->disk->ops->close(b->disk, b->file);
    for (size_t i = 0; i < b->segment_count; i++)
        free(b->segments[i].places);
    free(b->segments);
    free(b->collecting.bytes);
    free(b->writing.bytes);
    free(b);
}

size_t blog_segments(const struct blog *b, struct blog_segment *out, size_t max)
{
    for (size_t i = 0; i < b->segment_count && i < max; i++) {
        const struct segment *s = &b->segments[i];
        const bool open = i + 1 == b->segment_count;
        out[i] = (struct blog_segment){
            .segment = s->number,
            .first = s->first,
            .last = open && s->last > b->durable ? b->durable : s->last,
            .open = open,
        };
    }
    return b->segment_count;
}

uint64_t blog_bytes(const struct blog *b)
{
    uint64_t sum = b->spare.zeroed;
    for (size_t i = 0; i < b->segment_count; i++)
        sum += b->segments[i].bytes;
    return sum;
}

unsigned blog_retain(struct blog *b, uint64_t height)
{
    unsigned gone = 0;
    // The newest segment that has records says where the log goes on, so it stays.
    while (gone + 1 < b->segment_count && b->segments[gone].last < height &&
           b->segments[gone + 1].last >= b->segments[gone + 1].first) {
        char name[64];
        blog_segment_name(name, b->segments[gone].number);
        if (b->disk->ops->remove(b->disk, name) < 0)
            break;
        free(b->segments[gone].places);
        gone++;
    }
    b->segment_count -= gone;
    memmove(b->segments, b->segments + gone, b->segment_count * sizeof *b->segments);
    return gone;
}
