#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/store/data_folder.h"
#include "tests/engine/store_fixture.h"

static void write_file(const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    fputs("x", f);
    fclose(f);
}

Test(data_folder, is_made_with_its_parents_and_opened_again)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder(), inner[256];
    struct header genesis;
    fixture_genesis(&genesis, 5);
    snprintf(inner, sizeof inner, "%s/a/b", dir);
    for (int i = 0; i < 2; i++) {
        struct data_folder *f = data_folder_open(inner, &genesis, error);
        struct stat st;
        cr_assert_not_null(f, "%s", error);
        cr_expect(stat(data_folder_log_dir(f), &st) == 0 && S_ISDIR(st.st_mode));
        cr_expect(stat(data_folder_state_dir(f), &st) == 0 && S_ISDIR(st.st_mode));
        const bytes32 hash = header_hash(&genesis), own = data_folder_genesis_hash(f);
        cr_expect(bytes32_equal(&hash, &own));
        data_folder_close(f);
    }
    struct data_folder *f = data_folder_open_existing(inner, error);
    cr_assert_not_null(f, "%s", error);
    cr_expect_eq(data_folder_genesis(f)->timestamp, 5);
    data_folder_close(f);
    fixture_remove(dir);
}

Test(data_folder, is_refused_while_another_process_holds_it)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder(), pid_text[32];
    struct header genesis;
    int ready[2], done[2];
    char byte = 0;
    fixture_genesis(&genesis, 5);
    cr_assert(pipe(ready) == 0 && pipe(done) == 0);
    const pid_t pid = fork();
    if (pid == 0) {
        struct data_folder *f = data_folder_open(dir, &genesis, error);
        byte = f != NULL;
        if (write(ready[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 1)
            _exit(1);
        _exit(0); // without closing: the kernel lets go of the lock
    }
    cr_assert(read(ready[0], &byte, 1) == 1 && byte == 1);
    cr_expect_null(data_folder_open(dir, &genesis, error));
    snprintf(pid_text, sizeof pid_text, "process %d", (int)pid);
    cr_expect(strstr(error, "in use") && strstr(error, pid_text), "%s", error);
    cr_expect_eq(data_folder_holder(dir), pid);
    cr_assert_eq(write(done[1], &byte, 1), 1);
    waitpid(pid, NULL, 0);
    struct data_folder *f = data_folder_open(dir, &genesis, error);
    cr_assert_not_null(f, "after its holder died: %s", error);
    data_folder_close(f);
    cr_expect_eq(data_folder_holder(dir), 0);
    fixture_remove(dir);
}

Test(data_folder, of_another_chain_is_refused)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    struct header a, b;
    fixture_genesis(&a, 5);
    fixture_genesis(&b, 6);
    data_folder_close(data_folder_open(dir, &a, error));
    cr_expect_null(data_folder_open(dir, &b, error));
    cr_expect(strstr(error, "identity") && strstr(error, "another chain"), "%s", error);
    fixture_remove(dir);
}

Test(data_folder, with_other_things_in_it_is_refused)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    struct header genesis;
    fixture_genesis(&genesis, 5);
    write_file(dir, "thesis.tex");
    cr_expect_null(data_folder_open(dir, &genesis, error));
    cr_expect_not_null(strstr(error, "not empty"), "%s", error);
    cr_expect_null(data_folder_open_existing(dir, error));
    cr_expect_not_null(strstr(error, "no gantry data folder"), "%s", error);
    fixture_remove(dir);
}

Test(data_folder, whose_making_was_cut_short_is_made_again)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    struct header genesis;
    fixture_genesis(&genesis, 5);
    write_file(dir, "lock");
    write_file(dir, "identity.part");
    struct data_folder *f = data_folder_open(dir, &genesis, error);
    cr_assert_not_null(f, "%s", error);
    data_folder_close(f);
    fixture_remove(dir);
}

Test(data_folder, with_a_damaged_identity_is_refused)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    struct header genesis;
    fixture_genesis(&genesis, 5);
    data_folder_close(data_folder_open(dir, &genesis, error));
    fixture_damage(dir, "identity", FILE_HEADER_BYTES + 40);
    cr_expect_null(data_folder_open(dir, &genesis, error));
    cr_expect_not_null(strstr(error, "damaged"), "%s", error);
    fixture_damage(dir, "identity", 8);
    cr_expect_null(data_folder_open(dir, &genesis, error));
    cr_expect_not_null(strstr(error, "version"), "%s", error);
    fixture_remove(dir);
}
