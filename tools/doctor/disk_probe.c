#include "tools/doctor/disk_probe.h"

#include "base/clock.h"
#include "base/hist.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <unistd.h>

#define BLOCK_BYTES 4096
#define FILE_BYTES (1u << 20)

// statfs(2) lists the magic numbers.
static const struct kind {
    unsigned long magic;
    const char *name;
    bool in_memory;
} kinds[] = {
    {0xef53, "ext4", false},     {0x58465342, "xfs", false},     {0x9123683e, "btrfs", false},
    {0x2fc12fc1, "zfs", false},  {0xf2f52010, "f2fs", false},    {0x01021994, "tmpfs", true},
    {0x858458f6, "ramfs", true}, {0x794c7630, "overlay", false}, {0x6969, "nfs", false},
    {0x01021997, "9p", false},   {0x65735546, "fuse", false},    {0xca451a4e, "bcachefs", false},
};

static void name_filesystem(struct disk_probe *out, unsigned long magic)
{
    out->filesystem = "unknown";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].magic == magic) {
            out->filesystem = kinds[i].name;
            out->in_memory = kinds[i].in_memory;
        }
    }
}

static bool find_folder(char out[DISK_PATH_MAX], const char *folder)
{
    if (strlen(folder) >= DISK_PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    strcpy(out, folder);
    while (access(out, F_OK) != 0) {
        if (errno != ENOENT || strcmp(out, "/") == 0 || strcmp(out, ".") == 0)
            return false;
        char parent[DISK_PATH_MAX];
        strcpy(parent, out);
        strcpy(out, dirname(parent));
    }
    return true;
}

// Overwrites blocks of an allocated file, as the block log does: a sync then writes data and no metadata.
static bool measure_syncs(struct disk_probe *out, int file, unsigned sync_count)
{
    static const uint8_t zeros[FILE_BYTES];
    uint8_t block[BLOCK_BYTES] = {0};
    struct hist hist;
    hist_init(&hist);
    if (pwrite(file, zeros, sizeof zeros, 0) != (ssize_t)sizeof zeros || fsync(file) != 0)
        return false;
    for (unsigned i = 0; i < sync_count; i++) {
        block[0] = (uint8_t)(i + 1);
        const uint64_t start = clock_ns();
        if (pwrite(file, block, sizeof block, (off_t)(i * sizeof block % FILE_BYTES)) != (ssize_t)sizeof block ||
            fdatasync(file) != 0)
            return false;
        hist_add(&hist, clock_ns() - start);
    }
    out->sync_p50_ns = hist_quantile(&hist, 0.5);
    out->sync_p99_ns = hist_quantile(&hist, 0.99);
    return true;
}

bool disk_probe(struct disk_probe *out, const char *folder, unsigned sync_count)
{
    *out = (struct disk_probe){.filesystem = "unknown"};
    struct statfs info;
    if (!find_folder(out->folder, folder) || statfs(out->folder, &info) != 0)
        return false;
    name_filesystem(out, (unsigned long)info.f_type & 0xffffffff);
    out->free_bytes = (uint64_t)info.f_bavail * (uint64_t)info.f_bsize;
    if (sync_count == 0)
        return true;
    char path[DISK_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/.gantry-probe-XXXXXX", out->folder);
    const int file = mkostemp(path, O_CLOEXEC);
    if (file < 0)
        return true;
    unlink(path);
    out->syncs = measure_syncs(out, file, sync_count);
    close(file);
    return true;
}
