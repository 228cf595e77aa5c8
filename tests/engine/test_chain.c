// Shards and coordinator together: the chain that comes out of them.
#include "base/remove_tree.h"
#include "tests/engine_support/rig.h"
#include "tests/engine_support/transfers.h"
#include "tests/support/test_folder.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LISTS 12
#define TXS_A_LIST 150
#define SENDERS 20

static u256 ether(uint64_t n)
{
    u256 wei = u256_from_u64(1000000000000000000ull);
    u256_mul_u64(&wei, &wei, n);
    return wei;
}

static struct rig_options options_for(uint64_t seed, unsigned shards)
{
    return (struct rig_options){
        .shards = shards, .gas_limit = 2000000000, .senders = SENDERS, .balance = ether(100), .seed = seed};
}

// The same lists of transactions through a rig with this many shards; the digests of its blocks' encodings.
static void run_lists(uint64_t seed, unsigned shards, struct bytes *blocks)
{
    struct rig_options options = options_for(seed, shards);
    struct rig *r = rig_start(&options);
    struct transfers t;
    transfers_init(&t, seed, SENDERS);
    for (unsigned list = 0; list < LISTS; list++) {
        for (unsigned i = 0; i < TXS_A_LIST; i++) {
            uint8_t raw[TRANSFER_BYTES_MAX];
            size_t len = transfers_next(&t, raw);
            cr_assert_eq(rig_submit(r, i, bytes_of(raw, len)), TX_OK);
        }
        rig_make_list(r, 1700000000000ull + list * 700, 1);
    }
    cr_assert_eq(rig_height(r), LISTS);
    for (unsigned i = 0; i < LISTS; i++) {
        struct bytes record = rig_record(r, i + 1);
        uint8_t *copy = malloc(record.len);
        memcpy(copy, record.ptr, record.len);
        blocks[i] = bytes_of(copy, record.len);
    }
    transfers_free(&t);
    rig_stop(r);
}

Test(chain, the_same_ordered_input_gives_the_same_blocks_with_any_number_of_shards)
{
    static const unsigned shard_counts[] = {2, 3, 16};
    uint64_t seed = test_seed("chain/same_blocks");
    struct bytes first[LISTS], other[LISTS];
    run_lists(seed, 1, first);
    for (size_t n = 0; n < sizeof shard_counts / sizeof shard_counts[0]; n++) {
        run_lists(seed, shard_counts[n], other);
        for (unsigned i = 0; i < LISTS; i++) {
            cr_assert(bytes_equal(first[i], other[i]), "block %u differs with %u shards", i + 1, shard_counts[n]);
            free((void *)other[i].ptr);
        }
    }
    for (unsigned i = 0; i < LISTS; i++) {
        struct record record;
        cr_assert(record_decode(&record, first[i]));
        cr_assert_eq(record.tx_count, TXS_A_LIST, "every pooled transaction is in its list's block");
        free((void *)first[i].ptr);
    }
}

// Submits `count` transfers without waiting; returns how many the pools took.
static uint64_t flood(struct rig *r, struct transfers *t, unsigned count)
{
    uint64_t accepted, refused;
    for (unsigned i = 0; i < count; i++) {
        uint8_t raw[TRANSFER_BYTES_MAX];
        size_t len = transfers_next(t, raw);
        rig_submit_async(r, i, bytes_of(raw, len));
    }
    rig_settled(r, &accepted, &refused);
    return accepted;
}

// Transactions that only differ in being handed to other shards may arrive out of nonce order: none may get lost.
Test(chain, everything_accepted_is_included)
{
    struct rig_options options = options_for(test_seed("chain/everything"), 3);
    options.free_running = true;
    struct rig *r = rig_start(&options);
    struct transfers t;
    transfers_init(&t, options.seed, SENDERS);
    uint64_t accepted = flood(r, &t, 5000);
    cr_assert_eq(accepted, 5000);
    cr_assert(rig_wait_included(r, accepted));
    transfers_free(&t);
    rig_stop(r);
}

Test(chain, goes_on_after_a_restart_with_another_number_of_shards)
{
    static const unsigned shard_counts[] = {2, 5, 1, 3};
    char folder[TEST_FOLDER_MAX];
    test_folder(folder, "chain");
    struct rig_options options = options_for(test_seed("chain/restart"), 1);
    options.free_running = true;
    options.folder = folder;
    struct transfers t;
    transfers_init(&t, options.seed, SENDERS);
    uint64_t height = 0;
    for (size_t n = 0; n < sizeof shard_counts / sizeof shard_counts[0]; n++) {
        options.shards = shard_counts[n];
        struct rig *r = rig_start(&options); // refuses when the replayed state does not have the head's root
        cr_assert_eq(rig_height(r), height);
        cr_assert_eq(flood(r, &t, 1000), 1000);
        cr_assert(rig_wait_included(r, 1000));
        height = rig_height(r);
        rig_stop(r);
    }
    transfers_free(&t);
    remove_tree(folder);
}
