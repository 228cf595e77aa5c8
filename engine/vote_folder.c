#include "engine/vote_folder.h"

#include "engine/order/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0600, FOLDER_MODE = 0750, ASIDE_MAX = 1000 };

static bool fail(char error[STORE_ERROR_MAX], const char *what, const char *path)
{
    return store_fail(error, "cannot %s %.200s: %s", what, path, strerror(errno));
}

static bool join(char out[PATH_MAX], const char *folder, const char *name)
{
    return snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX;
}

static bool exists(const char *folder, const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    return join(path, folder, name) && lstat(path, &st) == 0;
}

static bool sync_folder(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

// An empty file, durably; false with errno.
static bool create_empty(const char *folder, const char *name, int flags)
{
    char path[PATH_MAX];
    if (!join(path, folder, name)) {
        errno = ENAMETOOLONG;
        return false;
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, FILE_MODE);
    const bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good && sync_folder(folder);
}

bool vote_folder_guard_dir(char out[PATH_MAX], const char *guard, const char *validator_key)
{
    char copy[PATH_MAX];
    if (guard && guard[0] != '\0')
        return snprintf(out, PATH_MAX, "%s", guard) < PATH_MAX;
    return snprintf(copy, sizeof copy, "%s", validator_key) < PATH_MAX &&
           snprintf(out, PATH_MAX, "%s", dirname(copy)) < PATH_MAX;
}

bool vote_folder_new_guard(const char *guard_dir, char error[STORE_ERROR_MAX])
{
    return create_empty(guard_dir, GUARD_FILE_NAME, O_EXCL) || fail(error, "make a sign guard in", guard_dir);
}

static int lock_guard(const char *guard_dir, char error[STORE_ERROR_MAX])
{
    char path[PATH_MAX];
    if (!join(path, guard_dir, "lock"))
        errno = ENAMETOOLONG;
    const int fd = strlen(guard_dir) + 6 > PATH_MAX ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        fail(error, "open the lock of the sign guard in", guard_dir);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        store_fail(error, "another process signs with the key of %.200s: a key may be used by one node only",
                   guard_dir);
    else
        fail(error, "lock the sign guard in", guard_dir);
    close(fd);
    return -1;
}

static bool open_guard(const struct vote_folder *f, char error[STORE_ERROR_MAX])
{
    if (exists(f->guard_dir, GUARD_FILE_NAME))
        return true;
    if (f->recover)
        return vote_folder_new_guard(f->guard_dir, error);
    return store_fail(error,
                      "%.200s/%s is missing: it remembers what this key has signed. If the key has ever been used, "
                      "`gantry recover` goes on without voting until it is safe",
                      f->guard_dir, GUARD_FILE_NAME);
}

bool vote_folder_open(struct vote_folder *f, const char *data, const char *guard_dir, char error[STORE_ERROR_MAX])
{
    *f = (struct vote_folder){.lock = -1};
    if (!join(f->log_dir, data, "ordering") || snprintf(f->guard_dir, PATH_MAX, "%s", guard_dir) >= PATH_MAX ||
        snprintf(f->data, PATH_MAX, "%s", data) >= PATH_MAX)
        return store_fail(error, "the path of the data folder or of the sign guard is too long");
    f->recover = exists(data, "recover");
    f->lock = lock_guard(guard_dir, error);
    if (f->lock < 0 || !open_guard(f, error)) {
        vote_folder_close(f);
        return false;
    }
    if ((mkdir(f->log_dir, FOLDER_MODE) != 0 && errno != EEXIST) || !sync_folder(data)) {
        fail(error, "make the folder", f->log_dir);
        vote_folder_close(f);
        return false;
    }
    return true;
}

bool vote_folder_opened(struct vote_folder *f, char error[STORE_ERROR_MAX])
{
    char path[PATH_MAX];
    if (!f->recover)
        return true;
    f->recover = false;
    return (join(path, f->data, "recover") && unlink(path) == 0 && sync_folder(f->data)) ||
           fail(error, "remove the mark of recovering in", f->data);
}

void vote_folder_close(struct vote_folder *f)
{
    if (f->lock >= 0)
        close(f->lock);
    f->lock = -1;
}

// ---- recovering

// Renames folder/name to a name that says so and is free yet.
static bool set_aside(const char *folder, const char *name, char aside[PATH_MAX], char error[STORE_ERROR_MAX])
{
    char from[PATH_MAX], as[64];
    for (unsigned i = 1; i < ASIDE_MAX; i++) {
        snprintf(as, sizeof as, "%s.lost-%u", name, i);
        if (exists(folder, as))
            continue;
        if (!join(from, folder, name) || !join(aside, folder, as))
            return store_fail(error, "the path %.200s is too long", folder);
        return (rename(from, aside) == 0 && sync_folder(folder)) || fail(error, "rename", from);
    }
    return store_fail(error, "too many files %s.lost-* in %.200s", name, folder);
}

// Whether the guard's file is what a validator would go on with: empty, or one of this chain.
static bool is_readable_guard(const char *guard_dir, const bytes32 *genesis_hash)
{
    char path[PATH_MAX], error[STORE_ERROR_MAX];
    uint8_t file[GUARD_FILE_BYTES];
    struct guard guard;
    const int fd = join(path, guard_dir, GUARD_FILE_NAME) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    const ssize_t len = fd < 0 ? -1 : read(fd, file, sizeof file);
    if (fd >= 0)
        close(fd);
    return len == 0 || (len == GUARD_FILE_BYTES && guard_load(&guard, file, genesis_hash, error));
}

bool vote_folder_mark(const char *data, const char *guard_dir, const bytes32 *genesis_hash, char aside[PATH_MAX],
                      char error[STORE_ERROR_MAX])
{
    char guard_aside[PATH_MAX];
    const int lock = lock_guard(guard_dir, error);
    if (lock < 0)
        return false;
    aside[0] = '\0';
    // The mark first: whatever is interrupted after it, a start goes on without voting.
    bool good = create_empty(data, "recover", 0) || fail(error, "leave a mark in", data);
    if (good && exists(guard_dir, GUARD_FILE_NAME) && !is_readable_guard(guard_dir, genesis_hash))
        good = set_aside(guard_dir, GUARD_FILE_NAME, guard_aside, error);
    if (good && exists(data, "ordering"))
        good = set_aside(data, "ordering", aside, error);
    close(lock);
    return good;
}

bool vote_folder_set_log_aside(const char *data, char error[STORE_ERROR_MAX])
{
    char aside[PATH_MAX];
    return !exists(data, "ordering") || set_aside(data, "ordering", aside, error);
}
