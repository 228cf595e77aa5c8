// What comes from a disk may be anything: records, and segment files as recovery scans them. Checksums are put right
// first where a segment is made from the input, else nothing behind them would ever be reached.
#include <errno.h>
#include <stdlib.h>

#include "engine/store/blog_scan.h"
#include "engine/store/record.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            abort();                                                                                                   \
    } while (0)

enum { SLICE = 192, PAGES_MAX = 32, SALT = 7 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t sum_of(struct bytes b)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < b.len; i++)
        sum = sum * 31 + b.ptr[i];
    return sum;
}

static void fuzz_record(struct bytes in)
{
    struct record r;
    uint32_t sum = 0;
    if (!record_decode(&r, in))
        return;
    uint64_t gas = 0;
    for (uint32_t i = 0; i < r.tx_count; i++) {
        struct record_tx tx;
        record_tx_at(&r, i, &tx);
        CHECK(tx.raw.ptr >= in.ptr && tx.raw.ptr + tx.raw.len <= in.ptr + in.len);
        CHECK(tx.cumulative_gas == gas + tx.gas_used);
        gas = tx.cumulative_gas;
        sum += sum_of(tx.raw) + sum_of(tx.logs);
    }
    for (uint32_t i = 0; i < r.dropped_count; i++) {
        bytes32 hash;
        enum tx_status reason;
        record_dropped_at(&r, i, &hash, &reason);
        CHECK(reason > TX_OK && reason < TX_STATUS_COUNT);
        sum += hash.b[0];
    }
    // Reading is the test; the sum keeps it.
    __asm__ volatile("" : : "r"(sum));
}

// A disk with one file that can only be read.
struct memory_disk {
    struct disk disk;
    struct bytes file;
};

static int64_t memory_size(struct disk *d, int file)
{
    (void)file;
    return (int64_t)((struct memory_disk *)d)->file.len;
}

static int64_t memory_read(struct disk *d, int file, uint64_t offset, void *buf, size_t len)
{
    const struct bytes f = ((struct memory_disk *)d)->file;
    (void)file;
    if (offset >= f.len)
        return 0;
    const size_t n = len < f.len - offset ? len : (size_t)(f.len - offset);
    memcpy(buf, f.ptr + offset, n);
    return (int64_t)n;
}

static const struct disk_ops MEMORY_OPS = {.size = memory_size, .read = memory_read};

// Makes the checksums of the group that starts here right, as far as its fields make sense.
static void repair(uint8_t *p, size_t room)
{
    struct group_header h = {
        .number = load_le64(p + 8),
        .durable_offset = load_le64(p + 16),
        .first_height = load_le64(p + 24),
        .payload_bytes = load_le64(p + 32),
        .record_count = load_le32(p + 40),
    };
    size_t at = GROUP_HEADER_BYTES;
    for (uint32_t i = 0; i < h.record_count && i < 8; i++) {
        struct frame f;
        if (room - at < FRAME_BYTES || !frame_peek(&f, bytes_of(p + at, FRAME_BYTES)) ||
            f.length > room - at - FRAME_BYTES)
            break;
        checksum_put(p + at, p + at + CHECKSUM_BYTES, FRAME_BYTES - CHECKSUM_BYTES + f.length, SALT);
        at += FRAME_BYTES + f.length;
    }
    group_header_put(p, &h, SALT);
}

struct seen {
    uint64_t height;
    struct bytes file;
};

static bool see(void *ctx, uint64_t height, uint64_t offset, uint32_t length, const uint8_t *record)
{
    struct seen *s = ctx;
    CHECK(s->height == 0 || height == s->height + 1);
    CHECK(offset <= s->file.len && length <= s->file.len - offset);
    CHECK(record == NULL || memcmp(record, s->file.ptr + offset, length) == 0);
    s->height = height;
    return true;
}

// A segment whose pages begin with slices of the input.
static void fuzz_segment(struct bytes in, uint64_t verify_from)
{
    static uint8_t image[(1 + PAGES_MAX) * BLOG_PAGE];
    char error[STORE_ERROR_MAX];
    const struct file_header header = {.number = 1, .words = {[BLOG_WORD_SALT] = SALT}};
    memset(image, 0, sizeof image);
    file_header_put(image, &BLOG_SEGMENT_KIND, &header);
    for (size_t page = 0; page < PAGES_MAX && page * SLICE < in.len; page++) {
        uint8_t *p = image + (1 + page) * BLOG_PAGE;
        const size_t rest = in.len - page * SLICE;
        memcpy(p, in.ptr + page * SLICE, rest < SLICE ? rest : SLICE);
        if (p[0] == 'G')
            repair(p, BLOG_PAGE);
    }
    struct memory_disk m = {.disk.ops = &MEMORY_OPS, .file = bytes_of(image, sizeof image)};
    struct seen seen = {.file = m.file};
    struct segment_scan s = {.disk = &m.disk,
                             .name = "fuzz",
                             .verify_from = verify_from,
                             .visit = see,
                             .ctx = &seen,
                             .next_group = 1,
                             .next_height = 1};
    uint64_t later = 0, dirty_end = 0;
    CHECK(scan_segment(&s, error));
    CHECK(s.end % BLOG_PAGE == 0 && s.end <= s.size && s.next_height == seen.height + 1);
    const int found = scan_later_group(&s, &later, &dirty_end);
    CHECK(found == 0 || (later >= s.end && later < s.size));
    CHECK(dirty_end >= s.end && dirty_end <= s.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    // An allocation of its own, so that every read past the end is seen.
    uint8_t *copy = malloc(size - 1);
    if (size > 1)
        memcpy(copy, data + 1, size - 1);
    if (data[0] % 2 == 0)
        fuzz_record(bytes_of(copy, size - 1));
    else
        fuzz_segment(bytes_of(copy, size - 1), data[0] % 4 == 1 ? 0 : UINT64_MAX);
    free(copy);
    return 0;
}
