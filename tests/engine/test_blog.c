// The block log on a disk in memory: groups, segments, retention, recovery.
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/sim/sim_disk.h"
#include "engine/store/blog.h"
#include "engine/store/blog_group.h"
#include "tests/support/vectors.h"

static const bytes32 GENESIS = {{0xaa, 1}};

static struct blog *open_at(struct sim_disk *disk, uint64_t segment_bytes, uint64_t verify_from, char *error)
{
    const struct blog_options options = {
        .genesis_hash = GENESIS, .segment_bytes = segment_bytes, .verify_from = verify_from};
    return blog_open(sim_disk_disk(disk), &options, error);
}

// Record of a height: its length and contents follow from it.
static size_t record_of(uint64_t height, uint8_t out[4096])
{
    uint64_t seed = height;
    const size_t len = 100 + (size_t)(test_random(&seed) % 3900);
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)test_random(&seed);
    return len;
}

static void append(struct blog *b, uint64_t height)
{
    uint8_t record[4096];
    const size_t len = record_of(height, record);
    cr_assert_eq(blog_append(b, height, bytes_of(record, len)), 0);
}

static void drain(struct blog *b)
{
    while (blog_in_flight(b))
        blog_step(b, true);
}

// One group a block.
static void append_and_drain(struct blog *b, uint64_t from, uint64_t to)
{
    for (uint64_t h = from; h <= to; h++) {
        append(b, h);
        blog_flush(b);
        drain(b);
    }
    cr_assert_eq(blog_durable(b), to);
}

static bool holds(struct blog *b, uint64_t height)
{
    char error[STORE_ERROR_MAX];
    uint8_t expected[4096];
    size_t len;
    uint8_t *record = blog_read(b, height, &len, error);
    const bool same =
        record != NULL && bytes_equal(bytes_of(record, len), bytes_of(expected, record_of(height, expected)));
    free(record);
    return same;
}

Test(blog, starts_empty_and_goes_on_where_it_ended)
{
    char error[STORE_ERROR_MAX];
    struct sim_disk *disk = sim_disk_create(test_seed("blog_reopen"));
    struct blog *b = open_at(disk, 0, 0, error);
    cr_assert_not_null(b, "%s", error);
    cr_expect(blog_first(b) == 1 && blog_last(b) == 0 && blog_durable(b) == 0);
    append_and_drain(b, 1, 10);
    blog_close(b);
    b = open_at(disk, 0, 10, error);
    cr_assert_not_null(b, "%s", error);
    cr_expect(blog_first(b) == 1 && blog_last(b) == 10 && blog_durable(b) == 10);
    append_and_drain(b, 11, 20);
    for (uint64_t h = 1; h <= 20; h++)
        cr_expect(holds(b, h), "block %llu", (unsigned long long)h);
    blog_close(b);
    sim_disk_free(disk);
}

Test(blog, what_is_appended_during_a_group_goes_into_the_next_one)
{
    char error[STORE_ERROR_MAX];
    struct sim_disk *disk = sim_disk_create(test_seed("blog_groups"));
    struct blog *b = open_at(disk, 0, 0, error);
    append(b, 1);
    cr_expect_not(blog_in_flight(b), "nothing is written before it is flushed");
    blog_flush(b);
    cr_expect(blog_in_flight(b));
    append(b, 2);
    append(b, 3);
    blog_flush(b);
    append(b, 4);
    cr_expect_eq(blog_durable(b), 0);
    while (blog_durable(b) == 0)
        blog_step(b, true);
    cr_expect_eq(blog_durable(b), 1, "the first group holds the first block alone");
    cr_expect(blog_in_flight(b), "the next group, asked for meanwhile, starts by itself");
    while (blog_durable(b) == 1)
        blog_step(b, true);
    cr_expect_eq(blog_durable(b), 4, "the second one holds all that had come");
    append(b, 5);
    blog_step(b, false);
    cr_expect_not(blog_in_flight(b), "nobody asked for a third");
    blog_close(b);
    sim_disk_free(disk);
}

