// The block log: the truth about the chain. Append-only segment files of checksummed records in fsync groups.
//
// A group starts with its number and the offset that was durable before it; each record carries XXH3-128 over its
// bytes. On open, a bad record in the last group is a torn tail and is cut; a bad record followed by a valid later
// group is damage, and opening fails with file, offset and advice. Every file starts with magic, format version and
// genesis hash.
//
// Writing is a state machine over struct disk: blog_append queues, blog_flush starts a group when none is in flight
// (the next group collects meanwhile), blog_step takes completions. A write or sync error is final: the log refuses all
// further work (blog_failed), nothing is reported durable. Owner: the coordinator.
#ifndef GANTRY_ENGINE_STORE_BLOG_H
#define GANTRY_ENGINE_STORE_BLOG_H

#include "engine/store/disk.h"
#include "engine/store/file_header.h"
#include "engine/store/record.h"

struct blog;

// What may wait behind the group in flight; a single record of any size always may.
#define BLOG_QUEUE_BYTES_MAX (256u << 20)

// As verify_from: the records of the newest two segments alone are checked.
#define BLOG_VERIFY_NEWEST UINT64_MAX

struct blog_options {
    bytes32 genesis_hash;
    uint64_t segment_bytes; // a new segment starts after this many (default 256 MiB)
    uint64_t verify_from;   // check all records from this height on (the last checkpoint's); earlier ones when read.
                            // A log that ends below it has lost blocks, and is refused
    uint64_t begin;         // a new log starts with this height, as if earlier ones had been let go (0: with 1)
};

// Opens or creates the log in the disk's folder. NULL with a message (file, offset, advice) on damage, a foreign or
// newer file, or an I/O error.
struct blog *blog_open(struct disk *disk, const struct blog_options *options, char error[STORE_ERROR_MAX]);
void blog_close(struct blog *b);

// Heights of the first kept and the last block; last is 0 while only genesis exists (genesis itself is not in the log).
uint64_t blog_first(const struct blog *b);
uint64_t blog_last(const struct blog *b);
uint64_t blog_durable(const struct blog *b);

// Queues a record for height blog_last + 1; the bytes are copied. 0, or -errno when the log has failed or is full.
MUST_CHECK int blog_append(struct blog *b, uint64_t height, struct bytes record);
// Starts writing what is queued unless a group is in flight.
void blog_flush(struct blog *b);
// Takes completions (waiting for one when wait is set and something is in flight); starts the next group when one is
// due. Returns true when blog_durable rose.
bool blog_step(struct blog *b, bool wait);
bool blog_in_flight(const struct blog *b);
// Text of the first error, NULL while all is well.
const char *blog_failed(const struct blog *b);

// Where a record is, for readers on other threads.
struct blog_place {
    uint32_t segment;
    uint32_t length; // of the record
    uint64_t offset; // of the record's bytes in the segment's file
};
MUST_CHECK bool blog_place(const struct blog *b, uint64_t height, struct blog_place *out);
// Name of a segment's file.
void blog_segment_name(char out[64], uint32_t segment);
// Reads and verifies one record on the owner's thread; malloc'ed. NULL with a message when it is damaged or not kept.
uint8_t *blog_read(struct blog *b, uint64_t height, size_t *len, char error[STORE_ERROR_MAX]);
// The same for a record whose place the caller remembers.
uint8_t *blog_read_at(struct blog *b, uint64_t height, const struct blog_place *place, char error[STORE_ERROR_MAX]);
// Reads the first bytes of a record, at most cap, without verifying them: for headers, whose hash tells. Returns how
// many, 0 with a message when there are none.
size_t blog_read_start(struct blog *b, uint64_t height, uint8_t *buf, size_t cap, char error[STORE_ERROR_MAX]);
// Tells every durable record from this height on (or the first kept one), in order, each verified; its bytes are valid
// during the call. Reads the files through: for a start, which needs them all. False with a message: a file is damaged
// or can't be read, or visit returned false (then error is visit's).
typedef bool blog_visit(void *ctx, uint64_t height, struct bytes record, char error[STORE_ERROR_MAX]);
MUST_CHECK bool blog_read_through(const struct blog *b, uint64_t from, blog_visit *visit, void *ctx,
                                  char error[STORE_ERROR_MAX]);

// The segments, oldest first: writes up to max, returns how many there are.
struct blog_segment {
    uint32_t segment;
    uint64_t first, last; // heights; last < first while it has none
    bool open;            // the newest, which is being written
};
size_t blog_segments(const struct blog *b, struct blog_segment *out, size_t max);

// Bytes of the log's files, space prepared for what comes included.
uint64_t blog_bytes(const struct blog *b);
// Removes closed segments whose blocks are all below `height`. Returns how many files went.
unsigned blog_retain(struct blog *b, uint64_t height);

#endif
