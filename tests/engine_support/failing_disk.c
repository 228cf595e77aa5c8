#include "tests/engine_support/failing_disk.h"

#include <stdlib.h>

struct failing_disk {
    struct disk disk;
    struct disk_ops ops;
    struct disk *behind;
    unsigned after, writes;
    int submit_error, write_error, open_error;
    bool owed; // a write that failed, to be told by the next poll
    uint64_t owed_tag;
};

static struct failing_disk *of(struct disk *d)
{
    return (struct failing_disk *)d;
}

static bool broken(const struct failing_disk *f)
{
    return f->writes >= f->after;
}

static int failing_open(struct disk *d, const char *name, bool create)
{
    struct failing_disk *f = of(d);
    if (create && broken(f) && f->open_error)
        return f->open_error;
    return f->behind->ops->open(f->behind, name, create);
}

static void failing_close(struct disk *d, int file)
{
    of(d)->behind->ops->close(of(d)->behind, file);
}

static int64_t failing_size(struct disk *d, int file)
{
    return of(d)->behind->ops->size(of(d)->behind, file);
}

static int64_t failing_read(struct disk *d, int file, uint64_t offset, void *buf, size_t len)
{
    return of(d)->behind->ops->read(of(d)->behind, file, offset, buf, len);
}

static int failing_allocate(struct disk *d, int file, uint64_t len)
{
    return of(d)->behind->ops->allocate(of(d)->behind, file, len);
}

static int failing_truncate(struct disk *d, int file, uint64_t len)
{
    return of(d)->behind->ops->truncate(of(d)->behind, file, len);
}

static int failing_remove(struct disk *d, const char *name)
{
    return of(d)->behind->ops->remove(of(d)->behind, name);
}

static int failing_rename(struct disk *d, const char *from, const char *to)
{
    return of(d)->behind->ops->rename(of(d)->behind, from, to);
}

static int failing_list(struct disk *d, void (*visit)(void *ctx, const char *name), void *ctx)
{
    return of(d)->behind->ops->list(of(d)->behind, visit, ctx);
}

static uint64_t failing_salt(struct disk *d)
{
    return of(d)->behind->ops->salt(of(d)->behind);
}

static int failing_write_sync(struct disk *d, int file, uint64_t offset, const void *buf, size_t len, uint64_t tag)
{
    struct failing_disk *f = of(d);
    f->writes++;
    if (broken(f) && f->submit_error)
        return f->submit_error;
    // It goes through, and its completion tells of the error.
    if (broken(f) && f->write_error) {
        f->owed = true;
        f->owed_tag = tag;
    }
    return f->behind->ops->write_sync(f->behind, file, offset, buf, len, tag);
}

static size_t failing_poll(struct disk *d, struct disk_completion *out, size_t max, bool wait)
{
    struct failing_disk *f = of(d);
    size_t n = f->behind->ops->poll(f->behind, out, max, wait);
    for (size_t i = 0; i < n; i++) {
        if (!f->owed || out[i].tag != f->owed_tag)
            continue;
        out[i].result = f->write_error;
        f->owed = false;
    }
    return n;
}

struct failing_disk *failing_disk_create(struct disk *behind, unsigned after, int submit_error, int write_error,
                                         int open_error)
{
    struct failing_disk *f = calloc(1, sizeof *f);
    if (!f)
        abort();
    f->ops = (struct disk_ops){
        .open = failing_open,
        .close = failing_close,
        .size = failing_size,
        .read = failing_read,
        .allocate = failing_allocate,
        .truncate = failing_truncate,
        .remove = failing_remove,
        .rename = failing_rename,
        .list = failing_list,
        .salt = failing_salt,
        .write_sync = failing_write_sync,
        .poll = failing_poll,
    };
    f->disk.ops = &f->ops;
    f->behind = behind;
    f->after = after;
    f->submit_error = submit_error;
    f->write_error = write_error;
    f->open_error = open_error;
    return f;
}

struct disk *failing_disk(struct failing_disk *f)
{
    return &f->disk;
}
