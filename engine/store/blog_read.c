// Reading what the log holds: one record, or all from one on.
#include <errno.h>
#include <stdlib.h>

#include "engine/store/blog_private.h"

// The kept segment with this height, NULL when there is none.
static struct segment *segment_of(const struct blog *b, uint64_t height)
{
    size_t low = 0, high = b->segment_count;
    while (high - low > 1) {
        const size_t mid = (low + high) / 2;
        if (b->segments[mid].first <= height)
            low = mid;
        else
            high = mid;
    }
    struct segment *s = &b->segments[low];
    return height >= s->first && height <= s->last ? s : NULL;
}

static bool collect_place(void *ctx, uint64_t height, uint64_t offset, uint32_t length, const uint8_t *record)
{
    struct segment *s = ctx;
    (void)record;
    return segment_add_place(s, height, offset, length);
}

void blog_forget_places(const struct blog *b)
{
    for (size_t i = 0; i + 2 < b->segment_count; i++) {
        struct segment *s = &b->segments[i];
        free(s->places);
        s->places = NULL;
        s->place_cap = 0;
    }
}

// A closed segment's places are read from its frames when somebody asks for them.
static bool load_places(const struct blog *b, struct segment *s)
{
    blog_forget_places(b);
    char name[64], error[STORE_ERROR_MAX];
    struct segment found = {.first = s->first, .last = s->first - 1};
    blog_segment_name(name, s->number);
    const int file = b->disk->ops->open(b->disk, name, false);
    if (file < 0)
        return false;
    struct segment_scan scan = {.disk = b->disk,
                                .file = file,
                                .name = name,
                                .genesis_hash = &b->options.genesis_hash,
                                .verify_from = UINT64_MAX,
                                .visit = collect_place,
                                .ctx = &found,
                                .next_height = s->first};
    const bool ok = scan_segment(&scan, error) && found.last == s->last;
    b->disk->ops->close(b->disk, file);
    if (!ok) {
        free(found.places);
        return false;
    }
    s->places = found.places;
    s->place_cap = found.place_cap;
    return true;
}

bool blog_place(const struct blog *b, uint64_t height, struct blog_place *out)
{
    struct segment *s = height <= b->durable ? segment_of(b, height) : NULL;
    if (s == NULL || (s->places == NULL && !load_places(b, s)))
        return false;
    const struct place *p = &s->places[height - s->first];
    *out = (struct blog_place){.segment = s->number, .length = p->length, .offset = p->offset};
    return true;
}

uint8_t *blog_read_at(struct blog *b, uint64_t height, const struct blog_place *place, char error[STORE_ERROR_MAX])
{
    char name[64];
    blog_segment_name(name, place->segment);
    const int file = b->disk->ops->open(b->disk, name, false);
    int err = file;
    uint8_t *record = NULL;
    if (file >= 0) {
        record = scan_read_record(b->disk, file, b->salt, height, place->offset, place->length, &err);
        b->disk->ops->close(b->disk, file);
    }
    if (record == NULL)
        store_fail(error, "%s, offset %llu: block %llu %s; restore the file from a copy", name,
                   (unsigned long long)place->offset, (unsigned long long)height,
                   err < 0 ? strerror(-err) : "is damaged (its checksum does not match)");
    return record;
}

static bool find_place(const struct blog *b, uint64_t height, struct blog_place *place, char error[STORE_ERROR_MAX])
{
    if (height < blog_first(b) || height > b->durable) {
        store_fail(error, "block %llu is not in the log, which holds %llu to %llu", (unsigned long long)height,
                   (unsigned long long)blog_first(b), (unsigned long long)b->durable);
        return false;
    }
    if (blog_place(b, height, place))
        return true;
    char name[64];
    const struct segment *s = segment_of(b, height);
    blog_segment_name(name, s != NULL ? s->number : 0);
    store_fail(error, "%s is damaged before block %llu; `gantry doctor --data` tells where", name,
               (unsigned long long)height);
    return false;
}

size_t blog_read_start(struct blog *b, uint64_t height, uint8_t *buf, size_t cap, char error[STORE_ERROR_MAX])
{
    struct blog_place place;
    char name[64];
    if (!find_place(b, height, &place, error))
        return 0;
    blog_segment_name(name, place.segment);
    const int file = b->disk->ops->open(b->disk, name, false);
    int64_t n = file;
    if (file >= 0) {
        n = b->disk->ops->read(b->disk, file, place.offset, buf, cap < place.length ? cap : place.length);
        b->disk->ops->close(b->disk, file);
    }
    if (n > 0)
        return (size_t)n;
    store_fail(error, "%s, offset %llu: block %llu %s", name, (unsigned long long)place.offset,
               (unsigned long long)height, n < 0 ? strerror((int)-n) : "is not there");
    return 0;
}

uint8_t *blog_read(struct blog *b, uint64_t height, size_t *len, char error[STORE_ERROR_MAX])
{
    struct blog_place place;
    if (!find_place(b, height, &place, error))
        return NULL;
    *len = place.length;
    return blog_read_at(b, height, &place, error);
}

struct reader {
    blog_visit *visit;
    void *ctx;
    uint64_t next, durable;
    char *error;
    bool refused; // by visit, which has said why
};

static bool tell(void *ctx, uint64_t height, uint64_t offset, uint32_t length, const uint8_t *record)
{
    struct reader *r = ctx;
    (void)offset;
    if (height < r->next)
        return true;
    if (height > r->durable)
        return false;
    r->refused = !r->visit(r->ctx, height, bytes_of(record, length), r->error);
    r->next += !r->refused;
    return !r->refused;
}

static bool read_segment(const struct blog *b, const struct segment *s, struct reader *r)
{
    char name[64];
    blog_segment_name(name, s->number);
    const int file = b->disk->ops->open(b->disk, name, false);
    if (file < 0)
        return store_fail(r->error, "cannot open %s: %s", name, strerror(-file));
    struct segment_scan scan = {.disk = b->disk,
                                .file = file,
                                .name = name,
                                .genesis_hash = &b->options.genesis_hash,
                                .verify_from = r->next,
                                .visit = tell,
                                .ctx = r,
                                .next_height = s->first};
    const bool read = scan_segment(&scan, r->error);
    b->disk->ops->close(b->disk, file);
    if (!read || r->refused)
        return false;
    return r->next > (s->last < r->durable ? s->last : r->durable) ||
           store_fail(r->error, "%s is damaged at offset %llu: %s; restore the file from a copy", name,
                      (unsigned long long)scan.end, scan.bad ? scan.reason : "records are missing");
}

bool blog_read_through(const struct blog *b, uint64_t from, blog_visit *visit, void *ctx, char error[STORE_ERROR_MAX])
{
    struct reader r = {.visit = visit,
                       .ctx = ctx,
                       .next = from > blog_first(b) ? from : blog_first(b),
                       .durable = b->durable,
                       .error = error};
    for (size_t i = 0; i < b->segment_count && r.next <= r.durable; i++) {
        if (b->segments[i].last >= r.next && !read_segment(b, &b->segments[i], &r))
            return false;
    }
    return true;
}
