#include "tools/load/load_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define MAGIC "gantry load set\n"
#define FORMAT_VERSION 2
#define HEADER_BYTES 4096
#define NAME_PREFIX "set-"

// All that an item depends on. No padding: it is hashed and compared as bytes.
struct key {
    uint64_t seed, chain_id, max_fee_wei, max_tip_wei;
    uint64_t first_nonce_hash[2], mix_hash[2];
    uint32_t sender_count, account_count, witness, stride;
};
_Static_assert(sizeof(struct key) == 80, "no padding");

struct file_header {
    char magic[16];
    uint32_t version, count;
    struct key key;
    uint64_t checksum[2]; // XXH3-128 of everything after the header
};
_Static_assert(sizeof(struct file_header) <= HEADER_BYTES, "the header fits its page");

static struct key key_of(const struct load_plan *plan, size_t stride)
{
    struct key key = {.seed = plan->seed,
                      .chain_id = plan->chain_id,
                      .max_fee_wei = plan->max_fee_wei,
                      .max_tip_wei = plan->max_tip_wei,
                      .sender_count = plan->sender_count,
                      .account_count = plan->account_count,
                      .witness = plan->witness,
                      .stride = (uint32_t)stride};
    bool any = false;
    for (uint32_t i = 0; plan->first_nonce && i < plan->sender_count; i++)
        any |= plan->first_nonce[i] != 0;
    if (any) {
        const XXH128_hash_t h = XXH3_128bits(plan->first_nonce, plan->sender_count * sizeof *plan->first_nonce);
        key.first_nonce_hash[0] = h.low64;
        key.first_nonce_hash[1] = h.high64;
    }
    if (plan->mix) {
        const XXH128_hash_t h = XXH3_128bits(plan->mix, sizeof *plan->mix);
        key.mix_hash[0] = h.low64;
        key.mix_hash[1] = h.high64;
    }
    return key;
}

static size_t body_bytes(uint32_t count, size_t stride)
{
    return (size_t)count * (sizeof(uint32_t) + sizeof(bytes32) + stride);
}

static struct file_header *header_of(const struct load_file *file)
{
    return file->map;
}

uint32_t load_file_count(const struct load_file *file)
{
    return header_of(file)->count;
}

uint32_t *load_file_senders(const struct load_file *file)
{
    return (uint32_t *)(void *)((uint8_t *)file->map + HEADER_BYTES);
}

bytes32 *load_file_hashes(const struct load_file *file)
{
    return (bytes32 *)(load_file_senders(file) + load_file_count(file));
}

uint8_t *load_file_frames(const struct load_file *file)
{
    return (uint8_t *)(load_file_hashes(file) + load_file_count(file));
}

static XXH128_hash_t checksum_of(const struct load_file *file)
{
    return XXH3_128bits((uint8_t *)file->map + HEADER_BYTES, file->map_len - HEADER_BYTES);
}

static bool is_whole(const struct load_file *file, const struct load_plan *plan, const struct key *key)
{
    const struct file_header *h = header_of(file);
    if (memcmp(h->magic, MAGIC, sizeof h->magic) != 0 || h->version != FORMAT_VERSION ||
        memcmp(&h->key, key, sizeof *key) != 0 || h->count < plan->count ||
        file->map_len != HEADER_BYTES + body_bytes(h->count, key->stride))
        return false;
    const XXH128_hash_t sum = checksum_of(file);
    return sum.low64 == h->checksum[0] && sum.high64 == h->checksum[1];
}

static void name_file(char *out, size_t cap, const struct key *key, const char *dir)
{
    const XXH128_hash_t h = XXH3_128bits(key, sizeof *key);
    snprintf(out, cap, "%s/" NAME_PREFIX "%016llx%016llx", dir, (unsigned long long)h.high64,
             (unsigned long long)h.low64);
}

bool load_file_find(struct load_file *out, const struct load_plan *plan, size_t stride, const char *dir)
{
    const struct key key = key_of(plan, stride);
    struct stat info;
    *out = (struct load_file){0};
    name_file(out->path, sizeof out->path, &key, dir);
    const int fd = open(out->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &info) == 0 && info.st_size >= HEADER_BYTES) {
        out->map_len = (size_t)info.st_size;
        out->map = mmap(NULL, out->map_len, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    }
    close(fd);
    if (out->map == NULL || out->map == MAP_FAILED)
        return false;
    if (is_whole(out, plan, &key)) {
        utimensat(AT_FDCWD, out->path, NULL, 0); // the oldest use goes first
        return true;
    }
    munmap(out->map, out->map_len);
    return false;
}