Test(blog, nothing_is_placed_or_read_before_it_is_durable)
{
    char error[STORE_ERROR_MAX];
    size_t len;
    struct blog_place place;
    struct sim_disk *disk = sim_disk_create(test_seed("blog_place"));
    struct blog *b = open_at(disk, 0, 0, error);
    append(b, 1);
    cr_expect_not(blog_place(b, 1, &place));
    blog_flush(b);
    cr_expect_not(blog_place(b, 1, &place));
    cr_expect_null(blog_read(b, 1, &len, error));
    drain(b);
    cr_expect(blog_place(b, 1, &place));
    cr_expect(holds(b, 1));
    cr_expect_not(blog_place(b, 0, &place));
    cr_expect_not(blog_place(b, 2, &place));
    blog_close(b);
    sim_disk_free(disk);
}

Test(blog, segments_roll_and_all_blocks_stay_readable)
{
    char error[STORE_ERROR_MAX];
    struct sim_disk *disk = sim_disk_create(test_seed("blog_roll"));
    struct blog *b = open_at(disk, 32768, 0, error);
    append_and_drain(b, 1, 60);
    cr_assert_gt(blog_segments(b, NULL, 0), 4);
    struct blog_segment list[64];
    const size_t count = blog_segments(b, list, 64);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(list[i].open, i + 1 == count);
        cr_expect_eq(list[i].first, i == 0 ? 1 : list[i - 1].last + 1);
    }
    for (int reopened = 0; reopened < 2; reopened++) {
        for (uint64_t h = 1; h <= 60; h++)
            cr_expect(holds(b, h), "block %llu", (unsigned long long)h);
        blog_close(b);
        b = open_at(disk, 32768, 60, error);
        cr_assert_not_null(b, "%s", error);
    }
    blog_close(b);
    sim_disk_free(disk);
}

Test(blog, a_record_larger_than_a_segment_fits)
{
    enum { LARGE = 300000 };
    char error[STORE_ERROR_MAX];
    uint8_t *large = calloc(1, LARGE);
    struct sim_disk *disk = sim_disk_create(test_seed("blog_large"));
    struct blog *b = open_at(disk, 32768, 0, error);
    for (uint64_t h = 1; h <= 6; h++) {
        large[LARGE - 1] = (uint8_t)h;
        cr_assert_eq(blog_append(b, h, bytes_of(large, h % 3 == 0 ? 10 : LARGE)), 0);
        blog_flush(b);
        drain(b);
        cr_assert_eq(blog_durable(b), h, "%s", blog_failed(b));
    }
    blog_close(b);
    b = open_at(disk, 32768, 0, error);
    cr_assert_not_null(b, "%s", error);
    cr_expect_eq(blog_last(b), 6);
    blog_close(b);
    free(large);
    sim_disk_free(disk);
}

Test(blog, retention_removes_whole_old_segments_only)
{
    char error[STORE_ERROR_MAX];
    struct sim_disk *disk = sim_disk_create(test_seed("blog_retain"));
    struct blog *b = open_at(disk, 32768, 0, error);
    append_and_drain(b, 1, 60);
    const uint64_t bytes = blog_bytes(b);
    struct blog_segment list[64];
    const size_t count = blog_segments(b, list, 64);
    cr_expect_eq(blog_retain(b, list[2].last), 2, "the third segment still holds a block to keep");
    cr_expect_eq(blog_first(b), list[2].first);
    cr_expect_lt(blog_bytes(b), bytes);
    cr_expect_not(holds(b, list[1].last));
    cr_expect(holds(b, list[2].first));
    cr_expect_eq(blog_retain(b, UINT64_MAX), count - 3, "the newest blocks stay, they say where the log goes on");
    blog_close(b);
    b = open_at(disk, 32768, 60, error);
    cr_assert_not_null(b, "%s", error);
    cr_expect_eq(blog_first(b), list[count - 1].first);
    cr_expect_eq(blog_last(b), 60);
    append_and_drain(b, 61, 70);
    blog_close(b);
    sim_disk_free(disk);
}

