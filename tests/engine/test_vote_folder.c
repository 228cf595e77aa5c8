// What a validator must not forget: the guard beside the key, one process a key, and `gantry recover`'s mark.
#include "engine/vote_folder.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/order/guard.h"
#include "tests/engine/store_fixture.h"

static char *data, *keys;
static const bytes32 genesis = {{7}};

static void setup(void)
{
    data = fixture_folder();
    keys = fixture_folder();
}

static void teardown(void)
{
    fixture_remove(data);
    fixture_remove(keys);
}

TestSuite(vote_folder, .init = setup, .fini = teardown);

static bool is_there(const char *folder, const char *name)
{
    char path[PATH_MAX + 64];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return stat(path, &st) == 0;
}

static void write_guard(const void *bytes, size_t len)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", keys, GUARD_FILE_NAME);
    FILE *out = fopen(path, "wb");
    cr_assert_eq(fwrite(bytes, 1, len, out), len);
    fclose(out);
}

static void expect_no_start(const char *words)
{
    struct vote_folder f;
    char error[STORE_ERROR_MAX] = "";
    cr_expect(!vote_folder_open(&f, data, keys, error), "started, not: %s", words);
    cr_expect(strstr(error, words), "'%s' does not say '%s'", error, words);
}

Test(vote_folder, a_new_key_starts_and_its_guard_is_never_made_twice)
{
    struct vote_folder f;
    char error[STORE_ERROR_MAX] = "";
    cr_assert(vote_folder_new_guard(keys, error), "%s", error);
    cr_expect(!vote_folder_new_guard(keys, error));
    cr_assert(vote_folder_open(&f, data, keys, error), "%s", error);
    cr_expect(!f.recover);
    cr_expect(is_there(data, "ordering"));
    cr_expect(vote_folder_opened(&f, error));
    vote_folder_close(&f);
}

Test(vote_folder, without_a_guard_it_does_not_start)
{
    expect_no_start("is missing: it remembers what this key has signed");
    expect_no_start("gantry recover");
    cr_expect(!is_there(keys, GUARD_FILE_NAME), "it made one");
}

Test(vote_folder, a_key_is_used_by_one_process_at_a_time)
{
    struct vote_folder first, again;
    char error[STORE_ERROR_MAX] = "", aside[PATH_MAX];
    cr_assert(vote_folder_new_guard(keys, error));
    cr_assert(vote_folder_open(&first, data, keys, error), "%s", error);
    expect_no_start("another process signs with the key");
    cr_expect(!vote_folder_mark(data, keys, &genesis, aside, error));
    cr_expect(strstr(error, "another process signs with the key"), "%s", error);
    cr_expect(!is_there(data, "recover"));
    vote_folder_close(&first);
    cr_assert(vote_folder_open(&again, data, keys, error), "%s", error);
    vote_folder_close(&again);
}

Test(vote_folder, recovering_sets_the_log_aside_and_is_asked_for_once)
{
    struct vote_folder f;
    char error[STORE_ERROR_MAX] = "", aside[PATH_MAX], path[PATH_MAX + 64];
    cr_assert(vote_folder_new_guard(keys, error));
    cr_assert(vote_folder_open(&f, data, keys, error));
    vote_folder_close(&f);
    for (unsigned i = 1; i <= 2; i++) {
        snprintf(path, sizeof path, "%s/ordering.lost-%u", data, i);
        cr_assert(vote_folder_mark(data, keys, &genesis, aside, error), "%s", error);
        cr_expect_str_eq(aside, path);
        cr_expect(!is_there(data, "ordering") && is_there(aside, "."));
        cr_assert(vote_folder_open(&f, data, keys, error), "%s", error);
        cr_expect(f.recover);
        cr_assert(vote_folder_opened(&f, error), "%s", error);
        vote_folder_close(&f);
        cr_assert(vote_folder_open(&f, data, keys, error), "%s", error);
        cr_expect(!f.recover, "the mark is still there");
        vote_folder_close(&f);
    }
}

Test(vote_folder, an_interrupted_start_still_recovers)
{
    struct vote_folder f;
    char error[STORE_ERROR_MAX] = "", aside[PATH_MAX];
    cr_assert(vote_folder_mark(data, keys, &genesis, aside, error), "%s", error);
    cr_expect_str_eq(aside, "", "there was nothing to set aside");
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(vote_folder_open(&f, data, keys, error), "%s", error);
        cr_expect(f.recover);
        cr_expect(is_there(keys, GUARD_FILE_NAME), "no guard was made");
        vote_folder_close(&f); // before vote_folder_opened
    }
}

Test(vote_folder, recovering_keeps_a_guard_that_can_be_read_and_no_other)
{
    static uint8_t file[GUARD_FILE_BYTES];
    struct guard guard;
    char error[STORE_ERROR_MAX] = "", aside[PATH_MAX];
    const bytes32 digest = {{9}};
    guard_init(&guard, &genesis);
    cr_assert(guard_allow(&guard, 3, WIRE_NOTARIZE, 5, &digest));
    guard_image(file, &guard);
    write_guard(file, sizeof file);
    cr_assert(vote_folder_mark(data, keys, &genesis, aside, error), "%s", error);
    cr_expect(is_there(keys, GUARD_FILE_NAME) && !is_there(keys, GUARD_FILE_NAME ".lost-1"), "a good one");
    const bytes32 other = {{8}};
    cr_assert(vote_folder_mark(data, keys, &other, aside, error), "%s", error);
    cr_expect(!is_there(keys, GUARD_FILE_NAME) && is_there(keys, GUARD_FILE_NAME ".lost-1"), "another chain's");
    file[200] ^= 1;
    write_guard(file, sizeof file);
    cr_assert(vote_folder_mark(data, keys, &genesis, aside, error), "%s", error);
    cr_expect(!is_there(keys, GUARD_FILE_NAME) && is_there(keys, GUARD_FILE_NAME ".lost-2"), "a damaged one");
    write_guard(file, 100);
    cr_assert(vote_folder_mark(data, keys, &genesis, aside, error), "%s", error);
    cr_expect(!is_there(keys, GUARD_FILE_NAME) && is_there(keys, GUARD_FILE_NAME ".lost-3"), "one cut short");
}

Test(vote_folder, the_guard_stands_beside_the_key_unless_said_otherwise)
{
    char dir[PATH_MAX];
    cr_expect(vote_folder_guard_dir(dir, NULL, "/a/b/consensus.key"));
    cr_expect_str_eq(dir, "/a/b");
    cr_expect(vote_folder_guard_dir(dir, "", "consensus.key"));
    cr_expect_str_eq(dir, ".");
    cr_expect(vote_folder_guard_dir(dir, "/var/guard", "/a/b/consensus.key"));
    cr_expect_str_eq(dir, "/var/guard");
}
