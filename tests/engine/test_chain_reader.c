// Look-ups by number and hash over several segments, across restarts, with missing and damaged index files.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/store/chain_reader.h"
#include "engine/store/checkpoint.h"
#include "engine/store/disk_uring.h"
#include "tests/engine/store_fixture.h"
#include "tests/support/vectors.h"

enum { BLOCKS = 80, TXS_MAX = 40 };

// A log on the real disk, its reader, and what was put into them.
struct world {
    char *dir;
    struct header genesis;
    struct fixture_chain chain;
    struct disk *disk;
    struct blog *blog;
    struct chain_reader *reader;
    bytes32 block_hashes[BLOCKS + 1];
    bytes32 tx_hashes[BLOCKS + 1][TXS_MAX];
    uint32_t tx_counts[BLOCKS + 1];
};

static void start(struct world *w)
{
    char error[STORE_ERROR_MAX];
    const struct blog_options options = {.genesis_hash = header_hash(&w->genesis), .segment_bytes = 64 << 10};
    w->disk = disk_uring_open(w->dir, error);
    cr_assert_not_null(w->disk, "%s", error);
    w->blog = blog_open(w->disk, &options, error);
    cr_assert_not_null(w->blog, "%s", error);
    w->reader = chain_reader_open(w->dir, w->blog, &w->genesis, error);
    cr_assert_not_null(w->reader, "%s", error);
}

static void stop(struct world *w)
{
    chain_reader_close(w->reader);
    blog_close(w->blog);
    disk_uring_close(w->disk);
}

static struct world *begin(const char *name)
{
    struct world *w = calloc(1, sizeof *w);
    w->dir = fixture_folder();
    fixture_genesis(&w->genesis, 1000);
    w->chain = (struct fixture_chain){.seed = test_seed(name), .parent_hash = header_hash(&w->genesis)};
    w->block_hashes[0] = w->chain.parent_hash;
    start(w);
    return w;
}

static void end(struct world *w)
{
    stop(w);
    fixture_remove(w->dir);
    free(w);
}

static void grow(struct world *w, uint64_t to)
{
    while (w->chain.height < to) {
        size_t len;
        struct record r;
        struct blog_place place;
        const uint32_t txs = (uint32_t)(test_random(&w->chain.seed) % (TXS_MAX + 1));
        uint8_t *bytes = fixture_record(&w->chain, txs, &len, &r);
        const uint64_t h = w->chain.height;
        w->block_hashes[h] = r.block_hash;
        w->tx_counts[h] = txs;
        for (uint32_t i = 0; i < txs; i++) {
            struct record_tx tx;
            record_tx_at(&r, i, &tx);
            w->tx_hashes[h][i] = tx.hash;
        }
        cr_assert_eq(blog_append(w->blog, h, bytes_of(bytes, len)), 0);
        blog_flush(w->blog);
        while (blog_in_flight(w->blog))
            blog_step(w->blog, true);
        cr_assert(blog_place(w->blog, h, &place));
        chain_reader_add(w->reader, h, bytes, len, place);
    }
}

static void expect_all(struct world *w, uint64_t from)
{
    cr_assert_eq(chain_reader_head(w->reader), w->chain.height);
    for (uint64_t h = from; h <= w->chain.height; h++) {
        uint64_t height;
        uint32_t index;
        bool damaged;
        cr_assert(chain_reader_height_of(w->reader, &w->block_hashes[h], &height), "block %llu", (unsigned long long)h);
        cr_assert_eq(height, h);
        const struct record *b = chain_reader_block(w->reader, h, &damaged);
        cr_assert(b != NULL && !damaged);
        cr_assert(bytes32_equal(&b->block_hash, &w->block_hashes[h]) && b->tx_count == w->tx_counts[h]);
        const bloom *logs, of_block = b->header.logs_bloom;
        cr_assert(chain_reader_bloom(w->reader, h, &logs) && memcmp(logs, &of_block, sizeof of_block) == 0);
        for (uint32_t i = 0; i < w->tx_counts[h]; i++) {
            cr_assert(chain_reader_find_tx(w->reader, &w->tx_hashes[h][i], &height, &index));
            cr_assert(height == h && index == i);
        }
    }
}

static void expect_absent(struct world *w)
{
    uint64_t height;
    uint32_t index;
    for (int i = 0; i < 200; i++) {
        bytes32 hash;
        for (int j = 0; j < 32; j++)
            hash.b[j] = (uint8_t)test_random(&w->chain.seed);
        // The same beginning as one that is there.
        if (i % 2 == 0)
            memcpy(hash.b, w->tx_hashes[1 + i % w->chain.height][0].b, 12);
        cr_assert_not(chain_reader_find_tx(w->reader, &hash, &height, &index));
        cr_assert_not(chain_reader_height_of(w->reader, &hash, &height));
    }
    cr_assert_not(chain_reader_find_tx(w->reader, &w->block_hashes[1], &height, &index), "a block is no transaction");
    cr_assert_not(chain_reader_height_of(w->reader, &w->tx_hashes[w->chain.height][0], &height));
}

static void index_path(char out[256], const struct world *w, unsigned segment)
{
    snprintf(out, 256, "%s/segment-%08u.idx", w->dir, segment);
}