// A crash between the making of a segment and its first group leaves one without records.
Test(blog, retention_keeps_the_newest_blocks_when_the_open_segment_is_empty)
{
    char error[STORE_ERROR_MAX], name[64];
    struct sim_disk *disk = sim_disk_create(test_seed("blog_retain_empty"));
    struct disk *d = sim_disk_disk(disk);
    struct blog *b = open_at(disk, 32768, 0, error);
    append_and_drain(b, 1, 30);
    struct blog_segment list[64];
    const size_t count = blog_segments(b, list, 64);
    blog_close(b);

    size_t len;
    struct file_header header;
    uint8_t *first = sim_disk_file(disk, "segment-00000001.log", &len);
    cr_assert(file_header_get(&header, bytes_of(first, len), &BLOG_SEGMENT_KIND, NULL, "first", error));
    header.number = list[count - 1].segment + 1;
    blog_segment_name(name, header.number);
    cr_assert_eq(d->ops->allocate(d, d->ops->open(d, name, true), 65536), 0);
    header.words[BLOG_WORD_BYTES] = 65536;
    file_header_put(sim_disk_file(disk, name, &len), &BLOG_SEGMENT_KIND, &header);

    b = open_at(disk, 32768, 30, error);
    cr_assert_not_null(b, "%s", error);
    cr_expect_eq(blog_segments(b, NULL, 0), count + 1);
    cr_expect_eq(blog_last(b), 30);
    blog_retain(b, UINT64_MAX);
    cr_expect(holds(b, 30), "what says where the log goes on must stay");
    blog_close(b);
    b = open_at(disk, 32768, 30, error);
    cr_assert_not_null(b, "%s", error);
    append_and_drain(b, 31, 35);
    blog_close(b);
    b = open_at(disk, 32768, 0, error);
    cr_assert_not_null(b, "%s", error);
    cr_expect_eq(blog_last(b), 35);
    blog_close(b);
    sim_disk_free(disk);
}

Test(blog, a_queue_that_is_full_refuses_and_takes_more_later)
{
    enum { RECORD = 64 << 20 };
    char error[STORE_ERROR_MAX];
    uint8_t *large = calloc(1, RECORD);
    struct sim_disk *disk = sim_disk_create(test_seed("blog_full"));
    struct blog *b = open_at(disk, 0, 0, error);
    uint64_t h = 1;
    while (blog_append(b, h, bytes_of(large, RECORD)) == 0)
        h++;
    cr_expect(h > 2 && h < 10);
    cr_expect_eq(blog_append(b, h, bytes_of(large, RECORD)), -EAGAIN);
    cr_expect_null(blog_failed(b));
    blog_flush(b);
    drain(b);
    cr_expect_eq(blog_durable(b), h - 1);
    cr_expect_eq(blog_append(b, h, bytes_of(large, RECORD)), 0);
    blog_close(b);
    free(large);
    sim_disk_free(disk);
}

// ---- Recovery

// A log whose last group holds three records; returns where that group starts and ends in segment 1.
static struct sim_disk *disk_with_tail(uint64_t *start, uint64_t *end)
{
    char error[STORE_ERROR_MAX];
    struct blog_place place;
    struct sim_disk *disk = sim_disk_create(test_seed("blog_tail"));
    struct blog *b = open_at(disk, 65536, 0, error);
    append_and_drain(b, 1, 3);
    for (uint64_t h = 4; h <= 6; h++)
        append(b, h);
    blog_flush(b);
    drain(b);
    cr_assert(blog_place(b, 4, &place));
    *start = place.offset - FRAME_BYTES - GROUP_HEADER_BYTES;
    cr_assert(blog_place(b, 6, &place));
    *end = place.offset + place.length;
    blog_close(b);
    return disk;
}

