// Bytes of the block log: segment header, groups, record frames (docs/storage.md). Pure functions; any thread.
//
//   segment file   [header page][group][group]...[zeros to the end of the file]
//   group          [group header 64][frame][frame]...[zeros to the next multiple of 4096]
//   frame          [XXH3-128][length u32][0 u32][height u64][record]
//
// Groups start on page boundaries, so no sector that holds durable bytes is ever written again. All checksums are
// seeded with the log's salt, a random number, so that nobody can put a transaction into the log that passes for a
// group.
#ifndef GANTRY_ENGINE_STORE_BLOG_GROUP_H
#define GANTRY_ENGINE_STORE_BLOG_GROUP_H

#include "engine/store/file_header.h"

#define BLOG_PAGE 4096u
#define GROUP_HEADER_BYTES 64u
#define FRAME_BYTES 32u
// The longest record. With it, lengths inside a group fit their fields.
#define BLOG_RECORD_MAX (1u << 30)

extern const struct file_kind BLOG_SEGMENT_KIND;
// Words of a segment's file header: the log's salt, and how long the file was made (it may be longer).
enum { BLOG_WORD_SALT = 0, BLOG_WORD_BYTES = 1 };

struct group_header {
    uint64_t number;         // counts groups of the whole log from 1
    uint64_t durable_offset; // in this segment, everything before was durable when this group was written
    uint64_t first_height;
    uint64_t payload_bytes; // frames, without padding
    uint32_t record_count;
};

static inline uint64_t blog_round_up(uint64_t bytes)
{
    return (bytes + BLOG_PAGE - 1) / BLOG_PAGE * BLOG_PAGE;
}

void group_header_put(uint8_t out[GROUP_HEADER_BYTES], const struct group_header *h, uint64_t salt);
// False when this is no group header of this log.
MUST_CHECK bool group_header_get(struct group_header *out, struct bytes in, uint64_t salt);

// Writes frame and record: FRAME_BYTES + record.len bytes.
void frame_put(uint8_t *out, uint64_t height, struct bytes record, uint64_t salt);

struct frame {
    uint64_t height;
    uint32_t length;
};
// The fields alone, unchecked but for their ranges: what follows may still be damaged.
MUST_CHECK bool frame_peek(struct frame *out, struct bytes in);
// in: exactly one frame and its record.
MUST_CHECK bool frame_check(struct bytes in, uint64_t salt);

#endif
