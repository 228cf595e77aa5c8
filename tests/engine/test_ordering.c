// When blocks are made, what is in them, and what they wait for: the node's own ordering over real shards.
#include "base/clock.h"
#include "base/keccak.h"
#include "sigverify/sigverify.h"
#include "tests/engine_support/rig.h"
#include "tests/engine_support/transfers.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#define GWEI 1000000000ull

static struct rig_options options_for(const char *name, unsigned shards)
{
    return (struct rig_options){.shards = shards,
                                .gas_limit = 2000000000,
                                .senders = 20,
                                .balance = {{0, 1000, 0, 0}},
                                .seed = test_seed(name),
                                .solo = true};
}

static address address_of(uint64_t seed, size_t sender)
{
    bytes32 key = bench_key(seed, sender);
    uint8_t public_key[64];
    cr_assert(sv_public_key(public_key, &key));
    return sv_address(public_key);
}

struct wanted {
    size_t sender, to;
    uint64_t nonce, gas_limit, fee_cap, tip, value;
};

// Signs a transfer between two of the rig's accounts.
static size_t sign(uint8_t out[TRANSFER_BYTES_MAX], uint64_t seed, const struct wanted *w)
{
    static const uint8_t empty_list = 0xc0;
    struct tx_fields f = {.type = TX_DYNAMIC_FEE,
                          .chain_id = 31337,
                          .nonce = w->nonce,
                          .gas_limit = w->gas_limit ? w->gas_limit : 21000,
                          .max_fee = u256_from_u64(w->fee_cap),
                          .max_tip = u256_from_u64(w->tip),
                          .value = u256_from_u64(w->value),
                          .to = address_of(seed, w->to),
                          .access_list = bytes_of(&empty_list, 1)};
    uint8_t message[TRANSFER_BYTES_MAX];
    bytes32 hash = keccak256(message, tx_encode_unsigned(message, sizeof message, &f)),
            key = bench_key(seed, w->sender);
    struct sv_signature s;
    cr_assert(sv_sign(&s, &hash, &key));
    return tx_encode_signed(out, TRANSFER_BYTES_MAX, &f, s.v, &s.r, &s.s);
}

static void submit(struct rig *r, uint64_t seed, struct wanted w)
{
    uint8_t raw[TRANSFER_BYTES_MAX];
    size_t len = sign(raw, seed, &w);
    cr_assert_eq(rig_submit(r, (unsigned)w.sender, bytes_of(raw, len)), TX_OK);
}

static struct record record_at(struct rig *r, uint64_t height)
{
    struct record record;
    cr_assert(record_decode(&record, rig_record(r, height)));
    return record;
}

// Opens the gate for list after list until so many transactions are included: what is pooled before does not depend on
// how fast it was submitted.
static void make_lists_until(struct rig *r, uint64_t transactions)
{
    uint64_t included = 0, seen = 0;
    for (uint64_t list = 0; included < transactions; list++) {
        cr_assert_lt(list, 1000, "the chain stopped at block %llu", (unsigned long long)seen);
        rig_make_list(r, 1700000000000ull + list * 10, 1);
        for (uint64_t height = rig_height(r); seen < height; seen++)
            included += record_at(r, seen + 1).tx_count;
    }
}

// Messages that the shards have taken.
static uint64_t messages_to(struct rig *r)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < rig_shard_count(r); i++)
        sum += atomic_load(&shard_turn(rig_shard(r, i))->stages.items[STAGE_LINK]);
    return sum;
}

static uint64_t cpu_ms_of(struct rig *r, unsigned during_ms)
{
    uint64_t before = rig_cpu_ns(r);
    usleep(during_ms * 1000);
    return (rig_cpu_ns(r) - before) / 1000000;
}

Test(ordering, a_transaction_under_the_base_fee_gets_empty_blocks_until_it_fits_and_no_more)
{
    struct rig_options options = options_for("ordering/held_back", 3);
    options.block_time_ms = 20;
    struct rig *r = rig_start(&options);
    uint64_t start = clock_ns();
    submit(r, options.seed, (struct wanted){.sender = 1, .to = 2, .fee_cap = GWEI / 3, .value = 1});
    cr_assert(rig_wait_included(r, 1));
    uint64_t took_ms = (clock_ns() - start) / 1000000, height = rig_height(r);
    cr_assert_gt(height, 5);
    cr_assert_geq(took_ms, (height - 1) * options.block_time_ms, "blocks start less than block-time apart");
    for (uint64_t h = 1; h <= height; h++) {
        struct record block = record_at(r, h);
        bool fits = u256_cmp(&block.header.base_fee, &(u256){{GWEI / 3, 0, 0, 0}}) <= 0;
        cr_assert_eq(block.tx_count, fits ? 1 : 0, "block %llu", (unsigned long long)h);
        cr_assert_eq(fits, h == height);
    }
    usleep(200000);
    cr_assert_eq(rig_height(r), height, "blocks go on though nothing is pooled");
    cr_assert_leq(cpu_ms_of(r, 300), 60);
    rig_stop(r);
}

