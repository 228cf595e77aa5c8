// Opening the car log: from the newest record backwards, by the heads of records as far as the newest list, then from
// list to list.
#include <errno.h>
#include <stdlib.h>

#include "engine/cars/car_log_private.h"

#define HEAD_BYTES                                                                                                     \
    (sizeof(struct car_head) > sizeof(struct index_head) ? sizeof(struct car_head) : sizeof(struct index_head))

// The file that heads were read from last.
struct reader_file {
    struct disk *disk;
    uint32_t segment; // 0: none
    int file;
};

// A list that was read, and where the walk goes on below it.
struct list {
    bool have;
    struct index_head head;
};

static void close_file(struct reader_file *f)
{
    if (f->segment != 0)
        f->disk->ops->close(f->disk, f->file);
    f->segment = 0;
}

static bool open_segment(struct reader_file *f, uint32_t segment, char error[STORE_ERROR_MAX])
{
    char name[64];
    if (f->segment == segment)
        return true;
    close_file(f);
    blog_segment_name(name, segment);
    f->file = f->disk->ops->open(f->disk, name, false);
    if (f->file < 0)
        return store_fail(error, "cannot open %s: %s", name, strerror(-f->file));
    f->segment = segment;
    return true;
}

static bool read_head(struct reader_file *f, const struct blog_place *at, uint8_t *head, size_t *len,
                      char error[STORE_ERROR_MAX])
{
    if (!open_segment(f, at->segment, error))
        return false;
    *len = at->length < HEAD_BYTES ? at->length : HEAD_BYTES;
    const int64_t n = f->disk->ops->read(f->disk, f->file, at->offset, head, *len);
    if (n == (int64_t)*len)
        return true;
    return store_fail(error, "cannot read the car log (segment %u, offset %llu): %s", at->segment,
                      (unsigned long long)at->offset, n < 0 ? strerror((int)-n) : "the file ends");
}

// What is there already was put later, and holds all of this.
static struct car_entry *take_car(struct car_log *l, const struct index_entry *in)
{
    const struct car_name name = {in->epoch, in->lane, in->pos, in->digest};
    if (car_log_find(l, &name))
        return NULL;
    struct car_entry *e = car_log_entry(l, &name);
    e->stripes = in->stripes;
    e->acked = in->acked;
    e->durable = true;
    e->record = in->place.number;
    e->place = (struct blog_place){in->place.segment, in->place.length, in->place.offset};
    return e;
}

static void keep_unlisted(struct car_log *l, const struct index_entry *e)
{
    if (l->fresh_count == l->fresh_cap) {
        l->fresh_cap = l->fresh_cap ? 2 * l->fresh_cap : 256;
        l->fresh = realloc(l->fresh, l->fresh_cap * sizeof *l->fresh);
        if (!l->fresh)
            abort();
    }
    l->fresh[l->fresh_count++] = *e;
    l->fresh_bytes += e->place.length;
}

// Reads the list at this place. What it says of records that are gone with their segments is passed over. False when it
// can't be read, or is not the list up to `to` (0: any).
static bool read_list(struct car_log *l, const struct record_place *at, uint64_t to, struct list *out)
{
    char ignored[STORE_ERROR_MAX];
    const struct blog_place place = {at->segment, at->length, at->offset};
    const struct index_entry *entries;
    const uint64_t first = blog_first(l->blog);
    out->have = false;
    if (at->number < first)
        return false;
    uint8_t *record = blog_read_at(l->blog, at->number, &place, ignored);
    if (!record)
        return false;
    if (index_get(&out->head, &entries, bytes_of(record, at->length)) && (to == 0 || out->head.to == to)) {
        out->have = true;
        for (uint32_t i = 0; i < out->head.count; i++) {
            if (entries[i].place.number >= first)
                take_car(l, &entries[i]);
        }
    }
    free(record);
    return out->have;
}

// One record by itself.
static bool visit(struct car_log *l, struct reader_file *f, uint64_t number, struct list *list,
                  char error[STORE_ERROR_MAX])
{
    uint8_t bytes[HEAD_BYTES];
    struct blog_place at;
    struct car_head head;
    size_t len;
    if (!blog_place(l->blog, number, &at))
        return store_fail(error, "the car log is damaged before record %llu; `gantry doctor --data` tells where",
                          (unsigned long long)number);
    if (!read_head(f, &at, bytes, &len, error))
        return false;
    const struct record_place place = {number, at.segment, at.length, at.offset};
    if (car_head_get(&head, bytes_of(bytes, len))) {
        const struct index_entry e = {head.epoch, head.lane, head.pos, head.digest, head.stripes, head.acked, place};
        const bool listed = l->index.number != 0 && number <= l->indexed;
        if (take_car(l, &e) && !listed)
            keep_unlisted(l, &e);
        return true;
    }
    if (!list->have && read_list(l, &place, 0, list) && l->index.number == 0) {
        l->index = place;
        l->indexed = list->head.to;
    }
    return true;
}

static bool walk(struct car_log *l, struct reader_file *f, char error[STORE_ERROR_MAX])
{
    const uint64_t first = blog_first(l->blog);
    struct list list = {0};
    for (uint64_t number = blog_last(l->blog); number >= first && number > 0;) {
        if (list.have && number <= list.head.to) {
            const struct record_place before = list.head.before;
            number = list.head.from - 1;
            read_list(l, &before, number, &list);
            continue;
        }
        if (!visit(l, f, number, &list, error))
            return false;
        number--;
    }
    return true;
}

bool car_log_restore(struct car_log *l, char error[STORE_ERROR_MAX])
{
    struct reader_file f = {.disk = l->disk};
    const bool ok = walk(l, &f, error);
    close_file(&f);
    return ok;
}