// Opens a copy of the disk, expects the last group to be cut, and that the log goes on and opens again.
static void expect_cut(struct sim_disk *copy, uint64_t at)
{
    char error[STORE_ERROR_MAX];
    struct blog *b = open_at(copy, 65536, 3, error);
    cr_assert_not_null(b, "torn at %llu: %s", (unsigned long long)at, error);
    cr_assert_eq(blog_last(b), 3, "torn at %llu", (unsigned long long)at);
    append_and_drain(b, 4, 5);
    blog_close(b);
    b = open_at(copy, 65536, 0, error);
    cr_assert_not_null(b, "after a cut at %llu: %s", (unsigned long long)at, error);
    cr_assert(blog_last(b) == 5 && holds(b, 3) && holds(b, 4) && holds(b, 5));
    blog_close(b);
    sim_disk_free(copy);
}

Test(blog, a_tail_torn_at_any_byte_is_cut)
{
    uint64_t start, end;
    size_t len;
    struct sim_disk *disk = disk_with_tail(&start, &end);
    for (uint64_t at = start; at < end; at++) {
        struct sim_disk *copy = sim_disk_copy(disk);
        uint8_t *file = sim_disk_file(copy, "segment-00000001.log", &len);
        // A page that came out as zeros to its end; one zero byte more where the record has one would change nothing.
        bool changes = false;
        for (uint64_t i = at; i < end; i++)
            changes |= file[i] != 0;
        memset(file + at, 0, len - at);
        if (changes)
            expect_cut(copy, at);
        else
            sim_disk_free(copy);
    }
    sim_disk_free(disk);
}

Test(blog, a_last_group_with_any_byte_wrong_is_cut)
{
    uint64_t start, end;
    size_t len;
    struct sim_disk *disk = disk_with_tail(&start, &end);
    for (uint64_t at = start; at < end; at++) {
        struct sim_disk *copy = sim_disk_copy(disk);
        sim_disk_file(copy, "segment-00000001.log", &len)[at] ^= 0x40;
        expect_cut(copy, at);
    }
    sim_disk_free(disk);
}

// Opens with one byte wrong and expects to be told of it.
static void expect_damage(struct sim_disk *disk, const char *name, uint64_t at, uint64_t verify_from,
                          const char *mentions)
{
    char error[STORE_ERROR_MAX], offset[32];
    size_t len, len_after;
    struct sim_disk *copy = sim_disk_copy(disk);
    uint8_t *file = sim_disk_file(copy, name, &len);
    file[at] ^= 0x04;
    uint8_t *before = malloc(len);
    memcpy(before, file, len);
    struct blog *b = open_at(copy, 65536, verify_from, error);
    cr_assert_null(b, "%s with byte %llu wrong opens", name, (unsigned long long)at);
    snprintf(offset, sizeof offset, "offset %llu", (unsigned long long)(at / BLOG_PAGE * BLOG_PAGE));
    cr_expect(strstr(error, name) != NULL && strstr(error, mentions) != NULL, "%s", error);
    if (at >= BLOG_PAGE)
        cr_expect_not_null(strstr(error, "offset"), "%s", error);
    file = sim_disk_file(copy, name, &len_after);
    cr_expect(len == len_after && memcmp(file, before, len) == 0, "a damaged file is left as it is");
    free(before);
    sim_disk_free(copy);
}

Test(blog, damage_before_a_good_group_stops_the_start)
{
    uint64_t start, end;
    struct sim_disk *disk = disk_with_tail(&start, &end);
    for (uint64_t at = BLOG_PAGE; at < BLOG_PAGE + 100; at += 7)
        expect_damage(disk, "segment-00000001.log", at, 0, "restore");
    expect_damage(disk, "segment-00000001.log", start - BLOG_PAGE + 70, 0, "checksum");
    expect_damage(disk, "segment-00000001.log", 20, 0, "header");
    sim_disk_free(disk);
}

