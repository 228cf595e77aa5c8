// Reads records out of segment files by place, for the readers' side. Keeps the file that was read last open. One
// owner.
#ifndef GANTRY_ENGINE_STORE_SEGMENT_READER_H
#define GANTRY_ENGINE_STORE_SEGMENT_READER_H

#include "engine/store/blog.h"

struct segment_reader {
    struct disk *disk; // disk_files
    bytes32 genesis_hash;
    int file; // -1: none
    uint32_t segment;
    uint64_t salt;
};

MUST_CHECK bool segment_reader_open(struct segment_reader *s, const char *dir, const bytes32 *genesis_hash,
                                    char error[STORE_ERROR_MAX]);
void segment_reader_close(struct segment_reader *s);

// The verified record of a height, malloc'ed. NULL with a message: *damaged tells damage from a file that is gone.
uint8_t *segment_reader_read(struct segment_reader *s, uint64_t height, struct blog_place place, bool *damaged,
                             char error[STORE_ERROR_MAX]);
// Forgets the open file (it may have been removed).
void segment_reader_forget(struct segment_reader *s);

#endif
