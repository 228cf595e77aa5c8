#include <criterion/criterion.h>

#include "engine/order/guard.h"

static const bytes32 genesis = {{9}}, one = {{1}}, two = {{2}}, none;

static struct guard fresh(void)
{
    struct guard g;
    guard_init(&g, &genesis);
    return g;
}

Test(guard, refuses_a_second_notarize_digest_and_repeats_the_first)
{
    struct guard g = fresh();
    cr_assert(guard_allow(&g, 0, WIRE_NOTARIZE, 5, &one));
    cr_assert(guard_allow(&g, 0, WIRE_NOTARIZE, 5, &one));
    cr_assert(!guard_allow(&g, 0, WIRE_NOTARIZE, 5, &two));
}

Test(guard, refuses_nullify_and_finalize_in_one_view_in_either_order)
{
    struct guard g = fresh();
    cr_assert(guard_allow(&g, 0, WIRE_NULLIFY, 5, &none));
    cr_assert(!guard_allow(&g, 0, WIRE_FINALIZE, 5, &one));
    cr_assert(guard_allow(&g, 0, WIRE_FINALIZE, 6, &one));
    cr_assert(!guard_allow(&g, 0, WIRE_NULLIFY, 6, &none));
    cr_assert(!guard_allow(&g, 0, WIRE_FINALIZE, 6, &two));
}

Test(guard, allows_notarizing_after_nullifying_the_same_view)
{
    struct guard g = fresh();
    cr_assert(guard_allow(&g, 0, WIRE_NULLIFY, 5, &none));
    cr_assert(guard_allow(&g, 0, WIRE_NOTARIZE, 5, &one));
}

Test(guard, goes_back_only_for_finalize_votes_that_it_remembers)
{
    struct guard g = fresh();
    cr_assert(guard_allow(&g, 0, WIRE_NOTARIZE, 40, &one));
    cr_assert(!guard_allow(&g, 0, WIRE_NOTARIZE, 39, &one));
    cr_assert(!guard_allow(&g, 0, WIRE_NULLIFY, 39, &none));
    cr_assert(guard_allow(&g, 0, WIRE_FINALIZE, 39, &one));
    cr_assert(!guard_has_forgotten(&g, 0, 40 - GUARD_VIEWS + 1));
    cr_assert(guard_has_forgotten(&g, 0, 40 - GUARD_VIEWS));
    cr_assert(!guard_allow(&g, 0, WIRE_FINALIZE, 40 - GUARD_VIEWS, &one));
}

Test(guard, a_new_epoch_starts_afresh_and_an_old_one_is_over)
{
    struct guard g = fresh();
    cr_assert(guard_allow(&g, 3, WIRE_NOTARIZE, 40, &one));
    cr_assert(guard_allow(&g, 4, WIRE_NOTARIZE, 1, &two));
    cr_assert(!guard_allow(&g, 3, WIRE_NOTARIZE, 41, &one));
}

Test(guard, recalls_what_the_log_has_in_any_order_and_sees_contradictions)
{
    struct guard g = fresh();
    cr_assert(guard_recall(&g, 0, WIRE_NOTARIZE, 9, &one));
    cr_assert(guard_recall(&g, 0, WIRE_NULLIFY, 8, &none));
    cr_assert(!guard_recall(&g, 0, WIRE_FINALIZE, 8, &one));
    cr_assert(!guard_allow(&g, 0, WIRE_NOTARIZE, 9, &two));
}

Test(guard, the_newer_whole_slot_of_the_file_is_loaded)
{
    static uint8_t file[GUARD_FILE_BYTES];
    struct guard g = fresh(), back;
    char error[STORE_ERROR_MAX];
    cr_assert(guard_allow(&g, 0, WIRE_NOTARIZE, 1, &one)); // sequence 1
    guard_image(file + GUARD_IMAGE_BYTES, &g);
    cr_assert(guard_allow(&g, 0, WIRE_NOTARIZE, 2, &two)); // sequence 2
    guard_image(file, &g);
    cr_assert(guard_load(&back, file, &genesis, error), "%s", error);
    cr_assert_eq(back.highest, 2);
    cr_assert(!guard_allow(&back, 0, WIRE_NOTARIZE, 2, &one));
    for (size_t at = 0; at < 2720; at += 7) {
        file[at] ^= 0x40;
        cr_assert(guard_load(&back, file, &genesis, error), "byte %zu: %s", at, error);
        cr_assert_eq(back.highest, 1);
        file[at] ^= 0x40;
    }
    file[200] ^= 1;
    file[GUARD_IMAGE_BYTES + 200] ^= 1;
    cr_assert(!guard_load(&back, file, &genesis, error));
}

Test(guard, another_chains_file_is_refused)
{
    static uint8_t file[GUARD_FILE_BYTES];
    struct guard g = fresh(), back;
    char error[STORE_ERROR_MAX];
    guard_image(file, &g);
    guard_image(file + GUARD_IMAGE_BYTES, &g);
    cr_assert(!guard_load(&back, file, &one, error));
}
