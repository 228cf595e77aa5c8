#include <errno.h>
#include <stdlib.h>

#include "engine/store/blog_private.h"

enum { ZERO_CHUNK = 256 << 10 };

static void spare_fail(struct blog *b, int err)
{
    blog_fail(b, err, "cannot prepare the next segment of the block log");
}

// Opens an empty file. A leftover of an earlier run was removed when the log was opened.
static void spare_begin(struct blog *b)
{
    const uint64_t twice = 2 * blog_open_segment(b)->bytes;
    if (b->zeros == NULL)
        b->zeros = calloc(1, ZERO_CHUNK);
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

static void write_chunk(struct blog *b)
{
    struct spare *s = &b->spare;
    const uint64_t rest = s->bytes - s->zeroed;
    const uint8_t *from = b->zeros;
    size_t len = rest < ZERO_CHUNK ? (size_t)rest : ZERO_CHUNK;
    if (s->zeroed == 0) {
        // The header page comes first; its buffer is the start of the chunk, which is zeroed again afterwards.
        blog_header_page(b, blog_open_segment(b)->number + 1, s->bytes, b->zeros);
        len = BLOG_PAGE;
    }
    const int err = b->disk->ops->write(b->disk, s->file, s->zeroed, from, len, TAG_SPARE_WRITE);
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
    if (s->zeroed < s->bytes) {
        if (s->zeroed < due(b))
            write_chunk(b);
        return;
    }
    const int err = b->disk->ops->sync(b->disk, s->file, TAG_SPARE_SYNC);
    if (err < 0) {
        spare_fail(b, err);
        return;
    }
    b->under_way++;
    s->state = SPARE_SYNCS;
}

void spare_completed(struct blog *b, enum blog_tag tag, int result)
{
    struct spare *s = &b->spare;
    if (result < 0 || (tag == TAG_SPARE_WRITE && result == 0)) {
        spare_fail(b, result < 0 ? result : -EIO);
        return;
    }
    if (tag == TAG_SPARE_SYNC) {
        // It may have to be longer than when the sync began.
        s->state = s->zeroed < s->bytes ? SPARE_IDLE : SPARE_READY;
        return;
    }
    if (s->zeroed == 0) {
        // A torn header page is written again.
        memset(b->zeros, 0, BLOG_PAGE);
        s->zeroed = result == BLOG_PAGE ? BLOG_PAGE : 0;
    } else {
        s->zeroed += (uint64_t)result;
    }
    s->state = SPARE_IDLE;
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
