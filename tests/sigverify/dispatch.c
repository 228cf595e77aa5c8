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