// The base fee falls by an eighth a block, rounded down, so never from 7 wei on.
Test(ordering, what_no_falling_base_fee_will_ever_free_makes_no_blocks_and_costs_nothing)
{
    struct rig_options options = options_for("ordering/stuck", 3);
    options.base_fee = 7;
    struct rig *r = rig_start(&options);
    submit(r, options.seed, (struct wanted){.sender = 1, .to = 2, .fee_cap = 6, .value = 1});
    usleep(100000);
    cr_assert_eq(rig_height(r), 0);
    uint64_t asked = messages_to(r);
    cr_assert_leq(cpu_ms_of(r, 500), 100);
    cr_assert_eq(messages_to(r), asked, "the pools are asked for ever");
    // It holds nobody else up.
    submit(r, options.seed, (struct wanted){.sender = 2, .to = 3, .fee_cap = 10, .value = 1});
    cr_assert(rig_wait_included(r, 1));
    cr_assert_eq(rig_height(r), 1);
    // One of the sender's that pays more replaces it.
    submit(r, options.seed, (struct wanted){.sender = 1, .to = 2, .fee_cap = 100, .tip = 1, .value = 1});
    cr_assert(rig_wait_included(r, 2));
    usleep(100000);
    cr_assert_eq(rig_height(r), 2);
    rig_stop(r);
}

Test(ordering, a_block_starts_at_once_when_the_block_time_has_passed_and_waits_for_it_when_not)
{
    struct rig_options options = options_for("ordering/block_time", 2);
    options.block_time_ms = 1500;
    struct rig *r = rig_start(&options);
    for (uint64_t nonce = 0; nonce < 4; nonce += 2) {
        uint64_t start = clock_ns();
        submit(r, options.seed, (struct wanted){.sender = 1, .to = 2, .nonce = nonce, .fee_cap = 20 * GWEI});
        cr_assert(rig_wait_included(r, nonce + 1));
        uint64_t first = (clock_ns() - start) / 1000000;
        cr_assert_lt(first, options.block_time_ms, "an idle chain let a transaction wait for %llu ms",
                     (unsigned long long)first);
        submit(r, options.seed, (struct wanted){.sender = 1, .to = 2, .nonce = nonce + 1, .fee_cap = 20 * GWEI});
        cr_assert(rig_wait_included(r, nonce + 2));
        uint64_t second = (clock_ns() - start) / 1000000;
        cr_assert_geq(second, options.block_time_ms - 1, "the next block came after %llu ms",
                      (unsigned long long)second);
        usleep(1000 * (useconds_t)options.block_time_ms);
    }
    rig_stop(r);
}

Test(ordering, blocks_are_a_second_apart_when_timestamps_must_differ)
{
    struct rig_options options = options_for("ordering/seconds", 2);
    options.whole_seconds = true;
    struct rig *r = rig_start(&options);
    for (uint64_t nonce = 0; nonce < 4; nonce++) {
        submit(r, options.seed, (struct wanted){.sender = 1, .to = 2, .nonce = nonce, .fee_cap = 20 * GWEI});
        cr_assert(rig_wait_included(r, nonce + 1));
    }
    for (uint64_t h = 2; h <= rig_height(r); h++)
        cr_assert_gt(record_at(r, h).header.timestamp, record_at(r, h - 1).header.timestamp);
    rig_stop(r);
}

static uint64_t gas_limits_of(const struct record *block)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < block->tx_count; i++) {
        struct record_tx x;
        struct tx tx;
        record_tx_at(block, i, &x);
        cr_assert_eq(tx_decode(&tx, x.raw, 31337), TX_OK);
        sum += tx.gas_limit;
    }
    return sum;
}

