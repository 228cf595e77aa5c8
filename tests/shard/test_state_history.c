// Reading the state of the last 128 heights, against a model that stores every account at every height.
#include "tests/support/vectors.h"

#include "shard/state/history.h"
#include "shard/state/state.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define KEYS 40
#define BLOCKS 300

struct model {
    bytes32 keys[KEYS];
    struct account at[BLOCKS + 1][KEYS];
};

static void random_writes(struct state *s, const struct model *m, struct account *values, uint64_t *rng, unsigned max)
{
    unsigned writes = (unsigned)(test_random(rng) % max);
    for (unsigned i = 0; i < writes; i++) {
        // Some accounts are written in almost every block, others rarely.
        unsigned k = (unsigned)(test_random(rng) % (test_random(rng) % KEYS + 1));
        struct account value = {0};
        if (test_random(rng) % 4 > 0)
            value = (struct account){test_random(rng) % 3, u256_from_u64(test_random(rng) % 3)};
        values[k] = value;
        state_set(s, state_find_or_add(s, &m->keys[k]), &value);
    }
}

static void check_heights(const struct state *s, const struct model *m, uint64_t first, uint64_t last)
{
    for (uint64_t h = 0; h <= last - first + 2; h++) {
        uint64_t height = first - 1 + h;
        bool kept = height >= first && height <= last && last - height < STATE_HISTORY_BLOCKS;
        for (int k = 0; k < KEYS; k++) {
            struct account got;
            int answer = state_get_at(s, &m->keys[k], height, &got);
            if (!kept) {
                cr_assert_eq(answer, -1);
                continue;
            }
            const struct account *want = &m->at[height - first][k];
            cr_assert_eq(answer, want->nonce != 0 || !u256_is_zero(&want->balance), "height %zu key %d",
                         (size_t)(height - first), k);
            if (answer == 1)
                cr_assert(got.nonce == want->nonce && u256_equal(&got.balance, &want->balance));
        }
    }
}

Test(state_history, every_kept_height_reads_as_it_was)
{
    uint64_t rng = test_seed("state_history/model");
    for (int run = 0; run < 4; run++) {
        struct arena *arena = arena_create();
        struct state *s = state_create(arena);
        struct model *m = calloc(1, sizeof *m);
        uint64_t first = 1 + (test_random(&rng) >> 1);
        state_load_begin(s, 0);
        for (int k = 0; k < KEYS; k++) {
            for (int i = 0; i < 4; i++)
                store_le64(m->keys[k].b + 8 * i, test_random(&rng));
            if (k % 3 == 0) {
                m->at[0][k] = (struct account){.nonce = 9};
                state_load(s, &m->keys[k], &m->at[0][k]);
            }
        }
        state_load_end(s);
        state_set_height(s, first);
        check_heights(s, m, first, first);
        for (uint64_t b = 1; b <= BLOCKS; b++) {
            memcpy(m->at[b], m->at[b - 1], sizeof m->at[b]);
            state_begin_block(s, first + b);
            random_writes(s, m, m->at[b], &rng, run % 2 ? 60 : 6);
            // Nobody sees the open block.
            if (b % 7 == 0)
                check_heights(s, m, first, first + b - 1);
            state_end_block(s);
            if (b % 7 == 1 || b > BLOCKS - 2)
                check_heights(s, m, first, first + b);
            // Checkpoints give records of emptied accounts back, but never those that readers need.
            struct state_batch out = {0};
            if (b % 5 == 0)
                state_take_dirty(s, &out);
            state_batch_free(&out);
        }
        free(m);
        state_free(s);
        cr_expect_eq(arena_bytes(arena), 0);
        arena_destroy(arena);
    }
}

Test(state_history, exactly_the_last_128_heights_are_kept)
{
    struct arena *arena = arena_create();
    struct state *s = state_create(arena);
    bytes32 key = {{7}};
    struct account out;
    for (uint64_t h = 1; h <= 200; h++) {
        state_begin_block(s, h);
        state_set(s, state_find_or_add(s, &key), &(struct account){.nonce = h});
        cr_assert_eq(state_get_at(s, &key, h, &out), -1, "an open block is not readable");
        state_end_block(s);
    }
    cr_expect_eq(state_get_at(s, &key, 200, &out), 1);
    cr_expect_eq(out.nonce, 200);
    cr_expect_eq(state_get_at(s, &key, 73, &out), 1);
    cr_expect_eq(out.nonce, 73);
    cr_expect_eq(state_get_at(s, &key, 72, &out), -1);
    cr_expect_eq(state_get_at(s, &key, 201, &out), -1);
    state_free(s);
    arena_destroy(arena);
}

struct counted_entry {
    struct history_entry head;
    uint64_t count;
};

static struct counted_entry *entry_at(const struct history *h, uint32_t number)
{
    return history_at(h, number);
}

// The entries' 32-bit numbers pass their end in days of full load; here they do at once.
Test(state_history, the_queue_goes_on_over_the_end_of_its_numbers)
{
    struct arena *arena = arena_create();
    for (uint32_t before = 0; before < 3; before++) {
        struct history h;
        history_init(&h, arena, sizeof(struct counted_entry), UINT32_MAX - 5000 - before * 100);
        uint64_t pushed = 0, dropped = 0;
        for (int round = 0; round < 200; round++) {
            for (int i = 0; i < 100; i++) {
                uint32_t n = history_append(&h);
                *entry_at(&h, n) = (struct counted_entry){{n, n}, pushed++};
            }
            if (round >= 20 * ((int)before + 1)) {
                uint32_t first = h.oldest + 100;
                cr_assert_eq(entry_at(&h, h.oldest)->count, dropped);
                cr_assert(history_holds(&h, h.oldest, h.oldest));
                history_drop_before(&h, first);
                cr_assert_not(history_holds(&h, first - 1, h.oldest));
                dropped += 100;
            }
            cr_assert_eq(history_count(&h), pushed - dropped);
            size_t chunk_bytes = HISTORY_ENTRIES_PER_CHUNK * sizeof(struct counted_entry);
            cr_assert_leq(arena_bytes(arena), history_count(&h) * sizeof(struct counted_entry) + 4 * chunk_bytes);
            for (uint32_t i = 0; i < history_count(&h); i += 37) {
                cr_assert_eq(entry_at(&h, h.oldest + i)->count, dropped + i);
                cr_assert(history_holds(&h, h.oldest + i, h.oldest));
                cr_assert_not(history_holds(&h, h.oldest + i, h.oldest + i + 1));
            }
        }
        history_drop_before(&h, h.next);
        cr_expect_eq(history_count(&h), 0);
        history_free(&h);
    }
    cr_expect_eq(arena_bytes(arena), 0);
    arena_destroy(arena);
}
