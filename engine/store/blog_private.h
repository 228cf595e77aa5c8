// The inside of struct blog, shared by blog.c (writing), blog_read.c, blog_open.c (recovery) and blog_spare.c (the
// next segment).
#ifndef GANTRY_ENGINE_STORE_BLOG_PRIVATE_H
#define GANTRY_ENGINE_STORE_BLOG_PRIVATE_H

#include "engine/store/blog.h"
#include "engine/store/blog_group.h"
#include "engine/store/blog_scan.h"

#define BLOG_FIRST_SEGMENT_BYTES (4u << 20) // segments double up to segment_bytes, so that a small chain stays small

struct place {
    uint64_t offset;
    uint32_t length;
};

struct segment {
    uint32_t number;
    uint64_t first, last; // heights; last == first - 1 while it has none
    uint64_t bytes;       // of the file
    struct place *places; // of first..last; NULL in a closed segment that nobody asked about
    size_t place_cap;
};

// One buffer that collects records, one that is being written; they swap.
struct group_buffer {
    uint8_t *bytes;
    size_t len, cap;
    uint64_t first_height;
    uint32_t count;
};

enum group_state { GROUP_NONE, GROUP_WAITS_FOR_SPARE, GROUP_WRITES };

// The next segment's file, filled with zeros ahead of its use by writes between the groups, so that neither a roll nor
// a group's fdatasync has to wait for allocation.
enum spare_state { SPARE_NONE, SPARE_IDLE, SPARE_WRITES, SPARE_READY };
struct spare {
    enum spare_state state;
    int file;
    uint64_t bytes;  // how long it is to be
    uint64_t zeroed; // durable so far
};

struct blog {
    struct disk *disk;
    struct blog_options options;
    uint64_t salt;
    struct segment *segments;
    size_t segment_count, segment_cap;
    // The open segment is segments[segment_count - 1].
    int file;
    uint64_t offset; // where its next group goes
    uint64_t next_group;
    uint64_t last, durable;

    struct group_buffer collecting, writing;
    enum group_state group;
    uint64_t written; // bytes of the group so far
    bool flush_wanted;

    struct spare spare;
    uint8_t spare_header[BLOG_PAGE]; // while it is being written
    unsigned under_way;              // operations given to the disk
    char failed[STORE_ERROR_MAX];
};

enum blog_tag { TAG_GROUP = 1, TAG_SPARE };

// The first error stays.
__attribute__((format(printf, 3, 4))) void blog_fail(struct blog *b, int err, const char *format, ...);

static inline struct segment *blog_open_segment(const struct blog *b)
{
    return &b->segments[b->segment_count - 1];
}
// False when memory is short.
MUST_CHECK bool blog_add_segment(struct blog *b, const struct segment *s);
MUST_CHECK bool segment_add_place(struct segment *s, uint64_t height, uint64_t offset, uint32_t length);

// Places of closed segments are kept for the newest one and the one asked about last; this frees the others.
void blog_forget_places(const struct blog *b);

// Writes and waits until it is durable. 0 or -errno. Only while nothing is under
// way.
MUST_CHECK int blog_write_durably(struct disk *disk, int file, uint64_t offset, const uint8_t *bytes, size_t len);
void blog_header_page(const struct blog *b, uint32_t number, uint64_t bytes, uint8_t out[BLOG_PAGE]);

// Lets the spare grow by what is due now: in step with the open segment's use, or as fast as it can when a group waits.
void spare_work(struct blog *b);
void spare_completed(struct blog *b, int result);
// Makes the spare the open segment. True when the group fits it now.
bool spare_roll(struct blog *b, uint64_t group_bytes);
void spare_drop(struct blog *b);

#endif
