#include "engine/order/wal.h"

bool wal_open(struct wal *w, struct disk *disk, const bytes32 *genesis_hash, uint64_t segment_bytes,
              char error[STORE_ERROR_MAX])
{
    *w = (struct wal){0};
    if (!disk)
        return true;
    const struct blog_options options = {.genesis_hash = *genesis_hash, .segment_bytes = segment_bytes};
    w->blog = blog_open(disk, &options, error);
    w->last = w->blog ? blog_last(w->blog) : 0;
    return w->blog != NULL;
}

void wal_close(struct wal *w)
{
    if (w->blog)
        blog_close(w->blog);
    w->blog = NULL;
}

uint64_t wal_append(struct wal *w, struct bytes records)
{
    if (w->blog && blog_append(w->blog, w->last + 1, records) != 0)
        return 0;
    return ++w->last;
}

void wal_flush(struct wal *w)
{
    if (w->blog)
        blog_flush(w->blog);
}

bool wal_step(struct wal *w, bool wait)
{
    return w->blog && blog_step(w->blog, wait);
}

void wal_retain(struct wal *w, uint64_t turn)
{
    if (w->blog)
        blog_retain(w->blog, turn);
}

struct replay {
    wal_visit *visit;
    void *ctx;
};

static bool replay_turn(void *ctx, uint64_t turn, struct bytes in, char error[STORE_ERROR_MAX])
{
    const struct replay *r = ctx;
    while (in.len > 0) {
        const size_t len = in.len >= 5 ? load_le32(in.ptr + 1) : 0;
        if (in.len < 5 || len > in.len - 5)
            return store_fail(error, "turn %llu of the write-ahead log is malformed", (unsigned long long)turn);
        if (!r->visit(r->ctx, turn, (enum record_kind)in.ptr[0], bytes_of(in.ptr + 5, len), error))
            return false;
        in = bytes_of(in.ptr + 5 + len, in.len - 5 - len);
    }
    return true;
}

bool wal_replay(const struct wal *w, wal_visit *visit, void *ctx, char error[STORE_ERROR_MAX])
{
    struct replay r = {visit, ctx};
    return blog_read_through(w->blog, 0, replay_turn, &r, error);
}
