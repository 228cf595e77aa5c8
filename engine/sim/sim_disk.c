#include "engine/sim/sim_disk.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/sim/sim_random.h"

enum { FILES_MAX = 512, PENDING_MAX = 64, SECTOR = 512 };

struct content {
    uint8_t *bytes;
    size_t len, cap;
};

// A completed or interrupted write that no completed sync covers.
struct volatile_write {
    uint64_t offset;
    uint8_t *bytes;
    size_t len;
};

struct file {
    char *name; // NULL: removed
    int handles;
    struct content view, durable;
    struct volatile_write *writes;
    size_t write_count, write_cap;
};

struct pending {
    int file;
    uint64_t offset, tag;
    const void *buf;
    size_t len;
    size_t covers; // how many of the file's volatile writes had completed before
    int forced;    // result to give instead, 1: none, 0: short
};

struct sim_disk {
    struct disk disk;
    uint64_t seed;
    struct file files[FILES_MAX];
    int file_count;
    struct pending pending[PENDING_MAX];
    int pending_count;
    bool void_syncs, prompt, off;
    uint64_t operations, off_at;
    uint64_t fail_at;
    int fail_with;
};

static struct sim_disk *sim_of(struct disk *d)
{
    return (struct sim_disk *)d;
}

static void content_resize(struct content *c, size_t len)
{
    if (len > c->cap) {
        c->cap = len > 2 * c->cap ? len : 2 * c->cap;
        c->bytes = realloc(c->bytes, c->cap);
    }
    if (len > c->len)
        memset(c->bytes + c->len, 0, len - c->len);
    c->len = len;
}

static void content_write(struct content *c, uint64_t offset, const uint8_t *bytes, size_t len)
{
    if (offset + len > c->len)
        content_resize(c, (size_t)(offset + len));
    if (len > 0)
        memcpy(c->bytes + offset, bytes, len);
}

static void content_copy(struct content *to, const struct content *from)
{
    to->len = 0;
    if (from->len > 0)
        content_write(to, 0, from->bytes, from->len);
}

static void remember_write(struct file *f, uint64_t offset, const void *bytes, size_t len)
{
    if (f->write_count == f->write_cap) {
        f->write_cap = f->write_cap == 0 ? 16 : 2 * f->write_cap;
        f->writes = realloc(f->writes, f->write_cap * sizeof *f->writes);
    }
    struct volatile_write *w = &f->writes[f->write_count++];
    *w = (struct volatile_write){offset, malloc(len + 1), len};
    memcpy(w->bytes, bytes, len);
}

// What was under way may have begun to reach the disk. Its buffers are the caller's no longer.
static void power_off(struct sim_disk *s)
{
    s->off = true;
    for (int i = 0; i < s->pending_count; i++) {
        const struct pending *p = &s->pending[i];
        remember_write(&s->files[p->file], p->offset, p->buf, p->len);
    }
    s->pending_count = 0;
}

// Counts an operation. What it returns is the error to fail with, 1 when it goes on.
static int operation(struct sim_disk *s)
{
    if (s->off)
        return -EIO;
    s->operations++;
    if (s->operations >= s->off_at) {
        power_off(s);
        return -EIO;
    }
    return s->operations == s->fail_at ? (s->fail_with == SIM_SHORT_WRITE ? 0 : -s->fail_with) : 1;
}

static int find(const struct sim_disk *s, const char *name)
{
    for (int i = 0; i < s->file_count; i++) {
        if (s->files[i].name != NULL && strcmp(s->files[i].name, name) == 0)
            return i;
    }
    return -1;
}

static void forget_writes(struct file *f, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(f->writes[i].bytes);
    if (f->write_count > count)
        memmove(f->writes, f->writes + count, (f->write_count - count) * sizeof *f->writes);
    f->write_count -= count;
}

// A new place, or one whose file is removed and closed.
static int free_place(struct sim_disk *s)
{
    for (int i = 0; i < s->file_count; i++) {
        struct file *f = &s->files[i];
        if (f->name != NULL || f->handles > 0)
            continue;
        forget_writes(f, f->write_count);
        f->view.len = f->durable.len = 0;
        return i;
    }
    return s->file_count < FILES_MAX ? s->file_count++ : -1;
}

static int sim_open(struct disk *d, const char *name, bool create)
{
    struct sim_disk *s = sim_of(d);
    const int found = find(s, name);
    const int go = operation(s);
    if (go < 0)
        return go;
    if (found < 0 && !create)
        return -ENOENT;
    const int file = found >= 0 ? found : free_place(s);
    if (file < 0)
        return -ENFILE;
    if (found < 0)
        s->files[file].name = strdup(name);
    s->files[file].handles++;
    return file;
}

static void sim_close(struct disk *d, int file)
{
    struct file *f = &sim_of(d)->files[file];
    if (f->handles > 0)
        f->handles--;
}

static int64_t sim_size(struct disk *d, int file)
{
    struct sim_disk *s = sim_of(d);
    return s->off ? -EIO : (int64_t)s->files[file].view.len;
}