Test(chain_reader, serves_the_genesis_as_block_zero)
{
    struct world *w = begin("reader_genesis");
    bool damaged;
    uint64_t height = 1;
    const struct record *b = chain_reader_block(w->reader, 0, &damaged);
    cr_assert_not_null(b);
    cr_expect(bytes32_equal(&b->block_hash, &w->block_hashes[0]) && b->tx_count == 0 && b->header.timestamp == 1000);
    cr_expect(chain_reader_height_of(w->reader, &w->block_hashes[0], &height) && height == 0);
    cr_expect_eq(chain_reader_head(w->reader), 0);
    cr_expect_null(chain_reader_block(w->reader, 1, &damaged));
    cr_expect_not(damaged);
    end(w);
}

Test(chain_reader, finds_everything_while_it_follows_and_after_restarts)
{
    struct world *w = begin("reader_follow");
    for (uint64_t to = 20; to <= BLOCKS; to += 20) {
        grow(w, to);
        expect_all(w, 1);
        expect_absent(w);
        stop(w);
        start(w);
        expect_all(w, 1);
        expect_absent(w);
    }
    cr_expect_gt(blog_segments(w->blog, NULL, 0), 3);
    cr_expect_gt(chain_reader_index_bytes(w->reader), 0);
    end(w);
}

Test(chain_reader, writes_index_files_on_the_checkpoint_thread)
{
    struct world *w = begin("reader_background");
    char error[STORE_ERROR_MAX], path[256], state[256];
    uint64_t height;
    bytes32 hash;
    bool complete;
    snprintf(state, sizeof state, "%s/state", w->dir);
    struct checkpoint *c = checkpoint_open(state, &w->block_hashes[0], &height, &hash, &complete, error);
    cr_assert_not_null(c, "%s", error);
    chain_reader_set_background(w->reader, c);
    grow(w, BLOCKS);
    expect_all(w, 1);
    checkpoint_close(c); // runs what waits
    chain_reader_set_background(w->reader, NULL);
    index_path(path, w, 1);
    cr_expect_eq(access(path, F_OK), 0);
    expect_all(w, 1);
    end(w);
}

Test(chain_reader, rebuilds_missing_and_damaged_index_files)
{
    struct world *w = begin("reader_rebuild");
    char path[256];
    grow(w, BLOCKS);
    stop(w);
    index_path(path, w, 1);
    cr_assert_eq(unlink(path), 0);
    fixture_damage(w->dir, "segment-00000002.idx", 20);
    start(w);
    expect_all(w, 1);
    stop(w);
    // Inside the pages: found when they are touched.
    for (int page = 1; page <= 2; page++) {
        char name[64];
        snprintf(name, sizeof name, "segment-%08u.idx", page);
        struct stat st;
        index_path(path, w, (unsigned)page);
        cr_assert_eq(stat(path, &st), 0);
        fixture_damage(w->dir, name, page == 1 ? 4096 + 100 : (uint64_t)st.st_size - 4096 + 50);
    }
    start(w);
    expect_all(w, 1);
    expect_absent(w);
    end(w);
}

Test(chain_reader, a_foreign_index_file_is_not_believed)
{
    struct world *w = begin("reader_foreign");
    char from[256], to[256];
    grow(w, BLOCKS);
    stop(w);
    index_path(from, w, 2);
    index_path(to, w, 1);
    cr_assert_eq(rename(from, to), 0);
    start(w);
    expect_all(w, 1);
    end(w);
}

Test(chain_reader, tells_damage_from_absence)
{
    struct world *w = begin("reader_damage");
    struct blog_place place;
    bool damaged;
    uint64_t height;
    uint32_t index;
    char name[64];
    grow(w, BLOCKS);
    cr_assert(blog_place(w->blog, 3, &place));
    stop(w);
    blog_segment_name(name, place.segment);
    const struct blog_options options = {
        .genesis_hash = w->block_hashes[0], .segment_bytes = 64 << 10, .verify_from = BLOCKS};
    char error[STORE_ERROR_MAX];
    fixture_damage(w->dir, name, place.offset + 10);
    w->disk = disk_uring_open(w->dir, error);
    w->blog = blog_open(w->disk, &options, error);
    cr_assert_not_null(w->blog, "%s", error);
    w->reader = chain_reader_open(w->dir, w->blog, &w->genesis, error);
    cr_assert_not_null(w->reader, "%s", error);
    cr_expect_null(chain_reader_block(w->reader, 3, &damaged));
    cr_expect(damaged);
    cr_expect_null(chain_reader_block(w->reader, BLOCKS + 1, &damaged));
    cr_expect_not(damaged);
    if (w->tx_counts[3] > 0)
        cr_expect_not(chain_reader_find_tx(w->reader, &w->tx_hashes[3][0], &height, &index));
    cr_expect_not_null(chain_reader_block(w->reader, 4, &damaged));
    end(w);
}

Test(chain_reader, follows_retention)
{
    struct world *w = begin("reader_retain");
    bool damaged;
    uint64_t height;
    char path[256];
    grow(w, BLOCKS);
    expect_all(w, 1);
    cr_assert_gt(blog_retain(w->blog, BLOCKS / 2), 0);
    const uint64_t first = blog_first(w->blog);
    cr_assert(first > 1 && first <= BLOCKS / 2);
    chain_reader_retain(w->reader, first);
    cr_expect_eq(chain_reader_first(w->reader), first);
    cr_expect_null(chain_reader_block(w->reader, first - 1, &damaged));
    cr_expect_not(damaged);
    cr_expect_not(chain_reader_height_of(w->reader, &w->block_hashes[first - 1], &height));
    index_path(path, w, 1);
    cr_expect_neq(access(path, F_OK), 0);
    expect_all(w, first);
    stop(w);
    start(w);
    cr_expect_eq(chain_reader_first(w->reader), first);
    expect_all(w, first);
    end(w);
}
