#include "engine/store/data_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define IDENTITY_NAME "identity"
#define PART ".part" // behind the name of a file that is being written

enum { FILE_MODE = 0640, FOLDER_MODE = 0750 };

static const struct file_kind IDENTITY_KIND = {"GANTRYID", 1, "data folder identity"};
enum { WORD_HEADER_BYTES };

struct data_folder {
    int folder, lock;
    char path[PATH_MAX - 64], log_dir[PATH_MAX], state_dir[PATH_MAX];
    struct header genesis;
    bytes32 genesis_hash;
    uint8_t identity[FILE_HEADER_BYTES + HEADER_ENCODED_MAX]; // genesis.extra_data points into it
};

static bool fail(char error[STORE_ERROR_MAX], const char *what, const char *path, int err)
{
    return store_fail(error, "cannot %s %s: %s", what, path, strerror(err));
}

// Like mkdir -p.
static bool make_folders(const char *path, char error[STORE_ERROR_MAX])
{
    char part[PATH_MAX];
    const size_t len = strlen(path);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, FOLDER_MODE) != 0 && errno != EEXIST)
            return fail(error, "create the folder", part, errno);
    }
    return true;
}

static long read_pid(int lock)
{
    char text[32] = {0};
    return pread(lock, text, sizeof text - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

static bool take_lock(struct data_folder *f, char error[STORE_ERROR_MAX])
{
    char text[32];
    f->lock = openat(f->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (f->lock < 0)
        return fail(error, "open the lock file of", f->path, errno);
    if (flock(f->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return fail(error, "lock", f->path, errno);
        return store_fail(error,
                          "the data folder %s is in use by process %ld: stop that node first, or use another folder",
                          f->path, read_pid(f->lock));
    }
    const int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(f->lock, 0) != 0 || pwrite(f->lock, text, (size_t)len, 0) != len)
        return fail(error, "write the lock file of", f->path, errno);
    return true;
}

// Anything but what a first start that was cut short leaves, and what file systems put at their root.
static bool holds_something(int folder)
{
    static const char *const nothing[] = {"lock", IDENTITY_NAME PART, "lost+found"};
    bool found = false;
    const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL)
        return true;
    for (struct dirent *e; !found && (e = readdir(dir)) != NULL;) {
        found = e->d_name[0] != '.';
        for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
            found = found && strcmp(e->d_name, nothing[i]) != 0;
    }
    closedir(dir);
    return found;
}

static bool write_file_durably(int folder, const char *name, const void *bytes, size_t len)
{
    char part[64];
    snprintf(part, sizeof part, "%s" PART, name);
    const int fd = openat(folder, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return false;
    const bool written = write(fd, bytes, len) == (ssize_t)len && fsync(fd) == 0;
    return close(fd) == 0 && written && renameat(folder, part, folder, name) == 0 && fsync(folder) == 0;
}

static bool create_identity(struct data_folder *f, const struct header *genesis, char error[STORE_ERROR_MAX])
{
    uint8_t buf[FILE_HEADER_BYTES + HEADER_ENCODED_MAX];
    if (holds_something(f->folder)) {
        return store_fail(error, "%s is not empty and is no gantry data folder: name an empty or new folder", f->path);
    }
    const size_t len = header_encode(buf + FILE_HEADER_BYTES, genesis);
    const struct file_header h = {.genesis_hash = header_hash(genesis), .words = {[WORD_HEADER_BYTES] = len}};
    file_header_put(buf, &IDENTITY_KIND, &h);
    return write_file_durably(f->folder, IDENTITY_NAME, buf, FILE_HEADER_BYTES + len) ||
           fail(error, "write the identity file of", f->path, errno);
}

// 0 or errno.
static int read_identity(int folder, uint8_t *buf, size_t cap, size_t *len)
{
    const int fd = openat(folder, IDENTITY_NAME, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    const ssize_t n = read(fd, buf, cap);
    const int err = n < 0 ? errno : 0;
    close(fd);
    *len = n < 0 ? 0 : (size_t)n;
    return err;
}

static bool parse_identity(const char *path, const uint8_t *buf, size_t len, const bytes32 *expected,
                           struct header *genesis, bytes32 *hash, char error[STORE_ERROR_MAX])
{
    char name[PATH_MAX];
    struct file_header h;
    snprintf(name, sizeof name, "%s/" IDENTITY_NAME, path);
    if (!file_header_get(&h, bytes_of(buf, len), &IDENTITY_KIND, expected, name, error))
        return false;
    *hash = h.genesis_hash;
    const struct bytes rlp = bytes_of(buf + FILE_HEADER_BYTES, len - FILE_HEADER_BYTES);
    if (h.words[WORD_HEADER_BYTES] == rlp.len && header_decode(genesis, rlp)) {
        const bytes32 own = header_hash(genesis);
        if (bytes32_equal(&own, hash))
            return true;
    }
    return store_fail(error, "%s is damaged: its genesis header does not hash to the genesis hash", name);
}

static bool make_sub_folder(const struct data_folder *f, const char *name, char out[PATH_MAX],
                            char error[STORE_ERROR_MAX])
{
    snprintf(out, PATH_MAX, "%s/%s", f->path, name);
    if (mkdir(out, FOLDER_MODE) != 0 && errno != EEXIST)
        return fail(error, "create the folder", out, errno);
    return fsync(f->folder) == 0 || fail(error, "sync the folder", f->path, errno);
}

static bool fail_identity(char error[STORE_ERROR_MAX], const char *path, int err)
{
    return store_fail(error, "%s is no gantry data folder (cannot read its identity file: %s)", path, strerror(err));
}

// genesis NULL: take what is there.
static bool open_folder(struct data_folder *f, const char *path, const struct header *genesis,
                        char error[STORE_ERROR_MAX])
{
    size_t len = 0;
    if (strlen(path) >= sizeof f->path)
        return fail(error, "use the data folder", path, ENAMETOOLONG);
    snprintf(f->path, sizeof f->path, "%s", path);
    if (genesis != NULL && !make_folders(path, error))
        return false;
    f->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->folder < 0)
        return fail(error, "open the data folder", path, errno);
    int err = genesis != NULL ? 0 : read_identity(f->folder, f->identity, sizeof f->identity, &len);
    if (err != 0)
        return fail_identity(error, path, err);
    if (!take_lock(f, error))
        return false;
    err = read_identity(f->folder, f->identity, sizeof f->identity, &len);
    if (err == ENOENT && genesis != NULL) {
        if (!create_identity(f, genesis, error))
            return false;
        err = read_identity(f->folder, f->identity, sizeof f->identity, &len);
    }
    if (err != 0)
        return fail(error, "read the identity file of", path, err);
    const bytes32 expected = genesis != NULL ? header_hash(genesis) : (bytes32){0};
    return parse_identity(path, f->identity, len, genesis != NULL ? &expected : NULL, &f->genesis, &f->genesis_hash,
                          error) &&
           make_sub_folder(f, "log", f->log_dir, error) && make_sub_folder(f, "state", f->state_dir, error);
}

static struct data_folder *open_any(const char *path, const struct header *genesis, char error[STORE_ERROR_MAX])
{
    struct data_folder *f = calloc(1, sizeof *f);
    if (f == NULL) {
        store_fail(error, "out of memory");
        return NULL;
    }
    f->folder = f->lock = -1;
    if (!open_folder(f, path, genesis, error)) {
        data_folder_close(f);
        return NULL;
    }
    return f;
}

struct data_folder *data_folder_open(const char *path, const struct header *genesis, char error[STORE_ERROR_MAX])
{
    return open_any(path, genesis, error);
}

struct data_folder *data_folder_open_existing(const char *path, char error[STORE_ERROR_MAX])
{
    return open_any(path, NULL, error);
}

void data_folder_close(struct data_folder *f)
{
    if (f->lock >= 0)
        close(f->lock);
    if (f->folder >= 0)
        close(f->folder);
    free(f);
}

const struct header *data_folder_genesis(const struct data_folder *f)
{
    return &f->genesis;
}

bytes32 data_folder_genesis_hash(const struct data_folder *f)
{
    return f->genesis_hash;
}

const char *data_folder_log_dir(const struct data_folder *f)
{
    return f->log_dir;
}

const char *data_folder_state_dir(const struct data_folder *f)
{
    return f->state_dir;
}

enum data_folder_found data_folder_find(const char *path, struct header *out, bytes32 *hash,
                                        uint8_t buf[FILE_HEADER_BYTES + HEADER_ENCODED_MAX],
                                        char error[STORE_ERROR_MAX])
{
    size_t len = 0;
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = folder < 0 ? errno : 0;
    if (folder < 0) {
        fail(error, "open the data folder", path, err);
        return err == ENOENT ? DATA_FOLDER_NONE : DATA_FOLDER_BAD;
    }
    err = read_identity(folder, buf, FILE_HEADER_BYTES + HEADER_ENCODED_MAX, &len);
    close(folder);
    if (err != 0) {
        fail_identity(error, path, err);
        return err == ENOENT ? DATA_FOLDER_NONE : DATA_FOLDER_BAD;
    }
    return parse_identity(path, buf, len, NULL, out, hash, error) ? DATA_FOLDER_KNOWN : DATA_FOLDER_BAD;
}

long data_folder_holder(const char *path)
{
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s/lock", path);
    const int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    const long pid = held ? read_pid(fd) : 0;
    close(fd);
    return held && pid == 0 ? -1 : pid;
}