Test(blog, a_zeroed_group_before_a_good_one_is_damage)
{
    char error[STORE_ERROR_MAX];
    uint64_t start, end;
    size_t len;
    struct sim_disk *disk = disk_with_tail(&start, &end);
    uint8_t *file = sim_disk_file(disk, "segment-00000001.log", &len);
    memset(file + BLOG_PAGE, 0, start - BLOG_PAGE);
    cr_expect_null(open_at(disk, 65536, 0, error));
    cr_expect_not_null(strstr(error, "offset 4096"), "%s", error);
    sim_disk_free(disk);
}

Test(blog, damage_below_the_checkpoint_is_found_when_read)
{
    char error[STORE_ERROR_MAX];
    size_t len;
    struct sim_disk *disk = sim_disk_create(test_seed("blog_old_damage"));
    struct blog *b = open_at(disk, 65536, 0, error);
    struct blog_place place;
    append_and_drain(b, 1, 10);
    cr_assert(blog_place(b, 4, &place));
    blog_close(b);
    sim_disk_file(disk, "segment-00000001.log", &len)[place.offset + 3] ^= 1;
    b = open_at(disk, 65536, 8, error);
    cr_assert_not_null(b, "%s", error);
    cr_expect_null(blog_read(b, 4, &len, error));
    cr_expect(strstr(error, "segment-00000001.log") != NULL && strstr(error, "offset") != NULL, "%s", error);
    cr_expect(holds(b, 3) && holds(b, 5));
    blog_close(b);
    cr_expect_null(open_at(disk, 65536, 4, error), "from the damaged one on it is checked at the start");
    sim_disk_free(disk);
}

Test(blog, damage_in_a_closed_segment_stops_the_start)
{
    char error[STORE_ERROR_MAX];
    struct sim_disk *disk = sim_disk_create(test_seed("blog_closed_damage"));
    struct blog *b = open_at(disk, 65536, 0, error);
    struct blog_place place;
    append_and_drain(b, 1, 40);
    struct blog_segment list[16];
    cr_assert_gt(blog_segments(b, list, 16), 2);
    cr_assert(blog_place(b, list[0].last, &place));
    blog_close(b);
    expect_damage(disk, "segment-00000001.log", place.offset + 1, 1, "later segment");
    expect_damage(disk, "segment-00000001.log", place.offset - FRAME_BYTES - GROUP_HEADER_BYTES + 3, 1,
                  "later segment");
    sim_disk_free(disk);
}

Test(blog, a_missing_segment_is_named)
{
    char error[STORE_ERROR_MAX];
    struct sim_disk *disk = sim_disk_create(test_seed("blog_missing"));
    struct blog *b = open_at(disk, 32768, 0, error);
    append_and_drain(b, 1, 40);
    blog_close(b);
    sim_disk_remove_file(disk, "segment-00000002.log");
    cr_expect_null(open_at(disk, 32768, 0, error));
    cr_expect_not_null(strstr(error, "segment-00000002.log"), "%s", error);
    sim_disk_free(disk);
}

Test(blog, a_log_that_ends_below_the_checkpoint_is_refused)
{
    char error[STORE_ERROR_MAX];
    uint64_t start, end;
    size_t len;
    struct sim_disk *disk = disk_with_tail(&start, &end);
    struct sim_disk *copy = sim_disk_copy(disk);
    memset(sim_disk_file(copy, "segment-00000001.log", &len) + start, 0, end - start);
    cr_expect_null(open_at(copy, 65536, 6, error));
    cr_expect_not_null(strstr(error, "ends at block 3"), "%s", error);
    sim_disk_remove_file(copy, "segment-00000001.log");
    cr_expect_null(open_at(copy, 65536, 6, error));
    cr_expect_not_null(strstr(error, "ends at block 0"), "%s", error);
    cr_expect_null(sim_disk_file(copy, "segment-00000001.log", &len), "no new log takes the place of a lost one");
    sim_disk_free(copy);
    sim_disk_truncate_file(disk, "segment-00000001.log", start);
    cr_expect_null(open_at(disk, 65536, 3, error), "a file that was cut off is not taken for a torn tail");
    cr_expect_not_null(strstr(error, "damaged at offset"), "%s", error);
    sim_disk_free(disk);
}

