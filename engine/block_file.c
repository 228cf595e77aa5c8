#include "engine/block_file.h"

#include <stdlib.h>

enum {
    SHORT_LIST = 0xc0,
    LONG_LIST = 0xf7, // plus the number of bytes of the length that follows
    HEADER_MAX = 9,
    FIRST_CAPACITY = 1 << 16,
};

static void reserve(struct block_file *f, size_t len)
{
    if (len <= f->capacity)
        return;
    f->capacity = 2 * len > FIRST_CAPACITY ? 2 * len : FIRST_CAPACITY;
    f->mem = realloc(f->mem, f->capacity);
    if (!f->mem)
        abort();
}

static enum block_file_answer ended(const struct block_file *f)
{
    return ferror(f->file) ? BLOCK_FILE_ERROR : BLOCK_FILE_TORN;
}

// Memory grows with what is there, not with what a header promises.
static enum block_file_answer read_payload(struct block_file *f, size_t at, size_t end)
{
    while (at < end) {
        reserve(f, at + 1);
        const size_t room = f->capacity < end ? f->capacity : end;
        const size_t got = fread(f->mem + at, 1, room - at, f->file);
        if (got == 0)
            return ended(f);
        at += got;
    }
    return BLOCK_FILE_BLOCK;
}

enum block_file_answer block_file_next(struct block_file *f, struct bytes *out)
{
    const int first = getc(f->file);
    if (first == EOF)
        return ferror(f->file) ? BLOCK_FILE_ERROR : BLOCK_FILE_END;
    reserve(f, HEADER_MAX);
    f->mem[0] = (uint8_t)first;
    if (first < SHORT_LIST)
        return BLOCK_FILE_BAD;
    const size_t len_bytes = first > LONG_LIST ? (size_t)first - LONG_LIST : 0;
    if (len_bytes > 0 && fread(f->mem + 1, 1, len_bytes, f->file) != len_bytes)
        return ended(f);
    uint64_t payload = first > LONG_LIST ? 0 : (uint64_t)first - SHORT_LIST;
    for (size_t i = 1; i <= len_bytes; i++)
        payload = payload << 8 | f->mem[i];
    if (payload > BLOCK_FILE_BLOCK_MAX)
        return BLOCK_FILE_BAD;
    const enum block_file_answer answer = read_payload(f, 1 + len_bytes, 1 + len_bytes + payload);
    *out = bytes_of(f->mem, 1 + len_bytes + payload);
    return answer;
}
