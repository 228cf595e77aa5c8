// The chain and its disk: checkpoints and retention while it runs, restarts, a disk that fails; and inboxes under fire.
#include "base/remove_tree.h"
#include "engine/store/disk.h"
#include "tests/engine_support/rig.h"
#include "tests/engine_support/transfers.h"
#include "tests/support/test_folder.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct rig_options options_for(const char *name, unsigned shards)
{
    return (struct rig_options){.shards = shards,
                                .gas_limit = 2000000000,
                                .senders = 20,
                                .balance = {{0, 1000, 0, 0}},
                                .seed = test_seed(name),
                                .free_running = true};
}

static void submit_some(struct rig *r, struct transfers *t, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t raw[TRANSFER_BYTES_MAX];
        size_t len = transfers_next(t, raw);
        rig_submit_async(r, i, bytes_of(raw, len));
    }
}

static void flood(struct rig *r, struct transfers *t, unsigned count)
{
    uint64_t accepted, refused;
    submit_some(r, t, count);
    rig_settled(r, &accepted, &refused);
    cr_assert_eq(refused, 0);
}

Test(chain_store, a_checkpoint_at_every_block_and_few_kept_bodies_survive_restarts)
{
    char folder[TEST_FOLDER_MAX];
    test_folder(folder, "chain");
    struct rig_options options = options_for("chain_store/every_block", 3);
    options.folder = folder;
    options.checkpoint_interval_ns = 1;
    options.segment_bytes = 1 << 18;
    options.retain_blocks = 4;
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    uint64_t height = 0, kept_from = 1;
    for (unsigned run = 0; run < 4; run++) {
        options.shards = 1 + run;
        struct rig *r = rig_start(&options); // refuses a state that does not have the head's root
        cr_assert_eq(rig_height(r), height);
        for (unsigned i = 0; i < 150; i++) {
            flood(r, &t, 20);
            cr_assert(rig_wait_included(r, 20 * (i + 1)));
        }
        height = rig_height(r);
        uint64_t from = atomic_load(&rig_numbers(r)->retained_from);
        // The 256 blocks before the checkpoint stay: their hashes are needed.
        cr_assert(run < 2 || from > kept_from, "nothing was let go of");
        cr_assert(from == 1 || from + 256 < height - options.retain_blocks + 1);
        kept_from = from;
        rig_stop(r);
    }
    transfers_free(&t);
    remove_tree(folder);
}

struct fault {
    const char *name, *says;
    int submit_error, write_error, open_error;
};

// Until the chain stops; the blocks that it had shown.
static uint64_t run_to_failure(const struct rig_options *options, const struct fault *fault, struct bytes **shown,
                               uint64_t *first_nonces)
{
    struct rig *r = rig_start(options);
    struct transfers t;
    transfers_init(&t, options->seed, options->senders);
    memcpy(t.nonces, first_nonces, options->senders * sizeof *t.nonces);
    for (unsigned i = 0; i < 2000 && !rig_failure(r); i++) {
        submit_some(r, &t, 5);
        usleep(1000);
    }
    for (unsigned i = 0; i < 5000 && !rig_failure(r); i++)
        usleep(1000);
    const char *why = rig_failure(r);
    cr_assert_not_null(why, "%s: the chain goes on, or hangs, at block %llu", fault->name,
                       (unsigned long long)rig_height(r));
    cr_assert_not_null(strstr(why, fault->says), "%s: \"%s\" does not say \"%s\"", fault->name, why, fault->says);
    usleep(50000);
    uint64_t height = rig_height(r);
    cr_assert_leq(height, atomic_load(&rig_numbers(r)->durable_height));
    *shown = calloc(height + 1, sizeof **shown);
    for (uint64_t h = 1; h <= height; h++) {
        struct bytes record = rig_record(r, h);
        (*shown)[h] = bytes_of(memcpy(malloc(record.len), record.ptr, record.len), record.len);
    }
    transfers_free(&t);
    rig_stop(r);
    return height;
}

// The same folder on a disk that works again: what was shown is there. More may be: durable, and not shown any more.
static void expect_whole(struct rig_options options, uint64_t height, struct bytes *shown)
{
    options.writes_until_failure = 0;
    struct rig *r = rig_start(&options);
    cr_assert_geq(rig_height(r), height);
    for (uint64_t h = 1; h <= height; h++) {
        struct bytes stored = rig_stored(r, h);
        cr_assert(bytes_equal(stored, shown[h]), "block %llu", (unsigned long long)h);
        free((void *)stored.ptr);
        free((void *)shown[h].ptr);
    }
    free(shown);
    rig_stop(r);
}

Test(chain_store, a_disk_that_fails_stops_the_chain_in_words_and_loses_nothing_shown)
{
    static const struct fault faults[] = {
        {"a write refused", "Input/output error", -EIO, 0, 0},
        {"a write failed", "Input/output error", 0, -EIO, 0},
        {"no space", "No space left on device", 0, -ENOSPC, 0},
        {"no space for a new file", "No space left on device", 0, 0, -ENOSPC},
        {"too many open files", "Too many open files", 0, 0, -EMFILE},
    };
    uint64_t seed = test_seed("chain_store/faults"), random = seed;
    for (size_t i = 0; i < 2 * sizeof faults / sizeof faults[0]; i++) {
        const struct fault *fault = &faults[i / 2];
        char folder[TEST_FOLDER_MAX];
        test_folder(folder, "chain");
        struct rig_options options = options_for("chain_store/fault", 1 + i % 3);
        options.seed = seed + i;
        options.folder = folder;
        options.segment_bytes = 1 << 18;
        options.checkpoint_interval_ns = 1000000;
        options.writes_until_failure = 5 + (unsigned)(test_random(&random) % 30);
        options.submit_error = fault->submit_error;
        options.write_error = fault->write_error;
        options.open_error = fault->open_error;
        struct bytes *shown;
        uint64_t *nonces = calloc(options.senders, sizeof *nonces);
        uint64_t height = run_to_failure(&options, fault, &shown, nonces);
        free(nonces);
        expect_whole(options, height, shown);
        remove_tree(folder);
    }
}