static void make_folders(const char *dir)
{
    char path[4096];
    snprintf(path, sizeof path, "%s", dir);
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        mkdir(path, 0700);
        *p = '/';
    }
    mkdir(path, 0700);
}

static int create_temporary(struct load_file *out, const struct key *key, const char *dir)
{
    make_folders(dir);
    name_file(out->path, sizeof out->path, key, dir);
    if (snprintf(out->temporary, sizeof out->temporary, "%s/" NAME_PREFIX "tmp-XXXXXX", dir) >=
        (int)sizeof out->temporary)
        return -1;
    return mkostemp(out->temporary, O_CLOEXEC);
}

bool load_file_create(struct load_file *out, const struct load_plan *plan, size_t stride, const char *dir,
                      char error[LOAD_ERROR_MAX])
{
    const struct key key = key_of(plan, stride);
    *out = (struct load_file){.map_len = HEADER_BYTES + body_bytes(plan->count, stride)};
    const int fd = dir ? create_temporary(out, &key, dir) : -1;
    if (dir && fd < 0) {
        snprintf(error, LOAD_ERROR_MAX, "cache folder %.150s: %s", dir, strerror(errno));
        return false;
    }
    // Allocated, so that a full disk is an error here and not a signal while writing.
    const int failed = fd >= 0 ? posix_fallocate(fd, 0, (off_t)out->map_len) : 0;
    if (failed == 0)
        out->map =
            mmap(NULL, out->map_len, PROT_READ | PROT_WRITE, fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
    if (fd >= 0)
        close(fd);
    if (failed != 0 || out->map == MAP_FAILED) {
        snprintf(error, LOAD_ERROR_MAX, "no room for the signed set (%zu bytes): %s", out->map_len,
                 strerror(failed ? failed : errno));
        if (fd >= 0)
            unlink(out->temporary);
        return false;
    }
    struct file_header *h = header_of(out);
    memcpy(h->magic, MAGIC, sizeof h->magic);
    h->version = FORMAT_VERSION;
    h->count = plan->count;
    h->key = key;
    return true;
}

struct kept {
    char name[256];
    time_t used;
    uint64_t bytes;
};

// Removes sets, the longest unused first, until the rest fits. `keep` stays.
static void prune(const char *dir, const char *keep)
{
    for (;;) {
        struct kept oldest = {.used = 0};
        uint64_t total = 0;
        DIR *folder = opendir(dir);
        if (!folder)
            return;
        for (struct dirent *entry; (entry = readdir(folder));) {
            struct stat info;
            if (strncmp(entry->d_name, NAME_PREFIX, strlen(NAME_PREFIX)) != 0 ||
                fstatat(dirfd(folder), entry->d_name, &info, 0) != 0)
                continue;
            total += (uint64_t)info.st_size;
            const bool is_kept = strstr(keep, entry->d_name) != NULL;
            if (!is_kept && (oldest.name[0] == 0 || info.st_mtime < oldest.used)) {
                snprintf(oldest.name, sizeof oldest.name, "%s", entry->d_name);
                oldest.used = info.st_mtime;
            }
        }
        const bool remove = total > LOAD_CACHE_BYTES_MAX && oldest.name[0] != 0;
        const bool removed = remove && unlinkat(dirfd(folder), oldest.name, 0) == 0;
        closedir(folder);
        if (!removed)
            return;
    }
}

void load_file_keep(struct load_file *file, const char *dir)
{
    const XXH128_hash_t sum = checksum_of(file);
    header_of(file)->checksum[0] = sum.low64;
    header_of(file)->checksum[1] = sum.high64;
    if (rename(file->temporary, file->path) != 0) {
        unlink(file->temporary);
        return;
    }
    prune(dir, file->path);
}

bool load_cache_default(char *out, size_t cap)
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int len = -1;
    if (base && base[0] == '/')
        len = snprintf(out, cap, "%s/gantry", base);
    else if (home && home[0] == '/')
        len = snprintf(out, cap, "%s/.cache/gantry", home);
    return len > 0 && (size_t)len < cap;
}