Test(blog, foreign_and_newer_files_are_refused_by_name)
{
    char error[STORE_ERROR_MAX];
    uint64_t start, end;
    size_t len;
    struct sim_disk *disk = disk_with_tail(&start, &end), *copy = sim_disk_copy(disk);
    struct blog_options other = {.genesis_hash = {{0xbb}}};
    cr_expect_null(blog_open(sim_disk_disk(copy), &other, error));
    cr_expect(strstr(error, "segment-00000001.log") && strstr(error, "another chain") && strstr(error, "0xaa01"), "%s",
              error);
    store_le32(sim_disk_file(copy, "segment-00000001.log", &len) + 8, 2);
    cr_expect_null(open_at(copy, 65536, 0, error));
    cr_expect(strstr(error, "segment-00000001.log") && strstr(error, "version 2"), "%s", error);
    memcpy(sim_disk_file(copy, "segment-00000001.log", &len), "SQLite f", 8);
    cr_expect_null(open_at(copy, 65536, 0, error));
    cr_expect(strstr(error, "not a gantry block log segment"), "%s", error);
    sim_disk_free(copy);
    sim_disk_free(disk);
}

// A client may put any bytes into a transaction, also those of a group with a higher number.
Test(blog, bytes_of_a_group_inside_a_torn_record_are_not_taken_for_a_later_group)
{
    char error[STORE_ERROR_MAX];
    enum { LEN = 40000 };
    uint8_t *forged = calloc(1, LEN);
    size_t len;
    struct sim_disk *disk = sim_disk_create(test_seed("blog_forged"));
    struct blog *b = open_at(disk, 65536, 0, error);
    append_and_drain(b, 1, 2);
    const uint64_t start = 3 * BLOG_PAGE;
    const size_t in_group = GROUP_HEADER_BYTES + FRAME_BYTES;
    for (uint64_t at = start + BLOG_PAGE; at + BLOG_PAGE < start + LEN; at += BLOG_PAGE) {
        const struct group_header h = {
            .number = 9, .durable_offset = at, .first_height = 9, .payload_bytes = 100, .record_count = 1};
        group_header_put(forged + (at - start - in_group), &h, 0);
    }
    cr_assert_eq(blog_append(b, 3, bytes_of(forged, LEN)), 0);
    blog_flush(b);
    drain(b);
    blog_close(b);
    uint8_t *file = sim_disk_file(disk, "segment-00000001.log", &len);
    cr_assert_eq(memcmp(file + start, "GANTRGRP", 8), 0);
    cr_assert_eq(memcmp(file + start + BLOG_PAGE, "GANTRGRP", 8), 0, "the forged headers stand at page starts");
    file[start + 50] ^= 1;
    b = open_at(disk, 65536, 0, error);
    cr_assert_not_null(b, "%s", error);
    cr_expect_eq(blog_last(b), 2);
    blog_close(b);
    free(forged);
    sim_disk_free(disk);
}

