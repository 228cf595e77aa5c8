// The real disk: a folder through io_uring.
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/store/blog.h"
#include "engine/store/disk_uring.h"
#include "tests/engine/store_fixture.h"
#include "tests/support/vectors.h"

static struct disk *open_disk(const char *dir)
{
    char error[STORE_ERROR_MAX];
    struct disk *d = disk_uring_open(dir, error);
    cr_assert_not_null(d, "%s", error);
    return d;
}

Test(disk_uring, writes_syncs_and_reads_back)
{
    char *dir = fixture_folder();
    struct disk *d = open_disk(dir);
    struct disk_completion c[4];
    uint8_t back[8];
    const int file = d->ops->open(d, "a", true);
    cr_assert_geq(file, 0);
    cr_assert_eq(d->ops->write_sync(d, file, 4, "data", 4, 7), 0);
    cr_assert_eq(d->ops->poll(d, c, 4, true), 1);
    cr_expect(c[0].tag == 7 && c[0].result == 4);
    cr_expect_eq(d->ops->poll(d, c, 4, true), 0, "nothing is under way: no wait");
    cr_expect_eq(d->ops->size(d, file), 8);
    cr_expect_eq(d->ops->read(d, file, 0, back, 8), 8);
    cr_expect_eq(memcmp(back, "\0\0\0\0data", 8), 0);
    cr_expect_eq(d->ops->read(d, file, 6, back, 8), 2, "short at the end");
    d->ops->close(d, file);
    disk_uring_close(d);
    fixture_remove(dir);
}

Test(disk_uring, the_event_descriptor_tells_of_completions)
{
    char *dir = fixture_folder();
    struct disk *d = open_disk(dir);
    struct disk_completion c;
    struct pollfd p = {.fd = disk_uring_event_fd(d), .events = POLLIN};
    const int file = d->ops->open(d, "a", true);
    cr_expect_eq(poll(&p, 1, 0), 0);
    cr_assert_eq(d->ops->write_sync(d, file, 0, "x", 1, 1), 0);
    d->ops->poll(d, NULL, 0, false);
    cr_expect_eq(poll(&p, 1, 5000), 1);
    cr_expect_eq(d->ops->poll(d, &c, 1, false), 1);
    d->ops->close(d, file);
    disk_uring_close(d);
    fixture_remove(dir);
}

Test(disk_uring, errors_come_with_the_completion)
{
    char *dir = fixture_folder();
    struct disk *d = open_disk(dir);
    struct disk_completion c;
    cr_assert_eq(d->ops->write_sync(d, 999, 0, "x", 1, 1), 0);
    cr_assert_eq(d->ops->poll(d, &c, 1, true), 1);
    cr_expect_eq(c.result, -EBADF);
    cr_expect_eq(d->ops->open(d, "absent", false), -ENOENT);
    cr_expect_eq(d->ops->remove(d, "absent"), -ENOENT);
    disk_uring_close(d);
    fixture_remove(dir);
}

// The file size limit makes the kernel cut a write short, then refuse it.
Test(disk_uring, a_short_write_says_so_and_the_rest_fails_by_itself)
{
    char *dir = fixture_folder();
    struct disk *d = open_disk(dir);
    struct disk_completion c;
    uint8_t *page = aligned_alloc(4096, 16384);
    memset(page, 1, 16384);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){8192, 8192}), 0);
    const int file = d->ops->open(d, "a", true);
    cr_assert_eq(d->ops->write_sync(d, file, 0, page, 16384, 1), 0);
    cr_assert_eq(d->ops->poll(d, &c, 1, true), 1);
    cr_expect_eq(c.result, 8192);
    cr_assert_eq(d->ops->write_sync(d, file, 8192, page + 8192, 8192, 2), 0);
    cr_assert_eq(d->ops->poll(d, &c, 1, true), 1);
    cr_expect(c.tag == 2 && c.result == -EFBIG);
    cr_assert_eq(d->ops->write_sync(d, file, 4096, page, 4096, 3), 0);
    cr_assert_eq(d->ops->poll(d, &c, 1, true), 1);
    cr_expect(c.tag == 3 && c.result == 4096, "%d", c.result);
    cr_expect_eq(d->ops->poll(d, &c, 1, true), 0);
    d->ops->close(d, file);
    free(page);
    disk_uring_close(d);
    fixture_remove(dir);
}

