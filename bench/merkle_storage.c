#include "bench/merkle_storage.h"

#include "base/clock.h"
#include "base/keccak.h"
#include "bench/merkle_accounts.h"
#include "shard/trie/account_trie.h"

#define SLOTS 4000000
#define QUICK_SLOTS 400000
#define SMALL_CONTRACTS 50000
#define DIRTY 10000 // slots written in a block
#define ROUNDS 21
#define QUICK_ROUNDS 7
#define BYTES_TARGET 200.0
#define SMALL_BYTES_TARGET 600.0

// One partition.
struct storage_bed {
    struct arena *arena;
    struct state *state;
    struct account_trie *trie;
};

static struct storage_bed bed_new(void)
{
    struct storage_bed b = {.arena = arena_create()};
    b.state = state_create(b.arena);
    b.trie = account_trie_create(b.arena, b.state);
    return b;
}

static bytes32 random_word(uint64_t *rng)
{
    bytes32 word = {{0}};
    for (int i = 0; i < 4; i++)
        store_le64(word.b + 8 * i, merkle_random(rng));
    return word;
}

// As mappings have them: the numbers are hashes, the values short.
static void load_slot(struct storage_bed *b, uint32_t id, uint64_t *rng)
{
    const bytes32 word = random_word(rng);
    const u256 slot = u256_from_be(word.b, sizeof word.b), value = u256_from_u64(1 + (word.b[0] | word.b[1] << 8));
    state_load_slot(b->state, id, &slot, &value);
}

static uint32_t load_contract(struct storage_bed *b, uint64_t *rng)
{
    const bytes32 key = random_word(rng), code = random_word(rng);
    return state_load_contract(b->state, &key, &(struct account){.nonce = 1}, &code);
}

static double small_contract_bytes(uint64_t rng)
{
    struct storage_bed b = bed_new();
    state_load_begin(b.state, SMALL_CONTRACTS);
    for (int i = 0; i < SMALL_CONTRACTS; i++)
        load_slot(&b, load_contract(&b, &rng), &rng);
    state_load_end(b.state);
    account_trie_rebuild(&b.trie, 1);
    const double bytes = (double)arena_bytes(b.arena) / SMALL_CONTRACTS;
    arena_destroy(b.arena);
    return bytes;
}

// ns a slot of a block of DIRTY writes to slots that are there, with this implementation of Keccak.
static double update_with(const char *keccak, struct storage_bed *b, uint32_t id, uint64_t seed, size_t slots,
                          uint64_t *rng)
{
    if (!keccak256_use(keccak))
        return 0;
    state_begin_block(b->state, state_height(b->state) + 1);
    for (int i = 0; i < DIRTY; i++) {
        // The generator counts, so that the words of any slot can be made again.
        uint64_t at = seed + merkle_random(rng) % slots * 4 * 0x9e3779b97f4a7c15u;
        const bytes32 word = random_word(&at);
        const u256 slot = u256_from_be(word.b, sizeof word.b), value = u256_from_u64(1 + (uint32_t)merkle_random(rng));
        state_slot_put(b->state, id, &slot, &value);
    }
    state_end_block(b->state);
    const uint64_t start = clock_thread_cpu_ns();
    account_trie_update(&b->trie, 1);
    return (double)(clock_thread_cpu_ns() - start) / DIRTY;
}

void merkle_storage(struct bench_report *report, const struct bench_options *options)
{
    const size_t slots = options->quick ? QUICK_SLOTS : SLOTS, rounds = options->quick ? QUICK_ROUNDS : ROUNDS;
    struct storage_bed b = bed_new();
    uint64_t rng = options->seed;
    state_load_begin(b.state, 1);
    const uint32_t id = load_contract(&b, &rng);
    const uint64_t seed = rng;
    for (size_t i = 0; i < slots; i++)
        load_slot(&b, id, &rng);
    state_load_end(b.state);
    account_trie_rebuild(&b.trie, 1);
    const double bytes = (double)arena_bytes(b.arena) / (double)slots, small = small_contract_bytes(options->seed);
    double lanes[ROUNDS], scalar[ROUNDS];
    for (size_t r = 0; r < rounds; r++) {
        scalar[r] = update_with("scalar", &b, id, seed, slots, &rng);
        lanes[r] = update_with(NULL, &b, id, seed, slots, &rng);
    }
    const double ours = bench_median(lanes, rounds), by_scalar = bench_median(scalar, rounds);
    bench_report_add(report, "bytes_per_slot", bytes, "bytes", "target: 200 bytes", BYTES_TARGET, BYTES_TARGET / bytes);
    bench_report_add(report, "bytes_per_small_contract", small, "bytes", "target: 600 bytes with its one slot",
                     SMALL_BYTES_TARGET, SMALL_BYTES_TARGET / small);
    bench_report_add(report, "slot_update", 1e9 / ours, "slots/s", "the same with scalar Keccak", 1e9 / by_scalar,
                     by_scalar / ours);
    arena_destroy(b.arena);
}
