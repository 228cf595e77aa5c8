#include "engine/store/disk_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ZERO_CHUNK = 1 << 20, FILE_MODE = 0640 };

static struct disk_files *files_of(struct disk *d)
{
    return (struct disk_files *)d;
}

// Names in the folder change durably only with this.
static int sync_folder(struct disk *d)
{
    return fsync(files_of(d)->folder) == 0 ? 0 : -errno;
}

static int files_open_file(struct disk *d, const char *name, bool create)
{
    const struct disk_files *f = files_of(d);
    if (f->read_only && create)
        return -EROFS;
    const int flags = (f->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | (create ? O_CREAT : 0);
    const int fd = openat(f->folder, name, flags, FILE_MODE);
    if (fd < 0)
        return -errno;
    if (create) {
        const int err = sync_folder(d);
        if (err < 0) {
            close(fd);
            return err;
        }
    }
    return fd;
}

static void files_close_file(struct disk *d, int file)
{
    (void)d;
    close(file);
}

static int64_t files_size(struct disk *d, int file)
{
    (void)d;
    struct stat st;
    return fstat(file, &st) == 0 ? st.st_size : -errno;
}

static int64_t files_read(struct disk *d, int file, uint64_t offset, void *buf, size_t len)
{
    (void)d;
    size_t done = 0;
    while (done < len) {
        const ssize_t n = pread(file, (char *)buf + done, len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

static int write_zeros(int file, uint64_t from, uint64_t to)
{
    void *zeros = calloc(1, ZERO_CHUNK);
    if (zeros == NULL)
        return -ENOMEM;
    int err = 0;
    while (from < to && err == 0) {
        const size_t len = to - from < ZERO_CHUNK ? (size_t)(to - from) : ZERO_CHUNK;
        const ssize_t n = pwrite(file, zeros, len, (off_t)from);
        if (n > 0)
            from += (uint64_t)n;
        else if (n == 0 || errno != EINTR)
            err = n == 0 ? -EIO : -errno;
    }
    free(zeros);
    return err;
}

// Zeros are written, not merely reserved: blocks that were only reserved turn into written ones on first use, and
// fdatasync would then have to commit that change too.
static int files_allocate(struct disk *d, int file, uint64_t len)
{
    const int64_t size = files_size(d, file);
    if (size < 0)
        return (int)size;
    if ((uint64_t)size >= len)
        return 0;
    const int reserved = posix_fallocate(file, 0, (off_t)len);
    if (reserved != 0 && reserved != EOPNOTSUPP && reserved != EINVAL)
        return -reserved;
    const int err = write_zeros(file, (uint64_t)size, len);
    if (err < 0)
        return err;
    return fsync(file) == 0 ? 0 : -errno;
}

static int files_truncate(struct disk *d, int file, uint64_t len)
{
    (void)d;
    return ftruncate(file, (off_t)len) == 0 && fsync(file) == 0 ? 0 : -errno;
}

static int files_remove(struct disk *d, const char *name)
{
    return unlinkat(files_of(d)->folder, name, 0) == 0 ? sync_folder(d) : -errno;
}

static int files_rename(struct disk *d, const char *from, const char *to)
{
    const int folder = files_of(d)->folder;
    return renameat(folder, from, folder, to) == 0 ? sync_folder(d) : -errno;
}

static int files_list(struct disk *d, void (*visit)(void *ctx, const char *name), void *ctx)
{
    const int fd = openat(files_of(d)->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return -ENOMEM;
    }
    errno = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL; errno = 0) {
        if (e->d_name[0] != '.')
            visit(ctx, e->d_name);
    }
    const int err = -errno;
    closedir(dir);
    return err;
}

static uint64_t files_salt(struct disk *d)
{
    (void)d;
    uint64_t salt = 0;
    while (getrandom(&salt, sizeof salt, 0) != (ssize_t)sizeof salt)
        ;
    return salt;
}

static int no_write(struct disk *d, int file, uint64_t offset, const void *buf, size_t len, uint64_t tag)
{
    (void)d, (void)file, (void)offset, (void)buf, (void)len, (void)tag;
    return -EROFS;
}

static size_t no_poll(struct disk *d, struct disk_completion *out, size_t max, bool wait)
{
    (void)d, (void)out, (void)max, (void)wait;
    return 0;
}

const struct disk_ops DISK_FILES_OPS = {
    .open = files_open_file,
    .close = files_close_file,
    .size = files_size,
    .read = files_read,
    .allocate = files_allocate,
    .truncate = files_truncate,
    .remove = files_remove,
    .rename = files_rename,
    .list = files_list,
    .salt = files_salt,
    .write_sync = no_write,
    .poll = no_poll,
};

int disk_files_folder(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

struct disk *disk_files_open(const char *dir, char error[STORE_ERROR_MAX])
{
    const int folder = disk_files_folder(dir);
    if (folder < 0) {
        store_fail(error, "cannot open the folder %s: %s", dir, strerror(-folder));
        return NULL;
    }
    struct disk_files *f = malloc(sizeof *f);
    if (f == NULL) {
        close(folder);
        store_fail(error, "out of memory");
        return NULL;
    }
    *f = (struct disk_files){.disk.ops = &DISK_FILES_OPS, .folder = folder, .read_only = true};
    return &f->disk;
}

void disk_files_close(struct disk *d)
{
    close(files_of(d)->folder);
    free(d);
}