Test(blog, begins_at_any_height_and_goes_on_there)
{
    char error[STORE_ERROR_MAX];
    struct sim_disk *disk = sim_disk_create(5);
    const struct blog_options options = {.genesis_hash = GENESIS, .segment_bytes = 32768, .begin = 1000};
    struct blog *b = blog_open(sim_disk_disk(disk), &options, error);
    cr_assert(b, "%s", error);
    cr_expect(blog_first(b) == 1000 && blog_last(b) == 999 && blog_durable(b) == 999);
    append_and_drain(b, 1000, 1040);
    blog_close(b);
    b = open_at(disk, 32768, 1030, error);
    cr_assert(b, "%s", error);
    cr_expect(blog_first(b) == 1000 && blog_last(b) == 1040);
    cr_expect(!holds(b, 999) && holds(b, 1000) && holds(b, 1040));
    append_and_drain(b, 1041, 1045);
    blog_close(b);
    sim_disk_free(disk);
}

struct expected {
    uint64_t next, stop_at;
};

static bool expect_next(void *ctx, uint64_t height, struct bytes record, char error[STORE_ERROR_MAX])
{
    struct expected *e = ctx;
    uint8_t bytes[4096];
    cr_assert_eq(height, e->next++);
    cr_assert(bytes_equal(record, bytes_of(bytes, record_of(height, bytes))));
    return height != e->stop_at || store_fail(error, "the visitor stops at %d", (int)height);
}

Test(blog, is_read_through_from_any_height)
{
    enum { GROUPS = 30, A_GROUP = 3, LAST = GROUPS * A_GROUP };
    char error[STORE_ERROR_MAX];
    struct sim_disk *disk = sim_disk_create(test_seed("blog_through"));
    struct blog *b = open_at(disk, 32768, 0, error);
    for (uint64_t h = 1; h <= LAST; h++) {
        append(b, h);
        if (h % A_GROUP == 0) {
            blog_flush(b);
            drain(b);
        }
    }
    append(b, LAST + 1); // not durable
    cr_assert_gt(blog_segments(b, NULL, 0), 3);
    for (uint64_t from = 0; from <= LAST + 2; from++) {
        struct expected e = {.next = from > 0 ? from : 1};
        cr_expect(blog_read_through(b, from, expect_next, &e, error), "from %d: %s", (int)from, error);
        cr_expect_eq(e.next, from > LAST ? from : LAST + 1);
    }
    struct expected stopped = {.next = 40, .stop_at = 50};
    cr_expect_not(blog_read_through(b, 40, expect_next, &stopped, error));
    cr_expect_str_eq(error, "the visitor stops at 50");
    cr_expect_eq(stopped.next, 51);

    cr_assert_gt(blog_retain(b, 60), 0);
    struct expected kept = {.next = blog_first(b)};
    cr_expect(blog_read_through(b, 0, expect_next, &kept, error), "%s", error);
    cr_expect_eq(kept.next, LAST + 1);
    blog_close(b);
    sim_disk_free(disk);
}

Test(blog, is_not_read_through_past_damage)
{
    char error[STORE_ERROR_MAX];
    struct sim_disk *disk = sim_disk_create(test_seed("blog_through_damage"));
    struct blog *b = open_at(disk, 32768, 0, error);
    struct blog_place place;
    struct blog_segment list[16];
    size_t len;
    append_and_drain(b, 1, 40);
    cr_assert_gt(blog_segments(b, list, 16), 2);
    const uint64_t hit = list[1].last;
    cr_assert(blog_place(b, hit, &place));
    sim_disk_file(disk, "segment-00000002.log", &len)[place.offset] ^= 1;
    struct expected e = {.next = 1};
    cr_expect_not(blog_read_through(b, 0, expect_next, &e, error));
    cr_expect(strstr(error, "segment-00000002.log is damaged at offset") != NULL, "%s", error);
    cr_expect_eq(e.next, hit);
    struct expected behind = {.next = hit + 1};
    cr_expect(blog_read_through(b, hit + 1, expect_next, &behind, error), "%s", error);
    sim_disk_remove_file(disk, "segment-00000001.log");
    cr_expect_not(blog_read_through(b, 1, expect_next, &(struct expected){.next = 1}, error));
    cr_expect(strstr(error, "segment-00000001.log") != NULL, "%s", error);
    blog_close(b);
    sim_disk_free(disk);
}
