// Reading a file of blocks one after the other, each its RLP: what `gantry export` writes, and other clients. One
// thread.
#ifndef GANTRY_ENGINE_BLOCK_FILE_H
#define GANTRY_ENGINE_BLOCK_FILE_H

#include <stdio.h>

#include "base/bytes.h"

// The longest block that is read.
#define BLOCK_FILE_BLOCK_MAX ((size_t)1 << 30)

struct block_file {
    FILE *file;
    uint8_t *mem; // the owner frees it
    size_t capacity;
};

enum block_file_answer {
    BLOCK_FILE_BLOCK,
    BLOCK_FILE_END,
    BLOCK_FILE_TORN, // the file ends inside a block
    BLOCK_FILE_BAD,  // what comes next is no RLP list, or one longer than BLOCK_FILE_BLOCK_MAX
    BLOCK_FILE_ERROR // errno says which
};

// Takes the next block; *out, header included, is good until the next call.
MUST_CHECK enum block_file_answer block_file_next(struct block_file *f, struct bytes *out);

#endif
