// Reading a segment from its start: what recovery, the doctor, index building and place look-ups share. Read-only.
#ifndef GANTRY_ENGINE_STORE_BLOG_SCAN_H
#define GANTRY_ENGINE_STORE_BLOG_SCAN_H

#include "engine/store/blog_group.h"
#include "engine/store/disk.h"

#define BLOG_SPARE_NAME "segment-next.log"

// The segments in the log's folder, rising; numbers is malloc'ed (also when false is returned). False with a message
// when one in between is missing or the disk fails.
struct segment_list {
    uint32_t *numbers;
    size_t count;
    bool spare; // a file prepared for the next one is there
};
MUST_CHECK bool scan_list(struct disk *disk, struct segment_list *out, char error[STORE_ERROR_MAX]);

// Called for each record in order of height. record is NULL where the scan was not asked to verify. False stops the
// scan.
typedef bool scan_visit(void *ctx, uint64_t height, uint64_t offset, uint32_t length, const uint8_t *record);

struct segment_scan {
    // In
    struct disk *disk;
    int file;
    const char *name;
    const bytes32 *genesis_hash; // NULL: any
    uint64_t verify_from;        // records from this height on are read and checked, of others only the frames
    scan_visit *visit;           // may be NULL
    void *ctx;
    // In and out. 0: take what the first group says.
    uint64_t next_group, next_height;
    // Out
    uint32_t number; // of the segment, from its header
    uint64_t salt;
    uint64_t size; // of the file, in whole pages
    uint64_t end;  // after the last good group
    bool bad;      // what follows at end is neither a good group nor zeros: reason says what
    char reason[160];
};

// Reads header and groups up to the first that is not good. False with a message: the header is refused, the disk
// fails.
MUST_CHECK bool scan_segment(struct segment_scan *s, char error[STORE_ERROR_MAX]);

// The header alone.
MUST_CHECK bool scan_header(struct segment_scan *s, char error[STORE_ERROR_MAX]);

// Looks behind s->end for a group that was written after the one that should stand there, so that the latter was
// durable once. 1 and its offset, 0: there is none, -errno. *dirty_end is the end of the last page that is not all
// zeros (s->end when there is none).
MUST_CHECK int scan_later_group(const struct segment_scan *s, uint64_t *offset, uint64_t *dirty_end);

// Reads the record of a height, whose bytes are at offset, and checks its frame; malloc'ed. NULL: *err is -errno, or 0
// when something else is there.
uint8_t *scan_read_record(struct disk *disk, int file, uint64_t salt, uint64_t height, uint64_t offset, uint32_t length,
                          int *err);

#endif