static int64_t sim_read(struct disk *d, int file, uint64_t offset, void *buf, size_t len)
{
    struct sim_disk *s = sim_of(d);
    const int go = operation(s);
    const struct content *c = &s->files[file].view;
    if (go < 0)
        return go;
    if (offset >= c->len)
        return 0;
    const size_t n = len < c->len - offset ? len : (size_t)(c->len - offset);
    memcpy(buf, c->bytes + offset, n);
    return (int64_t)n;
}

static int sim_allocate(struct disk *d, int file, uint64_t len)
{
    struct sim_disk *s = sim_of(d);
    struct file *f = &s->files[file];
    const int go = operation(s);
    if (go < 0)
        return go;
    if (len > f->view.len) {
        content_resize(&f->view, (size_t)len);
        content_resize(&f->durable, (size_t)len);
    }
    return 0;
}

static int sim_truncate(struct disk *d, int file, uint64_t len)
{
    struct sim_disk *s = sim_of(d);
    const int go = operation(s);
    if (go < 0)
        return go;
    content_resize(&s->files[file].view, (size_t)len);
    content_resize(&s->files[file].durable, (size_t)len);
    return 0;
}

static int sim_remove(struct disk *d, const char *name)
{
    struct sim_disk *s = sim_of(d);
    const int found = find(s, name);
    const int go = operation(s);
    if (go < 0)
        return go;
    if (found < 0)
        return -ENOENT;
    free(s->files[found].name);
    s->files[found].name = NULL;
    return 0;
}

static int sim_rename(struct disk *d, const char *from, const char *to)
{
    struct sim_disk *s = sim_of(d);
    const int go = operation(s);
    if (go < 0)
        return go;
    const int found = find(s, from), replaced = find(s, to);
    if (found < 0)
        return -ENOENT;
    if (replaced >= 0) {
        free(s->files[replaced].name);
        s->files[replaced].name = NULL;
    }
    free(s->files[found].name);
    s->files[found].name = strdup(to);
    return 0;
}

static int sim_list(struct disk *d, void (*visit)(void *ctx, const char *name), void *ctx)
{
    struct sim_disk *s = sim_of(d);
    const int go = operation(s);
    if (go < 0)
        return go;
    for (int i = 0; i < s->file_count; i++) {
        if (s->files[i].name != NULL)
            visit(ctx, s->files[i].name);
    }
    return 0;
}

static uint64_t sim_salt(struct disk *d)
{
    return sim_random(&sim_of(d)->seed);
}

static int submit(struct sim_disk *s, struct pending p)
{
    const int go = operation(s);
    // A disk may refuse at once or later; here half of the errors come with the completion.
    if (go < 0 && (s->off || sim_random(&s->seed) % 2 == 0))
        return go;
    if (s->pending_count == PENDING_MAX)
        return -EAGAIN;
    p.forced = go;
    s->pending[s->pending_count++] = p;
    return 0;
}

static int sim_write_sync(struct disk *d, int file, uint64_t offset, const void *buf, size_t len, uint64_t tag)
{
    struct sim_disk *s = sim_of(d);
    const struct pending p = {
        .file = file, .offset = offset, .buf = buf, .len = len, .tag = tag, .covers = s->files[file].write_count};
    return submit(s, p);
}

// Volatile write i of the file becomes durable.
static void settle(struct sim_disk *s, int file, size_t i)
{
    struct file *f = &s->files[file];
    content_write(&f->durable, f->writes[i].offset, f->writes[i].bytes, f->writes[i].len);
    free(f->writes[i].bytes);
    memmove(f->writes + i, f->writes + i + 1, (f->write_count - i - 1) * sizeof *f->writes);
    f->write_count--;
    for (int q = 0; q < s->pending_count; q++) {
        if (s->pending[q].file == file && s->pending[q].covers > i)
            s->pending[q].covers--;
    }
}

// The write, then the sync: it covers this write and those that had completed when it was submitted, no others.
static int complete(struct sim_disk *s, struct pending p)
{
    struct file *f = &s->files[p.file];
    size_t len = p.len;
    // Cut short anywhere, and often so that hardly anything is written.
    if (p.forced <= 0 && len > 1)
        len = 1 + (size_t)(sim_random(&s->seed) % (sim_random(&s->seed) % 2 == 0 && len > 64 ? 64 : len - 1));
    // An error says nothing about what reached the file.
    content_write(&f->view, p.offset, p.buf, len);
    remember_write(f, p.offset, p.buf, len);
    if (p.forced < 0)
        return p.forced;
    if (p.forced == 1 && !s->void_syncs) {
        settle(s, p.file, f->write_count - 1);
        for (size_t n = p.covers; n > 0; n--)
            settle(s, p.file, 0);
    }
    return (int)len;
}

static size_t sim_poll(struct disk *d, struct disk_completion *out, size_t max, bool wait)
{
    struct sim_disk *s = sim_of(d);
    size_t n = 0;
    while (n < max && s->pending_count > 0) {
        if (!s->prompt && !(wait && n == 0) && sim_random(&s->seed) % 3 == 0)
            break;
        if (operation(s) < 0 && s->off)
            return n;
        const int i = s->prompt ? 0 : (int)(sim_random(&s->seed) % (uint64_t)s->pending_count);
        const struct pending p = s->pending[i];
        s->pending[i] = s->pending[--s->pending_count];
        const int result = complete(s, p);
        out[n++] = (struct disk_completion){p.tag, result};
    }
    return n;
}