Test(disk_uring, takes_as_many_operations_as_it_has_room_for)
{
    char *dir = fixture_folder();
    struct disk *d = open_disk(dir);
    struct disk_completion c[8];
    const int file = d->ops->open(d, "a", true);
    int given = 0;
    size_t taken = 0;
    while (d->ops->write_sync(d, file, (uint64_t)given * 4, "data", 4, (uint64_t)given) == 0)
        given++;
    cr_expect_geq(given, 4);
    for (size_t n; (n = d->ops->poll(d, c, 8, true)) > 0; taken += n)
        ;
    cr_expect_eq(taken, (size_t)given);
    cr_expect_eq(d->ops->size(d, file), given * 4);
    cr_expect_eq(d->ops->write_sync(d, file, 0, "more", 4, 99), 0);
    cr_expect_eq(d->ops->poll(d, c, 8, true), 1);
    d->ops->close(d, file);
    disk_uring_close(d);
    fixture_remove(dir);
}

Test(disk_uring, allocated_space_is_zeros_that_are_really_there)
{
    char *dir = fixture_folder(), path[256];
    struct disk *d = open_disk(dir);
    struct stat st;
    const int file = d->ops->open(d, "a", true);
    cr_assert_eq(d->ops->allocate(d, file, 1 << 20), 0);
    snprintf(path, sizeof path, "%s/a", dir);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_size, 1 << 20);
    cr_expect_geq(st.st_blocks * 512, 1 << 20);
    cr_assert_eq(d->ops->rename(d, "a", "b"), 0);
    cr_expect_neq(stat(path, &st), 0);
    cr_assert_eq(d->ops->truncate(d, file, 100), 0);
    cr_expect_eq(d->ops->size(d, file), 100);
    d->ops->close(d, file);
    disk_uring_close(d);
    fixture_remove(dir);
}

// The limit on file sizes stands for a full disk: the first segment fits under it, the second one does not.
Test(disk_uring, a_log_that_finds_no_room_stops_and_opens_again)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    const struct blog_options options = {.genesis_hash = {{1}}, .segment_bytes = 16 << 20};
    static const uint8_t record[100000];
    struct disk *d = open_disk(dir);
    struct rlimit old;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){6 << 20, old.rlim_max}), 0);
    struct blog *b = blog_open(d, &options, error);
    cr_assert_not_null(b, "%s", error);
    uint64_t h = 1;
    for (; h < 200 && blog_append(b, h, bytes_of(record, sizeof record)) == 0; h++) {
        blog_flush(b);
        while (blog_in_flight(b))
            blog_step(b, true);
    }
    cr_assert_not_null(blog_failed(b));
    cr_expect_not_null(strstr(blog_failed(b), strerror(EFBIG)), "%s", blog_failed(b));
    const uint64_t durable = blog_durable(b);
    cr_expect_gt(durable, 10);
    blog_close(b);
    setrlimit(RLIMIT_FSIZE, &old);
    b = blog_open(d, &options, error);
    cr_assert_not_null(b, "%s", error);
    cr_expect_geq(blog_last(b), durable);
    blog_close(b);
    disk_uring_close(d);
    fixture_remove(dir);
}

Test(disk_uring, a_folder_that_is_not_there_is_named)
{
    char error[STORE_ERROR_MAX];
    cr_expect_null(disk_uring_open("no/such/folder", error));
    cr_expect_not_null(strstr(error, "no/such/folder"), "%s", error);
}

Test(disk_uring, carries_a_log_over_several_segments)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    const struct blog_options options = {.genesis_hash = {{1}}, .segment_bytes = 1 << 20};
    static uint8_t record[20000];
    struct disk *d = open_disk(dir);
    struct blog *b = blog_open(d, &options, error);
    cr_assert_not_null(b, "%s", error);
    for (uint64_t h = 1; h <= 300; h++) {
        record[0] = (uint8_t)h;
        cr_assert_eq(blog_append(b, h, bytes_of(record, 1000 + h * 63)), 0);
        blog_flush(b);
        if (h % 3 == 0) {
            while (blog_in_flight(b))
                blog_step(b, true);
        }
    }
    cr_assert_eq(blog_durable(b), 300, "%s", blog_failed(b));
    cr_expect_gt(blog_segments(b, NULL, 0), 2);
    blog_close(b);
    b = blog_open(d, &options, error);
    cr_assert_not_null(b, "%s", error);
    cr_expect_eq(blog_last(b), 300);
    for (uint64_t h = 1; h <= 300; h++) {
        size_t len;
        uint8_t *back = blog_read(b, h, &len, error);
        cr_assert_not_null(back, "%s", error);
        cr_expect(len == 1000 + h * 63 && back[0] == (uint8_t)h);
        free(back);
    }
    blog_close(b);
    disk_uring_close(d);
    fixture_remove(dir);
}
