#include <errno.h>
#include <stdlib.h>

#include "engine/store/blog_private.h"

// Zeros are written in pieces of these sizes and synced often enough that no sync holds up the disk for long.
enum { CHUNK_MIN = 128 << 10, CHUNK_MAX = 4 << 20, SYNC_EVERY = 8 << 20 };

static void spare_fail(struct blog *b, int err)
{
    blog_fail(b, err, "cannot prepare the next segment of the block log");
}

static size_t chunk_max(const struct blog *b)
{
    return b->options.segment_bytes < CHUNK_MAX ? (size_t)b->options.segment_bytes : CHUNK_MAX;
}

// Opens an empty file. A leftover of an earlier run was removed when the log was opened.
static void spare_begin(struct blog *b)
{
    const uint64_t twice = 2 * blog_open_segment(b)->bytes;
    if (b->zeros == NULL)
        b->zeros = calloc(1, chunk_max(b));
    const int file = b->zeros == NULL ? -ENOMEM : b->disk->ops->open(b->disk, BLOG_SPARE_NAME, true);
    if (file < 0) {
        spare_fail(b, file);
        return;
    }
    b->spare = (struct spare){
        .state = SPARE_IDLE,
        .file = file,
        .bytes = twice < b->options.segment_bytes ? twice : b->options.segment_bytes,
    };
}

// How much of the spare should be there by now: all of it when the open segment is half full.
static uint64_t due(const struct blog *b)
{
    if (b->group == GROUP_WAITS_FOR_SPARE)
        return b->spare.bytes;
    const uint64_t capacity = blog_open_segment(b)->bytes;
    const double share = 2.0 * (double)b->offset / (double)capacity;
    return share >= 1 ? b->spare.bytes : (uint64_t)(share * (double)b->spare.bytes);
}

static void submitted(struct blog *b, int err, enum spare_state next)
{
    if (err < 0) {
        spare_fail(b, err);
        return;
    }
    b->under_way++;
    b->spare.state = next;
}

static void write_header(struct blog *b)
{
    struct spare *s = &b->spare;
    blog_header_page(b, blog_open_segment(b)->number + 1, s->bytes, b->spare_header);
    submitted(b, b->disk->ops->write(b->disk, s->file, 0, b->spare_header, BLOG_PAGE, TAG_SPARE_WRITE), SPARE_WRITES);
}

static void write_zeros(struct blog *b, uint64_t len)
{
    struct spare *s = &b->spare;
    submitted(b, b->disk->ops->write(b->disk, s->file, s->zeroed, b->zeros, (size_t)len, TAG_SPARE_WRITE),
              SPARE_WRITES);
}

static void sync_zeros(struct blog *b)
{
    submitted(b, b->disk->ops->sync(b->disk, b->spare.file, TAG_SPARE_SYNC), SPARE_SYNCS);
}

void spare_work(struct blog *b)
{
    struct spare *s = &b->spare;
    // Nothing is prepared for a segment that has nothing in it yet.
    if (blog_failed(b) != NULL || (b->offset <= BLOG_PAGE && b->group != GROUP_WAITS_FOR_SPARE))
        return;
    if (s->state == SPARE_NONE)
        spare_begin(b);
    if (s->state != SPARE_IDLE)
        return;
    const uint64_t goal = due(b), lag = goal > s->zeroed ? goal - s->zeroed : 0;
    // The disk is the groups' first, unless the spare falls behind.
    const bool group_at_work = b->group == GROUP_WRITES || b->group == GROUP_SYNCS;
    if (group_at_work && lag < s->bytes / 8)
        return;
    if (s->zeroed == 0 && lag > 0)
        write_header(b);
    else if (s->zeroed - s->synced >= SYNC_EVERY || (s->zeroed >= s->bytes && s->synced < s->zeroed))
        sync_zeros(b);
    else if (s->zeroed < s->bytes && (lag >= CHUNK_MIN || goal == s->bytes))
        write_zeros(b, lag < chunk_max(b) ? lag : chunk_max(b));
}

void spare_completed(struct blog *b, enum blog_tag tag, int result)
{
    struct spare *s = &b->spare;
    if (result < 0 || (tag == TAG_SPARE_WRITE && result == 0)) {
        spare_fail(b, result < 0 ? result : -EIO);
        return;
    }
    s->state = SPARE_IDLE;
    if (tag == TAG_SPARE_SYNC) {
        // It may have to be longer than when the sync began.
        s->synced = s->zeroed;
        if (s->zeroed >= s->bytes)
            s->state = SPARE_READY;
    } else if (s->zeroed > 0) {
        s->zeroed += (uint64_t)result;
    } else if (result == BLOG_PAGE) {
        s->zeroed = BLOG_PAGE; // else the header is written again
    }
}

bool spare_roll(struct blog *b, uint64_t group_bytes)
{
    struct spare *s = &b->spare;
    const uint64_t needed = BLOG_PAGE + group_bytes;
    if (s->state == SPARE_NONE) {
        spare_begin(b);
        if (s->state == SPARE_NONE)
            return false;
    }
    if (needed > s->bytes) {
        s->bytes = needed;
        if (s->state == SPARE_READY)
            s->state = SPARE_IDLE; // grows and is synced again
    }
    if (s->state != SPARE_READY)
        return false;
    const uint32_t number = blog_open_segment(b)->number + 1;
    const uint64_t first = b->writing.first_height;
    const struct segment next = {.number = number, .first = first, .last = first - 1, .bytes = s->bytes};
    char name[64];
    blog_segment_name(name, number);
    const int err = b->disk->ops->rename(b->disk, BLOG_SPARE_NAME, name);
    if (err < 0 || !blog_add_segment(b, &next)) {
        spare_fail(b, err < 0 ? err : -ENOMEM);
        return false;
    }
    b->disk->ops->close(b->disk, b->file);
    b->file = s->file;
    b->offset = BLOG_PAGE;
    *s = (struct spare){.state = SPARE_NONE};
    blog_forget_places(b);
    return true;
}

void spare_drop(struct blog *b)
{
    if (b->spare.state == SPARE_NONE)
        return;
    b->disk->ops->close(b->disk, b->spare.file);
    b->disk->ops->remove(b->disk, BLOG_SPARE_NAME);
    b->spare.state = SPARE_NONE;
}