static const struct disk_ops SIM_OPS = {
    .open = sim_open,
    .close = sim_close,
    .size = sim_size,
    .read = sim_read,
    .allocate = sim_allocate,
    .truncate = sim_truncate,
    .remove = sim_remove,
    .rename = sim_rename,
    .list = sim_list,
    .salt = sim_salt,
    .write_sync = sim_write_sync,
    .poll = sim_poll,
};

struct sim_disk *sim_disk_create(uint64_t seed)
{
    struct sim_disk *s = calloc(1, sizeof *s);
    s->disk.ops = &SIM_OPS;
    s->seed = seed;
    s->off_at = UINT64_MAX;
    s->fail_at = UINT64_MAX;
    return s;
}

void sim_disk_free(struct sim_disk *s)
{
    for (int i = 0; i < s->file_count; i++) {
        struct file *f = &s->files[i];
        forget_writes(f, f->write_count);
        free(f->writes);
        free(f->name);
        free(f->view.bytes);
        free(f->durable.bytes);
    }
    free(s);
}

struct disk *sim_disk_disk(struct sim_disk *s)
{
    return &s->disk;
}

void sim_disk_prompt(struct sim_disk *s)
{
    s->prompt = true;
}

void sim_disk_void_syncs(struct sim_disk *s)
{
    s->void_syncs = true;
}

void sim_disk_power_off_after(struct sim_disk *s, uint64_t operations)
{
    s->off_at = s->operations + operations;
}

bool sim_disk_is_off(const struct sim_disk *s)
{
    return s->off;
}

void sim_disk_fail_at(struct sim_disk *s, int64_t n, int error)
{
    s->fail_at = n < 0 ? UINT64_MAX : s->operations + (uint64_t)n;
    s->fail_with = error;
}

uint64_t sim_disk_operations(const struct sim_disk *s)
{
    return s->operations;
}

// What is left of one volatile write.
static void tear(struct sim_disk *s, struct file *f, const struct volatile_write *w)
{
    const uint64_t fate = sim_random(&s->seed) % 6;
    if (w->len == 0 || fate == 0)
        return;
    if (fate == 1) {
        content_write(&f->durable, w->offset, w->bytes, w->len);
    } else if (fate == 2) { // all up to some byte
        content_write(&f->durable, w->offset, w->bytes, (size_t)(sim_random(&s->seed) % w->len));
    } else if (fate == 3) { // some run of bytes
        const size_t from = (size_t)(sim_random(&s->seed) % w->len);
        content_write(&f->durable, w->offset + from, w->bytes + from,
                      1 + (size_t)(sim_random(&s->seed) % (w->len - from)));
    } else { // any set of sectors
        for (size_t at = 0; at < w->len;) {
            const size_t to_boundary = SECTOR - (size_t)((w->offset + at) % SECTOR);
            const size_t part = to_boundary < w->len - at ? to_boundary : w->len - at;
            if (sim_random(&s->seed) % 2 == 0)
                content_write(&f->durable, w->offset + at, w->bytes + at, part);
            at += part;
        }
    }
}

void sim_disk_restart(struct sim_disk *s)
{
    if (!s->off)
        power_off(s);
    for (int i = 0; i < s->file_count; i++) {
        struct file *f = &s->files[i];
        while (f->write_count > 0) {
            const size_t pick = (size_t)(sim_random(&s->seed) % f->write_count);
            tear(s, f, &f->writes[pick]);
            free(f->writes[pick].bytes);
            f->writes[pick] = f->writes[--f->write_count];
        }
        content_copy(&f->view, &f->durable);
    }
    for (int i = 0; i < s->file_count; i++)
        s->files[i].handles = 0;
    s->off = false;
    s->off_at = UINT64_MAX;
    s->fail_at = UINT64_MAX;
}

uint8_t *sim_disk_file(struct sim_disk *s, const char *name, size_t *len)
{
    const int found = find(s, name);
    if (found < 0)
        return NULL;
    *len = s->files[found].view.len;
    return s->files[found].view.bytes;
}

void sim_disk_truncate_file(struct sim_disk *s, const char *name, size_t len)
{
    const int found = find(s, name);
    content_resize(&s->files[found].view, len);
    content_resize(&s->files[found].durable, len);
}

void sim_disk_remove_file(struct sim_disk *s, const char *name)
{
    const int found = find(s, name);
    free(s->files[found].name);
    s->files[found].name = NULL;
}

struct sim_disk *sim_disk_copy(const struct sim_disk *s)
{
    struct sim_disk *copy = sim_disk_create(s->seed);
    for (int i = 0; i < s->file_count; i++) {
        if (s->files[i].name == NULL)
            continue;
        struct file *f = &copy->files[copy->file_count++];
        f->name = strdup(s->files[i].name);
        content_copy(&f->view, &s->files[i].view);
        content_copy(&f->durable, &s->files[i].view);
    }
    return copy;
}
