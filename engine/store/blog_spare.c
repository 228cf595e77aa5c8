#include <errno.h>
#include <stdlib.h>

#include "engine/store/blog_private.h"

// Zeros are written and synced in pieces of these sizes, so that no sync holds up the disk for long.
enum { CHUNK_MIN = 128 << 10, CHUNK_MAX = 4 << 20 };

// Never written to: the system backs all of it with one page of zeros.
static uint8_t zeros[CHUNK_MAX] __attribute__((aligned(BLOG_PAGE)));

static void spare_fail(struct blog *b, int err)
{
    blog_fail(b, err, "cannot prepare the next segment of the block log");
}

// Opens an empty file. A leftover of an earlier run was removed when the log was opened.
static void spare_begin(struct blog *b)
{
    const uint64_t twice = 2 * blog_open_segment(b)->bytes;
    const int file = b->disk->ops->open(b->disk, BLOG_SPARE_NAME, true);
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

static void write_next(struct blog *b, const uint8_t *bytes, uint64_t len)
{
    struct spare *s = &b->spare;
    const int err = b->disk->ops->write_sync(b->disk, s->file, s->zeroed, bytes, (size_t)len, TAG_SPARE);
    if (err < 0) {
        spare_fail(b, err);
        return;
    }
    b->under_way++;
    s->state = SPARE_WRITES;
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
    const uint64_t goal = due(b), lag = goal > s->zeroed ? blog_round_up(goal - s->zeroed) : 0;
    // The disk is the groups' first, unless the spare falls behind.
    if (b->group == GROUP_WRITES && lag < s->bytes / 8)
        return;
    if (s->zeroed == 0 && lag > 0) {
        blog_header_page(b, blog_open_segment(b)->number + 1, s->bytes, b->spare_header);
        write_next(b, b->spare_header, BLOG_PAGE);
    } else if (lag >= CHUNK_MIN || (lag > 0 && goal == s->bytes)) {
        write_next(b, zeros, lag < CHUNK_MAX ? lag : CHUNK_MAX);
    }
}

void spare_completed(struct blog *b, int result)
{
    struct spare *s = &b->spare;
    if (result <= 0) {
        spare_fail(b, result < 0 ? result : -EIO);
        return;
    }
    // A header page that was cut short is written again.
    if (s->zeroed > 0 || result == BLOG_PAGE)
        s->zeroed += (uint64_t)result;
    s->state = s->zeroed >= s->bytes ? SPARE_READY : SPARE_IDLE;
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
            s->state = SPARE_IDLE; // grows
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
