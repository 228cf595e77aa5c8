// What is remembered of hashes is what they are.
#include "base/keccak.h"
#include "shard/evm/keccak_memo.h"
#include "shard/exec/log_memory.h"
#include "tests/support/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>

// Words as contracts have them: few, so that they come again and share places.
static void random_word(uint8_t out[32], uint64_t *random)
{
    memset(out, 0, 32);
    out[test_random(random) % 32] = (uint8_t)(test_random(random) % 3);
    out[31] = (uint8_t)(test_random(random) % 16);
}

Test(keccak_memo, gives_no_wrong_hash_and_the_last_ones)
{
    uint64_t random = test_seed("keccak_memo");
    struct keccak_memo *m = malloc(sizeof *m);
    keccak_memo_init(m);
    for (unsigned i = 0; i < 100000; i++) {
        uint8_t in[KECCAK_MEMO_INPUT];
        random_word(in, &random);
        random_word(in + 32, &random);
        const bytes32 want = keccak256(in, sizeof in);
        const bytes32 *got = keccak_memo_find(m, in);
        cr_assert(!got || bytes32_equal(&want, got));
        if (!got)
            keccak_memo_put(m, in, &want);
        got = keccak_memo_find(m, in);
        cr_assert(got && bytes32_equal(&want, got));
    }
    free(m);
}

// Addresses and topics that come again, in one block and in later ones.
// One key in several mappings, as a token has them: they don't push each other out.
Test(keccak_memo, keeps_a_key_of_many_mappings)
{
    enum { MAPPINGS = 16 };
    static struct keccak_memo memo;
    uint64_t random = test_seed("keccak memo mappings");
    uint8_t input[KECCAK_MEMO_INPUT] = {0};
    keccak_memo_init(&memo);
    for (size_t i = 12; i < 32; i++)
        input[i] = (uint8_t)test_random(&random);
    for (uint8_t mapping = 0; mapping < MAPPINGS; mapping++) {
        input[63] = mapping;
        const bytes32 hash = keccak256(input, sizeof input);
        keccak_memo_put(&memo, input, &hash);
    }
    for (uint8_t mapping = 0; mapping < MAPPINGS; mapping++) {
        input[63] = mapping;
        cr_expect_not_null(keccak_memo_find(&memo, input), "mapping %u", mapping);
    }
}

Test(log_memory, blooms_are_of_address_and_topics)
{
    uint64_t random = test_seed("log_memory");
    struct arena *arena = arena_create();
    struct log_memory m;
    log_memory_init(&m, arena);
    for (unsigned block = 0; block < 300; block++) {
        enum { COUNT = 100, TOPICS = 4 };
        const struct exec_logs *kept[COUNT];
        bloom want[COUNT] = {0};
        log_memory_clear(&m);
        for (unsigned i = 0; i < COUNT; i++) {
            uint8_t address_word[32];
            struct evm_log log = {.topic_count = (uint8_t)(test_random(&random) % (TOPICS + 1))};
            random_word(address_word, &random);
            memcpy(log.who.b, address_word + 12, sizeof log.who.b);
            bytes32 hash = keccak256(log.who.b, sizeof log.who.b);
            bloom_add_hash(&want[i], &hash);
            for (unsigned t = 0; t < log.topic_count; t++) {
                random_word(log.topics[t].b, &random);
                hash = keccak256(log.topics[t].b, sizeof log.topics[t].b);
                bloom_add_hash(&want[i], &hash);
            }
            kept[i] = log_memory_keep(&m, &log, 1);
        }
        log_memory_finish(&m);
        for (unsigned i = 0; i < COUNT; i++)
            cr_assert_eq(memcmp(&kept[i]->bloom, &want[i], sizeof want[i]), 0, "block %u, log %u", block, i);
    }
    log_memory_free(&m);
    cr_assert_eq(arena_bytes(arena), 0);
    arena_destroy(arena);
}