struct noise {
    struct rig *r;
    _Atomic bool stop;
    _Atomic uint64_t posted, run;
};

struct noise_call {
    struct shard_call call;
    struct noise *noise;
};

static void run_noise(struct shard *s, struct shard_call *call)
{
    (void)s;
    struct noise_call *c = (struct noise_call *)call;
    for (volatile unsigned i = 0; i < 1000; i++)
        ;
    atomic_fetch_add(&c->noise->run, 1);
    free(c);
}

static void drop_noise(struct shard_call *call)
{
    atomic_fetch_add(&((struct noise_call *)call)->noise->run, 1);
    free(call);
}

static void *make_noise(void *arg)
{
    struct noise *n = arg;
    for (unsigned i = 0; !atomic_load(&n->stop); i++) {
        struct noise_call *c = calloc(1, sizeof *c);
        *c = (struct noise_call){{run_noise, drop_noise, NULL}, n};
        if (shard_run(rig_shard(n->r, i % rig_shard_count(n->r)), &c->call))
            atomic_fetch_add(&n->posted, 1);
        else
            free(c);
    }
    return NULL;
}

// Questions come faster than shards answer, so that their inboxes are as full as questions may make them.
Test(chain_store, a_flood_of_questions_neither_stops_blocks_nor_loses_a_question)
{
    struct rig_options options = options_for("chain_store/noise", 3);
    struct rig *r = rig_start(&options);
    struct noise noise = {.r = r};
    pthread_t threads[2];
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    for (unsigned i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, make_noise, &noise);
    usleep(300000);
    for (unsigned i = 0; i < 10; i++) {
        uint64_t accepted, refused;
        submit_some(r, &t, 100);
        rig_settled(r, &accepted, &refused);
        cr_assert_eq(refused, 0);
        cr_assert(rig_wait_included(r, 100 * (i + 1)));
    }
    atomic_store(&noise.stop, true);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    rig_stop(r);
    cr_assert_eq(atomic_load(&noise.posted), atomic_load(&noise.run));
    transfers_free(&t);
}

// A sender's transactions in falling order of nonce: each round takes one, the global pass one more, and the others are
// put off to the next list.
Test(chain_store, more_dependent_transactions_than_rounds_end_in_the_global_pass_alike_on_any_shards)
{
    enum { SENDERS = 4, TRANSFERS = 160, LISTS = TRANSFERS / EXEC_ROUNDS_MAX + 1 };
    struct bytes first[LISTS + 1] = {0};
    uint64_t seed = test_seed("chain_store/deep");
    static const unsigned shard_counts[] = {1, 2, 7};
    for (unsigned n = 0; n < 3; n++) {
        struct rig_options options = options_for("chain_store/deep", shard_counts[n]);
        options.seed = seed;
        options.senders = SENDERS; // the first is the coinbase
        options.free_running = false;
        options.last_first = true;
        struct rig *r = rig_start(&options);
        struct transfers t;
        transfers_init(&t, seed, SENDERS);
        for (unsigned i = 0; i < TRANSFERS; i++) {
            uint8_t raw[TRANSFER_BYTES_MAX];
            size_t len = transfers_next(&t, raw);
            cr_assert_eq(rig_submit(r, i, bytes_of(raw, len)), TX_OK);
        }
        for (unsigned h = 1, left = TRANSFERS; left > 0; h++) {
            rig_make_list(r, 1700000000000ull + h, 1);
            struct bytes block = rig_record(r, h);
            struct record record;
            cr_assert(record_decode(&record, block));
            unsigned expected = 0;
            for (unsigned i = 0; i < SENDERS; i++) {
                unsigned own = t.nonces[i] < EXEC_ROUNDS_MAX + 1 ? (unsigned)t.nonces[i] : EXEC_ROUNDS_MAX + 1;
                t.nonces[i] -= own;
                expected += own;
            }
            left -= expected;
            cr_assert_eq(record.tx_count, expected, "block %u with %u shards holds %u", h, shard_counts[n],
                         record.tx_count);
            cr_assert_eq(record.dropped_count, 0);
            if (n == 0)
                first[h] = bytes_of(memcpy(malloc(block.len), block.ptr, block.len), block.len);
            else
                cr_assert(bytes_equal(first[h], block), "%u shards", shard_counts[n]);
        }
        cr_assert_gt(atomic_load(&rig_numbers(r)->global_by[EXEC_GLOBAL_WAITED]), SENDERS);
        transfers_free(&t);
        rig_stop(r);
    }
    for (unsigned h = 1; h <= LISTS; h++)
        free((void *)first[h].ptr);
}

Test(chain_store, two_hundred_and_fifty_six_shards_make_the_chain_too)
{
    struct rig_options options = options_for("chain_store/256", 256);
    struct rig *r = rig_start(&options);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    flood(r, &t, 500);
    cr_assert(rig_wait_included(r, 500));
    transfers_free(&t);
    rig_stop(r);
}
