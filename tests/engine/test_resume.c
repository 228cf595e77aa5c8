// Where a restarted node of a cluster goes on in the ordered blocks, given what it has executed.
#include "engine/participant/resume.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "engine/store/disk_uring.h"
#include "tests/engine/store_fixture.h"

#define HEIGHTS 12 // of ordering

static char *dir;
static struct disk *disk;
static struct blog *blog;
static struct chain chain;
static struct vset set;
static struct kept_block *blocks[HEIGHTS + 1];
static struct header head;
static bytes32 head_hash, hashes[64], genesis_hash;

// How many executed blocks each ordering block gave.
static const unsigned given[HEIGHTS + 1] = {0, 1, 0, 2, 0, 0, 3, 1, 0, 2, 1, 0, 0};

static bytes32 hash_up_to(unsigned height)
{
    unsigned number = 0;
    for (unsigned h = 1; h <= height; h++)
        number += given[h];
    return hashes[number];
}

static void make_blocks(void)
{
    const uint32_t weight = 1;
    const bytes32 key = {{1}};
    bytes32 parent = genesis_hash;
    vset_init(&set, 1, 1, &weight, &key);
    for (unsigned h = 1; h <= HEIGHTS; h++) {
        struct wire_block b = {
            .header = {
                .height = h, .view = h, .time_ms = 1000 * h, .parent_digest = parent, .set_hash = set.wire.set_hash}};
        wire_block_seal(&set.wire, &b);
        parent = b.digest;
        blocks[h] = kept_block_new(&b, &set);
    }
}

static void execute(unsigned up_to)
{
    const struct exec_counts counts = {0};
    bytes32 parent = genesis_hash;
    hashes[0] = genesis_hash;
    for (unsigned h = 1, number = 0; h <= up_to; h++) {
        for (unsigned k = 0; k < given[h]; k++) {
            head = (struct header){.number = ++number,
                                   .parent_hash = parent,
                                   .gas_limit = 30000000,
                                   .timestamp = h,
                                   .base_fee = u256_from_u64(7),
                                   .optional_count = 4,
                                   .parent_beacon_block_root = blocks[h]->digest};
            const struct record_input in = {.header = &head, .time_ms = 1000 * h, .counts = &counts};
            uint8_t *record = malloc(record_size(&in));
            const size_t len = (size_t)(record_put(record, &in) - record);
            cr_assert_eq(blog_append(blog, number, bytes_of(record, len)), 0);
            free(record);
            hashes[number] = parent = head_hash = header_hash(&head);
        }
    }
    blog_flush(blog);
    while (blog_durable(blog) < head.number)
        blog_step(blog, true);
}

static void setup(void)
{
    char error[STORE_ERROR_MAX];
    genesis_hash = (bytes32){{5}};
    dir = fixture_folder();
    const struct blog_options options = {.genesis_hash = genesis_hash, .segment_bytes = 1 << 20};
    disk = disk_uring_open(dir, error);
    cr_assert(disk && (blog = blog_open(disk, &options, error)), "%s", error);
    make_blocks();
}

static void teardown(void)
{
    chain_free(&chain);
    for (unsigned h = 1; h <= HEIGHTS; h++)
        kept_block_unref(blocks[h]);
    blog_close(blog);
    disk_uring_close(disk);
    fixture_remove(dir);
}

TestSuite(resume, .init = setup, .fini = teardown);

static void know(unsigned from, unsigned to)
{
    for (unsigned h = from; h <= to; h++)
        chain_append(&chain, blocks[h], NULL, h);
}

// For resume_find.
static uint64_t ordered;

static struct resume find(void)
{
    struct resume r;
    char error[STORE_ERROR_MAX] = "";
    cr_assert(resume_find(&r, &chain, blog, &head, &head_hash, &genesis_hash, ordered, error), "%s", error);
    return r;
}

Test(resume, goes_on_with_the_block_that_gave_the_newest_and_knows_the_results_before)
{
    execute(9);
    know(1, 11);
    const struct resume r = find();
    cr_expect(!r.behind && r.executed == 8 && r.skip == 2, "executed %lu, skip %u", r.executed, r.skip);
    cr_assert_eq(r.root_count, 8);
    for (unsigned i = 0; i < 8; i++) {
        const bytes32 wanted = hash_up_to(8 - i);
        cr_expect(bytes32_equal(&r.roots[i], &wanted), "height %u", 8 - i);
    }
}

Test(resume, of_a_chain_without_blocks_begins_at_the_start)
{
    know(1, 3);
    const struct resume r = find();
    cr_expect(!r.behind && r.executed == 0 && r.skip == 0 && r.root_count == 0);
}

Test(resume, of_blocks_that_are_all_newer_takes_all_of_them)
{
    execute(9);
    know(10, 12);
    const struct resume r = find();
    cr_expect(!r.behind && r.executed == 9 && r.skip == 0);
}

// What has come again up to `known`, then the rest: all results are the same as the first time.
static void expect_passing(unsigned first, unsigned known)
{
    char error[STORE_ERROR_MAX] = "";
    execute(9);
    if (known > 0)
        know(first, known);
    struct resume r = find();
    cr_assert(r.behind);
    cr_expect_eq(r.executed, first - 1);
    cr_expect_eq(r.skip, 2, "of the block that gave the newest");
    cr_expect(bytes32_equal(&r.head_digest, &blocks[9]->digest));
    for (unsigned h = first; h < 9; h++) {
        bytes32 root = {{0}};
        const bytes32 wanted = hash_up_to(h);
        cr_assert(resume_pass(&r, blog, &blocks[h]->digest, &root, error), "%s", error);
        cr_expect(bytes32_equal(&root, &wanted), "height %u", h);
    }
}

Test(resume, without_any_ordered_blocks_passes_over_what_is_executed)
{
    expect_passing(1, 0);
}

Test(resume, interrupted_while_passing_over_begins_that_anew)
{
    expect_passing(1, 4);
}

Test(resume, interrupted_with_the_first_blocks_gone_finds_its_place)
{
    expect_passing(4, 8);
}

// Without the cars of the block that gave the newest, which may be gone after a while without transactions.
Test(resume, goes_on_behind_what_a_final_block_attests)
{
    execute(9);
    know(1, 12);
    blocks[12]->header.exec_height = 11;
    blocks[12]->header.exec_root = head_hash;
    const struct resume r = find();
    cr_expect(!r.behind && r.executed == 11 && r.skip == 0, "executed %lu, skip %u", r.executed, r.skip);
    cr_assert_eq(r.root_count, 11);
    for (unsigned i = 0; i < 11; i++) {
        const bytes32 wanted = hash_up_to(11 - i < 9 ? 11 - i : 9);
        cr_expect(bytes32_equal(&r.roots[i], &wanted), "height %u", 11 - i);
    }
}

Test(resume, of_a_fetched_state_begins_where_that_was_attested)
{
    execute(9);
    ordered = 20;
    const struct resume r = find();
    cr_expect(!r.behind && r.executed == 20 && r.skip == 0 && r.root_count == 0);
}
