// The table of records by itself: adding, removing and growing at random against a list of the keys in it.
#include "tests/support/vectors.h"

#include "shard/state/record_table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEYS 3000

// As the accounts' table, with a number behind each key.
static const struct record_shape SHAPE = {80, 80, 24, false};

static uint64_t *number_of(const struct record_table *t, uint32_t id)
{
    return (uint64_t *)(record_at(t, id) + 1);
}

static uint32_t used_slots(const struct record_table *t)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < t->slot_count; i++)
        used += t->slots[i] != 0;
    return used;
}

static void check_all(const struct record_table *t, const bytes32 *keys, const uint32_t *ids)
{
    uint32_t present = 0;
    for (size_t i = 0; i < KEYS; i++) {
        cr_assert_eq(record_table_find(t, &keys[i], 0), ids[i]);
        present += ids[i] != RECORD_NONE;
    }
    cr_assert_eq(t->count, present);
    cr_assert_eq(used_slots(t), present);
    cr_assert_leq(present * 5, t->slot_count * 4);
}

Test(state_table, random_adding_and_removing_finds_exactly_what_is_in)
{
    uint64_t rng = test_seed("state_table/random");
    struct arena *arena = arena_create();
    bytes32 *keys = calloc(KEYS, sizeof *keys);
    uint32_t *ids = malloc(KEYS * sizeof *ids);
    for (int run = 0; run < 6; run++) {
        struct record_table t;
        record_table_init(&t, arena, &SHAPE);
        for (size_t i = 0; i < KEYS; i++) {
            store_le64(keys[i].b, test_random(&rng));
            ids[i] = RECORD_NONE;
        }
        check_all(&t, keys, ids);
        for (int phase = 0; phase < 8; phase++) {
            unsigned adds = phase % 2 ? 20 : 80; // of 100 steps
            for (int step = 0; step < 4000; step++) {
                size_t i = test_random(&rng) % KEYS;
                bool add = test_random(&rng) % 100 < adds;
                if (add && ids[i] == RECORD_NONE) {
                    ids[i] = record_table_add(&t, &keys[i], 0);
                    cr_assert(bytes32_equal(&record_at(&t, ids[i])->key, &keys[i]));
                    cr_assert_eq(record_at(&t, ids[i])->flags, 0);
                } else if (!add && ids[i] != RECORD_NONE) {
                    record_table_remove(&t, ids[i]);
                    ids[i] = RECORD_NONE;
                }
            }
            if (test_random(&rng) % 2)
                record_table_reserve(&t, t.slot_count);
            check_all(&t, keys, ids);
        }
        cr_assert_leq(t.given, KEYS, "ids that were given back are given out again");
        record_table_free(&t);
        cr_expect_eq(arena_bytes(arena), 0);
    }
    free(keys);
    free(ids);
    arena_destroy(arena);
}

Test(state_table, a_reserved_table_does_not_grow_while_it_is_filled)
{
    struct arena *arena = arena_create();
    struct record_table t;
    record_table_init(&t, arena, &SHAPE);
    record_table_reserve(&t, KEYS);
    uint32_t slots = t.slot_count;
    for (uint64_t i = 0; i < KEYS; i++) {
        bytes32 key = {{0}};
        store_le64(key.b, i);
        record_table_add(&t, &key, 0);
    }
    cr_expect_eq(t.slot_count, slots);
    record_table_free(&t);
    arena_destroy(arena);
}

static bytes32 numbered_key(uint64_t i)
{
    bytes32 key = {{0}};
    store_le64(key.b, i * UINT64_C(0x9e3779b97f4a7c15));
    return key;
}

Test(state_table, a_large_table_keeps_every_record_whether_it_grew_or_was_sized_before)
{
    enum { RECORDS = 5 * RECORDS_PER_CHUNK };
    struct arena *arena = arena_create();
    for (int reserved = 0; reserved < 2; reserved++) {
        struct record_table t;
        record_table_init(&t, arena, &SHAPE);
        if (reserved)
            record_table_reserve(&t, RECORDS);
        for (uint64_t i = 0; i < RECORDS; i++) {
            bytes32 key = numbered_key(i);
            *number_of(&t, record_table_add(&t, &key, 0)) = i;
        }
        for (uint64_t i = 0; i < RECORDS; i++) {
            bytes32 key = numbered_key(i);
            uint32_t id = record_table_find(&t, &key, 0);
            cr_assert_neq(id, RECORD_NONE);
            cr_assert_eq(*number_of(&t, id), i);
        }
        record_table_free(&t);
        cr_expect_eq(arena_bytes(arena), 0);
    }
    arena_destroy(arena);
}

Test(state_table, a_key_belongs_to_its_contract_where_the_table_is_by_contract)
{
    enum { CONTRACTS = 40, EACH = 60 };
    static const struct record_shape by_contract = {104, 72, 28, true};
    struct arena *arena = arena_create();
    struct record_table t;
    record_table_init(&t, arena, &by_contract);
    for (uint32_t c = 1; c <= CONTRACTS; c++) {
        for (uint64_t i = 0; i < EACH; i++) {
            bytes32 key = numbered_key(i);
            cr_assert_eq(record_table_find(&t, &key, c), RECORD_NONE);
            *number_of(&t, record_table_add(&t, &key, c)) = c * EACH + i;
        }
    }
    bytes32 seventh = numbered_key(7);
    for (uint32_t c = 1; c <= CONTRACTS; c += 2)
        record_table_remove(&t, record_table_find(&t, &seventh, c));
    for (uint32_t c = 1; c <= CONTRACTS; c++) {
        for (uint64_t i = 0; i < EACH; i++) {
            bytes32 key = numbered_key(i);
            const uint32_t id = record_table_find(&t, &key, c);
            cr_assert_eq(id == RECORD_NONE, i == 7 && c % 2);
            cr_assert(id == RECORD_NONE || *number_of(&t, id) == c * EACH + i);
            cr_assert(id == RECORD_NONE || record_at(&t, id)->contract == c);
        }
    }
    record_table_free(&t);
    arena_destroy(arena);
}

#if !GANTRY_SANITIZE // the sanitizer's allocator touches all it gives

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long long total = 0, resident = 0;
    cr_assert_eq(fscanf(file, "%llu %llu", &total, &resident), 2);
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

// All of their chunks together would be 40 MB.
Test(state_table, small_tables_have_only_what_they_use_in_memory)
{
    enum { TABLES = 256 };
    struct arena *arena = arena_create();
    struct record_table *tables = calloc(TABLES, sizeof *tables);
    uint64_t before = resident_bytes();
    for (uint64_t i = 0; i < TABLES; i++) {
        bytes32 key = numbered_key(i);
        record_table_init(&tables[i], arena, &SHAPE);
        record_table_add(&tables[i], &key, 0);
    }
    cr_expect_lt(resident_bytes(), before + (8u << 20));
    arena_destroy(arena);
    free(tables);
}

#endif
