// What a scan takes for a good group: segments made by hand, with one thing wrong and every checksum right.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "engine/sim/sim_disk.h"
#include "engine/store/blog_scan.h"

enum { SALT = 99, PAGES = 8 };

// Three groups of one record each, at pages 1, 2 and 3: numbers 5.., heights 50...
struct image {
    struct sim_disk *disk;
    uint8_t *bytes; // of the file
    int file;
};

static void put_group(struct image *m, uint64_t page, const struct group_header *h, uint64_t height, uint32_t length)
{
    static const uint8_t zeros[BLOG_PAGE];
    uint8_t *p = m->bytes + page * BLOG_PAGE;
    memset(p, 0, BLOG_PAGE);
    frame_put(p + GROUP_HEADER_BYTES, height, bytes_of(zeros, length), SALT);
    group_header_put(p, h, SALT);
}

static struct group_header good_header(uint64_t page)
{
    return (struct group_header){.number = 4 + page,
                                 .durable_offset = page * BLOG_PAGE,
                                 .first_height = 49 + page,
                                 .payload_bytes = FRAME_BYTES + 10,
                                 .record_count = 1};
}

static struct image make_image(void)
{
    struct image m = {.disk = sim_disk_create(1)};
    struct disk *d = sim_disk_disk(m.disk);
    const struct file_header header = {.number = 3, .words = {[BLOG_WORD_SALT] = SALT}};
    size_t len;
    m.file = d->ops->open(d, "segment-00000003.log", true);
    d->ops->allocate(d, m.file, PAGES * BLOG_PAGE);
    m.bytes = sim_disk_file(m.disk, "segment-00000003.log", &len);
    file_header_put(m.bytes, &BLOG_SEGMENT_KIND, &header);
    for (uint64_t page = 1; page <= 3; page++) {
        const struct group_header h = good_header(page);
        put_group(&m, page, &h, h.first_height, 10);
    }
    return m;
}

// Scans, frees the image, and returns the page at which the scan ended.
static uint64_t scan(struct image *m, struct segment_scan *s)
{
    char error[STORE_ERROR_MAX];
    s->disk = sim_disk_disk(m->disk);
    s->file = m->file;
    s->name = "segment-00000003.log";
    cr_assert(scan_segment(s, error), "%s", error);
    return s->end / BLOG_PAGE;
}

// The second group is replaced; the scan must end before it.
static void expect_bad(const struct group_header *h, uint64_t height, uint32_t length, const char *reason)
{
    struct image m = make_image();
    struct segment_scan s = {.next_group = 5, .next_height = 50};
    uint64_t later = 0, dirty_end;
    put_group(&m, 2, h, height, length);
    cr_expect_eq(scan(&m, &s), 2, "taken for good: %s", reason);
    cr_expect(s.bad && strstr(s.reason, reason) != NULL, "\"%s\" is not \"%s\"", s.reason, reason);
    cr_expect_eq(scan_later_group(&s, &later, &dirty_end), 1);
    sim_disk_free(m.disk);
}

Test(blog_scan, reads_good_groups_to_the_zeros)
{
    struct image m = make_image();
    struct segment_scan s = {.next_group = 5, .next_height = 50};
    uint64_t later, dirty_end;
    cr_expect_eq(scan(&m, &s), 4);
    cr_expect(!s.bad && s.next_group == 8 && s.next_height == 53 && s.number == 3 && s.salt == SALT);
    cr_expect(scan_later_group(&s, &later, &dirty_end) == 0 && dirty_end == s.end);
    sim_disk_free(m.disk);
}

Test(blog_scan, takes_number_and_height_from_the_first_group_when_not_told)
{
    struct image m = make_image();
    struct segment_scan s = {0};
    cr_expect_eq(scan(&m, &s), 4);
    cr_expect(s.next_group == 8 && s.next_height == 53);
    sim_disk_free(m.disk);
}

