// GANTRY_LANES. Criterion gives every test a process of its own, so each reads the variable afresh.
#include "base/cpu.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static bool choose(const char *value, char error[CPU_ERROR_MAX])
{
    error[0] = '\0';
    if (value)
        setenv("GANTRY_LANES", value, 1);
    else
        unsetenv("GANTRY_LANES");
    return cpu_choose_lanes(error);
}

static bool machine_has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static void expect_all_of_the_machine(void)
{
    cr_expect_eq(cpu_has_avx2(), __builtin_cpu_supports("avx2") != 0);
    cr_expect_eq(cpu_has_bmi2(), __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"));
    cr_expect_eq(cpu_has_avx512(), machine_has_avx512());
    cr_expect_eq(cpu_has_avx512ifma(), machine_has_avx512() && __builtin_cpu_supports("avx512ifma"));
}

Test(cpu, unset_allows_all_that_the_machine_has)
{
    char error[CPU_ERROR_MAX];
    cr_assert(choose(NULL, error), "%s", error);
    expect_all_of_the_machine();
}

Test(cpu, auto_allows_all_that_the_machine_has)
{
    char error[CPU_ERROR_MAX];
    cr_assert(choose("auto", error), "%s", error);
    expect_all_of_the_machine();
}

Test(cpu, empty_allows_all_that_the_machine_has)
{
    char error[CPU_ERROR_MAX];
    cr_assert(choose("", error), "%s", error);
    expect_all_of_the_machine();
}

Test(cpu, portable_allows_nothing)
{
    char error[CPU_ERROR_MAX];
    cr_assert(choose("portable", error), "%s", error);
    cr_expect_not(cpu_has_bmi2() || cpu_has_avx2() || cpu_has_avx512() || cpu_has_avx512ifma());
}

Test(cpu, avx2_allows_avx2_or_is_refused_where_there_is_none)
{
    char error[CPU_ERROR_MAX];
    const bool has = __builtin_cpu_supports("avx2");
    cr_expect_eq(choose("avx2", error), has);
    cr_expect_eq(cpu_has_avx2(), has);
    cr_expect_not(cpu_has_avx512() || cpu_has_avx512ifma());
    if (!has)
        cr_expect_str_eq(error, "GANTRY_LANES: this machine does not run 'avx2': it has no AVX2");
}

Test(cpu, avx512_allows_all_or_is_refused_where_there_is_none)
{
    char error[CPU_ERROR_MAX];
    const bool has = machine_has_avx512() && __builtin_cpu_supports("avx512ifma");
    cr_expect_eq(choose("avx512", error), has);
    if (has) {
        expect_all_of_the_machine();
        return;
    }
    cr_expect_str_eq(error, "GANTRY_LANES: this machine does not run 'avx512': it has no AVX-512 with IFMA");
    cr_expect_not(cpu_has_bmi2() || cpu_has_avx2() || cpu_has_avx512() || cpu_has_avx512ifma());
}

Test(cpu, an_unknown_name_is_refused_with_the_known_ones)
{
    char error[CPU_ERROR_MAX];
    cr_expect_not(choose("avx1024", error));
    cr_expect_str_eq(error, "GANTRY_LANES: unknown value 'avx1024'; known: auto, portable, avx2, avx512");
    cr_expect_not(cpu_has_bmi2() || cpu_has_avx2());
}

Test(cpu, a_name_of_any_length_is_refused)
{
    char error[CPU_ERROR_MAX], name[1000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_expect_not(choose(name, error));
    cr_expect(strstr(error, "known: auto, portable, avx2, avx512"), "%s", error);
}

// What was chosen first holds for the process.
Test(cpu, a_later_change_of_the_variable_changes_nothing)
{
    char error[CPU_ERROR_MAX];
    cr_assert(choose("portable", error));
    cr_expect(choose("auto", error));
    cr_expect_not(cpu_has_avx2());
}
