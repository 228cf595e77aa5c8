// Which implementation runs. Criterion gives every test a process of its own, so each chooses afresh.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "sigverify/sigverify.h"

static void expect_choice(const char *lanes, const char *name)
{
    char error[SV_ERROR_MAX] = "";
    if (lanes)
        setenv("GANTRY_LANES", lanes, 1);
    else
        unsetenv("GANTRY_LANES");
    cr_assert(sv_choose_kernels(error), "%s", error);
    if (name)
        cr_expect_str_eq(sv_kernel_name(), name);
    struct sv_verifier *verifier = sv_create();
    cr_expect(verifier);
    sv_free(verifier);
}

Test(dispatch, portable_can_be_asked_for)
{
    expect_choice("portable", "portable");
}

Test(dispatch, what_the_machine_lacks_is_refused)
{
    char error[SV_ERROR_MAX] = "";
    const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma");
    setenv("GANTRY_LANES", "avx512", 1);
    cr_expect_eq(sv_choose_kernels(error), has);
    cr_expect(has || strstr(error, "this machine does not run 'avx512'"), "%s", error);
}

Test(dispatch, the_lanes_of_a_batch_are_counted)
{
    struct sv_verifier *verifier = sv_create();
    struct sv_item items[13] = {0};
    struct sv_result results[13];
    const unsigned lanes = sv_lane_count();
    sv_recover(verifier, results, items, 13);
    sv_recover(verifier, results, items, 0);
    sv_recover(verifier, results, items, 1);
    const struct sv_lanes use = sv_lane_use(verifier);
    cr_expect_eq(use.used, 14);
    cr_expect_eq(use.offered, (12 / lanes + 1) * lanes + lanes);
    sv_free(verifier);
}

Test(dispatch, unset_takes_what_the_machine_runs)
{
    expect_choice(NULL, NULL);
}

Test(dispatch, auto_is_as_unset)
{
    expect_choice("auto", NULL);
}

Test(dispatch, empty_is_as_unset)
{
    expect_choice("", NULL);
}

Test(dispatch, an_unknown_name_is_refused_with_the_known_ones)
{
    char error[SV_ERROR_MAX] = "";
    setenv("GANTRY_LANES", "fastest", 1);
    cr_expect(!sv_choose_kernels(error));
    cr_expect(strstr(error, "GANTRY_LANES") && strstr(error, "'fastest'") && strstr(error, "portable"), "%s", error);
}

Test(dispatch, use_after_a_refusal_ends_the_process, .exit_code = EXIT_FAILURE)
{
    setenv("GANTRY_LANES", "fastest", 1);
    sv_free(sv_create());
    exit(EXIT_SUCCESS);
}

Test(dispatch, freeing_nothing_is_fine)
{
    sv_free(NULL);
}
