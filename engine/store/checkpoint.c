#include "engine/store/checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine/store/checkpoint_private.h"
#include "engine/store/checkpoint_snapshot.h"
#include "shard/partition.h"

// The map is address space, not disk: the file grows with its contents. It is doubled when it is full.
#define MAP_BYTES_MIN (64ull << 30)
enum { READERS_MAX = SHARD_MAX + 16, FILE_MODE = 0640, FOLDER_MODE = 0750 };

// The head record: a file header under this key, whose words are the height, the complete mark and the block's hash.
static const struct file_kind HEAD_KIND = {"GANTRSTA", 1, "state checkpoint"};
static const char HEAD_KEY[] = "head";
enum { WORD_HEIGHT, WORD_COMPLETE, WORD_HASH };

static MDB_val head_key(void)
{
    return (MDB_val){.mv_size = sizeof HEAD_KEY - 1, .mv_data = (void *)HEAD_KEY};
}

int checkpoint_put_head(struct checkpoint *c, MDB_txn *txn, uint64_t height, const bytes32 *block_hash, bool complete)
{
    struct file_header h = {.genesis_hash = c->genesis_hash, .words = {height, complete}};
    uint8_t buf[FILE_HEADER_BYTES];
    memcpy(&h.words[WORD_HASH], block_hash->b, sizeof block_hash->b);
    file_header_put(buf, &HEAD_KIND, &h);
    MDB_val key = head_key(), value = {sizeof buf, buf};
    return mdb_put(txn, c->meta, &key, &value, 0);
}

bool checkpoint_fail(char error[STORE_ERROR_MAX], const char *what, int rc)
{
    return store_fail(error, "state checkpoint: cannot %s: %s", what, mdb_strerror(rc));
}

