// The lines that a shard keeps of its transactions' ways: what is in them, how many there are, which is found.
#include "shard/tx_path.h"

#include "shard/internal.h"

#include <criterion/criterion.h>

static struct pooled_tx transaction(uint64_t number)
{
    struct pooled_tx t = {.received_ns = 5000000,
                          .verified_ns = 5020900,
                          .pooled_ns = 5050000,
                          .taken_ns = 7000000,
                          .home = 3,
                          .proposed = true,
                          .origin = {.connection = 1}};
    store_le64(t.hash.b, number * UINT64_C(0x9e3779b97f4a7c15));
    store_le64(t.hash.b + 8, number);
    return t;
}

static struct arena *arena;
static struct tx_paths *paths;

static void make(void)
{
    arena = arena_create();
    paths = tx_paths_create(arena, 100); // 128 lines
}

static void end(void)
{
    tx_paths_free(paths);
    arena_destroy(arena);
}

TestSuite(tx_path, .init = make, .fini = end);

Test(tx_path, an_ordered_transaction_has_its_times_and_its_result)
{
    const struct pooled_tx t = transaction(7);
    const struct exec_result result = {
        .round = 2, .pass = EXEC_CALLS, .partition = 200, .global_reason = EXEC_GLOBAL_DATA, .success = true};
    tx_paths_add_ordered(paths, &t, 11, 13, &result);
    const struct tx_path *p = tx_paths_find(paths, &t.hash);
    cr_assert_not_null(p);
    cr_expect_eq(p->received_ns, 5000000);
    cr_expect_eq(p->taken_ns, 7000000);
    cr_expect_eq(p->verified_us, 20);
    cr_expect_eq(p->pooled_us, 50);
    cr_expect(p->list == 11 && p->index == 13 && p->home == 3 && p->via == TX_VIA_INGEST);
    cr_expect(p->round == 2 && p->pass == EXEC_CALLS && p->partition == 200 && p->reason == EXEC_GLOBAL_DATA);
    cr_expect(p->status == TX_OK && p->success);
}

Test(tx_path, the_newest_line_of_a_hash_is_found)
{
    const struct pooled_tx t = transaction(7);
    tx_paths_add_left(paths, &t, TX_EVICTED, 9000000);
    cr_expect(tx_paths_find(paths, &t.hash)->status == TX_EVICTED);
    cr_expect_eq(tx_paths_find(paths, &t.hash)->taken_ns, 9000000);
    tx_paths_add_ordered(paths, &t, 1, 0, &(struct exec_result){.drop = TX_OK});
    cr_expect_eq(tx_paths_find(paths, &t.hash)->list, 1);
}

Test(tx_path, the_last_so_many_are_kept)
{
    for (uint64_t i = 0; i < 1000; i++) {
        const struct pooled_tx t = transaction(i);
        tx_paths_add_ordered(paths, &t, (uint32_t)i + 1, 0, &(struct exec_result){0});
        for (uint64_t j = 0; j <= i; j += 1 + i / 50) {
            const struct pooled_tx old = transaction(j);
            const struct tx_path *p = tx_paths_find(paths, &old.hash);
            cr_assert_eq(p != NULL, i - j < 128, "%zu after %zu", (size_t)j, (size_t)i);
            cr_assert(!p || p->list == j + 1);
        }
    }
}

Test(tx_path, hashes_that_fall_on_one_head_are_told_apart_up_to_a_bound)
{
    for (uint64_t i = 0; i < 100; i++) {
        struct pooled_tx t = transaction(i);
        store_le64(t.hash.b, 0);
        tx_paths_add_ordered(paths, &t, (uint32_t)i + 1, 0, &(struct exec_result){0});
    }
    struct pooled_tx recent = transaction(50), old = transaction(20);
    store_le64(recent.hash.b, 0);
    store_le64(old.hash.b, 0);
    cr_assert_not_null(tx_paths_find(paths, &recent.hash));
    cr_expect_eq(tx_paths_find(paths, &recent.hash)->list, 51);
    cr_expect_null(tx_paths_find(paths, &old.hash));
}

Test(tx_path, what_a_car_brought_gets_what_the_own_pool_knew)
{
    struct pooled_tx pooled = transaction(7), from_car = transaction(7);
    from_car.received_ns = 0;
    from_car.proposed = false;
    tx_paths_add_ordered(paths, &from_car, 4, 2, &(struct exec_result){.pass = EXEC_SENDERS});
    cr_expect(tx_paths_find(paths, &pooled.hash)->via == TX_VIA_CAR);
    pooled.origin.connection = ORIGIN_SUBMISSION;
    tx_paths_add_left(paths, &pooled, TX_OK, 9000000);
    const struct tx_path *p = tx_paths_find(paths, &pooled.hash);
    cr_expect(p->list == 4 && p->via == TX_VIA_RPC && p->received_ns == 5000000 && p->pooled_us == 50);
    cr_expect_eq(p->taken_ns, 0);
}

Test(tx_path, long_waits_are_marked_and_none_is_kept_without_room)
{
    struct pooled_tx t = transaction(7);
    t.pooled_ns = t.received_ns + UINT64_C(5000000000000);
    cr_expect_eq(tx_path_of_pooled(&t).pooled_us, UINT32_MAX);
    cr_expect_null(tx_paths_create(arena, 0));
    tx_paths_add_ordered(NULL, &t, 1, 0, &(struct exec_result){0});
    tx_paths_add_left(NULL, &t, TX_OK, 0);
    cr_expect_null(tx_paths_find(NULL, &t.hash));
    cr_expect_eq(tx_paths_bytes(0), 0);
    cr_expect_eq(tx_paths_bytes(100), 128 * 68);
}