Test(blog_scan, a_group_at_another_offset_is_not_good)
{
    struct group_header h = good_header(2);
    h.durable_offset = BLOG_PAGE;
    expect_bad(&h, 51, 10, "another offset");
}

Test(blog_scan, a_group_that_does_not_follow_is_not_good)
{
    struct group_header h = good_header(2);
    h.number = 7;
    expect_bad(&h, 51, 10, "does not follow");
    h.number = 5;
    expect_bad(&h, 51, 10, "does not follow");
    h = good_header(2);
    h.first_height = 52;
    expect_bad(&h, 52, 10, "does not follow");
}

Test(blog_scan, a_group_whose_lengths_do_not_fit_is_not_good)
{
    struct group_header h = good_header(2);
    h.payload_bytes = (uint64_t)PAGES * BLOG_PAGE;
    expect_bad(&h, 51, 10, "longer than its file");
    h.payload_bytes = FRAME_BYTES + 11;
    expect_bad(&h, 51, 10, "does not match its records");
    h.payload_bytes = FRAME_BYTES + 9;
    expect_bad(&h, 51, 10, "frame");
    h = good_header(2);
    h.record_count = 2;
    h.payload_bytes = 2 * FRAME_BYTES + 10;
    expect_bad(&h, 51, 10, "frame");
}

Test(blog_scan, a_record_of_another_height_is_not_good)
{
    const struct group_header h = good_header(2);
    expect_bad(&h, 52, 10, "frame");
}

Test(blog_scan, records_below_verify_from_are_not_read)
{
    for (uint64_t verify_from = 50; verify_from <= 53; verify_from++) {
        struct image m = make_image();
        struct segment_scan s = {.next_group = 5, .next_height = 50, .verify_from = verify_from};
        m.bytes[2 * BLOG_PAGE + GROUP_HEADER_BYTES + FRAME_BYTES] ^= 1;
        cr_expect_eq(scan(&m, &s), verify_from > 51 ? 4 : 2, "from %llu", (unsigned long long)verify_from);
        sim_disk_free(m.disk);
    }
}

// A whole group of a lower or the same number where the next one should stand was durable once, or is no tail at all.
Test(blog_scan, only_the_next_group_itself_is_taken_for_torn)
{
    const uint64_t numbers[] = {6, 8, 9};
    for (size_t i = 0; i < 3; i++) {
        struct image m = make_image();
        struct segment_scan s = {.next_group = 5, .next_height = 50};
        uint64_t later = 0, dirty_end;
        struct group_header h = good_header(4);
        h.number = numbers[i];
        put_group(&m, 4, &h, h.first_height, 10);
        m.bytes[4 * BLOG_PAGE + GROUP_HEADER_BYTES + FRAME_BYTES] ^= 1;
        cr_expect_eq(scan(&m, &s), 4);
        cr_expect_eq(scan_later_group(&s, &later, &dirty_end), numbers[i] == 8 ? 0 : 1);
        cr_expect_eq(dirty_end, 5 * BLOG_PAGE);
        sim_disk_free(m.disk);
    }
}

Test(blog_scan, stale_groups_behind_the_end_are_no_proof_of_durability)
{
    struct image m = make_image();
    struct segment_scan s = {.next_group = 5, .next_height = 50};
    uint64_t later = 0, dirty_end;
    struct group_header h = good_header(6);
    h.number = 7; // lower than the next one's
    put_group(&m, 6, &h, h.first_height, 10);
    cr_expect_eq(scan(&m, &s), 4);
    cr_expect_eq(scan_later_group(&s, &later, &dirty_end), 0);
    h.number = 9;
    put_group(&m, 6, &h, h.first_height, 10);
    cr_expect_eq(scan_later_group(&s, &later, &dirty_end), 1);
    cr_expect_eq(later, 6 * BLOG_PAGE);
    sim_disk_free(m.disk);
}