// Opens the two tables, made when the environment is new.
static int open_tables(struct checkpoint *c)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(c->env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    rc = mdb_dbi_open(txn, "accounts", MDB_CREATE, &c->accounts);
    if (rc == 0)
        rc = mdb_dbi_open(txn, "slots", MDB_CREATE, &c->slots);
    if (rc == 0)
        rc = mdb_dbi_open(txn, "codes", MDB_CREATE, &c->codes);
    if (rc == 0)
        rc = mdb_dbi_open(txn, "meta", MDB_CREATE, &c->meta);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

// LMDB says EIO where a write ended short, which is what a file system does as it fills up.
static int cause_of(int rc, MDB_env *env)
{
    enum { NEXT_TO_NOTHING = 64 * 1024 };
    struct statvfs fs;
    mdb_filehandle_t fd;
    const bool full = rc == EIO && mdb_env_get_fd(env, &fd) == 0 && fstatvfs(fd, &fs) == 0 &&
                      (uint64_t)fs.f_bavail * fs.f_frsize < NEXT_TO_NOTHING;
    return full ? ENOSPC : rc;
}

int checkpoint_finish(MDB_txn *txn, int rc)
{
    MDB_env *env = mdb_txn_env(txn);
    if (rc == 0)
        rc = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    return cause_of(rc, env);
}

bool checkpoint_get_head(struct checkpoint *c, MDB_txn *txn, const char *what, uint64_t *height, bytes32 *block_hash,
                         bool *complete, char error[STORE_ERROR_MAX])
{
    struct file_header h;
    MDB_val key = head_key(), value;
    const int rc = mdb_get(txn, c->meta, &key, &value);
    *complete = false;
    if (rc != 0)
        return rc == MDB_NOTFOUND || checkpoint_fail(error, "read its head", rc);
    if (!file_header_get(&h, bytes_of(value.mv_data, value.mv_size), &HEAD_KIND, &c->genesis_hash, what, error))
        return false;
    *complete = h.words[WORD_COMPLETE] != 0;
    *height = h.words[WORD_HEIGHT];
    memcpy(block_hash->b, &h.words[WORD_HASH], sizeof block_hash->b);
    return true;
}

static bool read_head(struct checkpoint *c, const char *dir, bytes32 *block_hash, bool *complete,
                      char error[STORE_ERROR_MAX])
{
    MDB_txn *txn;
    uint64_t height = 0;
    const int rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return checkpoint_fail(error, "read", rc);
    const bool good = checkpoint_get_head(c, txn, dir, &height, block_hash, complete, error);
    mdb_txn_abort(txn);
    c->height = height;
    return good;
}

static int open_environment(struct checkpoint *c, const char *dir)
{
    struct stat st;
    char path[4096];
    uint64_t map_bytes = MAP_BYTES_MIN;
    if (mkdir(dir, FOLDER_MODE) != 0 && errno != EEXIST)
        return errno;
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    if (stat(path, &st) == 0) {
        while (map_bytes < 2 * (uint64_t)st.st_size)
            map_bytes *= 2;
    }
    int rc = mdb_env_create(&c->env);
    if (rc == 0)
        rc = mdb_env_set_mapsize(c->env, map_bytes);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(c->env, 4);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(c->env, READERS_MAX);
    if (rc == 0)
        rc = mdb_env_open(c->env, dir, MDB_NOTLS | MDB_NOMEMINIT, FILE_MODE);
    return rc;
}

struct checkpoint *checkpoint_open(const char *dir, const bytes32 *genesis_hash, uint64_t *height, bytes32 *block_hash,
                                   bool *complete, char error[STORE_ERROR_MAX])
{
    struct checkpoint *c = calloc(1, sizeof *c);
    if (c == NULL) {
        store_fail(error, "out of memory");
        return NULL;
    }
    c->genesis_hash = *genesis_hash;
    pthread_rwlock_init(&c->map_lock, NULL);
    hist_init(&c->times);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    *block_hash = (bytes32){0};
    int rc = open_environment(c, dir);
    if (rc == 0)
        rc = open_tables(c);
    bool ok = rc == 0;
    if (!ok)
        store_fail(error, "cannot open the state checkpoint in %s: %s", dir, mdb_strerror(rc));
    ok = ok && read_head(c, dir, block_hash, complete, error);
    if (ok && !*complete)
        c->height = 0;
    if (ok && !checkpoint_thread_start(c))
        ok = checkpoint_fail(error, "start its thread", EAGAIN);
    if (!ok) {
        checkpoint_close(c);
        return NULL;
    }
    checkpoint_update_bytes(c);
    *height = c->height;
    return c;
}

void checkpoint_close(struct checkpoint *c)
{
    checkpoint_thread_stop(c);
    checkpoint_unpin(c);
    if (c->env != NULL)
        mdb_env_close(c->env);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    pthread_rwlock_destroy(&c->map_lock);
    free(c);
}

size_t checkpoint_accounts_in_partition(const struct checkpoint *c)
{
    MDB_txn *txn;
    MDB_stat stat = {0};
    if (mdb_txn_begin(c->env, NULL, MDB_RDONLY, &txn) != 0)
        return 0;
    if (mdb_stat(txn, c->accounts, &stat) != 0)
        stat.ms_entries = 0;
    mdb_txn_abort(txn);
    // Keys are hashes, so a partition's share strays from the mean by no more than a few times its root.
    const size_t mean = stat.ms_entries / PARTITION_COUNT;
    return mean + mean / 32;
}

int checkpoint_grow_map(struct checkpoint *c)
{
    MDB_envinfo info;
    checkpoint_unpin(c); // LMDB wants no transaction while the map changes
    pthread_rwlock_wrlock(&c->map_lock);
    int rc = mdb_env_info(c->env, &info);
    if (rc == 0)
        rc = mdb_env_set_mapsize(c->env, info.me_mapsize * 2);
    pthread_rwlock_unlock(&c->map_lock);
    return rc;
}

void checkpoint_update_bytes(struct checkpoint *c)
{
    MDB_envinfo info;
    if (mdb_env_info(c->env, &info) == 0)
        c->bytes = (info.me_last_pgno + 1) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t checkpoint_height(const struct checkpoint *c)
{
    return c->height;
}

uint64_t checkpoint_bytes(const struct checkpoint *c)
{
    return c->bytes;
}

bool checkpoint_busy(const struct checkpoint *c)
{
    return c->busy;
}

const char *checkpoint_failed(const struct checkpoint *c)
{
    return c->has_failed ? c->failed : NULL;
}