static void flood(struct rig *r, struct transfers *t, unsigned count)
{
    uint64_t accepted, refused;
    for (unsigned i = 0; i < count; i++) {
        uint8_t raw[TRANSFER_BYTES_MAX];
        size_t len = transfers_next(t, raw);
        rig_submit_async(r, i, bytes_of(raw, len));
    }
    rig_settled(r, &accepted, &refused);
    cr_assert_eq(accepted, count);
}

// A share of such a block is less than any transaction takes.
Test(ordering, blocks_with_room_for_four_transfers_are_filled_by_sixteen_shards)
{
    struct rig_options options = options_for("ordering/tiny", 16);
    options.gas_limit = 104000;
    options.solo = false;
    struct rig *r = rig_start(&options);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    flood(r, &t, 400);
    make_lists_until(r, 400);
    for (uint64_t h = 1; h <= rig_height(r); h++) {
        struct record block = record_at(r, h);
        cr_assert_leq(gas_limits_of(&block), options.gas_limit);
    }
    cr_assert_leq(rig_height(r), 200, "blocks are hardly filled");
    transfers_free(&t);
    rig_stop(r);
}

// Its gas limit is the whole block's, its tip the best: shares alone would pass it over for as long as others crowd.
Test(ordering, a_transaction_that_fills_a_block_gets_its_turn_in_a_crowd)
{
    struct rig_options options = options_for("ordering/crowd", 3);
    options.gas_limit = 6000000;
    options.senders = 60;
    options.solo = false;
    struct rig *r = rig_start(&options);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders - 1);
    flood(r, &t, 6000);
    submit(r, options.seed,
           (struct wanted){
               .sender = 59, .to = 1, .gas_limit = options.gas_limit, .fee_cap = 900 * GWEI, .tip = 800 * GWEI});
    make_lists_until(r, 6001);
    uint64_t alone = 0;
    for (uint64_t h = 1; h <= rig_height(r) && !alone; h++) {
        struct record block = record_at(r, h);
        if (gas_limits_of(&block) == options.gas_limit && block.tx_count == 1)
            alone = h;
    }
    cr_assert_gt(alone, 0);
    cr_assert_lt(alone, rig_height(r), "it was left for last");
    transfers_free(&t);
    rig_stop(r);
}

Test(ordering, one_list_makes_several_blocks_of_one_time_and_digest)
{
    struct rig_options options = options_for("ordering/several", 3);
    options.gas_limit = 250000;
    options.list_blocks = 5;
    options.checkpoint_interval_ns = 1;
    options.solo = false;
    struct rig *r = rig_start(&options);
    struct transfers t;
    transfers_init(&t, options.seed, options.senders);
    flood(r, &t, 500);
    make_lists_until(r, 500);
    unsigned together = 0;
    for (uint64_t h = 2; h <= rig_height(r); h++) {
        struct record before = record_at(r, h - 1), block = record_at(r, h);
        bool same = block.time_ms == before.time_ms;
        together += same;
        cr_assert_leq(gas_limits_of(&block), options.gas_limit);
        cr_assert_eq(same,
                     bytes32_equal(&before.header.parent_beacon_block_root, &block.header.parent_beacon_block_root));
        cr_assert(!same || block.header.timestamp == before.header.timestamp);
    }
    cr_assert_gt(together, 10);
    transfers_free(&t);
    rig_stop(r);
}

// Several blocks of one list raise the base fee over what its later transactions pay: those are not included, not
// dropped either, and come when the fee has fallen.
Test(ordering, what_a_list_puts_off_goes_back_to_the_pool_and_is_included_later)
{
    struct rig_options options = options_for("ordering/again", 3);
    options.gas_limit = 21000 * 10;
    options.list_blocks = 8;
    options.solo = false;
    struct rig *r = rig_start(&options);
    uint64_t count = 0;
    for (size_t sender = 0; sender < 8; sender++) {
        for (uint64_t nonce = 0; nonce < 10; nonce++, count++)
            submit(r, options.seed,
                   (struct wanted){
                       .sender = sender, .to = sender + 1, .nonce = nonce, .fee_cap = GWEI + GWEI / 50, .value = 5});
    }
    make_lists_until(r, count);
    uint64_t lists = 0;
    for (uint64_t h = 1; h <= rig_height(r); h++) {
        struct record block = record_at(r, h);
        cr_assert_eq(block.dropped_count, 0);
        lists += block.tx_count > 0 && (h == 1 || block.time_ms != record_at(r, h - 1).time_ms);
    }
    cr_assert_gt(lists, 1, "the first list took everything");
    rig_stop(r);
}
