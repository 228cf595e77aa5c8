// Contracts on a whole chain: the same bytes with every number of shards, and again after a restart that replays them.
#include "base/keccak.h"
#include "base/remove_tree.h"
#include "sigverify/sigverify.h"
#include "tests/engine_support/rig.h"
#include "tests/exec_support/program.h"
#include "tests/support/test_folder.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SENDERS = 12, CONTRACTS = 6, LISTS = 8, LIST_TXS = 60, RAW_MAX = 1024 };

struct workload {
    uint64_t seed, random;
    uint64_t nonces[SENDERS + 1]; // the last one sends only after the restart
    address senders[SENDERS], contracts[CONTRACTS];
};

static address address_of_sender(uint64_t seed, size_t sender)
{
    const bytes32 key = bench_key(seed, sender);
    uint8_t public_key[64];
    cr_assert(sv_public_key(public_key, &key));
    return sv_address(public_key);
}

// The address of a sender's first creation.
static address first_creation(const address *sender)
{
    uint8_t rlp[23] = {0xd6, 0x94};
    memcpy(rlp + 2, sender->b, 20);
    rlp[22] = 0x80;
    const bytes32 hash = keccak256(rlp, sizeof rlp);
    address out;
    memcpy(out.b, hash.b + 12, 20);
    return out;
}

static struct workload workload_new(uint64_t seed)
{
    struct workload w = {.seed = seed, .random = seed ^ 0xc0de};
    for (size_t i = 0; i < SENDERS; i++)
        w.senders[i] = address_of_sender(seed, i);
    for (size_t i = 0; i < CONTRACTS; i++)
        w.contracts[i] = first_creation(&w.senders[i]);
    return w;
}

static void submit(struct workload *w, struct rig *r, size_t sender, struct tx_fields *f)
{
    static const uint8_t empty_list = 0xc0;
    uint8_t message[RAW_MAX], raw[RAW_MAX];
    f->type = TX_DYNAMIC_FEE;
    f->chain_id = 31337;
    f->nonce = w->nonces[sender]++;
    f->max_fee = u256_from_u64(100000000000);
    f->max_tip = u256_from_u64(1 + test_random(&w->random) % 1000);
    f->access_list = bytes_of(&empty_list, 1);
    const bytes32 hash = keccak256(message, tx_encode_unsigned(message, sizeof message, f));
    const bytes32 key = bench_key(w->seed, sender);
    struct sv_signature s;
    cr_assert(sv_sign(&s, &hash, &key));
    const size_t len = tx_encode_signed(raw, sizeof raw, f, s.v, &s.r, &s.s);
    cr_assert(len > 0);
    cr_assert_eq(rig_submit(r, (unsigned)sender, bytes_of(raw, len)), TX_OK);
}

// A contract that counts, logs, calls its neighbour, asks for hashes; one creates.
static void deploy(struct workload *w, struct rig *r, size_t i)
{
    const struct whom neighbour = {.given = w->contracts[(i + 1) % CONTRACTS]};
    struct program p;
    uint8_t init[RAW_MAX] = {0x61, 0, 0, 0x60, 12, 0x5f, 0x39, 0x61, 0, 0, 0x5f, 0xf3};
    program_begin(&p);
    program_load(&p, 1);
    program_store(&p, 1, 1, 1000000);
    program_log(&p, i);
    if (i % 3 == 1)
        program_call(&p, EVM_OP_CALL, neighbour, i);
    if (i % 3 == 2)
        program_call(&p, EVM_OP_DELEGATECALL, neighbour, 0);
    program_set(&p, EVM_OP_PREVRANDAO);
    program_store(&p, 2, 0, 97);
    if (i == 3)
        program_create(&p, EVM_OP_CREATE, (struct bytes){0}, 0, 0);
    program_push(&p, 1);
    program_op(&p, EVM_OP_NUMBER);
    program_op(&p, EVM_OP_SUB);
    program_op(&p, EVM_OP_BLOCKHASH);
    program_push(&p, 3);
    program_op(&p, EVM_OP_SSTORE);
    const struct bytes code = program_end(&p);
    init[1] = init[8] = (uint8_t)(code.len >> 8);
    init[2] = init[9] = (uint8_t)code.len;
    memcpy(init + 12, code.ptr, code.len);
    struct tx_fields f = {
        .is_create = true, .gas_limit = 1000000, .value = u256_from_u64(100000), .data = bytes_of(init, 12 + code.len)};
    submit(w, r, i, &f);
}

