// The doctor reads a whole chain and names what is wrong.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/genesis_state.h"
#include "engine/store/blog.h"
#include "engine/store/checkpoint.h"
#include "engine/store/data_folder.h"
#include "engine/store/disk_uring.h"
#include "engine/store/doctor.h"
#include "tests/engine/store_fixture.h"
#include "tests/support/vectors.h"

enum { BLOCKS = 40 };

// A data folder with a chain of several segments and a checkpoint. place3: where block 3 is.
static char *make_chain(struct blog_place *place3)
{
    char error[STORE_ERROR_MAX], *dir = fixture_folder();
    static const char json[] = "{\"config\": {\"chainId\": 9}}";
    struct genesis genesis;
    struct state_batch records = {0};
    uint64_t height;
    bytes32 hash;
    bool complete;
    cr_assert(genesis_parse(&genesis, json, sizeof json - 1, error), "%s", error);
    genesis.header.state_root = genesis_records(&records, &genesis);
    struct data_folder *folder = data_folder_open(dir, &genesis.header, error);
    cr_assert_not_null(folder, "%s", error);
    cr_assert(genesis_keep_text(json, sizeof json - 1, dir, error), "%s", error);
    genesis_free(&genesis);
    state_batch_free(&records);
    const bytes32 genesis_hash = data_folder_genesis_hash(folder);
    struct disk *disk = disk_uring_open(data_folder_log_dir(folder), error);
    struct blog *b =
        blog_open(disk, &(struct blog_options){.genesis_hash = genesis_hash, .segment_bytes = 32768}, error);
    cr_assert_not_null(b, "%s", error);
    struct fixture_chain chain = {.seed = test_seed("doctor"), .parent_hash = genesis_hash};
    while (chain.height < BLOCKS) {
        size_t len;
        uint8_t *bytes = fixture_record(&chain, 8, &len, NULL);
        cr_assert_eq(blog_append(b, chain.height, bytes_of(bytes, len)), 0);
        blog_flush(b);
        while (blog_in_flight(b))
            blog_step(b, true);
        free(bytes);
    }
    cr_assert(blog_place(b, 3, place3));
    blog_close(b);
    disk_uring_close(disk);
    struct checkpoint *c =
        checkpoint_open(data_folder_state_dir(folder), &genesis_hash, &height, &hash, &complete, error);
    struct state_dirty account = {.key = {{5}}, .exists = true, .account.nonce = 1};
    const struct state_batch initial = {.accounts = &account, .account_count = 1};
    cr_assert(checkpoint_write_initial(c, &initial, &genesis_hash, error));
    checkpoint_close(c);
    data_folder_close(folder);
    return dir;
}

// Runs the doctor; its text, malloc'ed.
static char *examine(const char *dir, int expected)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    const int result = store_doctor(dir, out);
    fclose(out);
    cr_expect_eq(result, expected, "%s", text);
    return text;
}

static void expect_words(const char *dir, int expected, const char *words)
{
    char *text = examine(dir, expected);
    cr_expect_not_null(strstr(text, words), "\"%s\" is not in: %s", words, text);
    free(text);
}

static void path_of(char out[512], const char *dir, const char *name)
{
    snprintf(out, 512, "%s/log/%s", dir, name);
}

Test(doctor, finds_a_whole_chain_whole)
{
    struct blog_place place;
    char *dir = make_chain(&place);
    char *text = examine(dir, 0);
    cr_expect(strstr(text, "blocks 1 to 40, 320 transactions: every record is whole") != NULL, "%s", text);
    cr_expect(strstr(text, "checkpoint: block 0, 1 accounts") != NULL, "%s", text);
    free(text);
    fixture_remove(dir);
}

Test(doctor, names_file_and_offset_of_damage_also_in_old_segments)
{
    struct blog_place place;
    char *dir = make_chain(&place), log[512], words[64];
    snprintf(log, sizeof log, "%s/log", dir);
    fixture_damage(log, "segment-00000001.log", place.offset + 50);
    snprintf(words, sizeof words, "segment-00000001.log, offset %llu",
             (unsigned long long)(place.offset / 4096 * 4096));
    expect_words(dir, 1, words);
    fixture_remove(dir);
}

Test(doctor, leaves_a_torn_tail_as_it_is)
{
    struct blog_place place;
    char *dir = make_chain(&place), path[512], name[64];
    unsigned last = 1;
    for (;; last++) {
        blog_segment_name(name, last + 1);
        path_of(path, dir, name);
        if (access(path, F_OK) != 0)
            break;
    }
    blog_segment_name(name, last);
    path_of(path, dir, name);
    FILE *f = fopen(path, "r+");
    fseek(f, -100, SEEK_END);
    fputs("torn", f);
    fclose(f);
    expect_words(dir, 0, "torn tail");
    expect_words(dir, 0, "torn tail");
    fixture_remove(dir);
}

Test(doctor, tells_missing_indices_and_segments)
{
    struct blog_place place;
    char *dir = make_chain(&place), path[512];
    expect_words(dir, 0, "look-up index of segment 1 is missing");
    path_of(path, dir, "segment-00000002.log");
    cr_assert_eq(unlink(path), 0);
    expect_words(dir, 1, "segment-00000002.log is missing");
    fixture_remove(dir);
}

Test(doctor, tells_a_genesis_that_is_missing_or_of_another_chain)
{
    struct blog_place place;
    char *dir = make_chain(&place), path[512];
    snprintf(path, sizeof path, "%s/genesis.json", dir);
    FILE *f = fopen(path, "w");
    fputs("{\"config\": {\"chainId\": 9}, \"gasLimit\": 30000000}", f);
    fclose(f);
    expect_words(dir, 1, "genesis.json is another chain's");
    cr_assert_eq(unlink(path), 0);
    expect_words(dir, 1, "genesis.json: No such file");
    expect_words(dir, 1, "named with --genesis");
    fixture_remove(dir);
}

Test(doctor, refuses_what_is_no_data_folder)
{
    char *dir = fixture_folder();
    expect_words(dir, 1, "no gantry data folder");
    fixture_remove(dir);
    expect_words("no/such/folder", 1, "no/such/folder");
}
