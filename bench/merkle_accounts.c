#include "bench/merkle_accounts.h"

#include "shard/partition.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct merkle_checkpoint {
    char folder[PATH_MAX];
    char file[PATH_MAX + 16]; // LMDB's, in the folder
};

static const bytes32 GENESIS_HASH = {{0x6d}}; // any will do

uint64_t merkle_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

// Made from its number, so that nothing has to be remembered.
bytes32 merkle_key(unsigned partition, uint64_t n)
{
    uint64_t seed = n << 8 | partition;
    bytes32 key;
    for (int i = 0; i < 4; i++)
        store_le64(key.b + 8 * i, merkle_random(&seed));
    key.b[0] = (uint8_t)partition;
    return key;
}

uint64_t merkle_accounts_in(uint64_t accounts, unsigned partition)
{
    return accounts / PARTITION_COUNT + (partition < accounts % PARTITION_COUNT);
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct state_dirty *)a)->key.b, ((const struct state_dirty *)b)->key.b, sizeof(bytes32));
}

void merkle_accounts_make(struct state_dirty *out, unsigned partition, uint64_t count)
{
    for (uint64_t n = 0; n < count; n++) {
        const bytes32 key = merkle_key(partition, n);
        const u256 balance = {{key.b[1] * UINT64_C(1000000007) + 1, key.b[2], 0, 0}};
        out[n] = (struct state_dirty){.key = key, .exists = true, .account = {.nonce = n % 64, .balance = balance}};
    }
    qsort(out, count, sizeof *out, by_key);
}

// In rising order of keys, in pages of its own, so that the process is as small afterwards as it was before.
static struct state_dirty *make_all(uint64_t accounts)
{
    struct state_dirty *records = mmap(NULL, (accounts + 1) * sizeof *records, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (records == MAP_FAILED)
        return NULL;
    struct state_dirty *at = records;
    for (unsigned p = 0; p < PARTITION_COUNT; p++) {
        const uint64_t count = merkle_accounts_in(accounts, p);
        merkle_accounts_make(at, p, count);
        at += count;
    }
    return records;
}

static void say(const char *what, const char *why)
{
    fprintf(stderr, "bench merkle: %s: %s\n", what, why);
}

struct checkpoint *merkle_checkpoint_open(const struct merkle_checkpoint *m)
{
    uint64_t height;
    bytes32 hash;
    bool complete;
    char error[STORE_ERROR_MAX];
    struct checkpoint *c = checkpoint_open(m->folder, &GENESIS_HASH, &height, &hash, &complete, error);
    if (!c)
        say(m->folder, error);
    return c;
}

static bool write_records(const struct merkle_checkpoint *m, uint64_t accounts)
{
    struct state_dirty *records = make_all(accounts);
    if (!records) {
        say("no memory for the accounts", strerror(errno));
        return false;
    }
    char error[STORE_ERROR_MAX];
    struct checkpoint *c = merkle_checkpoint_open(m);
    const struct state_batch initial = {.accounts = records, .account_count = accounts};
    const bool good = c && checkpoint_write_initial(c, &initial, &GENESIS_HASH, error);
    if (c && !good)
        say(m->folder, error);
    if (c)
        checkpoint_close(c);
    munmap(records, (accounts + 1) * sizeof *records);
    return good;
}

// The kernel only forgets what is on the disk already.
static void forget_file_pages(const struct merkle_checkpoint *m)
{
    const int fd = open(m->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fsync(fd) == 0)
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

// folder receives its whole path, as the kernel names it.
static bool make_folder(char folder[PATH_MAX], const char *under)
{
    if (!realpath(under, folder))
        return false;
    const size_t len = strlen(folder);
    if (snprintf(folder + len, PATH_MAX - len, "/gantry-merkle-XXXXXX") >= (int)(PATH_MAX - len)) {
        errno = ENAMETOOLONG;
        return false;
    }
    return mkdtemp(folder) != NULL;
}

struct merkle_checkpoint *merkle_checkpoint_create(const char *under, uint64_t accounts)
{
    struct merkle_checkpoint *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    if (!make_folder(m->folder, under ? under : "/var/tmp")) {
        say(under ? under : "/var/tmp", strerror(errno));
        free(m);
        return NULL;
    }
    snprintf(m->file, sizeof m->file, "%s/data.mdb", m->folder);
    if (!write_records(m, accounts)) {
        merkle_checkpoint_remove(m);
        return NULL;
    }
    forget_file_pages(m);
    return m;
}

// proc(5): a line with a mapping's addresses and its file, then its properties, one a line.
uint64_t merkle_checkpoint_resident(const struct merkle_checkpoint *m)
{
    FILE *file = fopen("/proc/self/smaps", "re");
    char line[PATH_MAX + 256];
    unsigned long long kb = 0;
    bool ours = false;
    while (file && fgets(line, sizeof line, file)) {
        unsigned long long from, to, rss;
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "%llx-%llx ", &from, &to) == 2) {
            const char *path = strchr(line, '/');
            ours = path && strcmp(path, m->file) == 0;
        } else if (ours && sscanf(line, "Rss: %llu kB", &rss) == 1) {
            kb += rss;
        }
    }
    if (file)
        fclose(file);
    return kb * 1024;
}

void merkle_checkpoint_remove(struct merkle_checkpoint *m)
{
    if (!m)
        return;
    char lock[sizeof m->file];
    snprintf(lock, sizeof lock, "%s/lock.mdb", m->folder);
    unlink(m->file);
    unlink(lock);
    if (rmdir(m->folder) != 0)
        say(m->folder, strerror(errno));
    free(m);
}