static void make_list(struct workload *w, struct rig *r, unsigned list)
{
    for (size_t i = 0; list == 0 && i < CONTRACTS; i++)
        deploy(w, r, i);
    for (unsigned i = 0; list > 0 && i < LIST_TXS; i++) {
        const uint64_t choice = test_random(&w->random);
        struct tx_fields f = {.gas_limit = 200000, .value = u256_from_u64(choice % 3)};
        f.to = choice % 4 ? w->contracts[choice / 4 % CONTRACTS] : w->senders[choice / 4 % SENDERS];
        submit(w, r, test_random(&w->random) % SENDERS, &f);
    }
    rig_make_list(r, 1700000000000 + 1000ull * list, 1);
}

static struct rig_options options_for(uint64_t seed, unsigned shards, const char *folder)
{
    return (struct rig_options){.shards = shards,
                                .gas_limit = 2000000000,
                                .senders = SENDERS + 1,
                                .balance = {{0, 1000, 0, 0}},
                                .seed = seed,
                                .checkpoint_interval_ns = UINT64_MAX / 2,
                                .folder = folder};
}

Test(contracts, the_chain_is_the_same_with_every_number_of_shards_and_after_replay)
{
    static const unsigned shard_counts[] = {1, 2, 4, 16};
    const uint64_t seed = test_seed("contracts");
    struct bytes first[LISTS] = {{0}};
    for (unsigned n = 0; n < 4; n++) {
        char folder[TEST_FOLDER_MAX];
        test_folder(folder, "contracts");
        struct rig_options options = options_for(seed, shard_counts[n], folder);
        struct rig *r = rig_start(&options);
        struct workload w = workload_new(seed);
        for (unsigned list = 0; list < LISTS; list++) {
            make_list(&w, r, list);
            const struct bytes block = rig_record(r, list + 1);
            struct record record;
            cr_assert(record_decode(&record, block));
            cr_assert_gt(record.tx_count, 0);
            if (n == 0)
                first[list] = bytes_of(memcpy(malloc(block.len), block.ptr, block.len), block.len);
            else
                cr_assert(bytes_equal(first[list], block), "list %u with %u shards", list, shard_counts[n]);
        }
        const struct executor_numbers *numbers = rig_numbers(r);
        cr_assert_gt(atomic_load(&numbers->passes[EXEC_CALLS]), 0);
        cr_assert_gt(atomic_load(&numbers->passes[EXEC_GLOBAL]), 0);
        cr_assert_gt(atomic_load(&numbers->global_by[EXEC_GLOBAL_ESCAPED + EVM_ESCAPE_CALL_CODE]), 0);
        rig_stop(r);

        // No checkpoint was made: everything is executed again, and must give the same logs, gas and state root.
        options.shards = shard_counts[3 - n];
        r = rig_start(&options);
        cr_assert_eq(rig_height(r), LISTS);
        for (size_t i = 0; i < CONTRACTS; i++)
            submit(&w, r, SENDERS, &(struct tx_fields){.gas_limit = 200000, .to = w.contracts[i]});
        rig_make_list(r, 1700000000000 + 1000ull * LISTS, 1);
        cr_assert_eq(rig_height(r), LISTS + 1);
        rig_stop(r);
        remove_tree(folder);
    }
    for (unsigned i = 0; i < LISTS; i++)
        free((void *)first[i].ptr);
}
