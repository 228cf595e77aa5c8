// The board of ordered lists: a transaction's car and block by its index, and its bounds.
#include "engine/list_board.h"

#include <criterion/criterion.h>

static struct list_board *board;
static struct list_path path;

static void make(void)
{
    board = list_board_create();
}

static void end(void)
{
    list_path_free(&path);
    list_board_free(board);
}

TestSuite(list_board, .init = make, .fini = end);

// Two cars of 10 and 5 transactions in blocks of 8 and 7.
static void put(uint32_t number)
{
    list_path_clear(&path);
    path.number = number;
    path.order = (struct list_order){.in_cluster = true, .view = number * 2};
    path.durable_ns = number + 1;
    list_path_add_car(&path, &(struct list_car){.to = 10, .lane = 1, .position = 4});
    list_path_add_car(&path, &(struct list_car){.to = 15, .lane = 3, .position = 9});
    list_path_add_block(&path, &(struct list_block){.to = 8, .number = 100});
    list_path_add_block(&path, &(struct list_block){.to = 15, .number = 101});
    list_board_put(board, &path);
}

Test(list_board, an_index_falls_into_its_car_and_its_block)
{
    struct list_leg leg;
    put(1);
    put(2);
    static const struct {
        uint32_t index, position;
        uint64_t block;
    } cases[] = {{0, 4, 100}, {7, 4, 100}, {8, 4, 101}, {9, 4, 101}, {10, 9, 101}, {14, 9, 101}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert(list_board_find(board, 2, cases[i].index, &leg));
        cr_expect(leg.has_car && leg.car.position == cases[i].position, "index %u", cases[i].index);
        cr_expect(leg.has_block && leg.block.number == cases[i].block, "index %u", cases[i].index);
        cr_expect(leg.order.view == 4 && leg.durable_ns == 3);
    }
    cr_assert(list_board_find(board, 1, 15, &leg));
    cr_expect(!leg.has_car && !leg.has_block);
    cr_expect_not(list_board_find(board, 3, 0, &leg));
}

Test(list_board, a_list_alone_has_no_cars)
{
    struct list_leg leg;
    path.number = 7;
    list_path_add_block(&path, &(struct list_block){.to = 3, .number = 5});
    list_board_put(board, &path);
    cr_assert(list_board_find(board, 7, 2, &leg));
    cr_expect(!leg.has_car && leg.has_block && !leg.order.in_cluster);
}

Test(list_board, the_oldest_goes_when_there_are_too_many_and_numbers_wrap)
{
    struct list_leg leg;
    const uint32_t first = UINT32_MAX - 20000;
    uint32_t number = first;
    path.number = 1;
    for (unsigned i = 0; i < LIST_BOARD_LISTS + 100; i++) {
        list_path_clear(&path);
        path.number = number;
        path.order.view = i;
        list_board_put(board, &path);
        number = number == UINT32_MAX ? 1 : number + 1;
    }
    cr_expect_not(list_board_find(board, first + 99, 0, &leg));
    cr_assert(list_board_find(board, first + 100, 0, &leg));
    cr_expect_eq(leg.order.view, 100);
    cr_assert(list_board_find(board, number - 1, 0, &leg));
    cr_expect_eq(leg.order.view, LIST_BOARD_LISTS + 99);
    cr_assert(list_board_find(board, 1, 0, &leg));
    cr_expect_eq(leg.order.view, 20001);
}

Test(list_board, the_oldest_goes_when_there_are_too_many_bytes)
{
    struct list_leg leg;
    path.number = 1;
    for (unsigned i = 0; i < 10000; i++)
        list_path_add_car(&path, &(struct list_car){.to = i + 1});
    const uint64_t bytes = 10000 * sizeof(struct list_car);
    const uint32_t fit = (uint32_t)(LIST_BOARD_BYTES / bytes);
    for (; path.number <= 2 * fit; path.number++)
        list_board_put(board, &path);
    cr_expect(list_board_find(board, 2 * fit, 9999, &leg) && leg.car.to == 10000);
    cr_expect_not(list_board_find(board, fit, 0, &leg));
}
