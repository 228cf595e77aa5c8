#include "engine/store/segment_reader.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/store/blog_scan.h"
#include "engine/store/disk_files.h"

bool segment_reader_open(struct segment_reader *s, const char *dir, const bytes32 *genesis_hash,
                         char error[STORE_ERROR_MAX])
{
    *s = (struct segment_reader){.genesis_hash = *genesis_hash, .file = -1};
    s->disk = disk_files_open(dir, error);
    return s->disk != NULL;
}

void segment_reader_forget(struct segment_reader *s)
{
    if (s->file >= 0)
        s->disk->ops->close(s->disk, s->file);
    s->file = -1;
}

void segment_reader_close(struct segment_reader *s)
{
    if (s->disk == NULL)
        return;
    segment_reader_forget(s);
    disk_files_close(s->disk);
    s->disk = NULL;
}

static bool use_segment(struct segment_reader *s, uint32_t segment, bool *damaged, char error[STORE_ERROR_MAX])
{
    char name[64];
    if (s->file >= 0 && s->segment == segment)
        return true;
    segment_reader_forget(s);
    blog_segment_name(name, segment);
    const int file = s->disk->ops->open(s->disk, name, false);
    if (file < 0) {
        *damaged = file != -ENOENT;
        return store_fail(error, "cannot open %s: %s", name, strerror(-file));
    }
    struct segment_scan scan = {.disk = s->disk, .file = file, .name = name, .genesis_hash = &s->genesis_hash};
    if (!scan_header(&scan, error)) {
        *damaged = true;
        s->disk->ops->close(s->disk, file);
        return false;
    }
    s->file = file;
    s->segment = segment;
    s->salt = scan.salt;
    return true;
}

uint8_t *segment_reader_read(struct segment_reader *s, uint64_t height, struct blog_place place, bool *damaged,
                             char error[STORE_ERROR_MAX])
{
    char name[64];
    int err;
    *damaged = false;
    if (!use_segment(s, place.segment, damaged, error))
        return NULL;
    uint8_t *record = scan_read_record(s->disk, s->file, s->salt, height, place.offset, place.length, &err);
    if (record == NULL) {
        *damaged = true;
        blog_segment_name(name, place.segment);
        store_fail(error, "%s, offset %llu: block %llu %s; restore the file from a copy", name,
                   (unsigned long long)place.offset, (unsigned long long)height,
                   err < 0 ? strerror(-err) : "is damaged (its checksum does not match)");
    }
    return record;
}
