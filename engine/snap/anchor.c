#include "engine/snap/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

// The rest of a file: block 32, boundary, checksum over both.
#define BODY_BYTES (32u + sizeof(struct wire_block_header))
#define FILE_BYTES (FILE_HEADER_BYTES + BODY_BYTES + CHECKSUM_BYTES)

static const struct file_kind KIND = {"GANTRANC", 1, "anchor of a fetched state"};
enum { WORD_HEIGHT, WORD_ORDERED, WORD_EPOCH, WORD_VOTE_FROM, WORD_RECOVERING, WORD_KEEP_LOG };

static bool fail(char error[STORE_ERROR_MAX], const char *what, const char *data, const char *name)
{
    return store_fail(error, "cannot %s %.200s/%s: %s", what, data, name, strerror(errno));
}

static void encode(uint8_t out[FILE_BYTES], const struct anchor *a, const bytes32 *genesis_hash)
{
    const struct file_header h = {.genesis_hash = *genesis_hash,
                                  .words = {[WORD_HEIGHT] = a->height,
                                            [WORD_ORDERED] = a->ordered,
                                            [WORD_EPOCH] = a->epoch,
                                            [WORD_VOTE_FROM] = a->vote_from,
                                            [WORD_RECOVERING] = a->recovering,
                                            [WORD_KEEP_LOG] = a->keep_log}};
    uint8_t *body = out + FILE_HEADER_BYTES;
    file_header_put(out, &KIND, &h);
    memcpy(body, a->block.b, sizeof a->block.b);
    memcpy(body + sizeof a->block.b, &a->boundary, sizeof a->boundary);
    checksum_put(body + BODY_BYTES, body, BODY_BYTES, 0);
}

bool anchor_write(const struct anchor *a, const char *data, const char *name, const bytes32 *genesis_hash,
                  char error[STORE_ERROR_MAX])
{
    uint8_t bytes[FILE_BYTES];
    char part[64];
    encode(bytes, a, genesis_hash);
    snprintf(part, sizeof part, "%s.part", name);
    const int folder = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int fd = folder < 0 ? -1 : openat(folder, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    const bool written = fd >= 0 && write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes && fsync(fd) == 0;
    const bool good = written && renameat(folder, part, folder, name) == 0 && fsync(folder) == 0;
    if (!good)
        fail(error, "write", data, name);
    if (fd >= 0)
        close(fd);
    if (folder >= 0)
        close(folder);
    return good;
}

enum anchor_found anchor_read(struct anchor *out, const char *data, const char *name, const bytes32 *genesis_hash,
                              char error[STORE_ERROR_MAX])
{
    char path[PATH_MAX];
    uint8_t bytes[FILE_BYTES + 1];
    struct file_header h;
    snprintf(path, sizeof path, "%s/%s", data, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return ANCHOR_NONE;
    const ssize_t len = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (len < 0)
        fail(error, "read", data, name);
    if (fd >= 0)
        close(fd);
    if (len < 0 || !file_header_get(&h, bytes_of(bytes, (size_t)len), &KIND, genesis_hash, path, error))
        return ANCHOR_BAD;
    const uint8_t *body = bytes + FILE_HEADER_BYTES;
    if (len != (ssize_t)FILE_BYTES || !checksum_matches(body + BODY_BYTES, body, BODY_BYTES, 0)) {
        store_fail(error, "%.200s is damaged", path);
        return ANCHOR_BAD;
    }
    *out = (struct anchor){.height = h.words[WORD_HEIGHT],
                           .ordered = h.words[WORD_ORDERED],
                           .epoch = h.words[WORD_EPOCH],
                           .vote_from = h.words[WORD_VOTE_FROM],
                           .recovering = h.words[WORD_RECOVERING] != 0,
                           .keep_log = h.words[WORD_KEEP_LOG] != 0};
    memcpy(out->block.b, body, sizeof out->block.b);
    memcpy(&out->boundary, body + sizeof out->block.b, sizeof out->boundary);
    return ANCHOR_FOUND;
}

bool anchor_remove(const char *data, const char *name, char error[STORE_ERROR_MAX])
{
    const int folder = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool good = folder >= 0 && (unlinkat(folder, name, 0) == 0 || errno == ENOENT) && fsync(folder) == 0;
    if (!good)
        fail(error, "remove", data, name);
    if (folder >= 0)
        close(folder);
    return good;
}
