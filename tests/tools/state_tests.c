// Every official Cancun state test that is there, and nothing else: what fails is exactly the list of cases that need
// the point evaluation precompile, which this build doesn't compute.
#include "tools/official/state_tests.h"
#include "tools/official/files.h"

#include "tests/support/vectors.h"
#include "tests/tools/expected_failures.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Under a sanitizer, where everything takes long, every so many files.
#define SAMPLE (GANTRY_SANITIZE ? 16 : 1)

static void collect(void *ctx, const struct state_test_result *result)
{
    if (!result->pass)
        expected_failures_add(ctx, result->name);
}

Test(state_tests, all_of_cancun_pass_but_those_that_need_point_evaluation)
{
    const char *missing;
    size_t count, used = 0;
    char *folder = vectors_path("gst-public", "");
    if (!folder)
        cr_skip_test("no vectors");
    char **files = official_files_find(&folder, 1, &count, &missing);
    cr_assert_not_null(files, "%s", folder);
    char **sample = calloc(count, sizeof *sample);
    for (size_t i = 0; i < count; i += SAMPLE)
        sample[used++] = files[i];
    struct expected_failures failures = {0};
    struct state_tests tests = {.rules = evm_rules_by_name("Cancun"),
                                .jobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN),
                                .report = collect,
                                .ctx = &failures};
    state_tests_run(&tests, sample, used);

    expected_failures_check(&failures, "point-evaluation-cases.txt", SAMPLE == 1);
    if (SAMPLE == 1)
        cr_expect_geq(tests.passed, 18859);
    free(sample);
    official_files_free(files, count);
    free(folder);
}

Test(state_tests, fail_where_a_file_is_no_test)
{
    char path[] = "/tmp/gantry-state-test-XXXXXX.json";
    const int fd = mkstemps(path, 5);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "{\"a\": 1", 7), 7);
    struct expected_failures failures = {0};
    struct state_tests tests = {.rules = evm_rules_by_name("Cancun"), .jobs = 1, .report = collect, .ctx = &failures};
    char *const files[] = {path};
    state_tests_run(&tests, files, 1);
    cr_assert_eq(tests.failed, 1);
    free(failures.names[0]);
    close(fd);
    unlink(path);
}
