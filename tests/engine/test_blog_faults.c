// Disk errors at every operation: the log stops and says why, and what was durable is there at the next start.
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "engine/sim/sim_disk.h"
#include "engine/store/blog.h"
#include "tests/support/vectors.h"

enum { BLOCKS = 60 };

static const struct blog_options OPTIONS = {.genesis_hash = {{0xaa, 1}}, .segment_bytes = 32768};

static size_t record_of(uint64_t height, uint8_t out[4096])
{
    memset(out, (int)height, 4096);
    return 100 + (size_t)(height * 977 % 3900);
}

// Appends blocks until the log refuses; returns the last durable height.
static uint64_t fill(struct blog *b)
{
    uint64_t durable = blog_durable(b);
    for (uint64_t h = blog_last(b) + 1; h <= BLOCKS; h++) {
        uint8_t record[4096];
        if (blog_append(b, h, bytes_of(record, record_of(h, record))) != 0) {
            cr_expect_not_null(blog_failed(b));
            break;
        }
        blog_flush(b);
        while (blog_in_flight(b))
            blog_step(b, true);
        cr_assert_geq(blog_durable(b), durable);
        durable = blog_durable(b);
    }
    return durable;
}

static void expect_blocks(struct blog *b, uint64_t durable)
{
    cr_assert_geq(blog_last(b), durable);
    for (uint64_t h = 1; h <= blog_last(b); h++) {
        char error[STORE_ERROR_MAX];
        uint8_t expected[4096];
        size_t len;
        uint8_t *record = blog_read(b, h, &len, error);
        cr_assert_not_null(record, "%s", error);
        cr_assert(bytes_equal(bytes_of(record, len), bytes_of(expected, record_of(h, expected))));
        free(record);
    }
}

// The n-th operation fails. Returns false when the history ended before it.
static bool fail_once(uint64_t seed, int64_t n, int fault)
{
    char error[STORE_ERROR_MAX];
    uint64_t durable = 0;
    struct sim_disk *disk = sim_disk_create(seed);
    sim_disk_fail_at(disk, n, fault);
    struct blog *b = blog_open(sim_disk_disk(disk), &OPTIONS, error);
    if (b != NULL) {
        durable = fill(b);
        if (durable < BLOCKS) {
            const char *failed = blog_failed(b);
            cr_assert_not_null(failed, "operation %lld: the log stopped without a reason", (long long)n);
            cr_expect_not_null(strstr(failed, strerror(fault)), "operation %lld: %s", (long long)n, failed);
            uint8_t byte = 0;
            cr_expect_neq(blog_append(b, blog_last(b) + 1, bytes_of(&byte, 1)), 0, "an error is final");
            blog_flush(b);
            blog_step(b, true);
            cr_expect_eq(blog_durable(b), durable);
        }
        blog_close(b);
    }
    const bool reached = sim_disk_operations(disk) >= (uint64_t)n;
    sim_disk_restart(disk); // and the power fails on top
    b = blog_open(sim_disk_disk(disk), &OPTIONS, error);
    cr_assert_not_null(b, "operation %lld: %s", (long long)n, error);
    expect_blocks(b, durable);
    cr_expect_eq(fill(b), BLOCKS, "it goes on after the disk recovers");
    blog_close(b);
    sim_disk_free(disk);
    return reached;
}

static unsigned fail_at_each_operation(const char *name, int fault)
{
    const uint64_t seed = test_seed(name);
    int64_t n = 1;
    while (fail_once(seed, n, fault))
        n++;
    return (unsigned)n;
}

Test(blog_faults, disk_full_at_any_operation_stops_the_log_and_damages_nothing)
{
    cr_expect_gt(fail_at_each_operation("blog_enospc", ENOSPC), 100);
}

Test(blog_faults, io_error_at_any_operation_stops_the_log_and_damages_nothing)
{
    cr_expect_gt(fail_at_each_operation("blog_eio", EIO), 100);
}

Test(blog_faults, short_writes_are_completed)
{
    const uint64_t seed = test_seed("blog_short");
    for (int64_t n = 1; n < 300; n++) {
        char error[STORE_ERROR_MAX];
        struct sim_disk *disk = sim_disk_create(seed);
        struct blog *b = blog_open(sim_disk_disk(disk), &OPTIONS, error);
        cr_assert_not_null(b, "%s", error);
        sim_disk_fail_at(disk, n, SIM_SHORT_WRITE);
        cr_assert_eq(fill(b), BLOCKS, "operation %lld: %s", (long long)n, blog_failed(b));
        blog_close(b);
        b = blog_open(sim_disk_disk(disk), &OPTIONS, error);
        cr_assert_not_null(b, "operation %lld: %s", (long long)n, error);
        expect_blocks(b, BLOCKS);
        blog_close(b);
        sim_disk_free(disk);
    }
}

Test(blog_faults, the_reason_names_the_full_disk_and_what_to_do)
{
    char error[STORE_ERROR_MAX];
    struct sim_disk *disk = sim_disk_create(test_seed("blog_full_text"));
    struct blog *b = blog_open(sim_disk_disk(disk), &OPTIONS, error);
    sim_disk_fail_at(disk, 5, ENOSPC);
    cr_assert_lt(fill(b), BLOCKS);
    cr_expect_not_null(strstr(blog_failed(b), "free space"), "%s", blog_failed(b));
    blog_close(b);
    sim_disk_free(disk);
}

Test(blog_faults, a_disk_that_never_answers_stops_the_log_instead_of_who_waits_for_it)
{
    enum { PATIENCE = 100 };
    char error[STORE_ERROR_MAX];
    uint8_t record[4096];
    struct sim_disk *disk = sim_disk_create(test_seed("blog_silent"));
    struct blog *b = blog_open(sim_disk_disk(disk), &OPTIONS, error);
    cr_assert_not_null(b, "%s", error);
    cr_assert_eq(blog_append(b, 1, bytes_of(record, record_of(1, record))), 0);
    blog_flush(b);
    sim_disk_power_off_after(disk, 0);
    for (int i = 0; i < PATIENCE && blog_in_flight(b); i++)
        blog_step(b, true);
    cr_expect_eq(blog_durable(b), 0);
    cr_assert_not_null(blog_failed(b));
    cr_expect_not_null(strstr(blog_failed(b), "no longer answers"), "%s", blog_failed(b));
    blog_close(b);
    sim_disk_free(disk);
}
