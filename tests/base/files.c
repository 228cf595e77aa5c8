// Reading a file whole, and temporary folders.
#include "base/whole_file.h"

#include "base/remove_tree.h"
#include "base/temporary_folder.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX 200000

static char *folder, path[256];

static void setup(void)
{
    folder = temporary_folder("gantry-files");
    cr_assert_not_null(folder);
    snprintf(path, sizeof path, "%s/file", folder);
}

static void teardown(void)
{
    remove_tree(folder);
    free(folder);
}

TestSuite(whole_file, .init = setup, .fini = teardown);

static void write_bytes(size_t count)
{
    FILE *file = fopen(path, "w");
    for (size_t i = 0; i < count; i++)
        putc((int)(i % 251), file);
    fclose(file);
}

Test(whole_file, has_every_byte_and_a_nul)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t len = 77;
        write_bytes(sizes[i]);
        char *bytes = whole_file(path, MAX, &len);
        cr_assert_not_null(bytes);
        cr_assert_eq(len, sizes[i]);
        for (size_t k = 0; k < len; k++)
            cr_assert_eq((uint8_t)bytes[k], k % 251);
        cr_assert_eq(bytes[len], 0);
        free(bytes);
    }
}

static void expect_error(const char *name, size_t max, int why)
{
    size_t len;
    errno = 0;
    cr_expect_null(whole_file(name, max, &len));
    cr_expect_eq(errno, why, "%s: %s", name, strerror(errno));
}

Test(whole_file, that_cannot_be_read_says_why)
{
    write_bytes(MAX);
    expect_error(path, MAX - 1, EFBIG);
    expect_error("/dev/zero", MAX, EFBIG);
    expect_error(folder, MAX, EISDIR);
    unlink(path);
    expect_error(path, MAX, ENOENT);
}

Test(whole_file, may_come_through_a_pipe)
{
    size_t len;
    FILE *pipe = popen("echo one; sleep 0.05; echo two", "r");
    char *text = whole_stream(pipe, 100, &len);
    cr_assert_not_null(text);
    cr_expect_str_eq(text, "one\ntwo\n");
    cr_expect_eq(len, 8);
    free(text);
    pclose(pipe);
}

Test(temporary_folder, lies_where_tmpdir_says, .init = setup, .fini = teardown)
{
    setenv("TMPDIR", folder, 1);
    char *inner = temporary_folder("inner");
    cr_assert_not_null(inner);
    cr_expect_eq(strncmp(inner, folder, strlen(folder)), 0);
    cr_expect_eq(access(inner, W_OK), 0);
    remove_tree(inner);
    free(inner);
    setenv("TMPDIR", "/nonexistent", 1);
    errno = 0;
    cr_expect_null(temporary_folder("inner"));
    cr_expect_eq(errno, ENOENT);
}
